"""The contract suite as it is installed: it finds what is wrong with a storage, and says what it lacks."""

from pathlib import Path
from typing import Final

import pytest

from support.wheel import Host

SUITE: Final = ("python", "-m", "pytest", "-q", "--tb=no", "--pyargs")

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
    ("begin", "module", "names", "found"),
    [
        # An agent that has the view of its operator.
        (
            "return super().begin(evolve(binding, tenant_id=binding.operator_id))",
            "test_isolation",
            "TestReading",
            "FAILED ::TestReading::test_an_agent_does_not_see_its_operator",
        ),
        # A storage that begins only one unit.
        (
            "self.unit = getattr(self, 'unit', None) or super().begin(binding); return self.unit",
            "test_storage",
            "test_",
            "ERROR ::test_what_is_begun_and_never_used_holds_nothing",
        ),
    ],
)
def test_it_finds_what_is_wrong(suite: Host, begin: str, module: str, names: str, found: str) -> None:
    """Run only the part of the suite that finds the fault."""
    (suite.folder / "conftest.py").write_text(CONFTEST.format(begin=begin))
    ran = suite.run(*SUITE, f"playtime.contracts.{module}", "-k", names, "-rfE")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert found in ran.stdout
    assert "warning" not in ran.stdout


def test_it_says_what_it_has_to_be_given(suite: Host) -> None:
    ran = suite.run(*SUITE, "playtime.contracts.test_storage", "--tb=short", "-k", "test_an_open_storage_answers")
    assert ran.returncode == 1
    assert "fixture 'open_storage' not found" in ran.stdout
