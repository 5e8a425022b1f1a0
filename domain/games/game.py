"""Games of chance: reel strips, lines and a published pay table, and the wins of their windows.

A game is data, read from a game file (`files.py`); all its behaviour follows from that data. A draw stops each
reel, the reels show a window, and lines and scatters pay by the table. Enough scatters win free spins in the same
round. Pays are in coins: a spin costs `stake.coins` of them, and a coin is worth the stake divided by that number.
The outcome depends on the draw only, never on the stake, the balance, the player or earlier wins.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import ClassVar, Final, Protocol

from attrs import define, field, frozen

from ..errors import InvalidInput
from ..money import checked_amount

Column = tuple[str, ...]
"""The symbols that one reel shows, from the top."""


@frozen
class Reel:
    """A cyclic strip of symbols with weighted stops. A stop is the index of the symbol in the window's top row."""

    strip: tuple[str, ...]
    weights: tuple[int, ...]
    rows: int
    total_weight: int = field(init=False)
    columns: tuple[Column, ...] = field(init=False, repr=False)
    _ends: tuple[int, ...] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Compute the column of every stop in advance: each spin looks one up."""
        ends = tuple(accumulate(self.weights))
        length = len(self.strip)
        columns = tuple(
            tuple(self.strip[(stop + row) % length] for row in range(self.rows)) for stop in range(length)
        )
        object.__setattr__(self, "_ends", ends)
        object.__setattr__(self, "total_weight", ends[-1])
        object.__setattr__(self, "columns", columns)

    def stop_of(self, ticket: int) -> int:
        """Return the stop of a ticket in [0, total_weight). Raises ValueError for any other ticket."""
        if not 0 <= ticket < self.total_weight:
            message = f"a ticket must be from 0 to {self.total_weight - 1}"
            raise ValueError(message)
        return bisect_right(self._ends, ticket)

    def column_weights(self) -> dict[Column, int]:
        """Return the weight of each distinct column, as the odds need it."""
        weights: dict[Column, int] = {}
        for column, weight in zip(self.columns, self.weights, strict=True):
            weights[column] = weights.get(column, 0) + weight
        return weights


class Draw(Protocol):
    """The source of the random values of one round, in order."""

    def below(self, bound: int) -> int:
        """Return an integer in [0, bound), each equally likely."""


@define
class StakeOutOfRange(InvalidInput):
    """Raised when the game does not accept a stake."""

    code: ClassVar[str] = "STAKE_OUT_OF_RANGE"


@frozen
class Symbol:
    """A symbol of the reels: its id in the game file, its name, and its glyph on a screen."""

    symbol_id: str
    name: str
    glyph: str = ""


@frozen
class StakeRule:
    """The stakes that a game accepts: all within limits, or only the listed levels.

    A spin costs `coins`. Every stake is a multiple of them, so that every win is a whole number of minor units.
    """

    coins: int
    min_minor: int
    max_minor: int
    levels_minor: tuple[int, ...] = ()

    def coin_minor(self, stake_minor: int) -> int:
        """Return the value of a coin in minor units, at a checked stake."""
        return stake_minor // self.coins

    def checked(self, stake_minor: int) -> int:
        """Return the stake if the game accepts it. Raises StakeOutOfRange, InvalidInput."""
        stake = checked_amount(stake_minor, "stake_minor")
        if not self.min_minor <= stake <= self.max_minor:
            raise StakeOutOfRange("stake_minor", f"must be between {self.min_minor} and {self.max_minor}")
        if self.levels_minor and stake not in self.levels_minor:
            levels = ", ".join(str(level) for level in self.levels_minor)
            raise StakeOutOfRange("stake_minor", f"must be one of {levels}")
        if stake % self.coins:
            raise StakeOutOfRange("stake_minor", f"must be a multiple of {self.coins}")
        return stake


@frozen
class FreeSpins:
    """The rule of free spins: the spins that each number of scatters wins, their reels and their multiplier.

    Scatters in free spins win more of them, up to `most_spins` in one round.
    """

    awards: Mapping[int, int]
    multiplier: int
    most_spins: int
    reels: tuple[Reel, ...]


@frozen
class LineWin:
    """A line that pays: its number from 1, the symbol of the run from the left, the length and the coins."""

    line: int
    symbol: str
    count: int
    coins: int


@frozen
class Window:
    """The symbols that the reels show, and their wins in coins. `scatters` counts the scatters anywhere."""

    stops: tuple[int, ...]
    columns: tuple[Column, ...]
    line_wins: tuple[LineWin, ...]
    scatters: int
    scatter_coins: int

    @property
    def coins(self) -> int:
        """All coins that the window pays, before any multiplier."""
        return self.scatter_coins + sum(win.coins for win in self.line_wins)


@frozen
class RoundOutcome:
    """The windows of one round: the paid one, and the free ones that it wins."""

    paid: Window
    free: tuple[Window, ...]
    multiplier: int

    @property
    def coins(self) -> int:
        """All coins that the round wins."""
        return self.paid.coins + self.multiplier * sum(window.coins for window in self.free)


@frozen(kw_only=True, eq=False)
class Game:
    """A game. `files.read_game` makes it and checks the declared return.

    `lines` have the row of each reel from the left; row 0 is the top one. `pays` maps a symbol and the length of
    its run from the left to coins. `scatter_pays` maps a number of scatters anywhere to coins. The wild symbol
    replaces every symbol except the scatter. A line pays once, the best pay of its run.
    """

    game_key: str
    name: str
    provider: str
    rtp: Fraction
    look: Mapping[str, str]
    symbols: tuple[Symbol, ...]
    rows: int
    reels: tuple[Reel, ...]
    lines: tuple[tuple[int, ...], ...]
    pays: Mapping[str, Mapping[int, int]]
    stake: StakeRule
    wild: str | None = None
    scatter: str | None = None
    scatter_pays: Mapping[int, int] = field(factory=dict)
    free_spins: FreeSpins | None = None
    version: str = ""

    @property
    def min_stake_minor(self) -> int:
        """The smallest stake."""
        return self.stake.min_minor

    @property
    def max_stake_minor(self) -> int:
        """The largest stake."""
        return self.stake.max_minor

    def checked_stake(self, stake_minor: int) -> int:
        """Return the stake if the game accepts it. Raises StakeOutOfRange, InvalidInput."""
        return self.stake.checked(stake_minor)

    def play(self, draw: Draw) -> RoundOutcome:
        """Play one round: the paid spin, and the free spins that it wins, on the same draw."""
        paid = self.window(self.reels, stops_of(self.reels, draw))
        if self.free_spins is None:
            return RoundOutcome(paid, (), 1)
        return RoundOutcome(paid, tuple(self._free(self.free_spins, paid, draw)), self.free_spins.multiplier)

    def window(self, reels: Sequence[Reel], stops: tuple[int, ...]) -> Window:
        """Return the window at these stops, with its wins."""
        columns = tuple(reel.columns[stop] for reel, stop in zip(reels, stops, strict=True))
        scatters = 0
        if self.scatter is not None:
            scatters = sum(column.count(self.scatter) for column in columns)
        scatter_coins = self.scatter_pays.get(scatters, 0)
        return Window(stops, columns, tuple(self._line_wins(columns)), scatters, scatter_coins)

    def best_pay(self, symbol: str | None, count: int, wilds: int) -> tuple[str, int, int] | None:
        """Return the best pay of a run: as its symbol, or as the wilds at its start.

        `symbol` is None when the whole run is wild. Returns symbol, length and coins, or None when nothing pays.
        """
        coins, pay = 0, None
        for name, length in ((symbol, count), (self.wild, wilds)):
            if name is not None and (paid := self.pays.get(name, _NOTHING).get(length, 0)) > coins:
                coins, pay = paid, (name, length, paid)
        return pay

    def _line_wins(self, columns: tuple[Column, ...]) -> Iterator[LineWin]:
        wild, scatter = self.wild, self.scatter
        for number, rows in enumerate(self.lines, start=1):
            symbol, count, wilds = None, 0, 0
            for column, row in zip(columns, rows, strict=True):
                shown = column[row]
                if shown == wild:
                    wilds += symbol is None
                elif shown == scatter or (symbol is not None and shown != symbol):
                    break
                else:
                    symbol = shown
                count += 1
            pay = self.best_pay(symbol, count, wilds)
            if pay is not None:
                yield LineWin(number, *pay)

    def _free(self, rule: FreeSpins, paid: Window, draw: Draw) -> Iterator[Window]:
        won = min(rule.awards.get(paid.scatters, 0), rule.most_spins)
        played = 0
        while played < won:
            window = self.window(rule.reels, stops_of(rule.reels, draw))
            won = min(won + rule.awards.get(window.scatters, 0), rule.most_spins)
            played += 1
            yield window


_NOTHING: Final[Mapping[int, int]] = {}


def stops_of(reels: Sequence[Reel], draw: Draw) -> tuple[int, ...]:
    """Draw a stop for each reel from the left, with a probability in proportion to its weight."""
    return tuple(reel.stop_of(draw.below(reel.total_weight)) for reel in reels)
