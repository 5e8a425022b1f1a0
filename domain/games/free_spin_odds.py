"""The odds of free spins: a Markov chain that ends for certain, since a round limits its free spins.

The state of a round is the number of free spins left and the number won so far. Every free spin takes one from
the first number and may add to both, up to the limit of the round. Sums over the chain are integers. The future
sum of a state is scaled by the cycle of the reels for each spin that may follow.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache

from attrs import field, frozen

from ..wire_names import camel_in
from .game import FreeSpins, Game
from .odds import StepBudget, WindowCount, count_scatters, cycle_of

State = tuple[int, int]
"""Free spins left, and free spins won so far."""


@frozen
class _Share:
    """The free windows that win `award` further spins: their number by coins, after the multiplier."""

    award: int
    coins: Mapping[int, int]

    @property
    def sums(self) -> tuple[int, int, int]:
        """The number of windows, the sum of their coins, and the sum of the squared coins."""
        pairs = self.coins.items()
        return (
            sum(self.coins.values()),
            sum(coins * count for coins, count in pairs),
            sum(coins * coins * count for coins, count in pairs),
        )


@frozen
class FreeSpinOdds:
    """The odds of won free spins. Coins are those of the whole round's stake."""

    rule: FreeSpins
    cycle: int
    shares: tuple[_Share, ...]
    _moments: dict[State, tuple[int, int, int]] = field(init=False, factory=dict, repr=False)

    @classmethod
    def of(cls, game: Game, rule: FreeSpins, counted: WindowCount) -> "FreeSpinOdds":
        """Return the odds of a game's free spins from the windows of their reels."""
        shares: dict[int, dict[int, int]] = {}
        for (line_coins, scatters), count in counted.counts.items():
            coins = (line_coins + game.scatter_pays.get(scatters, 0)) * rule.multiplier
            of_award = shares.setdefault(rule.awards.get(scatters, 0), {})
            of_award[coins] = of_award.get(coins, 0) + count
        return cls(rule, counted.cycle, _shares(shares))

    @classmethod
    def of_spins_alone(cls, game: Game, rule: FreeSpins) -> "FreeSpinOdds":
        """Return the odds of the number of free spins only, which is fast; their coins are 0 here."""
        shares: dict[int, dict[int, int]] = {}
        for scatters, count in count_scatters(game, rule.reels).items():
            of_award = shares.setdefault(rule.awards.get(scatters, 0), {0: 0})
            of_award[0] += count
        return cls(rule, cycle_of(rule.reels), _shares(shares))

    @property
    def by_coins(self) -> dict[int, int]:
        """The free windows by coins, after the multiplier."""
        totals: dict[int, int] = {}
        for share in self.shares:
            for coins, count in share.coins.items():
                totals[coins] = totals.get(coins, 0) + count
        return totals

    def mean_spins(self, award: int) -> Fraction:
        """Return the mean number of free spins of an award, with those that they win in turn."""
        start = self._start(award)
        return Fraction(self._moments_at(start)[0], self._scale(start))

    def mean(self, award: int) -> Fraction:
        """Return the mean coins of an award."""
        start = self._start(award)
        return Fraction(self._moments_at(start)[1], self._scale(start))

    def mean_square(self, award: int) -> Fraction:
        """Return the mean squared coins of an award."""
        start = self._start(award)
        return Fraction(self._moments_at(start)[2], self._scale(start))

    def mean_powers(self, base: Decimal) -> dict[int, Decimal]:
        """Return E(base^coins) for each award, in the precision of the current decimal context."""
        each = {
            share.award: sum((count * base**coins for coins, count in share.coins.items()), Decimal(0))
            / self.cycle
            for share in self.shares
        }

        @cache
        def from_state(state: State) -> Decimal:
            if not state[0]:
                return Decimal(1)
            return sum((mean * from_state(self._after(state, more)) for more, mean in each.items()), Decimal(0))

        return {award: from_state(self._start(award)) for award in self.rule.awards.values()}

    def chance_below(self, award: int, limit: int, steps: StepBudget) -> Fraction:
        """Return the probability that an award pays less than `limit` coins. Raises TooManyWays."""
        chance, played = Fraction(0), 0
        kinds = sum(len(share.coins) for share in self.shares)
        going = {(self._start(award), 0): 1}
        while going and limit > 0:
            played += 1
            after: dict[tuple[State, int], int] = {}
            ended = 0
            steps.take(len(going) * kinds, camel_in("free_spins.most_spins"))
            for (state, total), count in going.items():
                for share in self.shares:
                    following = self._after(state, share.award)
                    for coins, times in share.coins.items():
                        if total + coins >= limit:
                            continue
                        if not following[0]:
                            ended += count * times
                            continue
                        key = (following, total + coins)
                        after[key] = after.get(key, 0) + count * times
            chance += Fraction(ended, self.cycle**played)
            going = after
        return chance

    def largest(self, award: int) -> tuple[int, Fraction]:
        """Return the largest coins of an award, and their probability."""

        @cache
        def from_state(state: State) -> tuple[int, int]:
            if not state[0]:
                return 0, self._scale(state)
            best, ways = -1, 0
            for share in self.shares:
                coins = max(share.coins)
                further, after = from_state(self._after(state, share.award))
                if coins + further > best:
                    best, ways = coins + further, 0
                if coins + further == best:
                    ways += share.coins[coins] * after
            return best, ways

        start = self._start(award)
        best, ways = from_state(start)
        return best, Fraction(ways, self._scale(start))

    def _start(self, award: int) -> State:
        won = min(award, self.rule.most_spins)
        return won, won

    def _after(self, state: State, award: int) -> State:
        left, won = state
        more = min(award, self.rule.most_spins - won)
        return left - 1 + more, won + more

    def _scale(self, state: State) -> int:
        left, won = state
        return int(self.cycle ** (self.rule.most_spins - (won - left)))

    def _moments_at(self, state: State) -> tuple[int, int, int]:
        """Return the scaled sums of spins, coins and squared coins from a state on.

        The total T = w + T' of this spin and the rest has T^2 = w^2 + 2wT' + T'^2. Given the number of spins that
        this one wins, w and T' are independent.
        """
        known = self._moments.get(state)
        if known is None:
            known = self._moments[state] = self._summed(state) if state[0] else (0, 0, 0)
        return known

    def _summed(self, state: State) -> tuple[int, int, int]:
        spins = coins = squares = 0
        for share in self.shares:
            following = self._after(state, share.award)
            scale = self._scale(following)
            next_spins, next_coins, next_squares = self._moments_at(following)
            count, sum_coins, sum_squares = share.sums
            spins += count * (scale + next_spins)
            coins += sum_coins * scale + count * next_coins
            squares += sum_squares * scale + 2 * sum_coins * next_coins + count * next_squares
        return spins, coins, squares


def _shares(by_award: Mapping[int, Mapping[int, int]]) -> tuple[_Share, ...]:
    return tuple(_Share(award, coins) for award, coins in sorted(by_award.items()))
