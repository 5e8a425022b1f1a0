"""The list of planted faults, and the program that plants them: only a failed test finds a fault."""

from pathlib import Path

import pytest

from playtime.tools.planted.__main__ import main
from playtime.tools.planted.catalogue import Fault, all_faults, mistakes
from playtime.tools.planted.trees import Tree

FEWEST = 150
AREAS = {"tenancy", "vouchers", "play", "games", "limits", "safety", "ledger", "analytics", "adapters", "cli"}


def test_each_fault_can_be_planted_and_has_tests() -> None:
    faults = all_faults()
    assert list(mistakes(faults)) == []
    assert len(faults) >= FEWEST
    assert {fault.area for fault in faults} == AREAS
    assert all(fault.why.endswith(".") for fault in faults)


PRODUCT = "def least(one, other):\n    return one if one < other else other\n"
TESTS = """
import pytest
from least import least

def test_least():
    assert least(1, 2) == 1

def test_equal():
    assert least(1, 1) == 1

@pytest.fixture
def least_of_two():
    assert least(1, 2) == 1

def test_fixture(least_of_two):
    pass

@pytest.mark.skipif(least(1, 2) == 2, reason="the fault is there")
def test_skipped():
    pass
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with one module and its tests."""
    root = tmp_path / "source"
    (root / "tests").mkdir(parents=True)
    (root / "least.py").write_text(PRODUCT)
    (root / "tests" / "test_least.py").write_text(TESTS)
    (root / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\npythonpath = ["."]\nmarkers = ["slow: takes long"]\n'
    )
    return root


def fault(new: str = "one > other", *tests: str, old: str = "one < other") -> Fault:
    """Return a fault of that module."""
    names = tests or ("tests/test_least.py::test_least",)
    return Fault("made", "made", "least.py", old, new, list(names), "The larger one is returned.")


@pytest.mark.parametrize(
    ("planted", "found", "reason"),
    [
        (fault(), True, ""),
        (fault("one <= other"), False, "all 1 tests passed"),
        (fault("one > other", "tests/test_least.py::test_fixture"), False, "there was an error"),
        (fault("one > other", "tests/test_least.py::test_skipped"), False, "1 were skipped"),
        (fault("one < nothing()"), False, "no test failed, but there was an error"),
    ],
    ids=["found", "survives", "error in a fixture", "skipped", "not collected"],
)
def test_only_a_failed_test_finds_a_fault(root: Path, *, planted: Fault, found: bool, reason: str) -> None:
    tree = Tree.copied(root, root.parent)
    result = tree.try_fault(planted)
    assert (result.found_by is not None, reason in result.reason) == (found, True)
    assert (tree.root / "least.py").read_text() == PRODUCT
    assert (root / "least.py").read_text() == PRODUCT


@pytest.mark.parametrize(
    ("planted", "message"),
    [
        (fault(old="one > other"), "the old text occurs 0 times in least.py, must be once"),
        (fault(old="one"), "the old text occurs 3 times in least.py, must be once"),
        (fault("one <", old="one < other"), "the new text is not Python"),
        (fault("one < other"), "old and new text are equal"),
        (fault("x", "tests/test_least.py::test_gone"), "there is no test tests/test_least.py::test_gone"),
        (fault("x", "tests/test_gone.py"), "there is no test tests/test_gone.py"),
    ],
    ids=["text gone", "text twice", "no Python", "no change", "test gone", "file gone"],
)
def test_each_mistake_of_an_entry_is_named(root: Path, planted: Fault, message: str) -> None:
    assert any(line.startswith(f"made: {message}") for line in mistakes([planted], root))


def test_ids_are_unique(root: Path) -> None:
    assert "made: duplicate id" in list(mistakes([fault(), fault()], root))


def test_unknown_name_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-fault"]) == 2
    assert "no-such-fault: no fault or list has this name" in capsys.readouterr().out
