"""The simulation: the same seed is the same play, sound seeds hold, and planted faults are found."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from click.testing import Result

from playtime.adapters.simulation.run import Build, SeedOutcome, run_seeds, simulate
from playtime.application.play.login import PlayerLogout
from playtime.bootstrap import simulated_parts
from playtime.domain.play.players import Player

from support.commands import run_command
from support.simulation import (
    STEPS,
    ForgetsAnswers,
    KeepsAnswersApart,
    LocksNoWallet,
    SaysYesTooSoon,
    first_failure,
    on_faulty,
)

PROGRAM = """
from playtime.adapters.simulation.run import simulate
from playtime.bootstrap import simulated_parts
print(*(simulate(seed, simulated_parts, 120).trace for seed in (3, 4, 5)))
"""


def test_the_same_seed_is_the_same_play_and_another_is_another() -> None:
    first, again, other = (simulate(seed, simulated_parts, STEPS) for seed in (1, 1, 2))
    assert first == again
    assert first.failure is None
    assert first.trace != other.trace


def test_it_is_the_same_in_a_process_with_another_hash_seed() -> None:
    traces = set()
    for hashing in ("0", "1", "77"):
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | {"PYTHONHASHSEED": hashing},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        traces.add(result.stdout)
    assert len(traces) == 1


def test_seeds_hold() -> None:
    ran = run_seeds(simulated_parts, 20_000, seconds=5)
    assert [outcome for outcome in ran if outcome.failure is not None] == []


def _skip_bonuses(monkeypatch: pytest.MonkeyPatch) -> Build:
    def settle(player: Player, *_: Any) -> tuple[Player, tuple[()]]:
        return player, ()

    monkeypatch.setattr("playtime.domain.play.rounds.settle_bonuses", settle)
    return simulated_parts


def _stay_logged_in(monkeypatch: pytest.MonkeyPatch) -> Build:
    monkeypatch.setattr(PlayerLogout, "__call__", lambda *_: None)
    return simulated_parts


PLANTED: dict[str, Callable[[pytest.MonkeyPatch], Build]] = {
    "the answer is stored in another transaction": lambda _: on_faulty(KeepsAnswersApart),
    "a retry pays again": lambda _: on_faulty(ForgetsAnswers),
    "a wallet is not locked": lambda _: on_faulty(LocksNoWallet),
    "what was acknowledged is lost": lambda _: on_faulty(SaysYesTooSoon),
    "a log-out ends no session": _stay_logged_in,
    "bonuses are not triggered": _skip_bonuses,
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_found_and_its_seed_shows_it_again(
    planted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = PLANTED[planted](monkeypatch)
    found = first_failure(build)
    again = simulate(found.seed, build, STEPS)
    assert (again.failure, again.steps, again.trace) == (found.failure, found.steps, found.trace)
    assert again.last_lines


def _run(build: Build, *words: str, clock: Sequence[float] = ()) -> Result:
    """Run the command; `clock` gives the seconds at which it looks at the time."""
    monotonic = iter(clock).__next__ if clock else time.monotonic

    def run(first_seed: int, *, steps: int, seconds: float) -> list[SeedOutcome]:
        return run_seeds(build, first_seed, seconds=seconds, steps=steps, monotonic=monotonic)

    return run_command("simulate", *words, simulate=run)


def test_the_command_runs_one_seed() -> None:
    one = _run(simulated_parts, "--seed", "3", "--steps", "50")
    assert one.exit_code == 0
    assert one.output == f"seed 3 held for 50 steps; trace {simulate(3, simulated_parts, 50).trace}\n"


def test_the_command_runs_seeds_until_the_time_is_up() -> None:
    many = _run(simulated_parts, "--seconds", "10", "--steps", "30", clock=(100, 104, 109.9, 110))
    assert many.exit_code == 0
    assert re.fullmatch(r"3 seeds from \d+ on held, 90 steps\n", many.output)


def test_the_command_shows_what_failed_and_how_to_see_it_again() -> None:
    build = on_faulty(ForgetsAnswers)
    failed = _run(build, "--seed", "0", "--seconds", "30", "--steps", str(STEPS))
    assert failed.exit_code == 1
    *_, said, replay = failed.output.splitlines()
    words = replay.removeprefix("Show it again: playtime simulate ").split()
    again = _run(build, *words)
    assert again.exit_code == 1
    assert again.output == failed.output
    assert said.startswith(f"seed {words[1]}, step ")
