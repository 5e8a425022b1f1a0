"""Which folded pieces of time a question is answered from, and which stretches between them from the events."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final

from attrs import frozen

from .rollup import GRAIN_EPOCH, GRAINS_MINUTES

_EPOCH: Final = datetime.fromisoformat(GRAIN_EPOCH)
_MINUTE: Final = timedelta(minutes=1)
_SHORTEST: Final = GRAINS_MINUTES[0]


@frozen
class Piece:
    """Folded pieces of one length, one after the other."""

    grain: int
    since: datetime
    until: datetime


@frozen
class Cut:
    """A stretch of time, cut up: what is read folded, in pieces that no bucket ends within, and what is not."""

    pieces: Sequence[Piece]
    edges: Sequence[tuple[datetime, datetime]]

    @property
    def around_days(self) -> dict[str, tuple[datetime, datetime]]:
        """Of what is read folded, the whole days, and what lies before and after them; of one bucket only."""
        days = [piece for piece in self.pieces if piece.grain == GRAINS_MINUTES[-1]]
        since, until = (self.pieces[0].since, self.pieces[-1].until) if self.pieces else (_EPOCH, _EPOCH)
        first, last = (days[0].since, days[-1].until) if days else (until, until)
        return {"days": (first, last), "before": (since, first), "after": (last, until)}

    @property
    def all_quarters(self) -> list[tuple[datetime, datetime]]:
        """All that is read folded."""
        return _joined((piece.since, piece.until) for piece in self.pieces)


@lru_cache(maxsize=64)
def cut_up(edges: tuple[datetime, ...]) -> Cut:
    """Cut the buckets between some edges up into the longest pieces that fit, and what is left over.

    The questions of one answer have the same edges time and again.
    """
    pieces: list[Piece] = []
    left: list[tuple[datetime, datetime]] = []
    for since, until in pairwise(edges):
        first, last = -(-(since - _EPOCH) // _MINUTE), (until - _EPOCH) // _MINUTE
        first, last = -(-first // _SHORTEST) * _SHORTEST, last // _SHORTEST * _SHORTEST
        if first >= last:
            left.append((since, until))
            continue
        left += [(since, _moment(first)), (_moment(last), until)]
        for piece in _pieces(first, last):
            _append(pieces, piece)
    return Cut(pieces, _joined((since, until) for since, until in left if since < until))


def _joined(stretches: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Return stretches with those in one that touch each other."""
    found: list[tuple[datetime, datetime]] = []
    for since, until in stretches:
        if found and found[-1][1] == since:
            found[-1] = (found[-1][0], until)
        else:
            found.append((since, until))
    return found


def _pieces(first: int, last: int) -> Iterator[Piece]:
    """Yield runs of the longest pieces that fit, from one whole quarter of an hour to another."""
    at = first
    while at < last:
        grain = max(grain for grain in GRAINS_MINUTES if at % grain == 0 and at + grain <= last)
        end = at + (last - at) // grain * grain
        for longer in GRAINS_MINUTES:
            if longer > grain:
                # There a longer one may begin.
                end = min(end, (at // longer + 1) * longer)
        yield Piece(grain, _moment(at), _moment(end))
        at = end


def _append(pieces: list[Piece], piece: Piece) -> None:
    if pieces and pieces[-1].grain == piece.grain and pieces[-1].until == piece.since:
        piece = Piece(piece.grain, pieces.pop().since, piece.until)
    pieces.append(piece)


def _moment(minutes: int) -> datetime:
    return _EPOCH + minutes * _MINUTE
