"""Copies of the tree in which faults are planted and tests run."""

import compileall
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final, Self
from xml.etree import ElementTree as ET

from .catalogue import Fault

NOT_COPIED: Final = (".git", ".venv", ".playtime", "build", "dist", "*.egg-info", "__pycache__", ".*_cache")
PLUGINS: Final = ("pytest_timeout", "_hypothesis_pytestplugin")
"""The plugins that tests need. Loading the others takes three times as long as a quick test."""
ENVIRON: Final = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "HYPOTHESIS_PROFILE": "planted"}
TEST_SECONDS: Final = 120
RUN_SECONDS: Final = 600


@dataclass(frozen=True)
class Outcome:
    """The outcome of some tests: counts, and the names of those that failed or could not run."""

    passed: int
    failed: Sequence[str]
    errors: Sequence[str]
    skipped: int


@dataclass(frozen=True)
class Result:
    """The result of one planted fault: the test that found it (None: not found), the reason, and the seconds."""

    fault: Fault
    found_by: str | None
    reason: str
    seconds: float


@dataclass(frozen=True)
class Tree:
    """A copy of the tree. Its `lib` makes `playtime` the name of the copy, before the installed one."""

    root: Path
    lib: Path

    @classmethod
    def copied(cls, source: Path, place: Path) -> Self:
        """Copy the files of a tree into a new folder."""
        tree = cls(place / "tree", place / "lib")
        shutil.copytree(source, tree.root, ignore=shutil.ignore_patterns(*NOT_COPIED))
        tree.lib.mkdir()
        (tree.lib / "playtime").symlink_to(tree.root)
        # Compiled modules are compared by content: a fault may be as long as the text and follow in a second.
        compileall.compile_dir(tree.root, quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        return tree

    def try_fault(self, fault: Fault) -> Result:
        """Plant a fault, run its tests and take it out again."""
        file, began = self.root / fault.file, time.monotonic()
        text = file.read_text(encoding="utf-8")
        file.write_text(fault.planted_in(text), encoding="utf-8")
        try:
            found_by, reason = _judge(self.run_tests(fault.tests, "--maxfail=3", on_postgres=fault.postgres))
        finally:
            file.write_text(text, encoding="utf-8")
        return Result(fault, found_by, reason, time.monotonic() - began)

    def run_tests(self, tests: Sequence[str], *options: str, on_postgres: bool) -> Outcome | str:
        """Run tests of the copy; return their outcome, or the reason why they did not run."""
        report = self.lib / "report.xml"
        report.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider"]
        command += [word for plugin in PLUGINS for word in ("-p", plugin)]
        command += [] if on_postgres else ["-k", "not postgres"]
        command += [f"--timeout={TEST_SECONDS}", f"--junitxml={report}", *options, *tests]
        environ = os.environ | {"PYTHONPATH": str(self.lib), **ENVIRON}
        try:
            ran = subprocess.run(
                command,
                cwd=self.root,
                env=environ,
                capture_output=True,
                text=True,
                timeout=RUN_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"no end after {RUN_SECONDS} s"
        if not report.is_file():
            return f"pytest ended with status {ran.returncode}: {(ran.stdout + ran.stderr)[-2000:]}"
        return _read(report)


def _read(report: Path) -> Outcome:
    """Return the outcome in a JUnit report that pytest wrote."""
    found: dict[str, list[str]] = {"passed": [], "failure": [], "error": [], "skipped": []}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - written by our own pytest
        kinds = {child.tag for child in case} & found.keys()
        name = f"{case.get('classname', '')}.{case.get('name', '')}".strip(".")
        for kind in kinds or {"passed"}:
            found[kind].append(name)
    return Outcome(len(found["passed"]), found["failure"], found["error"], len(found["skipped"]))


def _judge(outcome: Outcome | str) -> tuple[str | None, str]:
    """Return the test that found a fault, and the reason if none did. Only a failed test finds a fault."""
    if isinstance(outcome, str):
        return None, f"the tests did not run: {outcome}"
    if outcome.failed:
        return outcome.failed[0], ""
    if outcome.errors:
        return None, f"no test failed, but there was an error: {outcome.errors[0]}"
    if outcome.passed:
        return None, f"all {outcome.passed} tests passed"
    return None, f"no test ran, {outcome.skipped} were skipped"
