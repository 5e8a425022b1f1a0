"""The common parts of all reports: the request, permission and period, totals, and figures as text."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Final, Generic, TypeVar, cast
from uuid import UUID

from attrs import frozen

from ...domain.decimals import decimal_text
from ...domain.errors import InvalidInput, all_checked
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
from ..ports.analytics import NO_FILTER, Analytics, AnalyticsFilter, Dimension, EventTotal
from ..ports.services import Clock
from ..ports.storage import Storage
from ..transactions import transact
from ..wire import record_from

T = TypeVar("T")

PREVIOUS: Final = "previous"


@frozen(kw_only=True)
class AnalyticsRequest:
    """A request for a report: period, bucket and timezone, filter, and comparison with the period before.

    The default is the last 30 days with the current second, by days in Los Angeles.
    """

    since: datetime | None = None
    until: datetime | None = None
    bucket: str = Bucket.DAY
    timezone: str = DEFAULT_TIMEZONE
    only: AnalyticsFilter = NO_FILTER
    compare: str | None = None

    def period(self, now: datetime) -> Period:
        """Return the period. Raises InvalidInput."""
        _, period = all_checked(
            self._require_known_comparison,
            lambda: period_of(self.since, self.until, now=now, bucket=self.bucket, timezone=self.timezone),
        )
        return cast("Period", period)

    def _require_known_comparison(self) -> None:
        if self.compare not in {None, PREVIOUS}:
            raise InvalidInput("compare", f"must be {PREVIOUS}, or left out")


@frozen
class RangeRecord:
    """The period of a report, up to but not including `to`."""

    from_: datetime
    to: datetime
    bucket: Bucket
    timezone: str


@frozen
class AnalyticsReport(Generic[T]):
    """A report: the period and its figures."""

    range: RangeRecord
    data: T


@frozen(kw_only=True)
class PlayRecord:
    """Play in figures: amounts in minor units, and ratios in decimals, None without a divisor."""

    spins: int
    handle_minor: int
    payout_minor: int
    bonuses_minor: int
    ngr_minor: int
    rtp: str | None
    hold: str | None


@frozen(kw_only=True)
class ExternalPlayRecord:
    """Play on external games in figures, which are never part of our own play."""

    spins: int
    handle_minor: int
    payout_minor: int
    rtp: str | None


@frozen
class AnalyticsReader:
    """The common part of the use cases that read reports."""

    storage: Storage
    clock: Clock
    games: Sequence[Game]

    def _report(
        self, principal: StaffPrincipal, request: AnalyticsRequest, read: Callable[[Analytics, Period], T]
    ) -> AnalyticsReport[T]:
        """Read a report in one unit of work, at one moment. Raises Forbidden, InvalidInput."""
        principal.require(Permission.READ_ANALYTICS)
        period = request.period(self.clock.now())
        data = look(self.storage, principal, lambda unit: read(unit.analytics, period))
        return AnalyticsReport(RangeRecord(period.since, period.until, period.bucket, period.timezone), data)

    def _odds(self, principal: StaffPrincipal) -> "KnownOdds":
        """Return the odds of games: from our own pay tables, and from game configs."""
        own = {
            sheet.game.game_key: Odds(rtp=sheet.game.rtp, variance=sheet.spread.variance, hit_rate=sheet.hit_rate)
            for sheet in map(sheet_of, self.games)
        }
        return KnownOdds(own, _unambiguous(self._configs(principal)))

    def _configs(self, principal: StaffPrincipal) -> Sequence[GameConfig]:
        principal.require(Permission.READ_ANALYTICS)
        if principal.role is Role.OWNER:
            return look(self.storage, principal, lambda unit: unit.game_configs.all())
        # An operator's game configs are for its agents, too, who do not see its rows.
        binding = SYSTEM.binding_at(principal.operator_id)
        return transact(self.storage, binding, lambda unit: unit.game_configs.all())


@frozen
class KnownOdds:
    """The odds of games by key: of our own games, and from game configs."""

    own: Mapping[str, Odds]
    stated: Mapping[str, Odds]

    def of(self, source: EventSource, game_key: str | None) -> Odds | None:
        """Return the odds of a game; for our own play those of our own pay table first."""
        if game_key is None:
            return None
        own = self.own.get(game_key) if source is EventSource.PLAYTIME else None
        return own or self.stated.get(game_key)

    @property
    def own_play(self) -> Mapping[str, Odds]:
        """The odds of games of known variance, which test our own play."""
        both = {**self.stated, **self.own}
        return {key: game for key, game in both.items() if game.variance is not None}


def _unambiguous(configs: Iterable[GameConfig]) -> dict[str, Odds]:
    """Return odds by key, without games of different configs: the platform's owner sees those of all operators."""
    stated: dict[str, set[Odds]] = {}
    for config in configs:
        stated.setdefault(config.game_key, set()).add(config.odds)
    return {key: next(iter(odds)) for key, odds in stated.items() if len(odds) == 1}


