"""The search of Hypothesis, and the wheel that tests of several folders use.

The profile `default` finds the same counterexamples on every machine. `HYPOTHESIS_PROFILE=dev` searches more, in
another place each time.
"""

from os import environ
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
settings.register_profile("dev", deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(environ.get("HYPOTHESIS_PROFILE", "default"))


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
