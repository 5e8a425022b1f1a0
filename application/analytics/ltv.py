"""Life-time value: what the house won of each player, how it is spread, and how it grows by cohort."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import Final

from attrs import frozen

from ...domain.ledger.totals import ratio
from ...domain.local_time import Bucket
from ...domain.periods import Period, Span
from ..access import StaffPrincipal
from ..ports.analytics import Analytics, Scope, Worth, Worths
from .reader import PREVIOUS, AnalyticsReader, Asked, Numbers, ratio_text

LTV_STEPS_MINOR: Final = (-(10**6), -(10**5), -(10**4), -(10**3), 0, 10**3, 10**4, 10**5, 10**6)
TOP_PERCENTS: Final = (1, 5, 10)


@frozen
class LtvBin:
    """How many players were worth so much; None at the open ends."""

    from_minor: int | None
    below_minor: int | None
    players: int


@frozen
class LtvCohort:
    """The players made in one bucket, and what they were worth in all up to each day since it began."""

    start: datetime
    local_start: str
    players: int
    cumulative_minor: Sequence[int]


@frozen
class TopShare:
    """What the most valuable of the players were worth, and which share of the whole that is."""

    percent: int
    players: int
    ltv_minor: int
    share: str | None


@frozen(kw_only=True)
class LtvData:
    """Bets less wins of the players who bet in the period, and in the one before where that was asked for."""

    players: int
    ltv_minor: int
    average_minor: str | None
    previous_players: int | None
    previous_ltv_minor: int | None
    distribution: Sequence[LtvBin]
    cohorts: Sequence[LtvCohort]
    top: Sequence[TopShare]


@frozen
class ReadLtv(AnalyticsReader):
    """Reads life-time values."""

    def __call__(self, principal: StaffPrincipal, asked: Asked = Asked()) -> Numbers[LtvData]:
        """Return them. Raises Forbidden, InvalidInput."""

        def read(numbers: Analytics, period: Period) -> LtvData:
            def whole_of(span: Span) -> tuple[Worths, Worth]:
                spread = numbers.worths(span, asked.only, LTV_STEPS_MINOR, TOP_PERCENTS)
                return spread, _together(spread.classes)

            worths, whole = whole_of(period.span)
            before = whole_of(period.before.span)[1] if asked.compare == PREVIOUS else None
            return LtvData(
                players=whole.players,
                ltv_minor=whole.minor,
                average_minor=ratio_text(ratio(whole.minor, whole.players)),
                previous_players=None if before is None else before.players,
                previous_ltv_minor=None if before is None else before.minor,
                distribution=_distribution(worths),
                cohorts=_cohorts(numbers, period, asked.only),
                top=_top_shares(worths, whole),
            )

        return self._answer(principal, asked, read)


def _together(classes: Sequence[Worth]) -> Worth:
    return Worth(sum(some.players for some in classes), sum(some.minor for some in classes))


def _distribution(worths: Worths) -> list[LtvBin]:
    rows = zip((None, *LTV_STEPS_MINOR), (*LTV_STEPS_MINOR, None), worths.classes, strict=True)
    return [LtvBin(low, high, some.players) for low, high, some in rows]


def _cohorts(numbers: Analytics, period: Period, only: Scope) -> list[LtvCohort]:
    """Return cohorts by the period's buckets, or by days where these are hours."""
    days = period.by_day.edges
    edges = days if period.bucket is Bucket.HOUR else period.edges
    of_day = [bisect_right(edges, day) - 1 for day in days[:-1]]
    firsts = [bisect_right(days, edge) - 1 for edge in edges[:-1]]
    sizes = [0] * len(firsts)
    for cohort, count in zip(of_day, numbers.newcomers(days, only), strict=True):
        sizes[cohort] += count
    grown = [[0] * (len(of_day) - first) for first in firsts]
    for part in numbers.cohorts(days, only):
        cohort = of_day[part.born]
        if part.day >= firsts[cohort]:
            grown[cohort][part.day - firsts[cohort]] += part.handle_minor - part.payout_minor
    return [
        LtvCohort(start, period.local_text(start), sizes[cohort], list(accumulate(grown[cohort])))
        for cohort, start in enumerate(edges[:-1])
    ]


def _top_shares(worths: Worths, whole: Worth) -> list[TopShare]:
    """Return the share of the first so many in a hundred, rounded up to whole players."""
    return [
        TopShare(
            percent,
            first.players,
            first.minor,
            ratio_text(ratio(first.minor, whole.minor)) if whole.minor > 0 else None,
        )
        for percent, first in zip(TOP_PERCENTS, worths.tops, strict=True)
    ]
