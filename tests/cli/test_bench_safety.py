"""The benchmark of the safety engine, at a smaller size; `playtime bench safety` is the whole of it."""

from functools import partial

import pytest
from attrs import evolve

from playtime.adapters.bench import safety
from playtime.adapters.bench.safety import MOST_RATIO, FairPlay, costs, fair_play
from playtime.bootstrap import ComposedBenches, open_memory_engine
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.game import Reel

from support.commands import run_command


def test_fair_play_is_seldom_taken_for_risky() -> None:
    played = fair_play(DEMO_GAME, (DEMO_GAME,), sessions=400, seed=7)
    assert played.held
    # A run of 13 lost spins is there in 3.76 % of them: no more than that and no less is found.
    assert 5 <= played.elevated <= 20
    assert played.tilt_risk <= 4


def test_play_that_is_not_as_fair_as_is_said_is_noticed() -> None:
    """The benchmark can fail: a game that loses more often than its odds say."""
    worse = evolve(DEMO_GAME, reels=(Reel(("shade", "sunrise"), (8_000, 2_000), 1),), pays={"sunrise": {1: 2}})
    assert not fair_play(worse, (DEMO_GAME,), sessions=200, seed=7).held


def test_what_is_aimed_at() -> None:
    assert FairPlay("g", 100, 5, 1).held
    assert not FairPlay("g", 100, 6, 1).held
    assert not FairPlay("g", 100, 5, 2).held


def test_an_event_costs_the_same_in_a_session_six_times_as_long() -> None:
    short, long = costs(open_memory_engine, 250, 1_500)
    assert (short.spins, long.spins) == (250, 1_500)
    assert long.microseconds <= MOST_RATIO * short.microseconds


def test_the_command_shows_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safety, "costs", partial(costs, short=100, long=1_000))
    result = run_command("bench", "safety", "--sessions", "100", "--seed", "3", benches=ComposedBenches())
    assert "demo-wheel: 100 fair sessions of 100 spins; ELEVATED" in result.output
    assert "one event at 1000 spins:" in result.output
    assert result.exit_code in {0, 1}
