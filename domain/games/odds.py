"""Exact counts of what the windows of a game pay, in integers and without a visit to every combination.

All stops of all reels together are the cycle of a game, often hundreds of millions of combinations. Most of them
are alike: once a run on a line has ended, no symbol further right matters to that line. So the reels are walked
from the left. The state after each reel is the set of lines with an unended run, each with its symbol and its
first wilds. Equal states are counted once; a memo holds the counts of all further reels for each state.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Final

from attrs import define, field, frozen

from .game import Column, Game, Reel

_Line = tuple[tuple[int, ...], str | None, int]
"""An unended run on a line: the rows on further reels, the symbol (None: only wilds so far), the first wilds."""
_Live = frozenset[tuple[_Line, int]]
"""Lines with unended runs, each with its multiplicity: lines with the same further course are counted together."""


MOST_STEPS: Final = 10_000_000
"""The step limit of one figure, which takes some seconds. The largest of our own games needs a twentieth of it."""


class TooManyWays(Exception):
    """Raised when a figure of a game takes too long to count; names the place in the game file."""


@define
class StepBudget:
    """The number of steps that the count of one figure may still take."""

    left: int = field(factory=lambda: MOST_STEPS)

    def take(self, steps: int, path: str) -> None:
        """Subtract steps. Raises TooManyWays with the path when fewer are left."""
        self.left -= steps
        if self.left < 0:
            raise TooManyWays(path)


@frozen
class WindowCount:
    """Combinations of a window by their coins on lines and their scatters. `cycle` is the sum of `counts`."""

    cycle: int
    counts: Mapping[tuple[int, int], int]

    def by_coins(self, game: Game) -> dict[int, int]:
        """Return the combinations by all coins that they pay, scatters included."""
        totals: dict[int, int] = {}
        for (line_coins, scatters), count in self.counts.items():
            coins = line_coins + game.scatter_pays.get(scatters, 0)
            totals[coins] = totals.get(coins, 0) + count
        return totals


def count_windows(game: Game, reels: Sequence[Reel]) -> WindowCount:
    """Count the windows of the reels by the coins that all lines pay together, and by their scatters.

    Raises TooManyWays.
    """
    counter = _Counter.of(game, reels)
    counts = counter.rest(0, _merged(((line, None, 0), 1) for line in game.lines))
    return WindowCount(cycle_of(reels), {divmod(figure, counter.width): count for figure, count in counts.items()})


def cycle_of(reels: Sequence[Reel]) -> int:
    """Return the number of combinations of stops, each counted with the product of its weights."""
    return prod(reel.total_weight for reel in reels)


def count_runs(game: Game, reels: Sequence[Reel]) -> dict[tuple[str, int], int]:
    """Count the combinations with a paying run, by symbol and length, of all lines together.

    Each line is counted on its own, from the weights of the symbols in its rows. The return of all lines follows
    from these counts, because expectations add up whether lines depend on each other or not.
    """
    runs: dict[tuple[str, int], int] = {}
    for line in game.lines:
        running: dict[tuple[str | None, int], int] = {(None, 0): 1}
        left = cycle_of(reels)
        for depth, (reel, row) in enumerate(zip(reels, line, strict=True)):
            left //= reel.total_weight
            running = _run_on(game, _weights_in(reel, row), running, _Broken(game, runs, depth, left))
        for (symbol, wilds), count in running.items():
            _Broken(game, runs, len(reels), 1).note(symbol, wilds, count)
    return runs


def count_scatters(game: Game, reels: Sequence[Reel]) -> dict[int, int]:
    """Count the windows by their scatters, reel by reel: no reel depends on another."""
    counts = {0: 1}
    for reel in reels:
        after: dict[int, int] = {}
        for column, weight in reel.column_weights().items():
            shown = column.count(game.scatter) if game.scatter is not None else 0
            for scatters, count in counts.items():
                after[scatters + shown] = after.get(scatters + shown, 0) + weight * count
        counts = after
    return counts


@frozen
class _Broken:
    """Collects runs of one length that a reel ended. `left` is the number of combinations of the further reels."""

    game: Game
    runs: dict[tuple[str, int], int]
    length: int
    left: int

    def note(self, symbol: str | None, wilds: int, count: int) -> None:
        pay = self.game.best_pay(symbol, self.length, wilds)
        if pay is not None:
            self.runs[pay[:2]] = self.runs.get(pay[:2], 0) + count * self.left


def _run_on(
    game: Game, weights: Mapping[str, int], running: Mapping[tuple[str | None, int], int], broken: _Broken
) -> dict[tuple[str | None, int], int]:
    """Return the runs that continue on one more reel, and note the ended runs in `broken`."""
    going: dict[tuple[str | None, int], int] = {}
    total = sum(weights.values())
    for (symbol, wilds), count in running.items():
        continued = 0
        for shown, weight in weights.items():
            if shown == game.wild:
                run = (symbol, wilds + (symbol is None))
            elif shown == game.scatter or symbol not in (None, shown):
                continue
            else:
                run = (shown, wilds)
            continued += weight
            going[run] = going.get(run, 0) + count * weight
        # The weight of this reel is in the count already: `left` is that of the reels behind it.
        if continued < total:
            broken.note(symbol, wilds, count * (total - continued))
    return going


def _weights_in(reel: Reel, row: int) -> dict[str, int]:
    weights: dict[str, int] = {}
    for column, weight in zip(reel.columns, reel.weights, strict=True):
        weights[column[row]] = weights.get(column[row], 0) + weight
    return weights


@frozen
class _Counter:
    """Walks the reels of one game. A figure is `coins * width + scatters`: one integer holds both."""

    game: Game
    columns: tuple[tuple[tuple[Column, int, int], ...], ...]
    width: int
    _steps: StepBudget = field(init=False, factory=StepBudget)
    _known: dict[tuple[int, _Live], Mapping[int, int]] = field(init=False, factory=dict)

    @classmethod
    def of(cls, game: Game, reels: Sequence[Reel]) -> "_Counter":
        """Return a counter of the reels, from their distinct columns with weight and scatters."""
        columns = tuple(
            tuple(
                (column, weight, sum(symbol == game.scatter for symbol in column))
                for column, weight in reel.column_weights().items()
            )
            for reel in reels
        )
        most = sum(max(scatters for _, _, scatters in of_reel) for of_reel in columns)
        return cls(game, columns, most + 1)

    def rest(self, depth: int, live: _Live) -> Mapping[int, int]:
        """Return the combinations of the reels from `depth` on by figure, for the given unended lines."""
        key = (depth, live)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._count(depth, live)
        return known

    def _count(self, depth: int, live: _Live) -> Mapping[int, int]:
        if depth == len(self.columns):
            return {sum(self._pay(line, depth) * times for line, times in live) * self.width: 1}
        self._steps.take(len(self.columns[depth]) * len(live), "reels")
        ways: dict[tuple[int, _Live], int] = {}
        for column, weight, scatters in self.columns[depth]:
            coins, after = self._step(depth, live, column)
            way = (coins * self.width + scatters, after)
            ways[way] = ways.get(way, 0) + weight
        counts: dict[int, int] = {}
        for (figure, after), weight in ways.items():
            rest = self.rest(depth + 1, after)
            self._steps.take(len(rest), "reels")
            for further, count in rest.items():
                total = figure + further
                counts[total] = counts.get(total, 0) + weight * count
        return counts

    def _step(self, depth: int, live: _Live, column: Column) -> tuple[int, _Live]:
        """Return the coins of the lines that this column ends, and the lines with unended runs after it."""
        wild, scatter = self.game.wild, self.game.scatter
        coins = 0
        going: list[tuple[_Line, int]] = []
        for line, times in live:
            rows, symbol, wilds = line
            shown = column[rows[0]]
            if shown == wild:
                going.append(((rows[1:], symbol, wilds + (symbol is None)), times))
            elif shown == scatter or (symbol is not None and shown != symbol):
                coins += self._pay(line, depth) * times
            else:
                going.append(((rows[1:], shown, wilds), times))
        return coins, _merged(going)

    def _pay(self, line: _Line, length: int) -> int:
        pay = self.game.best_pay(line[1], length, line[2])
        return 0 if pay is None else pay[2]


def _merged(lines: Iterable[tuple[_Line, int]]) -> _Live:
    """Return the lines, with equal ones counted together."""
    times: dict[_Line, int] = {}
    for line, count in lines:
        times[line] = times.get(line, 0) + count
    return frozenset(times.items())
