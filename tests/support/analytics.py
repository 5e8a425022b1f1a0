"""Requests for reports in tests: an operator with generated play, and a question about it."""

import atexit
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from random import Random
from typing import Any, Final
from uuid import UUID

from attrs import frozen
from hypothesis import strategies as st

from playtime.application.access import StaffPrincipal
from playtime.application.analytics.reader import AnalyticsRequest
from playtime.application.engine import Engine
from playtime.application.ports.analytics import AnalyticsFilter
from playtime.application.ports.storage import Storage
from playtime.application.wire import success
from playtime.contracts.doubles import SettableClock, build_engine
from playtime.contracts.house import House
from playtime.contracts.plays import BEGINNING, DAYS, GAMES, GeneratedPlay, generated_play
from playtime.contracts.records import read, write
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.ledger.events import EventSource, EventType, LedgerEvent
from playtime.domain.play.rounds import Round
from playtime.domain.tenancy.staff import Role

from support.ledger_sums import Reckoning, buckets
from support.storages import open_shared

TIMEZONES: Final = ("UTC", "America/Los_Angeles", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham")
NOW: Final = BEGINNING + timedelta(days=DAYS)
BEGINNINGS: Final = tuple(
    datetime.fromisoformat(f"{day}T07:00+00:00")
    for day in ("2026-03-01", "2026-10-25", "2026-03-29", "2026-09-24")
)
"""Within a fortnight, clocks change in Los Angeles (both ways), and in Lord Howe and Chatham (both ways)."""

Content = dict[str, Any]


@frozen
class Question:
    """A report that a test reads: of an operator's play, by a role, with a request."""

    house: House
    engine: Engine
    play: GeneratedPlay
    asked: AnalyticsRequest
    role: Role = Role.OPERATOR
    now: datetime = NOW

    @property
    def who(self) -> StaffPrincipal:
        """The caller: the operator, or the agent who sees only itself."""
        tenant = self.house.operator if self.role is Role.OPERATOR else self.house.agent
        return StaffPrincipal(
            staff_id=tenant.tenant_id,
            session_id=tenant.tenant_id,
            operator_id=tenant.operator_id,
            tenant_id=tenant.tenant_id,
            role=self.role,
        )

    def ask(self, use_case: Callable[..., Any], *more: Any) -> Content:
        """Return a report in its JSON form."""
        report = use_case(self.who, self.asked, *more)
        content: Content = success(range=report.range, data=report.data)
        return content

    @property
    def seen(self) -> GeneratedPlay:
        """The play that the caller sees."""
        return self.play if self.role is Role.OPERATOR else self.play.of(self.house.agent)

    def reckoning(self, since: datetime | None = None, until: datetime | None = None) -> Reckoning:
        """Return the reckoning of the period, or of another one, with the same filter."""
        assert self.asked.since is not None
        assert self.asked.until is not None
        return Reckoning(self.seen, since or self.asked.since, until or self.asked.until, self.asked.only)

    def buckets_before(self) -> list[Reckoning]:
        """Return the reckoning of each bucket's counterpart before, with the product's own edges."""
        edges = self.asked.period(self.now).both_edges
        return [self.reckoning(*span) for span in pairwise(edges[: len(edges) // 2 + 1])]

    def buckets(self) -> list[Reckoning]:
        """Return the reckoning of each bucket of the period."""
        assert self.asked.since is not None
        assert self.asked.until is not None
        spans = buckets(self.asked.since, self.asked.until, self.asked.bucket, self.asked.timezone)
        return [self.reckoning(*span) for span in spans]


def _rounds_of(house: House, play: GeneratedPlay, events: Sequence[LedgerEvent]) -> list[Round]:
    """Return the rounds of our own bets, each named as its bet; the demo game is the one on offer."""
    sessions = {player.player_id: house.session(player) for player in play.players}
    bets = [e for e in events if (e.source, e.event_type) == (EventSource.PLAYTIME, EventType.BET)]
    return [
        house.round(
            sessions[bet.player_id],
            round_id=bet.event_id,
            game_key=bet.game_key,
            stake_minor=bet.amount_minor,
            **({"game_version": DEMO_GAME.version} if bet.game_key == DEMO_GAME.game_key else {}),
        )
        for bet in bets
        if bet.player_id is not None
    ]


def moments(beginning: datetime) -> st.SearchStrategy[datetime]:
    """Return a strategy of moments around the generated days, on the minute."""
    return st.integers(-1440, (DAYS + 1) * 1440).map(lambda minutes: beginning + timedelta(minutes=minutes))


@st.composite
def questions(draw: st.DrawFn, name: str, *, compare: str | None = None) -> Question:
    """Return a strategy of questions about new play on a storage, with any part of it rolled up."""
    storage = shared_storage(name)
    house, random = House.built(storage), Random(draw(st.integers(0, 10**6)))
    beginning = draw(st.sampled_from(BEGINNINGS))
    play = generated_play(house, random, events=draw(st.integers(0, 80))).later(beginning - BEGINNING)
    write(storage, house.as_operator, *play.players)
    cut = draw(st.integers(0, len(play.events)))
    write(storage, house.as_operator, *play.events[:cut], *_rounds_of(house, play, play.events[:cut]))
    read(storage, house.as_operator, lambda unit: unit.roll_up.buckets(1_000))
    write(storage, house.as_operator, *play.events[cut:], *_rounds_of(house, play, play.events[cut:]))
    since, until = draw(st.lists(moments(beginning), min_size=2, max_size=2, unique=True).map(sorted))
    asked = AnalyticsRequest(
        since=since,
        until=min(until, since + timedelta(days=6)) if draw(st.booleans()) else until,
        bucket=draw(st.sampled_from(("hour", "day", "week"))),
        timezone=draw(st.sampled_from(TIMEZONES)),
        only=draw(filters(house, play)),
        compare=compare,
    )
    now = beginning + timedelta(days=DAYS)
    engine = build_engine(storage, clock=SettableClock(now))
    role = draw(st.sampled_from((Role.OPERATOR, Role.OPERATOR, Role.AGENT)))
    return Question(house, engine, play, asked, role, now)


def filters(house: House, play: GeneratedPlay) -> st.SearchStrategy[AnalyticsFilter]:
    """Return a strategy of filters, most of which match some events."""
    nothing: Iterable[UUID | None] = [None]
    return st.builds(
        AnalyticsFilter,
        agent_id=st.sampled_from([None, None, house.agent.tenant_id, house.neighbour.tenant_id]),
        cashier_id=st.sampled_from([*nothing, None, *play.cashiers[:1]]),
        game_key=st.sampled_from([None, None, "demo-wheel", *[key for key, _ in GAMES], "no-such-game"]),
        provider=st.sampled_from([None, None, None, "playtime", "others"]),
        region=st.sampled_from([None, None, None, "US-CA"]),
    )


@cache
def shared_storage(name: str) -> Storage:
    """Return a storage that all examples share; each has an operator of its own."""
    storage = open_shared(name)
    atexit.register(storage.close)
    return storage


def utc_text(moment: datetime) -> str:
    """Return a moment in its JSON form."""
    digits = "microseconds" if moment.microsecond % 1_000 else "milliseconds"
    return moment.astimezone(UTC).isoformat(timespec=digits).replace("+00:00", "Z")
