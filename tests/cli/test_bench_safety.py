"""The benchmark of the safety engine, at a smaller size; `playtime bench safety` is the whole of it."""

from functools import partial

import pytest
from attrs import evolve

from playtime.adapters.bench import safety
from playtime.adapters.bench.safety import MOST_RATIO, costs, is_found, is_rare, line_of_fair, line_of_planted
from playtime.adapters.bench.safety_play import PLANTS, STYLES, FairPlay, Planted, fair_play, planted
from playtime.adapters.system.game_shelf import load_games
from playtime.bootstrap import composed_benches, open_memory_engine
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.game import Reel

from support.commands import run_command

SHELF = load_games()


@pytest.mark.parametrize("style", STYLES)
def test_ordinary_play_is_seldom_taken_for_risky(style: str) -> None:
    """A session has a chance below 4 % in 200 spins: 12 of 100 sessions have one below 0.1 %."""
    played = fair_play(DEMO_GAME, (DEMO_GAME,), style, sessions=100, seed=7, lengths=(200,))
    assert sum(at is not None for at in played.elevated) <= 12
    assert sum(at is not None for at in played.tilt_risk) <= 4


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("game", SHELF, ids=lambda game: game.game_key)
def test_planted_signs_are_found(game: object, plant: str) -> None:
    found = planted(game, SHELF, plant, sessions=5, seed=7)  # type: ignore[arg-type] # a game of the shelf
    assert is_found(found)


def test_play_that_is_not_as_fair_as_is_said_is_noticed() -> None:
    """The benchmark can fail: a game that loses more often than its odds say."""
    worse = evolve(DEMO_GAME, reels=(Reel(("shade", "sunrise"), (8_000, 2_000), 1),), pays={"sunrise": {1: 2}})
    played = fair_play(worse, (DEMO_GAME,), "even", sessions=20, seed=7)
    assert not is_rare(played)
    assert played.reasons.keys() <= {"LOSS_CLUSTER", "LOSS_STREAK"}
    assert sum(played.reasons.values()) >= sum(at is not None for at in played.elevated) > 1


def test_aims() -> None:
    """The aims allow 500 and 100 of 10,000 sessions, and not one more."""

    def fair(elevated: int, tilt_risk: int) -> FairPlay:
        first, second = ([50] * number + [None] * (10_000 - number) for number in (elevated, tilt_risk))
        return FairPlay("g", "even", first, second)

    assert is_rare(fair(500, 100))
    assert not is_rare(fair(501, 100))
    assert not is_rare(fair(500, 101))
    assert is_found(Planted("g", "chasing", [*[75] * 99, None]))
    assert not is_found(Planted("g", "chasing", [*[75] * 98, None, None]))


def test_lines_show_both_curves() -> None:
    reasons = {"LOSS_STREAK": 2, "BET_ACCEL": 1}
    fair = FairPlay("g", "slow", [50, 51, 1_000, None], [100, None, None, None], reasons)
    assert line_of_fair(fair) == (
        "g, 4 slow sessions of 50 / 100 / 200 / 500 / 1000 spins:"
        " ELEVATED (aim 5 %) 25.0% / 50.0% / 50.0% / 50.0% / 75.0%;"
        " TILT_RISK (aim 1 %) 0.0% / 25.0% / 25.0% / 25.0% / 25.0%;"
        " ELEVATED by BET_ACCEL 1, LOSS_STREAK 2"
    )
    found = Planted("g", "cluster", [10, 11, 75, None])
    assert line_of_planted(found) == (
        "g, 4 planted cluster: found within 10 / 20 / 40 / 75 spins: 25% / 50% / 50% / 75%"
    )


def test_an_event_costs_the_same_in_a_session_six_times_as_long() -> None:
    short, long = costs(open_memory_engine, 250, 1_500)
    assert (short.spins, long.spins) == (250, 1_500)
    assert long.microseconds <= MOST_RATIO * short.microseconds


def test_the_command_shows_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safety, "costs", partial(costs, short=100, long=1_000))
    monkeypatch.setattr(safety, "fair_play", partial(fair_play, lengths=(50,)))
    result = run_command("bench", "safety", "--sessions", "20", "--seed", "3", benches=composed_benches())
    assert "demo-wheel, 20 even sessions of 50 / 100" in result.output
    assert "deep-signal, 20 planted cluster: found within" in result.output
    assert "one event at 1000 spins:" in result.output
    assert result.exit_code in {0, 1}
