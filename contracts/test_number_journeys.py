"""The numbers that are no sums: how far vouchers came and how fast, what was refused, what failed."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve, field, frozen

from ..application.answers import SPIN
from ..application.errors import IsolationViolation, StorageMisuse
from ..application.ports.analytics import EVERYTHING, Scope, Step, Tally
from ..application.ports.bindings import AnswerKey, Binding
from ..application.ports.filters import LedgerFilter, Page
from ..application.ports.storage import Storage
from ..application.transactions import transact
from ..domain.games.configs import GameConfig
from ..domain.ledger.events import AccountKind, EventSource, LedgerEvent
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
    """Vouchers of an agent and of its neighbour, and what was done with them."""

    vouchers: list[Voucher] = field(factory=list)
    events: list[LedgerEvent] = field(factory=list)
    players: list[Player] = field(factory=list)

    def write(self, storage: Storage, binding: Binding) -> None:
        write(storage, binding, *self.players, *self.vouchers, *self.events)


def sell(house: House, random: Random) -> Sold:
    """Sell vouchers, of which some are redeemed, some by one who redeemed others, and played with."""
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


class TestVouchers:
    @pytest.fixture(params=range(6))
    def random(self, request: pytest.FixtureRequest) -> Random:
        return Random(request.param)

    def test_come_as_far_as_their_events_say(
        self, storage: Storage, here: House, there: House, random: Random
    ) -> None:
        sell(there, random).write(storage, there.as_operator)
        sold = sell(here, random)
        sold.write(storage, here.as_operator)
        cashier = random.choice(sold.vouchers).issued_by if sold.vouchers else fresh_id()
        scopes = [
            EVERYTHING,
            Scope(agent_id=here.agent.tenant_id),
            Scope(cashier_id=cashier),
            Scope(region="US-CA"),
        ]
        for only in (*scopes, Scope(game_key="two-wheels"), Scope(provider="playtime")):
            for span in (WHOLE, Span(BEGINNING + timedelta(days=3), BEGINNING + timedelta(days=9, seconds=1))):
                with storage.begin(here.as_operator) as unit:
                    assert list(unit.analytics.funnel(span, only)) == steps_of(sold, span, only)
                    assert unit.analytics.redemption_times(span, only) == times_of(sold, span, only)
        with storage.begin(here.as_neighbour) as unit:
            only = Scope(agent_id=here.neighbour.tenant_id)
            assert list(unit.analytics.funnel(WHOLE, EVERYTHING)) == steps_of(sold, WHOLE, only)


def steps_of(sold: Sold, span: Span, only: Scope) -> list[Step]:
    """Follow each voucher, the slow way."""
    reached: list[list[timedelta | None]] = [[] for _ in range(5)]
    for voucher in sold.vouchers:
        if not span.since <= voucher.issued_at < span.until or not _names(voucher, only):
            continue
        moments = _moments(voucher, sold, span.until, only)
        of_play = {only.game_key, only.provider, only.region} != {None}
        if of_play and len(moments) < 3:
            continue
        for number, moment in enumerate(moments):
            reached[number].append(moment - moments[number - 1] if number else None)
    steps = []
    for times in reached:
        known = sorted(time for time in times if time is not None)
        median = known[-(-len(known) // 2) - 1] // MILLISECOND if known else None
        steps.append(Step(vouchers=len(times), median_milliseconds=median))
    return steps


def _moments(voucher: Voucher, sold: Sold, until: datetime, only: Scope) -> list[datetime]:
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


def times_of(sold: Sold, span: Span, only: Scope) -> tuple[int, int] | None:
    """Sort the times that vouchers took, the slow way."""
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


def _names(voucher: Voucher, only: Scope) -> bool:
    return only.agent_id in {None, voucher.tenant_id} and only.cashier_id in {None, voucher.issued_by}


class TestRefusals:
    def test_are_those_of_bets_by_code(self, storage: Storage, here: House, there: House) -> None:
        player, neighbour = here.player(region="US-CA"), here.player(here.neighbour)
        answers = [
            here.answer(
                AnswerKey(who.player_id, fresh_name("act")), tenant, code=code, command=what, created_at=BEGINNING
            )
            for who, tenant, what, code in (
                (player, here.agent, SPIN, "INSUFFICIENT_FUNDS"),
                (player, here.agent, SPIN, "SELF_EXCLUDED"),
                (player, here.agent, SPIN, "INSUFFICIENT_FUNDS"),
                (player, here.agent, "REDEEM", "VOUCHER_REDEEMED"),
                (player, here.agent, "REDEEM", "SELF_EXCLUDED"),
                (player, here.agent, SPIN, None),
                (neighbour, here.neighbour, SPIN, "INSUFFICIENT_FUNDS"),
            )
        ]
        of_staff = here.answer(code="INSUFFICIENT_FUNDS", created_at=BEGINNING)
        write(storage, here.as_operator, player, neighbour, *answers, of_staff)
        write(storage, there.as_operator, there.answer(code="INSUFFICIENT_FUNDS", created_at=BEGINNING))
        two = [Tally(code="INSUFFICIENT_FUNDS", route=None, count=2)]
        one = [Tally(code="SELF_EXCLUDED", route=None, count=1)]
        three = [Tally(code="INSUFFICIENT_FUNDS", route=None, count=3)]
        with storage.begin(here.as_operator) as unit:
            numbers = unit.analytics
            assert numbers.refusals(WHOLE, EVERYTHING) == three + one
            assert numbers.refusals(WHOLE, Scope(agent_id=here.agent.tenant_id)) == two + one
            assert numbers.refusals(WHOLE, Scope(region="US-CA")) == two + one
            assert numbers.refusals(WHOLE, Scope(game_key="demo-wheel")) == []
            assert numbers.refusals(Span(BEGINNING + MILLISECOND, WHOLE.until), EVERYTHING) == []
        with storage.begin(here.as_agent) as unit:
            assert unit.analytics.refusals(WHOLE, EVERYTHING) == two + one

    def test_and_errors_are_counted_by_code_and_route(self, storage: Storage, here: House, there: House) -> None:
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
                    for tally in read(storage, binding, lambda unit: unit.analytics.errors(WHOLE, EVERYTHING))
                }
            )
            assert +found == +Counter(
                {("FORBIDDEN", "giveCredit"): 3 * times, ("FORBIDDEN", "spin"): times, ("X", "spin"): 2 * times}
            )


class TestEventsFromElsewhere:
    def test_are_written_once(self, storage: Storage, here: House, there: House) -> None:
        events = [_report(here, number) for number in range(5)]
        again = [evolve(event, event_id=fresh_id()) for event in events]
        assert _ingest(storage, here.as_operator, events[:3]) == 3
        assert _ingest(storage, here.as_operator, [*again, *again[:2]]) == 2
        assert _ingest(storage, there.as_operator, [_report(there, 1)]) == 1
        assert _ingest(storage, here.as_operator, events) == 0
        with storage.begin(here.as_operator) as unit:
            (found,) = unit.analytics.sums([WHOLE.since, WHOLE.until], EVERYTHING)
        assert (found.source, found.event_type, found.events, found.amount_minor) == ("EXTERNAL", "BET", 5, 35)
        with storage.begin(here.as_agent) as unit:
            page = unit.ledger.page(LedgerFilter(), Page())
        assert sorted(page, key=lambda event: event.action_id) == sorted(
            [*events[:3], *again[3:]], key=lambda event: event.action_id
        )

    def test_are_written_once_by_many_at_once(self, storage: Storage, here: House) -> None:
        def report(order: int) -> int:
            events = [evolve(_report(here, number), event_id=fresh_id()) for number in range(40)]
            Random(order).shuffle(events)
            return transact(storage, here.as_operator, lambda unit: unit.analytics.ingest(events))

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(report, range(12))) == 40

    def test_are_not_written_for_somebody_else(self, storage: Storage, here: House, there: House) -> None:
        for binding in (there.as_operator, here.as_neighbour):
            with pytest.raises(IsolationViolation):
                _ingest(storage, binding, [_report(here, 1)])
        with storage.begin_owner_read() as unit, pytest.raises(IsolationViolation):
            unit.analytics.ingest([_report(here, 1)])

    def test_end_the_unit(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_operator) as unit:
            unit.analytics.ingest([_report(here, 1)])
            with pytest.raises(StorageMisuse):
                unit.analytics.game_config("elsewhere")


def _report(house: House, number: int) -> LedgerEvent:
    about: dict[str, Any] = {"game_key": "elsewhere", "provider": "others", "occurred_at": BEGINNING}
    named: dict[str, Any] = {"actor_id": house.cashier.staff_id, "action_id": f"round-{number}"}
    return house.event(E.BET, source=EventSource.EXTERNAL, reported_minor=7, **about, **named)


def _ingest(storage: Storage, binding: Binding, events: Sequence[LedgerEvent]) -> int:
    return read(storage, binding, lambda unit: unit.analytics.ingest(events))


class TestStatedGames:
    def test_are_kept_and_changed(self, storage: Storage, here: House, there: House) -> None:
        stated = config(here, "elsewhere")
        write(storage, here.as_operator, stated)
        write(storage, there.as_operator, config(there, "elsewhere"))
        changed = evolve(
            stated, expected_rtp=Fraction(9, 10), hit_rate=None, volatility=Fraction(7_250_001, 10**6)
        )
        with storage.begin(here.as_operator) as unit:
            assert unit.analytics.game_config("elsewhere") == stated
            assert unit.analytics.game_config("nowhere") is None
            unit.save(changed)
            unit.commit()
        with storage.begin(here.as_operator) as unit:
            assert unit.analytics.game_configs() == [changed]
        with storage.begin(here.as_agent) as unit:
            assert unit.analytics.game_configs() == []
        with storage.begin_owner_read() as unit:
            assert {changed, config(there, "elsewhere")} <= set(unit.analytics.game_configs())


def config(house: House, game_key: str) -> GameConfig:
    operator_id: UUID = house.operator.tenant_id
    return GameConfig(
        operator_id=operator_id,
        tenant_id=operator_id,
        game_key=game_key,
        provider="others",
        expected_rtp=Fraction(95, 100),
        hit_rate=Fraction(1, 4),
        volatility=Fraction(5),
    )
