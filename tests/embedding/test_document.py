"""docs/embedding.md, block by block as a reader would try it: files are written and run, commands are run."""

import re
from typing import Final

import pytest

from support.postgres.database import fresh_database
from support.tree import ROOT
from support.wheel import Host

DOCUMENT: Final = (ROOT / "docs" / "embedding.md").read_text()
BLOCKS: Final = re.findall(r"^```(\w*)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
FILES: Final = {text.split("\n", 1)[0].removeprefix("# "): text for kind, text in BLOCKS if kind == "python"}
COMMANDS: Final = [text for kind, text in BLOCKS if kind == "console"]
SECRET = "5e" * 32


@pytest.fixture(scope="module")
def reader(host: Host) -> Host:
    """Give a host that has every file of the page."""
    for name, text in FILES.items():
        (host.folder / name).write_text(text)
    return host


def test_every_block_is_a_file_or_a_command() -> None:
    assert {kind for kind, _ in BLOCKS} == {"python", "console"}
    assert all(re.fullmatch(r"\w+\.py", name) for name in FILES)
    assert len(FILES) + len(COMMANDS) == len(BLOCKS)


@pytest.mark.parametrize("name", FILES)
def test_a_file_runs(reader: Host, name: str) -> None:
    with fresh_database() as database:
        environ = {
            "SHOP_DATABASE_URL": database.app_url,
            "SHOP_OWNER_READ_URL": database.owner_read_url,
            "SHOP_TOKEN_SECRET": SECRET,
            "SHOP_PIN_SECRET": SECRET,
        }
        ran = reader.run("python", "-W", "error", name, **environ)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(reader: Host, command: str) -> None:
    """Run two modules of the contract suite: enough to show that the command finds the suite and the conftest.

    tests/contracts runs the whole suite on our storages, and tests/architecture/test_packaging.py checks that the
    wheel has every module of it.
    """
    for line in command.splitlines():
        ran = reader.run(*line.split(), PYTEST_ADDOPTS="-k 'test_storage or test_unit_of_work'")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert re.search(r"^=+ \d\d+ passed, \d+ deselected in ", ran.stdout, re.MULTILINE), ran.stdout


def test_what_it_points_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)", DOCUMENT):
        assert (ROOT / "docs" / target).exists(), target
