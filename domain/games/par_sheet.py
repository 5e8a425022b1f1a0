"""Odds sheets (PAR sheets): everything that is true of a game on average, exactly, from the file it plays from.

Terms and formulas are those of the field: K. Harrigan and M. Dixon, "PAR Sheets, probabilities, and slot machine
play" (Journal of Gambling Issues 23, 2009): the volatility index is z times the standard deviation of one spin,
the confidence range of n spins the return plus and minus the index over the root of n. The break-even index is
the number of spins from which on the house is ahead at that confidence: where the index over the root of n is
the hold, that is (index / hold)^2. Figures are fractions of the stake; roots are given to 12 decimals.
"""

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import cached_property, lru_cache
from math import isqrt
from typing import Final

from attrs import frozen

from .free_spin_odds import FreeSpinOdds
from .game import Game
from .odds import Steps, WindowCount, count_runs, count_windows, cycle_of
from .reels import Reel
from .returns import Returns, returns_of

Z_90: Final = Fraction(165, 100)
"""The two-sided 90 % quantile of the normal distribution as PAR sheets state it."""
RANGES_SPINS: Final = (10**3, 10**4, 10**5, 10**6, 10**7)
ROOT_PLACES: Final = 12

DIGITS: Final = Context(prec=50)
ROUNDED_UP: Final = 1 + Fraction(1, 10**30)
"""More than all that is rounded on the way in 50 digits, a power of millions included."""


@frozen
class Spread:
    """How a spin's win spreads: its mean and its variance, as multiples of the stake and of its square."""

    mean: Fraction
    variance: Fraction

    @classmethod
    def of(cls, counts: Mapping[int, int], stake: int) -> "Spread":
        """Return the spread of wins that come so many times each, at a stake in the same coins."""
        total = sum(counts.values())
        mean = Fraction(sum(win * count for win, count in counts.items()), total)
        square = Fraction(sum(win * win * count for win, count in counts.items()), total)
        return cls(mean / stake, (square - mean * mean) / stake**2)

    @property
    def deviation(self) -> Fraction:
        """The standard deviation of a spin, to 12 decimals."""
        return root(self.variance)

    @property
    def volatility_index(self) -> Fraction:
        """The 90 % volatility index: z times the standard deviation."""
        return Z_90 * self.deviation

    @property
    def break_even_spins(self) -> Fraction | None:
        """The spins after which the house is ahead at 90 %; None for a game that pays back all or more."""
        hold = 1 - self.mean
        return Z_90**2 * self.variance / hold**2 if hold > 0 else None

    def range_of(self, spins: int) -> tuple[Fraction, Fraction]:
        """Return the range that the return of so many spins lies in, 90 times of 100."""
        reach = Z_90 * root(self.variance / spins)
        return self.mean - reach, self.mean + reach


@frozen
class RunOdds:
    """A run of a symbol on a line: its coins, the combinations of all lines, and its share of the return."""

    symbol: str
    count: int
    coins: int
    combinations: int
    rtp: Fraction


@frozen
class WinOdds:
    """A win of one window: its coins and how many of the combinations pay it."""

    coins: int
    combinations: int
    chance: Fraction


@frozen
class FreeSpinSheet:
    """What free spins come to. `pay` is what they win on average once they are won, as a multiple of the stake."""

    chance: Fraction
    mean_spins: Fraction
    pay: Fraction
    cycle: int
    runs: tuple[RunOdds, ...]
    wins: tuple[WinOdds, ...]


