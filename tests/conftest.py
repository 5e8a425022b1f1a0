"""The search of Hypothesis, and the wheel that tests of several folders use.

The profile `default` finds the same counterexamples on every machine. `HYPOTHESIS_PROFILE=dev` searches more, in
another place each time. `planted` is for planted faults: it finds a counterexample and does not make it small.
"""

import gc
from functools import cache
from os import environ
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings

from support.wheel import build_once, install_once

settings.register_profile(
    "default",
    deadline=None,  # a busy machine is not a defect
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("default"))
settings.register_profile("planted", settings.get_profile("default"), phases=[Phase.explicit, Phase.generate])
settings.register_profile("dev", deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(environ.get("HYPOTHESIS_PROFILE", "default"))

LONGEST_FIRST: Final = (
    "http/test_contract.py",
    "cli/test_backup.py",
    "application/test_machine.py",
    "postgres/test_isolation_sabotage.py",
    "crash/test_killed_server.py",
    "crash/test_cut_connections.py",
    "crash/test_sweeps.py",
    "postgres/test_sabotage.py",
    "cli/test_program.py",
    "cli/test_readme.py",
    "cli/test_bench_spin.py",
    "application/test_differential.py",
    "cli/test_lost_database.py",
    "crash",
    "embedding",
    "cli",
    "application/test_simulation.py",
    "application/test_concurrency.py",
    "postgres",
    "application",
    "contracts",
)
"""Files and folders with long tests, the longest first, so that `make test` does not end in one of them alone."""

GARBAGE: Final = 20_000
"""The new objects before garbage is collected. Python's own value is 700."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files with long tests first. The order within a file stays."""
    items.sort(key=lambda item: _rank(item.path))


def pytest_collection_finish() -> None:
    """Collect garbage less often: in a process with thousands of tests it takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 20)


@cache
def _rank(path: Path) -> int:
    place = path.relative_to(Path(__file__).parent).as_posix()
    ranks = (rank for rank, name in enumerate(LONGEST_FIRST) if place == name or place.startswith(f"{name}/"))
    return next(ranks, len(LONGEST_FIRST))


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in environ else own


@pytest.fixture(scope="session")
def wheel(run_folder: Path) -> Path:
    """The built wheel."""
    return build_once(run_folder)


@pytest.fixture(scope="session")
def host_environment(run_folder: Path) -> Path:
    """A virtual environment in which the wheel is installed."""
    return install_once(run_folder)
