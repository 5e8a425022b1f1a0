"""Attribution: which games, agents and regions a change against the period before came from, to the last coin."""

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
from .reader import AnalyticsReader, Asked, Key, Numbers, merged, ratio_text, together, two_splits


class Metric(StrEnum):
    """What a change can be split of."""

    NGR = "ngr"
    HANDLE = "handle"
    DEPOSITS = "deposits"
    RTP = "rtp"


class SplitBy(StrEnum):
    """What it can be split over; segments are the regions of players."""

    GAME = "game"
    AGENT = "agent"
    SEGMENT = "segment"


_DIMENSIONS: Final = {
    SplitBy.GAME: Dimension.GAME,
    SplitBy.AGENT: Dimension.AGENT,
    SplitBy.SEGMENT: Dimension.REGION,
}
_SUMS: Final[Mapping[Metric, Callable[[Totals], int]]] = {
    Metric.NGR: lambda totals: totals.ngr_minor,
    Metric.HANDLE: lambda totals: totals.handle_minor,
    Metric.DEPOSITS: lambda totals: totals.deposits_minor,
}


@frozen
class ChangePart:
    """What one game, agent or segment contributed; None for what has none. `exact` is the change as a fraction."""

    by: SplitBy
    key: str | None
    change: str
    exact: str


@frozen(kw_only=True)
class AttributionData:
    """A metric now and before (amounts in minor units), and the change, which each of the three splits adds up to.

    Without a handle in both periods there is no RTP to change: `change` is None then, and there are no parts.
    """

    metric: Metric
    value: str | None
    previous_value: str | None
    change: str | None
    exact: str | None
    games: Sequence[ChangePart]
    agents: Sequence[ChangePart]
    segments: Sequence[ChangePart]


@frozen
class ReadAttribution(AnalyticsReader):
    """Reads where a change came from."""

    def __call__(
        self, principal: StaffPrincipal, asked: Asked = Asked(), metric: str = Metric.NGR
    ) -> Numbers[AttributionData]:
        """Return it. Raises Forbidden, InvalidInput."""
        if metric not in [*Metric]:
            raise InvalidInput("metric", f"must be one of {', '.join(Metric)}")

        def read(numbers: Analytics, period: Period) -> AttributionData:
            now, before = two_splits(numbers, period, asked.only, *_DIMENSIONS.values())
            splits = {by: (merged(now, at), merged(before, at)) for at, by in enumerate(_DIMENSIONS)}
            return _attribution(Metric(metric), splits)

        return self._answer(principal, asked, read)


Splits = Mapping[SplitBy, tuple[dict[Key, Totals], dict[Key, Totals]]]


def _attribution(metric: Metric, splits: Splits) -> AttributionData:
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


def _value(metric: Metric, totals: Totals) -> Fraction | None:
    return totals.rtp if metric is Metric.RTP else Fraction(_SUMS[metric](totals))


def _parts(  # noqa: PLR0917 - as a split comes
    metric: Metric, by: SplitBy, now: dict[Key, Totals], before: dict[Key, Totals], whole: tuple[Totals, Totals]
) -> list[ChangePart]:
    nothing, found = Totals(), []
    for key in now.keys() | before.keys():
        change = _contribution(metric, (now.get(key, nothing), before.get(key, nothing)), whole)
        if change:
            found.append((change, key[0]))
    found.sort(key=lambda part: (-abs(part[0]), str(part[1])))
    return [ChangePart(by, key, ratio_text(change) or "", str(change)) for change, key in found]


def _contribution(metric: Metric, part: tuple[Totals, Totals], whole: tuple[Totals, Totals]) -> Fraction:
    """Return what a part contributed to the change of the whole.

    Of a sum, its own change. Of the RTP, the change of (payout - r x handle) / whole handle, r being the RTP
    before: so a part that returns just r contributes nothing by being played more, and the parts add up.
    """
    if metric is not Metric.RTP:
        return Fraction(_SUMS[metric](part[0]) - _SUMS[metric](part[1]))
    level = Fraction(whole[1].payout_minor, whole[1].handle_minor)
    excess = [Fraction(p.payout_minor) - level * p.handle_minor for p in part]
    return excess[0] / whole[0].handle_minor - excess[1] / whole[1].handle_minor