@frozen(eq=False)
class ParSheet:
    """The odds sheet of a game. Each figure is counted when it is first asked for."""

    game: Game

    @cached_property
    def returns(self) -> Returns:
        """The return by part."""
        return returns_of(self.game)

    @cached_property
    def runs(self) -> tuple[RunOdds, ...]:
        """What pays on the lines of the paid spin."""
        return _run_odds(self.game, self.game.reels)

    @cached_property
    def cycle(self) -> int:
        """The combinations of the paid spin."""
        return cycle_of(self.game.reels)

    @cached_property
    def wins(self) -> tuple[WinOdds, ...]:
        """How often the paid window pays what, lines and scatters together; free spins are beside it."""
        return _win_odds(self._window.by_coins(self.game), self.cycle)

    @cached_property
    def free_spins(self) -> FreeSpinSheet | None:
        """What free spins come to; None in a game without them."""
        rule, odds = self.game.free_spins, self._free
        if rule is None or odds is None:
            return None
        chance = Fraction(sum(count for _, award, count in self._starts if award), self.cycle)
        spins = Fraction(sum(odds.mean_spins(award) * count for _, award, count in self._starts), self.cycle)
        pay = Fraction(sum(odds.mean(award) * count for _, award, count in self._starts), self.cycle)
        return FreeSpinSheet(
            chance=chance,
            mean_spins=spins / chance if chance else Fraction(0),
            pay=pay / chance / self.game.stake.coins if chance else Fraction(0),
            cycle=odds.cycle,
            runs=_run_odds(self.game, rule.reels),
            wins=_win_odds(odds.by_coins, odds.cycle),
        )

    @cached_property
    def hit_rate(self) -> Fraction:
        """The chance that a spin wins anything at all."""
        return self.chance_of(1)

    @cached_property
    def at_least_stake(self) -> Fraction:
        """The chance that a spin wins its stake or more: what the safety engine takes as not lost."""
        return self.chance_of(self.game.stake.coins)

    def chance_of(self, coins: int) -> Fraction:
        """Return the chance that a round wins at least so many coins, free spins included. Raises TooManyWays."""
        steps = Steps()
        below = sum(
            count * (self._free.chance_below(award, coins - paid, steps) if award and self._free else 1)
            for paid, award, count in self._starts
            if paid < coins
        )
        return 1 - Fraction(below, self.cycle)

    @cached_property
    def spread(self) -> Spread:
        """Mean and variance of a round, free spins included."""
        stake = self.game.stake.coins
        mean = square = Fraction(0)
        for paid, award, count in self._starts:
            more, squares = self._further(award)
            mean += count * (paid + more)
            square += count * (paid * paid + 2 * paid * more + squares)
        mean, square = mean / self.cycle, square / self.cycle
        return Spread(mean / stake, (square - mean * mean) / stake**2)

    def mean_exponential(self, u: Fraction) -> Fraction:
        """Return E exp(u X), X what a stake of 1 wins less the return; rounded up in the 30th digit."""
        with localcontext(DIGITS):
            coin = _decimal(u / self.game.stake.coins).exp()
            further = {} if self._free is None else self._free.mean_powers(coin)
            total = Decimal(0)
            for paid, award, count in self._starts:
                total += count * coin**paid * further.get(award, 1)
            return Fraction(total / self.cycle * _decimal(-u * self.game.rtp).exp()) * ROUNDED_UP

    @cached_property
    def largest_win(self) -> WinOdds:
        """The most coins that a round can win, and the chance of it; combinations are those of the paid spin."""
        further = {award: self._largest(award) for award in {award for _, award, _ in self._starts}}
        best = max(paid + further[award][0] for paid, award, _ in self._starts)
        ways = [(award, count) for paid, award, count in self._starts if paid + further[award][0] == best]
        chance = sum((further[award][1] * count for award, count in ways), Fraction(0)) / self.cycle
        return WinOdds(best, sum(count for _, count in ways), chance)

    @cached_property
    def _window(self) -> WindowCount:
        return count_windows(self.game, self.game.reels)

    @cached_property
    def _free(self) -> FreeSpinOdds | None:
        rule = self.game.free_spins
        return None if rule is None else FreeSpinOdds.of(self.game, rule, self._window)

    @cached_property
    def _starts(self) -> tuple[tuple[int, int, int], ...]:
        """Paid windows that are alike: their coins, the free spins they win, and how many they are."""
        awards = {} if self.game.free_spins is None else self.game.free_spins.awards
        counts: dict[tuple[int, int], int] = {}
        for (line_coins, scatters), count in self._window.counts.items():
            start = (line_coins + self.game.scatter_pays.get(scatters, 0), awards.get(scatters, 0))
            counts[start] = counts.get(start, 0) + count
        return tuple((coins, award, count) for (coins, award), count in sorted(counts.items()))

    def _largest(self, award: int) -> tuple[int, Fraction]:
        if not award or self._free is None:
            return 0, Fraction(1)
        return self._free.largest(award)

    def _further(self, award: int) -> tuple[Fraction, Fraction]:
        if not award or self._free is None:
            return Fraction(0), Fraction(0)
        return self._free.mean(award), self._free.mean_square(award)


@lru_cache(maxsize=256)
def sheet_of(game: Game) -> ParSheet:
    """Return the odds sheet of a game, whose figures are counted once a process."""
    return ParSheet(game)


def root(value: Fraction, places: int = ROOT_PLACES) -> Fraction:
    """Return the square root of a value of 0 or more, rounded down to so many decimals."""
    scale = 10**places
    return Fraction(isqrt(value.numerator * scale * scale // value.denominator), scale)


def _decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)


def _run_odds(game: Game, reels: Sequence[Reel]) -> tuple[RunOdds, ...]:
    cycle, counts = cycle_of(reels), count_runs(game, reels)
    rows = []
    for symbol, pays in game.pays.items():
        for length, coins in sorted(pays.items()):
            combinations = counts.get((symbol, length), 0)
            rtp = Fraction(combinations * coins, cycle * game.stake.coins)
            rows.append(RunOdds(symbol, length, coins, combinations, rtp))
    return tuple(rows)


def _win_odds(counts: Mapping[int, int], cycle: int) -> tuple[WinOdds, ...]:
    return tuple(WinOdds(coins, count, Fraction(count, cycle)) for coins, count in sorted(counts.items()))
