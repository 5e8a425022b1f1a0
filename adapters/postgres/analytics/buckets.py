"""The plan of a period: runs of stored buckets, and the gaps beside them that are read from the events."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final

from attrs import frozen

from .layout import GRAIN_EPOCH, GRAINS_MINUTES

_EPOCH: Final = datetime.fromisoformat(GRAIN_EPOCH)
_MINUTE: Final = timedelta(minutes=1)
_SHORTEST: Final = GRAINS_MINUTES[0]

Stretch = tuple[datetime, datetime]
"""The time from a first moment up to a second, which is not part of it."""


@frozen
class BucketRun:
    """Consecutive stored buckets of one length."""

    grain: int
    since: datetime
    until: datetime


@frozen
class BucketPlan:
    """A period in stored buckets that no edge cuts, and the gaps that these leave."""

    runs: Sequence[BucketRun]
    gaps: Sequence[Stretch]

    @property
    def around_days(self) -> dict[str, Stretch]:
        """The whole days of a period of one bucket, and the quarters of an hour before and after them."""
        days = [run for run in self.runs if run.grain == GRAINS_MINUTES[-1]]
        since, until = (self.runs[0].since, self.runs[-1].until) if self.runs else (_EPOCH, _EPOCH)
        first, last = (days[0].since, days[-1].until) if days else (until, until)
        return {"days": (first, last), "before": (since, first), "after": (last, until)}

    @property
    def stretches(self) -> list[Stretch]:
        """The time of all runs."""
        return _joined((run.since, run.until) for run in self.runs)


@lru_cache(maxsize=64)
def plan_buckets(edges: tuple[datetime, ...]) -> BucketPlan:
    """Return the plan with the longest stored buckets between some edges.

    The queries of one report share their edges.
    """
    runs: list[BucketRun] = []
    gaps: list[Stretch] = []
    for since, until in pairwise(edges):
        first, last = -(-(since - _EPOCH) // _MINUTE), (until - _EPOCH) // _MINUTE
        first, last = -(-first // _SHORTEST) * _SHORTEST, last // _SHORTEST * _SHORTEST
        if first >= last:
            gaps.append((since, until))
            continue
        gaps += [(since, _moment(first)), (_moment(last), until)]
        for run in _runs(first, last):
            _append(runs, run)
    return BucketPlan(runs, _joined((since, until) for since, until in gaps if since < until))


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return the stretches, adjacent ones as one."""
    found: list[Stretch] = []
    for since, until in stretches:
        if found and found[-1][1] == since:
            found[-1] = (found[-1][0], until)
        else:
            found.append((since, until))
    return found


def _runs(first: int, last: int) -> Iterator[BucketRun]:
    """Yield runs of the longest buckets between two whole quarters of an hour."""
    at = first
    while at < last:
        grain = max(grain for grain in GRAINS_MINUTES if at % grain == 0 and at + grain <= last)
        end = at + (last - at) // grain * grain
        for longer in GRAINS_MINUTES:
            if longer > grain:
                # There a longer bucket may begin.
                end = min(end, (at // longer + 1) * longer)
        yield BucketRun(grain, _moment(at), _moment(end))
        at = end


def _append(runs: list[BucketRun], run: BucketRun) -> None:
    if runs and runs[-1].grain == run.grain and runs[-1].until == run.since:
        run = BucketRun(run.grain, runs.pop().since, run.until)
    runs.append(run)


def _moment(minutes: int) -> datetime:
    return _EPOCH + minutes * _MINUTE
