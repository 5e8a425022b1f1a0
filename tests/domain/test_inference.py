"""Intervals, tests and the alarm: figures calculated by hand, and rates of alarms of fair and unfair games."""

from collections.abc import Sequence
from fractions import Fraction
from operator import mul
from random import Random
from uuid import UUID

import pytest

from playtime.adapters.system.game_shelf import shipped_games
from playtime.domain.errors import InvalidInput
from playtime.domain.games.configs import GameConfig
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.inference import (
    FEWEST_SPINS,
    Z_OUTLIER,
    is_beyond_luck,
    is_outlier,
    rtp_interval,
    z_score,
)
from playtime.domain.games.par_sheet import sheet_of

VARIANCE = sheet_of(DEMO_GAME).spread.variance


def test_variance_of_the_demo_game() -> None:
    """E[m^2] = (2050 + 1500 x 4 + 400 x 25 + 120 x 100 + 30 x 625 + 5 x 10000) / 10000 = 9.88."""
    assert Fraction("9.88") - Fraction("0.9025") == VARIANCE
    assert sheet_of(DEMO_GAME).hit_rate == Fraction(4_105, 10_000)


def test_interval_has_the_width_of_the_central_limit_theorem() -> None:
    interval = rtp_interval(handle_minor=10_000, payout_minor=9_000, variance=Fraction(250_000))
    assert interval is not None
    assert interval.high - interval.low == 2 * Fraction("1.959964") * 500 / 10_000
    assert (interval.high + interval.low) / 2 == Fraction(9, 10)
    assert rtp_interval(handle_minor=0, payout_minor=0, variance=Fraction(0)) is None


def test_z_score_is_in_standard_deviations() -> None:
    assert z_score(payout_minor=1_150, expected_minor=Fraction(1_000), variance=Fraction(2_500)) == 3
    assert z_score(payout_minor=1_150, expected_minor=Fraction(1_000), variance=Fraction(0)) is None
    assert is_outlier(Z_OUTLIER, FEWEST_SPINS)
    assert is_outlier(-Z_OUTLIER, FEWEST_SPINS)
    assert not is_outlier(Z_OUTLIER, FEWEST_SPINS - 1)
    assert not is_outlier(Z_OUTLIER - Fraction(1, 10**6), FEWEST_SPINS)
    assert not is_outlier(None, FEWEST_SPINS)


class TestFairPlayers:
    """A thousand players with 100 rounds each at a stake of 1, some of which they double or raise tenfold."""

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
    def test_stay_within_luck_though_many_have_a_large_z(self, stakes: Sequence[int]) -> None:
        """Normal wins would give 1 player a z beyond 3.29; 10 to 20 were measured. Beyond luck, 4 are too many."""
        outside = beyond = 0
        for handle, payout, squares in self._players(stakes):
            z = z_score(payout_minor=payout, expected_minor=DEMO_GAME.rtp * handle, variance=VARIANCE * squares)
            outside += is_outlier(z, 100)
            beyond += is_beyond_luck([(DEMO_GAME, handle, payout, squares)])
        assert 5 <= outside <= 40
        assert beyond < 4

    def test_leave_luck_above_a_return_of_1_71(self) -> None:
        """After 1,000 equal rounds a return of 1.71 is beyond luck; smaller deviations are not."""

        def beyond(payout: int, *, rounds: int = 1_000) -> bool:
            return is_beyond_luck([(DEMO_GAME, rounds * 100, payout, rounds * 100**2)])

        assert [beyond(payout) for payout in (95_000, 160_000, 172_000)] == [False, False, True]
        assert [beyond(50_000), beyond(0)] == [False, True]

    def test_play_at_several_games_is_added(self) -> None:
        harbor = shipped_games()[0]
        plays = [(game, 100_000, 165_000, 100 * 100_000) for game in (DEMO_GAME, harbor)]
        assert [is_beyond_luck([play]) for play in plays] == [False, False]
        assert is_beyond_luck(plays)
        assert not is_beyond_luck([(DEMO_GAME, 0, 0, 0)])
        assert not is_beyond_luck([])


@pytest.mark.parametrize("given", [{"expected_rtp": Fraction(3)}, {"hit_rate": Fraction(2)}, {"volatility": -1}])
def test_impossible_game_config_is_refused(given: dict[str, Fraction]) -> None:
    about = {"expected_rtp": Fraction(95, 100)} | given
    with pytest.raises(InvalidInput, match="must be from 0 to"):
        GameConfig(operator_id=UUID(int=1), tenant_id=UUID(int=1), game_key="a", provider="b", **about)


def test_variance_of_a_game_config_is_its_squared_volatility() -> None:
    operator_id = UUID(int=1)
    config = GameConfig(
        operator_id=operator_id,
        tenant_id=operator_id,
        game_key="theirs",
        provider="them",
        expected_rtp=Fraction(19, 20),
        volatility=Fraction(3),
    )
    assert (config.odds.variance, config.odds.volatility) == (Fraction(9), Fraction(3))
