"""The losses that chance explains: by hand, against exact distributions, and in the marker of clusters."""

from datetime import timedelta
from fractions import Fraction
from math import exp, isclose, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playtime.adapters.system.game_shelf import load_games
from playtime.application.safety.odds import fair_game
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.game import Game
from playtime.domain.games.par_sheet import sheet_of
from playtime.domain.safety.fair_losses import FairGame
from playtime.domain.safety.markers import LAST_MINUTES, PlayedSpin
from playtime.domain.safety.policy import DEFAULT_POLICY
from playtime.domain.safety.risk import RiskScorer

from support.games import games
from support.models import NOW
from support.risk import WHEEL, paced, spin

PAYS = {0: 5895, 1: 2050, 2: 1500, 5: 400, 10: 120, 25: 30, 100: 5}
ODDS = {WHEEL: fair_game(DEMO_GAME)}
POWERS = [2.0**-n for n in range(-2, 7)]


def test_log_means_of_the_demo_game_by_hand() -> None:
    means = [sum(count * exp(power * (1 - pay)) for pay, count in PAYS.items()) / 10_000 for power in POWERS]
    found = ODDS[WHEEL].log_means
    assert all(isclose(one / 10**12, log(mean), rel_tol=1e-9) for one, mean in zip(found, means, strict=True))


def test_fair_loss_is_the_best_bound_of_chernoff() -> None:
    means = [found / 10**12 for found in ODDS[WHEEL].log_means]
    best = min((75 * mean + log(1_000)) / power for mean, power in zip(means, POWERS, strict=True))
    assert isclose(ODDS[WHEEL].fair_loss(Fraction(75), Fraction(1, 1_000)), best, rel_tol=1e-9)


def test_game_without_means_explains_no_loss() -> None:
    assert FairGame(Fraction(1, 2)).fair_loss(Fraction(100), Fraction(1, 100)) == 0


def chance_of_loss(stakes: list[int], loss: Fraction) -> float:
    """Return the exact chance of a loss at the demo game, with wins cut off at 100 times the largest stake."""
    losses = {0: 1.0}
    for stake in stakes:
        after: dict[int, float] = {}
        for lost, chance in losses.items():
            for pay, count in PAYS.items():
                then = max(lost + stake * (1 - pay), -100 * max(stakes))
                after[then] = after.get(then, 0.0) + chance * count / 10_000
        losses = after
    return sum(chance for lost, chance in losses.items() if lost >= loss)


@pytest.mark.parametrize("rounds", [1, 10, 30])
@pytest.mark.parametrize("at_most", [Fraction(1, 10), Fraction(1, 10_000)])
def test_exact_chance_of_the_fair_loss_is_at_most_as_said(rounds: int, at_most: Fraction) -> None:
    assert chance_of_loss([1] * rounds, ODDS[WHEEL].fair_loss(Fraction(rounds), at_most)) <= at_most


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from([1, 2, 4, 10]), min_size=1, max_size=24),
    st.sampled_from([Fraction(1, 20), Fraction(1, 400)]),
)
def test_exact_chance_at_unequal_stakes_is_at_most_as_said(stakes: list[int], at_most: Fraction) -> None:
    stake = Fraction(sum(stake**2 for stake in stakes), sum(stakes))
    assert chance_of_loss(stakes, stake * ODDS[WHEEL].fair_loss(sum(stakes) / stake, at_most)) <= at_most


@settings(max_examples=30)
@given(games())
def test_mean_of_the_loss_agrees_with_that_of_the_win(game: Game) -> None:
    sheet, u = sheet_of(game), Fraction(1, 8)
    expected = float(sheet.mean_exponential(-u)) * exp(float(u * (1 - game.rtp)))
    assert isclose(sheet.mean_loss_exponential(u), expected, rel_tol=1e-9)


class TestCluster:
    """Play at the demo game: a stake of 1,000 for 20 minutes, and then the last five."""

    @staticmethod
    def _figures(recent: list[PlayedSpin], *, session_spins: int = 0) -> dict[str, int] | None:
        before = paced([spin(1_000, 1_000)] * 100, until=NOW - timedelta(minutes=LAST_MINUTES, seconds=1))
        risk = RiskScorer(DEFAULT_POLICY, ODDS).score(
            [*before, *recent], start_balance_minor=10_000, now=NOW, session_spins=session_spins
        )
        found = risk.evidence.get("LOSS_CLUSTER")
        return None if found is None else dict(found)

    def _first_found(self, stake_minor: int, **about: int) -> int:
        """Return the number of lost spins in the last minutes from which on they are a cluster."""
        found = [self._figures(paced([spin(stake_minor)] * lost, 2_000), **about) for lost in range(1, 100)]
        first = next(number for number, figures in enumerate(found) if figures is not None)
        assert None not in found[first:]
        return first + 1

    def test_of_the_ordinary_stake_needs_more_than_chance_explains(self) -> None:
        first = self._first_found(1_000)
        needed = ODDS[WHEEL].fair_loss(Fraction(first), Fraction(1, 100) / 400)
        assert needed <= first
        assert ODDS[WHEEL].fair_loss(Fraction(first - 1), Fraction(1, 100) / 400) > first - 1
        assert 15 <= first <= 25

    def test_needs_more_in_a_longer_session(self) -> None:
        assert self._first_found(1_000) < self._first_found(1_000, session_spins=1_000)

    def test_of_stakes_above_five_times_the_earlier_ones_needs_less(self) -> None:
        assert self._first_found(5_000) == self._first_found(1_000)
        assert self._first_found(20_000) < self._first_found(5_000)

    @pytest.mark.parametrize(("earlier", "fires"), [(19, False), (20, True)])
    def test_of_large_stakes_needs_20_spins_to_compare_with(self, earlier: int, *, fires: bool) -> None:
        """The older half of the spins is compared, if all of them were in the last minutes."""
        spins = paced([spin(100, 100)] * (2 * earlier - 5) + [spin(50_000)] * 5, 2_000)
        risk = RiskScorer(DEFAULT_POLICY, ODDS).score(spins, start_balance_minor=10_000, now=NOW)
        assert risk.reasons == (("LOSS_CLUSTER",) if fires else ())

    def test_of_unequal_stakes_needs_more(self) -> None:
        even = self._figures(paced([spin(1_000)] * 40, 2_000))
        mixed = self._figures(paced([spin(200), spin(1_800)] * 20, 2_000))
        assert even is not None
        assert mixed is not None
        assert even["net_loss_minor"] == mixed["net_loss_minor"]
        assert even["from_minor"] < mixed["from_minor"]


def test_every_shipped_game_explains_some_losses() -> None:
    """Losing every spin for five minutes is explained by none."""
    for game in load_games():
        assert 30 < fair_game(game).fair_loss(Fraction(75), Fraction(1, 100) / 1_600) < 75
