"""Asking for numbers: who may, of which period and which events, and what all answers have in common."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Final, Generic, TypeVar
from uuid import UUID

from attrs import frozen

from ...domain.decimals import decimal_text
from ...domain.errors import InvalidInput
from ...domain.games.configs import GameConfig
from ...domain.games.game import Game
from ...domain.games.inference import Odds
from ...domain.games.par_sheet import sheet_of
from ...domain.ledger.events import EventSource, EventType
from ...domain.ledger.totals import Amounts, Totals
from ...domain.local_time import DEFAULT_TIMEZONE, Bucket
from ...domain.periods import Period, period_of
from ...domain.tenancy.staff import Permission, Role
from ..access import SYSTEM, StaffPrincipal, look
from ..ports.analytics import EVERYTHING, Analytics, Dimension, Scope, Sum
from ..ports.services import Clock
from ..ports.storage import Storage
from ..transactions import transact

T = TypeVar("T")

PREVIOUS: Final = "previous"


@frozen(kw_only=True)
class Asked:
    """What is asked: of when, by which clock, of whose events, and whether beside the period before.

    By default the last 30 days, the present second included, by days in Los Angeles.
    """

    since: datetime | None = None
    until: datetime | None = None
    bucket: str = Bucket.DAY
    timezone: str = DEFAULT_TIMEZONE
    only: Scope = EVERYTHING
    compare: str | None = None

    def period(self, now: datetime) -> Period:
        """Return the period. Raises InvalidInput."""
        if self.compare not in {None, PREVIOUS}:
            raise InvalidInput("compare", f"must be {PREVIOUS}, or left out")
        return period_of(self.since, self.until, now=now, bucket=self.bucket, timezone=self.timezone)


@frozen
class RangeRecord:
    """The period that was answered for: `from` counts, `to` does not."""

    from_: datetime
    to: datetime
    bucket: Bucket
    timezone: str


@frozen
class Numbers(Generic[T]):
    """An answer: the period and its numbers."""

    range: RangeRecord
    data: T


@frozen(kw_only=True)
class PlayRecord:
    """What was played. Amounts in minor units; ratios in decimals, None where there is nothing to divide by."""

    spins: int
    handle_minor: int
    payout_minor: int
    bonuses_minor: int
    ngr_minor: int
    rtp: str | None
    hold: str | None


@frozen(kw_only=True)
class ElsewhereRecord:
    """What was reported of games that run elsewhere: beside our own play, never in it."""

    spins: int
    handle_minor: int
    payout_minor: int
    rtp: str | None


@frozen
class AnalyticsReader:
    """What each use case that reads numbers has."""

    storage: Storage
    clock: Clock
    games: Sequence[Game]

    def _answer(
        self, principal: StaffPrincipal, asked: Asked, read: Callable[[Analytics, Period], T]
    ) -> Numbers[T]:
        """Read in one unit, all of one moment. Raises Forbidden, InvalidInput."""
        principal.require(Permission.READ_ANALYTICS)
        period = asked.period(self.clock.now())
        data = look(self.storage, principal, lambda unit: read(unit.analytics, period))
        return Numbers(RangeRecord(period.since, period.until, period.bucket, period.timezone), data)

    def _odds(self, principal: StaffPrincipal) -> "KnownOdds":
        """Return what is known of games beforehand: from our own pay tables, or as the operator states it."""
        own = {
            sheet.game.game_key: Odds(rtp=sheet.game.rtp, variance=sheet.spread.variance, hit_rate=sheet.hit_rate)
            for sheet in map(sheet_of, self.games)
        }
        return KnownOdds(own, _unambiguous(self._configs(principal)))

    def _configs(self, principal: StaffPrincipal) -> Sequence[GameConfig]:
        principal.require(Permission.READ_ANALYTICS)
        if principal.role is Role.OWNER:
            return look(self.storage, principal, lambda unit: unit.analytics.game_configs())
        # What an operator states of games is for its agents, too, who do not see its rows.
        binding = SYSTEM.binding_at(principal.operator_id)
        return transact(self.storage, binding, lambda unit: unit.analytics.game_configs())


@frozen
class KnownOdds:
    """The odds of games, by key: of our own, and as stated."""

    own: Mapping[str, Odds]
    stated: Mapping[str, Odds]

    def of(self, source: EventSource, game_key: str | None) -> Odds | None:
        """Return the odds of a game, our own pay table first where it is our own play."""
        if game_key is None:
            return None
        own = self.own.get(game_key) if source is EventSource.PLAYTIME else None
        return own or self.stated.get(game_key)

    @property
    def own_play(self) -> Mapping[str, Odds]:
        """The odds by which our own play is tested: of games of a known variance."""
        both = {**self.stated, **self.own}
        return {key: game for key, game in both.items() if game.variance is not None}


def _unambiguous(configs: Iterable[GameConfig]) -> dict[str, Odds]:
    """Return odds by key, but for what operators state differently (the platform's owner sees them all)."""
    stated: dict[str, set[Odds]] = {}
    for config in configs:
        stated.setdefault(config.game_key, set()).add(config.odds)
    return {key: next(iter(odds)) for key, odds in stated.items() if len(odds) == 1}


# --- adding up -------------------------------------------------------------------------------------------------

Key = tuple[str | None, ...]


def added_up(sums: Iterable[Sum]) -> Totals:
    """Return what sums come to all together."""
    amounts: dict[tuple[EventSource, object], Amounts] = {}
    for part in sums:
        kind = (part.source, part.event_type)
        amounts[kind] = amounts.get(kind, Amounts()).plus(Amounts(part.events, part.amount_minor, part.squares))
    return Totals(amounts)  # type: ignore[arg-type] # as put in


def by_bucket(sums: Iterable[Sum], count: int) -> list[Totals]:
    """Return the totals of each bucket; gaps are filled with zeros."""
    parts: list[list[Sum]] = [[] for _ in range(count)]
    for part in sums:
        parts[part.bucket].append(part)
    return [added_up(some) for some in parts]


def by_key(sums: Iterable[Sum]) -> dict[Key, Totals]:
    """Return the totals of each key."""
    parts: dict[Key, list[Sum]] = {}
    for part in sums:
        parts.setdefault(part.key, []).append(part)
    return {key: added_up(some) for key, some in parts.items()}


def series(numbers: Analytics, period: Period, only: Scope) -> list[Totals]:
    """Return the totals of each bucket of a period."""
    edges = period.edges
    return by_bucket(numbers.sums(edges, only), len(edges) - 1)


def two_series(numbers: Analytics, period: Period, only: Scope) -> tuple[Sequence[Totals], Sequence[Totals]]:
    """Return the totals of each bucket of a period, and of its counterpart in the one before, in one question."""
    count = len(period.edges) - 1
    both = by_bucket(numbers.sums(period.both_edges, only), 2 * count)
    return both[count:], both[:count]


@frozen
class Side:
    """The totals of a period, bucket by bucket, and by game."""

    series: Sequence[Totals]
    by_game: Mapping[Key, Totals]


def two_sides(numbers: Analytics, period: Period, only: Scope) -> tuple[Side, Side]:
    """Return the totals of a period by bucket and by game, and those of the one before, in one question."""
    sums = numbers.sums(period.both_edges, only, [Dimension.GAME])
    before, now = (
        Side([added_up(some) for some in side], by_key(part for some in side for part in some))
        for side in _two_lists(sums, len(period.edges) - 1)
    )
    return now, before


def _two_lists(sums: Iterable[Sum], count: int) -> tuple[list[list[Sum]], list[list[Sum]]]:
    """Return sums by bucket, first those of the period before."""
    parts: list[list[Sum]] = [[] for _ in range(2 * count)]
    for part in sums:
        parts[part.bucket].append(part)
    return parts[:count], parts[count:]


def two_splits(
    numbers: Analytics, period: Period, only: Scope, *by: Dimension, of: Collection[EventType] | None = None
) -> tuple[dict[Key, Totals], dict[Key, Totals]]:
    """Return the totals of a period and of the one before, split by dimensions, in one question."""
    sums = numbers.sums([period.before.since, period.since, period.until], only, by, of)
    return by_key(part for part in sums if part.bucket), by_key(part for part in sums if not part.bucket)


def merged(parts: Mapping[Key, Totals], at: int) -> dict[Key, Totals]:
    """Return totals split by several dimensions as they are split by one of them, the others added up."""
    found: dict[Key, Totals] = {}
    for key, totals in parts.items():
        found[(key[at],)] = found.get((key[at],), Totals()).plus(totals)
    return found


def split(numbers: Analytics, period: Period, only: Scope, *by: Dimension) -> dict[Key, Totals]:
    """Return the totals of a whole period, split by dimensions."""
    return by_key(numbers.sums([period.since, period.until], only, by))


def together(parts: Iterable[Totals]) -> Totals:
    """Return the sum of totals."""
    whole = Totals()
    for part in parts:
        whole = whole.plus(part)
    return whole


# --- on the wire -----------------------------------------------------------------------------------------------


def ratio_text(ratio: Fraction | None) -> str | None:
    """Return a ratio in decimals."""
    return None if ratio is None else decimal_text(ratio)


def play_record(totals: Totals) -> PlayRecord:
    """Return what was played as it is told."""
    return PlayRecord(
        spins=totals.spins,
        handle_minor=totals.handle_minor,
        payout_minor=totals.payout_minor,
        bonuses_minor=totals.bonuses_minor,
        ngr_minor=totals.ngr_minor,
        rtp=ratio_text(totals.rtp),
        hold=ratio_text(totals.hold),
    )


def elsewhere_record(totals: Totals) -> ElsewhereRecord:
    """Return what was reported from elsewhere as it is told."""
    reported = totals.external
    return ElsewhereRecord(
        spins=reported.spins,
        handle_minor=reported.handle_minor,
        payout_minor=reported.payout_minor,
        rtp=ratio_text(reported.rtp),
    )


def seconds_text(milliseconds: int | None) -> str | None:
    """Return a time in seconds."""
    return None if milliseconds is None else decimal_text(Fraction(milliseconds, 1_000), 3)


def id_of(text: str | None) -> UUID | None:
    """Return the id that a key holds."""
    return None if text is None else UUID(text)
