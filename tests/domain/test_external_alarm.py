"""The alarm of external games: the published bounds, and games that use all that a variance allows."""

from fractions import Fraction
from math import e, exp, isclose, log, sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.games.external_alarm import StakeSums, has_left_its_odds, largest_possible_stake
from playtime.domain.games.inference import Odds

ODDS = Odds(rtp=Fraction(95, 100), variance=Fraction(9))


def equal(rounds: int, rtp: Fraction, stake: int = 100) -> StakeSums:
    """Return the sums of equal stakes at a return."""
    return StakeSums(rounds, rounds * stake, int(rounds * stake * rtp), rounds * stake**2)


def first_found(difference: Fraction) -> int:
    """Return the number of equal stakes of 1.00 FUN after which a return is found."""
    few, many = 0, 10**12
    while many - few > 1:
        rounds = (few + many) // 2
        if has_left_its_odds(ODDS, equal(rounds, ODDS.rtp + difference)):
            many = rounds
        else:
            few = rounds
    return many


def test_too_much_is_found_by_the_bound_of_dubins_and_savage() -> None:
    """root(1999 / W) (V + W) = 0.1 n at stakes of 1 and W = 9 x 10^7: a quadratic equation."""
    deviation = sqrt(1999 / 9e7) * 9
    constant = sqrt(1999 * 9e7)
    assert isclose(first_found(Fraction(1, 10)), constant / (0.1 - deviation), rel_tol=1e-4)


def test_too_little_is_found_by_the_bound_of_bennett() -> None:
    def bound(rounds: int) -> float:
        def least(power: float) -> float:
            u = 100 * power
            cost = 9 / 0.95**2 * (exp(0.95 * u) - 1 - 0.95 * u)
            return (rounds * cost + log(2 * 56 * 1_000)) / power

        return min(least(2.0**-n) for n in range(7, 40))

    found = first_found(Fraction(-1, 10))
    assert bound(found) <= 0.1 * 100 * found * (1 + 1e-4)
    assert bound(found - 1) > 0.1 * 100 * (found - 1) * (1 - 1e-4)
    assert 20_000 < found < 40_000


@pytest.mark.parametrize("difference", [Fraction(1, 10), Fraction(-1, 10)])
def test_drift_stays_found_after_more_rounds(difference: Fraction) -> None:
    found = first_found(difference)
    assert has_left_its_odds(ODDS, equal(10 * found, ODDS.rtp + difference))


def test_jackpot_that_the_variance_allows_is_no_alarm() -> None:
    """One round of 300 wins 0.95 + root(9 x 299): games with jackpots set off an alarm by normal tails."""
    win = Fraction(95, 100) + int(sqrt(9 * 299))
    for rounds in (1, 100, 30_000):
        won = rounds * 95 + int(win * 100)
        assert not has_left_its_odds(ODDS, StakeSums(rounds, rounds * 100, won, rounds * 100**2))


def test_few_rounds_are_judged() -> None:
    assert not has_left_its_odds(ODDS, equal(1, Fraction(100)))
    assert not has_left_its_odds(ODDS, equal(50, Fraction(0)))
    assert has_left_its_odds(ODDS, equal(1_000, Fraction(0)))
    assert has_left_its_odds(ODDS, equal(10, Fraction(10**6)))


def test_large_stake_makes_the_bound_of_too_little_wider() -> None:
    sums = equal(40_000, ODDS.rtp - Fraction(1, 10))
    assert has_left_its_odds(ODDS, sums)
    large = 10**6
    mixed = StakeSums(sums.bets + 1, sums.handle_minor + large, sums.payout_minor + large, sums.squares + large**2)
    assert not has_left_its_odds(ODDS, mixed)


def test_variance_of_0_allows_no_deviation() -> None:
    sure = Odds(rtp=Fraction(95, 100), variance=Fraction(0))
    assert not has_left_its_odds(sure, StakeSums(1, 100, 95, 10_000))
    assert has_left_its_odds(sure, StakeSums(1, 100, 96, 10_000))
    assert has_left_its_odds(sure, StakeSums(1, 100, 94, 10_000))


def test_return_of_0_allows_no_win_beyond_the_bound() -> None:
    nothing = Odds(rtp=Fraction(0), variance=Fraction(1))
    assert not has_left_its_odds(nothing, StakeSums(10, 1_000, 0, 100_000))


@pytest.mark.parametrize("chance", [100, 10_000])
def test_fair_games_of_rare_prizes_set_off_no_alarm(chance: int) -> None:
    """Prizes of `chance` stakes, won once in `chance` rounds."""
    odds, random = Odds(rtp=Fraction(1), variance=Fraction(chance - 1)), Random(chance)
    for _ in range(20):
        won = 0
        for rounds in range(500, 5_001, 500):
            won += sum(random.random() < 1 / chance for _ in range(500)) * chance
            assert not has_left_its_odds(odds, StakeSums(rounds, rounds, won, rounds))


class TestLargestPossibleStake:
    @given(st.lists(st.integers(1, 10**12), min_size=1, max_size=30))
    def test_is_at_least_every_stake(self, stakes: list[int]) -> None:
        sums = StakeSums(len(stakes), sum(stakes), 0, sum(stake**2 for stake in stakes))
        assert max(stakes) <= largest_possible_stake(sums) <= sum(stakes)

    def test_of_equal_stakes_is_that_stake(self) -> None:
        assert largest_possible_stake(StakeSums(9, 63, 0, 441)) == 7


def test_constant_is_the_logarithm_of_112_000() -> None:
    assert isclose(e**11.626255, 112_000, rel_tol=1e-6)
