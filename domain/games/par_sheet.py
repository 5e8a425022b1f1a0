"""Odds sheets (PAR sheets): the exact average figures of a game, computed from its game file.

Terms and formulas are those of K. Harrigan and M. Dixon, "PAR Sheets, probabilities, and slot machine play"
(Journal of Gambling Issues 23, 2009):

- The volatility index is z times the standard deviation of one spin.
- The confidence range of n spins is the return plus and minus index / root(n).
- The break-even index is (index / hold)^2: after so many spins the house is ahead at that confidence, since then
  index / root(n) equals the hold.

Figures are fractions of the stake; roots have 12 decimals.
"""

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Final

from attrs import define, field, frozen

from ..decimals import square_root
from .free_spin_odds import FreeSpinOdds
from .game import Game, Reel
from .odds import StepBudget, WindowCount, count_runs, count_scatters, count_windows, cycle_of

Z_90: Final = Fraction(165, 100)
"""The two-sided 90 % quantile of the normal distribution, as PAR sheets round it."""
RANGES_SPINS: Final = (10**3, 10**4, 10**5, 10**6, 10**7)

DIGITS: Final = Context(prec=50)
ROUNDED_UP: Final = 1 + Fraction(1, 10**30)
"""A factor above the sum of all rounding errors in 50 digits, also after a power of millions."""


@frozen
class Returns:
    """The parts of a game's return, each as a fraction of the stake."""

    lines: Fraction
    scatters: Fraction
    free_spins: Fraction

    @property
    def total(self) -> Fraction:
        """The return to player: the expected win of a stake of 1."""
        return self.lines + self.scatters + self.free_spins


@frozen
class Spread:
    """Mean and variance of a spin's win, as multiples of the stake and of its square."""

    mean: Fraction
    variance: Fraction

    @classmethod
    def of(cls, counts: Mapping[int, int], stake: int) -> "Spread":
        """Return the spread of wins in coins, given with their counts, at a stake in the same coins."""
        total = sum(counts.values())
        mean = Fraction(sum(win * count for win, count in counts.items()), total)
        square = Fraction(sum(win * win * count for win, count in counts.items()), total)
        return cls(mean / stake, (square - mean * mean) / stake**2)

    @property
    def deviation(self) -> Fraction:
        """The standard deviation of a spin, to 12 decimals."""
        return square_root(self.variance)

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
        """Return the range in which the return of `spins` spins lies with a probability of 90 %."""
        reach = Z_90 * square_root(self.variance / spins)
        return self.mean - reach, self.mean + reach


@frozen
class RunOdds:
    """A run of a symbol on a line: its coins, the combinations of all lines, and its part of the return."""

    symbol: str
    count: int
    coins: int
    combinations: int
    rtp: Fraction


@frozen
class WinOdds:
    """A win of one window: its coins, the combinations that pay it, and their share of the cycle."""

    coins: int
    combinations: int
    chance: Fraction


@frozen
class FreeSpinSheet:
    """The odds of free spins. `pay` is their mean win per award, as a multiple of the stake."""

    chance: Fraction
    mean_spins: Fraction
    pay: Fraction
    cycle: int
    runs: tuple[RunOdds, ...]
    wins: tuple[WinOdds, ...]


@frozen
class CountedOdds:
    """The figures of a sheet that take long to count. All others follow from them.

    `free` has the windows of free spins whose reels are not those of the paid spin.
    """

    paid: WindowCount
    free: WindowCount | None
    at_least_stake: Fraction


