"""Games of chance: reel strips, lines and a published pay table, and what a window of them pays.

A game is data, read from a game file (`files.py`), and everything that it can do follows from that data: a
draw stops each reel, the reels show a window, lines and scatters pay by the table, and enough scatters play free
spins in the same round. Pays are in coins; a spin costs `stake.coins` of them, and a coin is worth the stake
over their number. What is drawn depends on nothing but the draw: not on the stake, the balance, the player or
what was won before.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import ClassVar, Final, Protocol

from attrs import define, field, frozen

from ..errors import InvalidInput
from ..money import checked_amount
from .reels import Column, Reel


class Draw(Protocol):
    """Where the numbers of one round come from, one after the other."""

    def below(self, bound: int) -> int:
        """Return an integer in [0, bound), each equally likely."""


@define
class StakeOutOfRange(InvalidInput):
    """Raised when a stake is not one that the game takes."""

    code: ClassVar[str] = "STAKE_OUT_OF_RANGE"


@frozen
class Symbol:
    """A symbol of the reels: its id in the game file, its name, and the glyph that stands for it on a screen."""

    symbol_id: str
    name: str
    glyph: str = ""


@frozen
class StakeRule:
    """Which stakes a game takes: whole coins within limits, or only the levels that are named.

    A spin costs `coins`, so that every stake is a multiple of them and every win a whole number of minor units.
    """

    coins: int
    min_minor: int
    max_minor: int
    levels_minor: tuple[int, ...] = ()

    def coin_minor(self, stake_minor: int) -> int:
        """Return what a coin is worth at a stake that was checked."""
        return stake_minor // self.coins

    def checked(self, stake_minor: int) -> int:
        """Return the stake when the game takes it. Raises StakeOutOfRange, InvalidInput."""
        stake = checked_amount(stake_minor, "stakeMinor")
        if not self.min_minor <= stake <= self.max_minor:
            raise StakeOutOfRange("stakeMinor", f"must be between {self.min_minor} and {self.max_minor}")
        if self.levels_minor and stake not in self.levels_minor:
            levels = ", ".join(str(level) for level in self.levels_minor)
            raise StakeOutOfRange("stakeMinor", f"must be one of {levels}")
        if stake % self.coins:
            raise StakeOutOfRange("stakeMinor", f"must be a multiple of {self.coins}")
        return stake


@frozen
class FreeSpins:
    """Spins that scatters win: how many each number of scatters wins, on which reels, and what multiplies them.

    Scatters win more of them in free spins too, up to `most_spins` in one round.
    """

    awards: Mapping[int, int]
    multiplier: int
    most_spins: int
    reels: tuple[Reel, ...]


@frozen
class LineWin:
    """A line that pays: its number counted from 1, what runs along it from the left, and how far."""

    line: int
    symbol: str
    count: int
    coins: int


@frozen
class Window:
    """What the reels showed, and what it pays in coins. `scatters` counts them anywhere in the window."""

    stops: tuple[int, ...]
    columns: tuple[Column, ...]
    line_wins: tuple[LineWin, ...]
    scatters: int
    scatter_coins: int

    @property
    def coins(self) -> int:
        """Everything that the window pays, in coins, not multiplied."""
        return self.scatter_coins + sum(win.coins for win in self.line_wins)


@frozen
class Play:
    """The windows of one round: the one that was paid for, and the free ones that it won."""

    paid: Window
    free: tuple[Window, ...]
    multiplier: int

    @property
    def coins(self) -> int:
        """Everything that the round wins, in coins."""
        return self.paid.coins + self.multiplier * sum(window.coins for window in self.free)


@frozen(kw_only=True, eq=False)
class Game:
    """A game as it is played. Made by `game_files.read_game`, which holds it against what it declares.

    `lines` say for each reel, from the left, which row (0 is the top one) the line runs through. `pays` say for a
    symbol and the length of its run from the left what a line pays, `scatter_pays` what a number of scatters pays
    anywhere. The wild symbol stands for every other one but the scatter; a line pays the best it can, once.
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
        """Return the stake when the game takes it. Raises StakeOutOfRange, InvalidInput."""
        return self.stake.checked(stake_minor)

    def play(self, draw: Draw) -> Play:
        """Play one round: the paid spin, and the free spins that it wins, on the same draw."""
        paid = self.window(self.reels, stops_of(self.reels, draw))
        if self.free_spins is None:
            return Play(paid, (), 1)
        return Play(paid, tuple(self._free(self.free_spins, paid, draw)), self.free_spins.multiplier)

    def window(self, reels: Sequence[Reel], stops: tuple[int, ...]) -> Window:
        """Return the window at these stops and what it pays."""
        columns = tuple(reel.columns[stop] for reel, stop in zip(reels, stops, strict=True))
        scatters = 0
        if self.scatter is not None:
            scatters = sum(column.count(self.scatter) for column in columns)
        scatter_coins = self.scatter_pays.get(scatters, 0)
        return Window(stops, columns, tuple(self._line_wins(columns)), scatters, scatter_coins)

    def best_pay(self, symbol: str | None, count: int, wilds: int) -> tuple[str, int, int] | None:
        """Return what a run of `count` pays best: as its symbol, or as the wilds that it begins with.

        `symbol` is None when all of it is wild. Returns symbol, length and coins; None when nothing is paid.
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
    """Draw a stop for each reel, from the left, each with the chance that its weight gives it."""
    return tuple(reel.stop_of(draw.below(reel.total_weight)) for reel in reels)
