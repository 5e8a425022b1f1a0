"""Exact counts of what the windows of a game pay, in integers and without a visit to every combination.

All stops of all reels together are the cycle of a game, often hundreds of millions of combinations. Most of them
are alike: once a run on a line has ended, no symbol further right matters to that line. So the reels are walked
from the left. The state after each reel is the set of lines with an unended run, each with its symbol and its
first wilds. Equal states are counted together, with the coins that their ended lines pay.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod
from typing import Final

from attrs import define, field, frozen

from .game import Column, Game, Reel

_Line = tuple[tuple[int, ...], str | None, int]
"""An unended run on a line: the rows on further reels, the symbol (None: only wilds so far), the first wilds."""
_Live = frozenset[tuple[_Line, int]]
"""Lines with unended runs, each with its multiplicity: lines with the same further course are counted together."""
_Continuation = tuple[str | None, bool, Sequence[int]]
"""Columns that continue a run: its symbol after them, whether they add a first wild, and their numbers."""


MOST_STEPS: Final = 10_000_000
"""The step limit of one figure, which takes some seconds. The largest of our own games needs a twentieth of it."""

WINDOWS: Final = 4
"""The windows may take this many times the limit: all figures need them, and they are counted once."""


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
    return WindowCount(
        cycle_of(reels), {divmod(figure, counter.width): count for figure, count in counter.count().items()}
    )


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
    """Walks the reels of one game. A figure is `coins * width + scatters`: one integer holds both.

    Most columns of a reel end most runs. So each run looks up the few columns that continue it.
    """

    game: Game
    columns: tuple[tuple[tuple[Column, int, int], ...], ...]
    endings: tuple[Counter[int], ...]
    """The weight of each reel's columns by their scatters."""
    width: int
    _steps: StepBudget = field(init=False, factory=lambda: StepBudget(WINDOWS * MOST_STEPS))
    _continuations: dict[tuple[int, int, str | None], Sequence[_Continuation]] = field(init=False, factory=dict)
    _pays: dict[tuple[str | None, int, int], int] = field(init=False, factory=dict)

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
        endings = tuple(Counter[int]() for _ in columns)
        for of_reel, ending in zip(columns, endings, strict=True):
            for _, weight, scatters in of_reel:
                ending[scatters] += weight
        return cls(game, columns, endings, sum(max(ending) for ending in endings) + 1)

    def count(self) -> Mapping[int, int]:
        """Return the combinations of all reels by figure."""
        so_far: dict[_Live, dict[int, int]] = {_merged([((line, None, 0), 1) for line in self.game.lines]): {0: 1}}
        for depth in range(len(self.columns)):
            further: dict[_Live, dict[int, int]] = {}
            for live, counts in so_far.items():
                for (figure, after), weight in self._ways(depth, live).items():
                    totals = further.setdefault(after, {})
                    self._steps.take(len(counts), "reels")
                    for before, count in counts.items():
                        total = before + figure
                        totals[total] = totals.get(total, 0) + count * weight
            so_far = further
        return so_far[_NONE]

    def _ways(self, depth: int, live: _Live) -> dict[tuple[int, _Live], int]:
        """Return the weights of a reel's columns by their figure and the lines with unended runs after them."""
        last = depth + 1 == len(self.columns)
        all_end = sum(self._pay(symbol, depth, wilds) * times for (_, symbol, wilds), times in live)
        coins: dict[int, int] = {}
        going: dict[int, list[tuple[_Line, int]]] = {}
        for (rows, symbol, wilds), times in live:
            ended = self._pay(symbol, depth, wilds)
            for shown, first_wild, numbers in self._continuing(depth, rows[0], symbol):
                line = rows[1:], shown, wilds + first_wild
                gain = ((self._pay(shown, depth + 1, wilds + first_wild) if last else 0) - ended) * times
                self._steps.take(len(numbers), "reels")
                for number in numbers:
                    coins[number] = coins.get(number, all_end) + gain
                    if not last:
                        going.setdefault(number, []).append((line, times))
        ways: dict[tuple[int, _Live], int] = {}
        ending = Counter(self.endings[depth])
        for number, paid in coins.items():
            _, weight, scatters = self.columns[depth][number]
            ending[scatters] -= weight
            way = paid * self.width + scatters, _merged(going.get(number, ()))
            ways[way] = ways.get(way, 0) + weight
        for scatters, weight in (+ending).items():
            way = all_end * self.width + scatters, _NONE
            ways[way] = ways.get(way, 0) + weight
        return ways

    def _continuing(self, depth: int, row: int, symbol: str | None) -> Sequence[_Continuation]:
        """Return the columns that continue a run of a symbol (None: of wilds) in a row."""
        key = (depth, row, symbol)
        known = self._continuations.get(key)
        if known is None:
            numbers: dict[tuple[str | None, bool], list[int]] = {}
            for number, (column, _, _) in enumerate(self.columns[depth]):
                shown = column[row]
                if shown == self.game.wild:
                    numbers.setdefault((symbol, symbol is None), []).append(number)
                elif shown != self.game.scatter and symbol in (None, shown):
                    numbers.setdefault((shown, False), []).append(number)
            known = self._continuations[key] = [(*run, found) for run, found in numbers.items()]
        return known

    def _pay(self, symbol: str | None, length: int, wilds: int) -> int:
        key = (symbol, length, wilds)
        known = self._pays.get(key)
        if known is None:
            pay = self.game.best_pay(symbol, length, wilds)
            known = self._pays[key] = 0 if pay is None else pay[2]
        return known


_NONE: Final[_Live] = frozenset()


def _merged(lines: Sequence[tuple[_Line, int]]) -> _Live:
    """Return the lines, with equal ones counted together."""
    if not lines:
        return _NONE
    times: dict[_Line, int] = {}
    for line, count in lines:
        times[line] = times.get(line, 0) + count
    return frozenset(times.items())
