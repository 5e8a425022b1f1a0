"""Intervals, tests and the alarm: figures worked out by hand, and rates that hold on fair and unfair games."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from operator import mul
from random import Random
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from playtime.adapters.system.game_shelf import shipped_games
from playtime.domain.errors import InvalidInput
from playtime.domain.games.configs import GameConfig
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.inference import (
    FEWEST_ROUNDS,
    FEWEST_SPINS,
    Z_OUTLIER,
    Odds,
    drift_bound,
    has_drifted,
    is_beyond_luck,
    is_outlier,
    root_of,
    rtp_interval,
    z_score,
)
from playtime.domain.games.variance import hit_rate_of, variance_of

VARIANCE = variance_of(DEMO_GAME)
ODDS = Odds(rtp=DEMO_GAME.rtp, variance=VARIANCE)


def test_the_variance_of_the_demo_game() -> None:
    """E[m^2] = (2050 + 1500 x 4 + 400 x 25 + 120 x 100 + 30 x 625 + 5 x 10000) / 10000 = 9.88."""
    assert Fraction("9.88") - Fraction("0.9025") == VARIANCE
    assert hit_rate_of(DEMO_GAME) == Fraction(4_105, 10_000)


@given(st.fractions(0, 10**24))
def test_a_root_is_right_to_twelve_decimals(number: Fraction) -> None:
    root = root_of(number)
    assert root**2 <= number < (root + Fraction(1, 10**12)) ** 2


def test_an_interval_is_as_wide_as_the_central_limit_theorem_says() -> None:
    interval = rtp_interval(handle_minor=10_000, payout_minor=9_000, variance=Fraction(250_000))
    assert interval is not None
    assert interval.high - interval.low == 2 * Fraction("1.959964") * 500 / 10_000
    assert (interval.high + interval.low) / 2 == Fraction(9, 10)
    assert rtp_interval(handle_minor=0, payout_minor=0, variance=Fraction(0)) is None


def test_a_z_is_in_standard_deviations() -> None:
    assert z_score(payout_minor=1_150, expected_minor=Fraction(1_000), variance=Fraction(2_500)) == 3
    assert z_score(payout_minor=1_150, expected_minor=Fraction(1_000), variance=Fraction(0)) is None
    assert is_outlier(Z_OUTLIER, FEWEST_SPINS)
    assert is_outlier(-Z_OUTLIER, FEWEST_SPINS)
    assert not is_outlier(Z_OUTLIER, FEWEST_SPINS - 1)
    assert not is_outlier(Z_OUTLIER - Fraction(1, 10**6), FEWEST_SPINS)
    assert not is_outlier(None, FEWEST_SPINS)


class TestFairPlayers:
    """A thousand of them, with 100 rounds each at a stake of 1, some of which they double or raise tenfold."""

    @staticmethod
    def _players(stakes: Sequence[int]) -> list[tuple[int, int, int]]:
        (reel,) = DEMO_GAME.reels
        pays = [DEMO_GAME.pays.get(symbol, {}).get(1, 0) for symbol in reel.strip]
        random, players = Random(12), []
        for _ in range(1_000):
            staked = random.choices(stakes, k=100)
            won = sum(map(mul, staked, random.choices(pays, reel.weights, k=100)))
            players.append((sum(staked), won, sum(stake**2 for stake in staked)))
        return players

    @pytest.mark.parametrize("stakes", [(1,), (1, 1, 1, 2, 1, 1, 1, 2, 5, 10)])
    def test_are_not_beyond_luck_though_many_have_a_large_z(self, stakes: Sequence[int]) -> None:
        """Of normal wins 1 had a z beyond 3.29, measured are 10 to 20; beyond luck 4 are too many."""
        outside = beyond = 0
        for handle, payout, squares in self._players(stakes):
            z = z_score(payout_minor=payout, expected_minor=DEMO_GAME.rtp * handle, variance=VARIANCE * squares)
            outside += is_outlier(z, 100)
            beyond += is_beyond_luck([(DEMO_GAME, handle, payout, squares)])
        assert 5 <= outside <= 40
        assert beyond < 4

    def test_and_those_who_are(self) -> None:
        """At 1,000 equal rounds it takes a return of 1.71, or too little of one; what luck gives is let be."""

        def beyond(payout: int, *, rounds: int = 1_000) -> bool:
            return is_beyond_luck([(DEMO_GAME, rounds * 100, payout, rounds * 100**2)])

        assert [beyond(payout) for payout in (95_000, 160_000, 172_000)] == [False, False, True]
        assert [beyond(50_000), beyond(0)] == [False, True]

    def test_play_at_several_games_is_taken_together(self) -> None:
        harbor = shipped_games()[0]
        plays = [(game, 100_000, 165_000, 100 * 100_000) for game in (DEMO_GAME, harbor)]
        assert [is_beyond_luck([play]) for play in plays] == [False, False]
        assert is_beyond_luck(plays)
        assert not is_beyond_luck([(DEMO_GAME, 0, 0, 0)])
        assert not is_beyond_luck([])


@given(st.integers(1, 10**20))
def test_the_bound_is_the_published_formula(spent: int) -> None:
    variance, tuning = Fraction(spent), VARIANCE * 10_000 * 100**2
    with localcontext(prec=50):
        whole, p = _decimal(variance + tuning), _decimal(tuning)
        expected = (whole * (whole / (p * Decimal("0.000001"))).ln()).sqrt()
        assert abs(_decimal(drift_bound(variance, VARIANCE)) - expected) < Decimal("0.0001")


def _decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)


def _first_alarm(seed: int, rounds: int, *, bonus_percent: int) -> int | None:
    """Play, looking after every hundredth round; return when the alarm went off."""
    (reel,) = DEMO_GAME.reels
    pays = [DEMO_GAME.pays.get(symbol, {}).get(1, 0) for symbol in reel.strip]
    wins = Random(seed).choices(pays, reel.weights, k=rounds)
    for number in range(100, rounds + 1, 100):
        won = sum(wins[:number]) * (100 + bonus_percent)
        if has_drifted(ODDS, payout_minor=won, handle_minor=number * 100, squares=number * 100**2):
            return number
    return None


def test_a_fair_game_sets_off_no_alarm_however_often_one_looks() -> None:
    alarms = [_first_alarm(seed, 40_000, bonus_percent=0) for seed in range(10)]
    assert alarms == [None] * 10


def test_a_game_that_pays_ten_points_too_much_is_found() -> None:
    found = [_first_alarm(seed, 60_000, bonus_percent=11) for seed in range(5)]
    assert None not in found


def test_a_game_is_not_judged_before_enough_rounds_of_like_stakes() -> None:
    def drifted(*stakes: tuple[int, int]) -> bool | None:
        handle = sum(number * stake for number, stake in stakes)
        squares = sum(number * stake**2 for number, stake in stakes)
        return has_drifted(ODDS, payout_minor=0, handle_minor=handle, squares=squares)

    assert drifted((FEWEST_ROUNDS, 100)) is True
    assert drifted((FEWEST_ROUNDS - 1, 100)) is None
    assert drifted((FEWEST_ROUNDS, 100), (1, 100_000)) is None
    assert has_drifted(evolve(ODDS, variance=None), payout_minor=0, handle_minor=10**9, squares=10**9) is None


def test_a_game_without_chance_drifts_at_once() -> None:
    sure = evolve(ODDS, variance=Fraction(0))
    drifted = [has_drifted(sure, payout_minor=won, handle_minor=100, squares=10_000) for won in (95, 96)]
    assert drifted == [False, True]


@pytest.mark.parametrize("given", [{"expected_rtp": Fraction(3)}, {"hit_rate": Fraction(2)}, {"volatility": -1}])
def test_a_game_is_stated_as_one_that_could_be(given: dict[str, Fraction]) -> None:
    about = {"expected_rtp": Fraction(95, 100)} | given
    with pytest.raises(InvalidInput, match="must be from 0 to"):
        GameConfig(operator_id=UUID(int=1), tenant_id=UUID(int=1), game_key="a", provider="b", **about)