# --- totals ---------------------------------------------------------------------------------------------------

Key = tuple[str | None, ...]


def added_up(parts: Iterable[EventTotal]) -> Totals:
    """Return the sum of event totals."""
    amounts: dict[tuple[EventSource, object], Amounts] = {}
    for part in parts:
        kind = (part.source, part.event_type)
        amounts[kind] = amounts.get(kind, Amounts()).plus(Amounts(part.events, part.amount_minor, part.squares))
    return Totals(amounts)  # type: ignore[arg-type] # as put in


def by_bucket(parts: Iterable[EventTotal], count: int) -> list[Totals]:
    """Return the totals of each bucket; gaps are filled with zeros."""
    return [added_up(some) for some in _buckets(parts, count)]


def by_key(parts: Iterable[EventTotal]) -> dict[Key, Totals]:
    """Return the totals of each key."""
    groups: dict[Key, list[EventTotal]] = {}
    for part in parts:
        groups.setdefault(part.key, []).append(part)
    return {key: added_up(some) for key, some in groups.items()}


def _buckets(parts: Iterable[EventTotal], count: int) -> list[list[EventTotal]]:
    """Return event totals by bucket."""
    buckets: list[list[EventTotal]] = [[] for _ in range(count)]
    for part in parts:
        buckets[part.bucket].append(part)
    return buckets


def series(analytics: Analytics, period: Period, only: AnalyticsFilter) -> list[Totals]:
    """Return the totals of each bucket of a period."""
    edges = period.edges
    return by_bucket(analytics.play.totals(edges, only), len(edges) - 1)


def two_series(
    analytics: Analytics, period: Period, only: AnalyticsFilter
) -> tuple[Sequence[Totals], Sequence[Totals]]:
    """Return the totals of each bucket of a period, and of the period before, by one query."""
    count = len(period.edges) - 1
    both = by_bucket(analytics.play.totals(period.both_edges, only), 2 * count)
    return both[count:], both[:count]


@frozen
class PeriodTotals:
    """The totals of a period by bucket, and by game."""

    series: Sequence[Totals]
    by_game: Mapping[Key, Totals]


def two_periods(analytics: Analytics, period: Period, only: AnalyticsFilter) -> tuple[PeriodTotals, PeriodTotals]:
    """Return the totals of a period by bucket and by game, and those of the period before, by one query."""
    count = len(period.edges) - 1
    buckets = _buckets(analytics.play.totals(period.both_edges, only, [Dimension.GAME]), 2 * count)
    before, now = (
        PeriodTotals([added_up(some) for some in side], by_key(part for some in side for part in some))
        for side in (buckets[:count], buckets[count:])
    )
    return now, before


def two_splits(
    analytics: Analytics,
    period: Period,
    only: AnalyticsFilter,
    *by: Dimension,
    of: Collection[EventType] | None = None,
) -> tuple[dict[Key, Totals], dict[Key, Totals]]:
    """Return the totals of a period and of the period before, split by dimensions, by one query."""
    parts = analytics.play.totals([period.before.since, period.since, period.until], only, by, of)
    return by_key(part for part in parts if part.bucket), by_key(part for part in parts if not part.bucket)


def merged(parts: Mapping[Key, Totals], at: int) -> dict[Key, Totals]:
    """Return totals that are split by several dimensions, split by one of them only."""
    found: dict[Key, Totals] = {}
    for key, totals in parts.items():
        found[(key[at],)] = found.get((key[at],), Totals()).plus(totals)
    return found


def split(analytics: Analytics, period: Period, only: AnalyticsFilter, *by: Dimension) -> dict[Key, Totals]:
    """Return the totals of a whole period, split by dimensions."""
    return by_key(analytics.play.totals([period.since, period.until], only, by))


def together(parts: Iterable[Totals]) -> Totals:
    """Return the sum of totals."""
    whole = Totals()
    for part in parts:
        whole = whole.plus(part)
    return whole


# --- as text --------------------------------------------------------------------------------------------------


def ratio_text(ratio: Fraction | None) -> str | None:
    """Return a ratio in decimals."""
    return None if ratio is None else decimal_text(ratio)


def play_record(totals: Totals) -> PlayRecord:
    """Return play in figures."""
    return record_from(PlayRecord, totals, rtp=ratio_text(totals.rtp), hold=ratio_text(totals.hold))


def external_play_record(totals: Totals) -> ExternalPlayRecord:
    """Return play on external games in figures."""
    return record_from(ExternalPlayRecord, totals.external, rtp=ratio_text(totals.external.rtp))


def seconds_text(milliseconds: int | None) -> str | None:
    """Return a time in seconds."""
    return None if milliseconds is None else decimal_text(Fraction(milliseconds, 1_000), 3)


def id_of(text: str | None) -> UUID | None:
    """Return the id that a key holds."""
    return None if text is None else UUID(text)
