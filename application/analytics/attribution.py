"""Attribution: the parts of games, agents and regions in a change against the period before, to the last coin."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Final

from attrs import frozen

from ...domain.errors import InvalidInput
from ...domain.ledger.totals import Totals
from ...domain.periods import Period
from ..access import StaffPrincipal
from ..ports.analytics import Analytics, Dimension
from .reader import (
    AnalyticsReader,
    AnalyticsReport,
    AnalyticsRequest,
    Key,
    merged,
    ratio_text,
    together,
    two_splits,
)


class AttributionMetric(StrEnum):
    """Figures with a change that can be split."""

    NGR = "ngr"
    HANDLE = "handle"
    DEPOSITS = "deposits"
    RTP = "rtp"


class SplitBy(StrEnum):
    """Splits of a change; segments are the regions of players."""

    GAME = "game"
    AGENT = "agent"
    SEGMENT = "segment"


_DIMENSIONS: Final = {
    SplitBy.GAME: Dimension.GAME,
    SplitBy.AGENT: Dimension.AGENT,
    SplitBy.SEGMENT: Dimension.REGION,
}
_SUMS: Final[Mapping[AttributionMetric, Callable[[Totals], int]]] = {
    AttributionMetric.NGR: lambda totals: totals.ngr_minor,
    AttributionMetric.HANDLE: lambda totals: totals.handle_minor,
    AttributionMetric.DEPOSITS: lambda totals: totals.deposits_without_bonus_minor,
}


@frozen
class ChangePart:
    """The part of one game, agent or segment; None if events have none. `exact` is the change as a fraction."""

    by: SplitBy
    key: str | None
    change: str
    exact: str


@frozen(kw_only=True)
class AttributionData:
    """A metric in both periods (amounts in minor units), and its change, which is the sum of each split.

    Without a handle in both periods the RTP has no change: `change` is None then, and there are no parts.
    """

    metric: AttributionMetric
    value: str | None
    previous_value: str | None
    change: str | None
    exact: str | None
    games: Sequence[ChangePart]
    agents: Sequence[ChangePart]
    segments: Sequence[ChangePart]


@frozen
class ReadAttribution(AnalyticsReader):
    """Reads the attribution of a change."""

    def __call__(
        self,
        principal: StaffPrincipal,
        request: AnalyticsRequest = AnalyticsRequest(),
        metric: str = AttributionMetric.NGR,
    ) -> AnalyticsReport[AttributionData]:
        """Return the report. Raises Forbidden, InvalidInput."""
        if metric not in [*AttributionMetric]:
            raise InvalidInput("metric", f"must be one of {', '.join(AttributionMetric)}")

        def read(analytics: Analytics, period: Period) -> AttributionData:
            now, before = two_splits(analytics, period, request.only, *_DIMENSIONS.values())
            splits = {by: (merged(now, at), merged(before, at)) for at, by in enumerate(_DIMENSIONS)}
            return _attribution(AttributionMetric(metric), splits)

        return self._report(principal, request, read)


Splits = Mapping[SplitBy, tuple[dict[Key, Totals], dict[Key, Totals]]]


def _attribution(metric: AttributionMetric, splits: Splits) -> AttributionData:
    now, before = (together(parts.values()) for parts in splits[SplitBy.AGENT])
    value, previous = _value(metric, now), _value(metric, before)
    change = None if value is None or previous is None else value - previous
    parts: dict[SplitBy, Sequence[ChangePart]] = {by: [] for by in SplitBy}
    if change is not None:
        parts = {by: _parts(metric, by, *split_by, (now, before)) for by, split_by in splits.items()}
    return AttributionData(
        metric=metric,
        value=ratio_text(value),
        previous_value=ratio_text(previous),
        change=ratio_text(change),
        exact=None if change is None else str(change),
        games=parts[SplitBy.GAME],
        agents=parts[SplitBy.AGENT],
        segments=parts[SplitBy.SEGMENT],
    )


def _value(metric: AttributionMetric, totals: Totals) -> Fraction | None:
    return totals.rtp if metric is AttributionMetric.RTP else Fraction(_SUMS[metric](totals))


def _parts(  # noqa: PLR0917 - as a split comes
    metric: AttributionMetric,
    by: SplitBy,
    now: dict[Key, Totals],
    before: dict[Key, Totals],
    whole: tuple[Totals, Totals],
) -> list[ChangePart]:
    nothing, found = Totals(), []
    for key in now.keys() | before.keys():
        change = _contribution(metric, (now.get(key, nothing), before.get(key, nothing)), whole)
        if change:
            found.append((change, key[0]))
    found.sort(key=lambda part: (-abs(part[0]), str(part[1])))
    return [ChangePart(by, key, ratio_text(change) or "", str(change)) for change, key in found]


def _contribution(
    metric: AttributionMetric, part: tuple[Totals, Totals], whole: tuple[Totals, Totals]
) -> Fraction:
    """Return the contribution of a part to the change of the whole.

    For a sum it is the part's own change. For the RTP it is the change of (payout - r x handle) / whole handle;
    r is the RTP before. So a part that returns r contributes nothing when it is played more, and the parts add up.
    """
    if metric is not AttributionMetric.RTP:
        return Fraction(_SUMS[metric](part[0]) - _SUMS[metric](part[1]))
    level = Fraction(whole[1].payout_minor, whole[1].handle_minor)
    excess = [Fraction(p.payout_minor) - level * p.handle_minor for p in part]
    return excess[0] / whole[0].handle_minor - excess[1] / whole[1].handle_minor
