"""The README, run as it is written."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from support.program import Command, new_command
from support.tree import ROOT

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    with new_command() as command:
        yield command


def test_the_program_that_embeds_runs() -> None:
    (program,) = blocks("python")
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "winMinor" in result.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="the walk-through is made with curl, which is not here")
def test_the_walk_through_by_curl_runs(command: Command) -> None:
    (script,) = blocks("bash")
    with command.serving():
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace("127.0.0.1:8000", f"127.0.0.1:{command.port}")],
            env=command.environ,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=ROOT,
            check=False,
        )
    assert result.returncode == 0, result.stdout + result.stderr
    answers = [json.loads(answer) for answer in re.findall(r'\{"ok":.*?\}(?=\{"ok"|ok  |\n|$)', result.stdout)]
    assert answers
    assert all(answer["ok"] for answer in answers), result.stdout
    assert "8 held, 0 failed" in result.stdout
    assert "north: clean" in result.stdout


def test_every_command_of_the_table_exists(command: Command) -> None:
    words = re.findall(r"^\| `playtime ([a-z ]+?)(?: [A-Z\[].*?)?` \|", README, re.MULTILINE)
    assert len(words) == 23
    for named in words:
        assert command.run(*named.split(), "--help").returncode == 0