@define(eq=False)
class ParSheet:
    """The odds sheet of a game. Each figure is counted at its first use."""

    game: Game
    known: CountedOdds | None = field(default=None, repr=False)
    """The figures that take long, once `count` has counted them; or those of an earlier count."""

    def count(self) -> CountedOdds:
        """Count the figures that take long, unless they are known. Raises TooManyWays."""
        if self.known is None:
            self.known = CountedOdds(self._window, self._window_of_free, self.at_least_stake)
        return self.known

    @cached_property
    def returns(self) -> Returns:
        """The return by part."""
        return returns_of(self.game)

    @cached_property
    def runs(self) -> tuple[RunOdds, ...]:
        """The paying runs on the lines of the paid spin."""
        return _run_odds(self.game, self.game.reels)

    @cached_property
    def cycle(self) -> int:
        """The combinations of the paid spin."""
        return cycle_of(self.game.reels)

    @cached_property
    def wins(self) -> tuple[WinOdds, ...]:
        """The wins of the paid window, lines and scatters together, without its free spins."""
        return _win_odds(self._window.by_coins(self.game), self.cycle)

    @cached_property
    def free_spins(self) -> FreeSpinSheet | None:
        """The odds of free spins; None for a game without free spins."""
        rule, odds = self.game.free_spins, self._free
        if rule is None or odds is None:
            return None
        chance = Fraction(sum(count for _, award, count in self._paid_windows if award), self.cycle)
        spins = Fraction(sum(odds.mean_spins(award) * count for _, award, count in self._paid_windows), self.cycle)
        pay = Fraction(sum(odds.mean(award) * count for _, award, count in self._paid_windows), self.cycle)
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
        """The exact share of rounds that win anything, free spins included."""
        return self.chance_of(1)

    @cached_property
    def at_least_stake(self) -> Fraction:
        """The share of rounds that win at least their stake, which the risk markers do not count as lost."""
        return self.chance_of(self.game.stake.coins) if self.known is None else self.known.at_least_stake

    def chance_of(self, coins: int) -> Fraction:
        """Return the share of rounds that win at least `coins`, free spins included. Raises TooManyWays."""
        steps = StepBudget()
        below = sum(
            count * (self._free.chance_below(award, coins - paid, steps) if award and self._free else 1)
            for paid, award, count in self._paid_windows
            if paid < coins
        )
        return 1 - Fraction(below, self.cycle)

    @cached_property
    def spread(self) -> Spread:
        """Mean and variance of a round, free spins included."""
        stake = self.game.stake.coins
        mean = square = Fraction(0)
        for paid, award, count in self._paid_windows:
            more, squares = self._free_spin_moments(award)
            mean += count * (paid + more)
            square += count * (paid * paid + 2 * paid * more + squares)
        mean, square = mean / self.cycle, square / self.cycle
        return Spread(mean / stake, (square - mean * mean) / stake**2)

    def mean_exponential(self, u: Fraction) -> Fraction:
        """Return E exp(u X), where X is the win of a stake of 1 minus the return; rounded up in the 30th digit."""
        with localcontext(DIGITS):
            coin = _decimal(u / self.game.stake.coins).exp()
            further = {} if self._free is None else self._free.mean_powers(coin)
            total = Decimal(0)
            for paid, award, count in self._paid_windows:
                total += count * coin**paid * further.get(award, 1)
            return Fraction(total / self.cycle * _decimal(-u * self.game.rtp).exp()) * ROUNDED_UP

    def mean_loss_exponential(self, u: Fraction) -> Fraction:
        """Return E exp(u L), where L is the loss of a stake of 1: the stake minus the win. Rounded up."""
        with localcontext(DIGITS):
            hold = Fraction(_decimal(u * (1 - self.game.rtp)).exp()) * ROUNDED_UP
        return self.mean_exponential(-u) * hold

    @cached_property
    def largest_win(self) -> WinOdds:
        """The largest win of a round in coins, with its chance; the combinations are those of the paid spin."""
        further = {award: self._largest(award) for award in {award for _, award, _ in self._paid_windows}}
        best = max(paid + further[award][0] for paid, award, _ in self._paid_windows)
        ways = [(award, count) for paid, award, count in self._paid_windows if paid + further[award][0] == best]
        chance = sum((further[award][1] * count for award, count in ways), Fraction(0)) / self.cycle
        return WinOdds(best, sum(count for _, count in ways), chance)

    @cached_property
    def _window(self) -> WindowCount:
        return count_windows(self.game, self.game.reels) if self.known is None else self.known.paid

    @cached_property
    def _window_of_free(self) -> WindowCount | None:
        if self.known is not None:
            return self.known.free
        rule = self.game.free_spins
        return None if rule is None or rule.reels == self.game.reels else count_windows(self.game, rule.reels)

    @cached_property
    def _free(self) -> FreeSpinOdds | None:
        rule = self.game.free_spins
        return None if rule is None else FreeSpinOdds.of(self.game, rule, self._window_of_free or self._window)

    @cached_property
    def _paid_windows(self) -> tuple[tuple[int, int, int], ...]:
        """The paid windows, grouped: their coins, the free spins that they win, and their number."""
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

    def _free_spin_moments(self, award: int) -> tuple[Fraction, Fraction]:
        if not award or self._free is None:
            return Fraction(0), Fraction(0)
        return self._free.mean(award), self._free.mean_square(award)


def returns_of(game: Game) -> Returns:
    """Return the average return of a game by part, fast enough for every read of a game file.

    No window is counted as a whole, because expectations add up. Lines pay by the weights of the symbols in their
    rows, and scatters by their number. Free spins pay their average number times the average pay of one. This is
    Wald's identity: the decision to play one more depends only on the spins before it.
    """
    scatters = count_scatters(game, game.reels)
    lines, scattered = line_return(game, game.reels), scatter_return(game, game.reels, scatters)
    free = Fraction(0)
    rule = game.free_spins
    if rule is not None:
        spins = FreeSpinOdds.of_spins_alone(game, rule)
        each = line_return(game, rule.reels) + scatter_return(game, rule.reels, count_scatters(game, rule.reels))
        for number, combinations in scatters.items():
            chance = Fraction(combinations, cycle_of(game.reels))
            free += chance * spins.mean_spins(rule.awards.get(number, 0)) * rule.multiplier * each
    return Returns(lines, scattered, free)


def line_return(game: Game, reels: Sequence[Reel]) -> Fraction:
    """Return the average pay of the lines of a window, as a fraction of the stake."""
    paid = sum(
        game.pays[symbol][length] * combinations
        for (symbol, length), combinations in count_runs(game, reels).items()
    )
    return Fraction(paid, cycle_of(reels) * game.stake.coins)


def scatter_return(game: Game, reels: Sequence[Reel], counts: Mapping[int, int]) -> Fraction:
    """Return the average pay of the scatters of a window, as a fraction of the stake."""
    paid = sum(game.scatter_pays.get(scatters, 0) * combinations for scatters, combinations in counts.items())
    return Fraction(paid, cycle_of(reels) * game.stake.coins)


@lru_cache(maxsize=256)
def sheet_of(game: Game) -> ParSheet:
    """Return the odds sheet of a game; a process counts the figures of a game once."""
    return ParSheet(game)


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
