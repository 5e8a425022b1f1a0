"""Lifetime value: the house's win from players, its distribution, and its growth by cohort."""

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
from ..ports.analytics import Analytics, AnalyticsFilter, ValueDistribution, ValueSum
from .reader import PREVIOUS, AnalyticsReader, AnalyticsReport, AnalyticsRequest, ratio_text

LTV_CLASSES_MINOR: Final = (-(10**6), -(10**5), -(10**4), -(10**3), 0, 10**3, 10**4, 10**5, 10**6)
TOP_PERCENTS: Final = (1, 5, 10)


@frozen
class LtvBin:
    """The number of players in a class of lifetime value; None at the open ends."""

    from_minor: int | None
    below_minor: int | None
    players: int


@frozen
class LtvCohort:
    """The players created in one bucket, and their lifetime value up to each day since it began."""

    start: datetime
    local_start: str
    players: int
    cumulative_minor: Sequence[int]


@frozen
class TopShare:
    """The lifetime value of the most valuable players, and its share of the whole."""

    percent: int
    players: int
    ltv_minor: int
    share: str | None


@frozen(kw_only=True)
class LtvData:
    """Bets minus wins of the players in the period, and on request in the period before."""

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
    """Reads lifetime values."""

    def __call__(
        self, principal: StaffPrincipal, request: AnalyticsRequest = AnalyticsRequest()
    ) -> AnalyticsReport[LtvData]:
        """Return the report. Raises Forbidden, InvalidInput."""

        def read(analytics: Analytics, period: Period) -> LtvData:
            def distribution_in(span: Span) -> ValueDistribution:
                limits = LTV_CLASSES_MINOR
                return analytics.players.value_distribution(span, request.only, limits, TOP_PERCENTS)

            values = distribution_in(period.span)
            whole, before = _together(values.classes), None
            if request.compare == PREVIOUS:
                before = _together(distribution_in(period.before.span).classes)
            return LtvData(
                players=whole.players,
                ltv_minor=whole.value_minor,
                average_minor=ratio_text(ratio(whole.value_minor, whole.players)),
                previous_players=None if before is None else before.players,
                previous_ltv_minor=None if before is None else before.value_minor,
                distribution=_distribution(values),
                cohorts=_cohorts(analytics, period, request.only),
                top=_top_shares(values, whole),
            )

        return self._report(principal, request, read)


def _together(classes: Sequence[ValueSum]) -> ValueSum:
    return ValueSum(sum(some.players for some in classes), sum(some.value_minor for some in classes))


def _distribution(values: ValueDistribution) -> list[LtvBin]:
    rows = zip((None, *LTV_CLASSES_MINOR), (*LTV_CLASSES_MINOR, None), values.classes, strict=True)
    return [LtvBin(low, high, some.players) for low, high, some in rows]


def _cohorts(analytics: Analytics, period: Period, only: AnalyticsFilter) -> list[LtvCohort]:
    """Return cohorts by the period's buckets, or by days if these are hours."""
    days = period.by_day.edges
    edges = days if period.bucket is Bucket.HOUR else period.edges
    of_day = [bisect_right(edges, day) - 1 for day in days[:-1]]
    firsts = [bisect_right(days, edge) - 1 for edge in edges[:-1]]
    sizes = [0] * len(firsts)
    for cohort, count in zip(of_day, analytics.cohorts.sizes(days, only), strict=True):
        sizes[cohort] += count
    grown = [[0] * (len(of_day) - first) for first in firsts]
    for part in analytics.cohorts.totals(days, only):
        cohort = of_day[part.cohort]
        if part.bucket >= firsts[cohort]:
            grown[cohort][part.bucket - firsts[cohort]] += part.handle_minor - part.payout_minor
    return [
        LtvCohort(start, period.local_text(start), sizes[cohort], list(accumulate(grown[cohort])))
        for cohort, start in enumerate(edges[:-1])
    ]


def _top_shares(values: ValueDistribution, whole: ValueSum) -> list[TopShare]:
    """Return the share of the first players by percentage, rounded up to whole players."""
    return [
        TopShare(
            percent,
            first.players,
            first.value_minor,
            ratio_text(ratio(first.value_minor, whole.value_minor)) if whole.value_minor > 0 else None,
        )
        for percent, first in zip(TOP_PERCENTS, values.tops, strict=True)
    ]
