"""The benchmark of the return alarm, at a smaller size; `playtime bench returns` is the whole of it."""

from fractions import Fraction

from playtime.adapters.bench.returns import Runs, equal_stakes, mixed_stakes
from playtime.bootstrap import composed_benches
from playtime.domain.games.demo import DEMO_GAME

from support.commands import run_command


def test_drift_is_found_at_any_stakes_and_fair_play_is_not() -> None:
    fair = Runs.of(DEMO_GAME, runs=2, rounds=5_000, seed=1)
    much = fair.drifting(Fraction(40, 100), seed=1)
    for levels in (equal_stakes, mixed_stakes):
        assert fair.found_after(levels) == [None, None]
        assert fair.external_found_after(levels) == [None, None]
        assert None not in much.found_after(levels)


def test_the_command_shows_the_figures() -> None:
    options = ("--runs", "1", "--rounds", "1000", "--fair-runs", "2")
    result = run_command("bench", "returns", *options, benches=composed_benches())
    assert "demo-wheel: +10% at equal stakes: found in 0 of 1 run" in result.output
    assert "deep-signal: 0 alarms in 2 fair runs of 2000 rounds at the external alarm" in result.output
    assert result.exit_code == 0
