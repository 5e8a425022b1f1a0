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
WALK = ROOT / "examples" / "walk.sh"


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


@pytest.mark.skipif(shutil.which("curl") is None, reason="the walk is made with curl, which is not here")
@pytest.mark.parametrize("shell", ["bash -euo pipefail", "zsh -f -euo pipefail", "zsh -f -i"])
def test_the_walk_runs_in_bash_and_zsh(shell: str) -> None:
    """Run the walk as a file, and as somebody who pastes it into an interactive zsh."""
    program = shell.split()
    if shutil.which(program[0]) is None:
        pytest.skip(f"{program[0]} is not installed here")
    with new_command() as command, command.serving():
        result = subprocess.run(
            [*program, *([] if "-i" in program else [str(WALK)])],
            input=WALK.read_text().split("\n\n", 1)[1] if "-i" in program else "",
            env=command.environ | {"API": f"{command.url}/api/v1"},
            capture_output=True,
            text=True,
            timeout=120,
            cwd=ROOT,
            check=False,
        )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "not found" not in result.stderr
    answers = [json.loads(answer) for answer in re.findall(r'\{"ok":.*?\}(?=\{"ok"|ok  |\n|$)', result.stdout)]
    assert len(answers) >= 8
    assert all(answer["ok"] for answer in answers), result.stdout
    assert "8 held, 0 failed" in result.stdout
    assert "north: clean" in result.stdout


def test_the_walk_is_the_one_of_the_readme() -> None:
    (script,) = blocks("bash")
    assert WALK.read_text().split("\n\n", 1)[1] == script


def test_every_command_of_the_table_exists(command: Command) -> None:
    words = re.findall(r"^\| `playtime ([a-z ]+?)(?: [A-Z\[].*?)?` \|", README, re.MULTILINE)
    assert len(words) == 30
    for named in words:
        assert command.run(*named.split(), "--help").returncode == 0
