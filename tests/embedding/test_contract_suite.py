"""The contract suite as it is installed: it finds what is wrong with a storage, and says what it lacks."""

from pathlib import Path
from typing import Final

import pytest

from support.wheel import Host

SUITE: Final = ("python", "-m", "pytest", "--pyargs", "playtime.contracts", "-q", "--tb=no")

CONFTEST: Final = """
import pytest
from attrs import evolve
from playtime.adapters.memory.storage import MemoryStorage

class FaultyStorage(MemoryStorage):
    def begin(self, binding):
        {begin}

@pytest.fixture(scope="session")
def open_storage():
    return FaultyStorage
"""


@pytest.fixture
def suite(host: Host, tmp_path: Path) -> Host:
    """Give the host's environment a folder of its own to run the suite from."""
    return Host(tmp_path, host.environment)


@pytest.mark.parametrize(
    ("begin", "found"),
    [
        # An agent that sees with the eyes of its operator.
        ("return super().begin(evolve(binding, tenant_id=binding.operator_id))", "test_isolation.py"),
        # A unit that its storage has forgotten to make new.
        ("self.unit = getattr(self, 'unit', None) or super().begin(binding); return self.unit", "test_storage.py"),
    ],
)
def test_it_finds_what_is_wrong(suite: Host, begin: str, found: str) -> None:
    (suite.folder / "conftest.py").write_text(CONFTEST.format(begin=begin))
    ran = suite.run(*SUITE, "-rfE")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert found in ran.stdout
    assert "warning" not in ran.stdout


def test_it_says_what_it_has_to_be_given(suite: Host) -> None:
    ran = suite.run(*SUITE, "--tb=short", "-k", "test_an_open_storage_answers")
    assert ran.returncode == 1
    assert "fixture 'open_storage' not found" in ran.stdout
