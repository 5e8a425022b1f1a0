"""Analytics of vouchers and requests: the funnel, redemption times, refused bets and failed requests."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from attrs import evolve, field, frozen

from ..application.answers import SPIN
from ..application.ports.analytics import NO_FILTER, AnalyticsFilter, CodeTally, StageCount
from ..application.ports.bindings import AnswerKey, Binding
from ..application.ports.storage import Storage
from ..domain.ledger.events import AccountKind, LedgerEvent
from ..domain.periods import Span
from ..domain.play.players import Player
from ..domain.vouchers.vouchers import Voucher, VoucherStatus
from .house import House
from .plays import BEGINNING, DAYS, E, K
from .records import account, fresh_id, fresh_name, movement, read, write

WHOLE = Span(BEGINNING - timedelta(days=1), BEGINNING + timedelta(days=DAYS + 30))
GAMES = ("demo-wheel", "two-wheels")
MILLISECOND = timedelta(milliseconds=1)


@frozen
class Sold:
    """The vouchers of an agent and of its neighbour, with their players and events."""

    vouchers: list[Voucher] = field(factory=list)
    events: list[LedgerEvent] = field(factory=list)
    players: list[Player] = field(factory=list)

    def write(self, storage: Storage, binding: Binding) -> None:
        write(storage, binding, *self.players, *self.vouchers, *self.events)


def sell(house: House, random: Random) -> Sold:
    """Sell vouchers; some are redeemed, some by one player after another, and some are played with."""
    sold = Sold()
    for _ in range(12):
        tenant = random.choice((house.agent, house.neighbour))
        at = BEGINNING + timedelta(seconds=random.randrange(DAYS * 86_400))
        player, seq = house.player(tenant, created_at=at, region=random.choice(("US-CA", None))), 0
        sold.players.append(player)
        for _ in range(random.randrange(3)):
            voucher = house.voucher(tenant, issued_at=at, issued_by=random.choice((player.player_id, fresh_id())))
            at += timedelta(milliseconds=random.randrange(10**7))
            redeemed = evolve(voucher, status=VoucherStatus.REDEEMED, closed_at=at, player_id=player.player_id)
            if random.random() < 0.3:
                sold.vouchers.append(voucher)
                continue
            seq += 1
            sold.vouchers.append(redeemed)
            sold.events.append(_redemption(house, redeemed, player, seq))
            for _ in range(random.choice((0, 3, 9, 10, 14))):
                seq, at = seq + 1, at + timedelta(milliseconds=random.randrange(10**6))
                sold.events.append(_bet(house, player, seq, at, random.choice(GAMES)))
    return sold


def _redemption(house: House, voucher: Voucher, player: Player, seq: int) -> LedgerEvent:
    tenant = house.agent if voucher.tenant_id == house.agent.tenant_id else house.neighbour
    moved = movement(E.VOUCHER_REDEEMED, (account(K.VOUCHER_POOL, tenant), None), (player.account, 9), 9)
    named: dict[str, Any] = {"actor_id": tenant.tenant_id, "action_id": str(voucher.voucher_id)}
    about: dict[str, Any] = {"player_id": player.player_id, "player_seq": seq, "region": player.region}
    return house.event(tenant=tenant, occurred_at=voucher.closed_at, **named, **about, **moved)


def _bet(house: House, player: Player, seq: int, at: datetime, game_key: str) -> LedgerEvent:
    tenant = house.agent if player.tenant_id == house.agent.tenant_id else house.neighbour
    moved = movement(E.BET, (player.account, 0), (account(AccountKind.HOUSE, tenant), None), 5)
    about: dict[str, Any] = {"player_id": player.player_id, "player_seq": seq, "region": player.region}
    return house.event(tenant=tenant, occurred_at=at, game_key=game_key, provider="playtime", **about, **moved)


class TestVoucherJourneys:
    @pytest.fixture(params=range(6))
    def random(self, request: pytest.FixtureRequest) -> Random:
        return Random(request.param)

    def test_stages_follow_the_events(self, storage: Storage, here: House, there: House, random: Random) -> None:
        sell(there, random).write(storage, there.as_operator)
        sold = sell(here, random)
        sold.write(storage, here.as_operator)
        cashier = random.choice(sold.vouchers).issued_by if sold.vouchers else fresh_id()
        filters = [
            NO_FILTER,
            AnalyticsFilter(agent_id=here.agent.tenant_id),
            AnalyticsFilter(cashier_id=cashier),
            AnalyticsFilter(region="US-CA"),
        ]
        for only in (*filters, AnalyticsFilter(game_key="two-wheels"), AnalyticsFilter(provider="playtime")):
            for span in (WHOLE, Span(BEGINNING + timedelta(days=3), BEGINNING + timedelta(days=9, seconds=1))):
                with storage.begin(here.as_operator) as unit:
                    assert list(unit.analytics.journeys.funnel(span, only)) == stages_of(sold, span, only)
                    assert unit.analytics.journeys.redemption_times(span, only) == times_of(sold, span, only)
                    # Each stage has at most the vouchers of the one before, and of the same stage unfiltered.
                    some, whole = (unit.analytics.journeys.funnel(span, which) for which in (only, NO_FILTER))
                    counts = [stage.vouchers for stage in some]
                    assert counts == sorted(counts, reverse=True)
                    assert all(part.vouchers <= all_.vouchers for part, all_ in zip(some, whole, strict=True))
                    if only.agent_id is None and only.cashier_id is None:
                        assert [part.vouchers for part in some[:2]] == [part.vouchers for part in whole[:2]]
        with storage.begin(here.as_neighbour) as unit:
            only = AnalyticsFilter(agent_id=here.neighbour.tenant_id)
            assert list(unit.analytics.journeys.funnel(WHOLE, NO_FILTER)) == stages_of(sold, WHOLE, only)


def stages_of(sold: Sold, span: Span, only: AnalyticsFilter) -> list[StageCount]:
    """Return the stages of all vouchers, counted the slow way."""
    reached: list[list[timedelta | None]] = [[] for _ in range(5)]
    for voucher in sold.vouchers:
        if not span.since <= voucher.issued_at < span.until or not _names(voucher, only):
            continue
        moments = _moments(voucher, sold, span.until, only)
        for number, moment in enumerate(moments):
            reached[number].append(moment - moments[number - 1] if number else None)
    stages = []
    for times in reached:
        known = sorted(time for time in times if time is not None)
        median = known[-(-len(known) // 2) - 1] // MILLISECOND if known else None
        stages.append(StageCount(vouchers=len(times), median_milliseconds=median))
    return stages


def _moments(voucher: Voucher, sold: Sold, until: datetime, only: AnalyticsFilter) -> list[datetime]:
    moments = [voucher.issued_at]
    if voucher.closed_at is None or voucher.closed_at >= until:
        return moments
    moments.append(voucher.closed_at)
    (redeemed,) = [event for event in sold.events if event.action_id == str(voucher.voucher_id)]
    assert redeemed.player_seq is not None
    bets = [
        event.occurred_at
        for event in sold.events
        if event.event_type is E.BET and event.player_id == voucher.player_id
        if (event.player_seq or 0) > redeemed.player_seq
        if only.game_key in {None, event.game_key} and only.provider in {None, event.provider}
        if only.region in {None, event.region}
    ]
    bets = [occurred_at for occurred_at in bets[:10] if occurred_at < until]
    moments += bets[:1]
    if len(bets) >= 10:
        moments.append(bets[9])
        others = [other for other in sold.vouchers if other.player_id == voucher.player_id and other != voucher]
        later = [other.closed_at for other in others if other.closed_at and bets[9] <= other.closed_at < until]
        moments += sorted(later)[:1]
    return moments


def times_of(sold: Sold, span: Span, only: AnalyticsFilter) -> tuple[int, int] | None:
    """Return the redemption times, counted the slow way."""
    if {only.game_key, only.provider, only.region} != {None}:
        return None
    times = sorted(
        (voucher.closed_at - voucher.issued_at) // MILLISECOND
        for voucher in sold.vouchers
        if voucher.closed_at is not None and span.since <= voucher.closed_at < span.until and _names(voucher, only)
    )
    return None if not times else (_percentile(times, 50), _percentile(times, 90))


def _percentile(times: Sequence[int], percent: int) -> int:
    return next(time for number, time in enumerate(times, 1) if number * 100 >= percent * len(times))


def _names(voucher: Voucher, only: AnalyticsFilter) -> bool:
    return only.agent_id in {None, voucher.tenant_id} and only.cashier_id in {None, voucher.issued_by}


class TestOperations:
    def test_only_refused_bets_are_counted_by_code(self, storage: Storage, here: House, there: House) -> None:
        player, neighbour = here.player(region="US-CA"), here.player(here.neighbour)
        answers = [
            here.answer(
                AnswerKey(who.player_id, fresh_name("act")),
                tenant,
                code=code,
                command=what,
                created_at=BEGINNING,
                game_key=game,
                provider=None if game is None else "playtime",
            )
            for who, tenant, what, code, game in (
                (player, here.agent, SPIN, "INSUFFICIENT_FUNDS", "demo-wheel"),
                (player, here.agent, SPIN, "SELF_EXCLUDED", "demo-wheel"),
                (player, here.agent, SPIN, "INSUFFICIENT_FUNDS", "two-wheels"),
                (player, here.agent, "REDEEM", "VOUCHER_REDEEMED", None),
                (player, here.agent, "REDEEM", "SELF_EXCLUDED", None),
                (player, here.agent, SPIN, None, None),
                (neighbour, here.neighbour, SPIN, "INSUFFICIENT_FUNDS", "demo-wheel"),
            )
        ]
        of_staff = here.answer(code="INSUFFICIENT_FUNDS", created_at=BEGINNING)
        write(storage, here.as_operator, player, neighbour, *answers, of_staff)
        write(storage, there.as_operator, there.answer(code="INSUFFICIENT_FUNDS", created_at=BEGINNING))
        two = [CodeTally(code="INSUFFICIENT_FUNDS", route=None, count=2)]
        one = [CodeTally(code="SELF_EXCLUDED", route=None, count=1)]
        three = [CodeTally(code="INSUFFICIENT_FUNDS", route=None, count=3)]
        with storage.begin(here.as_operator) as unit:
            operations = unit.analytics.operations
            assert operations.refused_bets(WHOLE, NO_FILTER) == three + one
            assert operations.refused_bets(WHOLE, AnalyticsFilter(agent_id=here.agent.tenant_id)) == two + one
            assert operations.refused_bets(WHOLE, AnalyticsFilter(region="US-CA")) == two + one
            assert operations.refused_bets(WHOLE, AnalyticsFilter(game_key="demo-wheel")) == two + one
            assert operations.refused_bets(WHOLE, AnalyticsFilter(game_key="other")) == []
            assert operations.refused_bets(WHOLE, AnalyticsFilter(provider="playtime")) == three + one
            assert operations.refused_bets(WHOLE, AnalyticsFilter(provider="other")) == []
            # The games' refusals add up to all of them.
            by_game = [operations.refused_bets(WHOLE, AnalyticsFilter(game_key=game)) for game in GAMES]
            assert sum(tally.count for game in by_game for tally in game) == 4
            assert operations.refused_bets(Span(BEGINNING + MILLISECOND, WHOLE.until), NO_FILTER) == []
        with storage.begin(here.as_agent) as unit:
            assert unit.analytics.operations.refused_bets(WHOLE, NO_FILTER) == two + one

    def test_failed_requests_are_counted_by_code_and_route(
        self, storage: Storage, here: House, there: House
    ) -> None:
        for house, tenant in ((here, here.agent), (here, here.operator), (there, there.agent)):
            for code, route, count in (("FORBIDDEN", "giveCredit", 3), ("FORBIDDEN", "spin", 1), ("X", "spin", 2)):
                meta = {"code": code, "route": route, "count": count}
                error = house.event(E.ERROR, tenant, occurred_at=BEGINNING, meta=meta)
                write(
                    storage,
                    house.as_operator,
                    error,
                    evolve(error, event_id=fresh_id(), action_id=fresh_name("e")),
                )
        for binding, times in ((here.as_operator, 4), (here.as_agent, 2), (here.as_neighbour, 0)):
            found = Counter(
                {
                    (tally.code, tally.route): tally.count
                    for tally in read(
                        storage, binding, lambda unit: unit.analytics.operations.failed_requests(WHOLE, NO_FILTER)
                    )
                }
            )
            assert +found == +Counter(
                {("FORBIDDEN", "giveCredit"): 3 * times, ("FORBIDDEN", "spin"): times, ("X", "spin"): 2 * times}
            )
