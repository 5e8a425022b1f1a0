"""The metadata of a release: one version, a licence, the authors, as in the wheel that `make wheel` builds."""

import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

import playtime

from support.tree import ROOT
from support.wheel import Host


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    """The metadata of the built wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def test_version_is_stated_once(metadata: Message) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" not in project
    assert metadata["Version"] == playtime.__version__


def test_command_prints_the_version(tmp_path: Path, host_environment: Path) -> None:
    host = Host.made(tmp_path, host_environment)
    for words in (["playtime", "--version"], ["python", "-m", "playtime", "--version"]):
        ran = host.run(*words)
        assert (ran.returncode, ran.stdout) == (0, f"playtime {playtime.__version__}\n"), ran.stderr


def test_licence_is_shipped_and_named(wheel: Path, metadata: Message) -> None:
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert licence.startswith("MIT License\n")
    assert "The Playtime authors" in licence
    assert metadata["License-Expression"] == "MIT"
    with zipfile.ZipFile(wheel) as archive:
        (shipped,) = (name for name in archive.namelist() if name.endswith("/licenses/LICENSE"))
        assert archive.read(shipped).decode() == licence


def test_metadata_names_authors_and_kinds(metadata: Message) -> None:
    assert metadata["Author"] == "The Playtime authors"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert "License" not in metadata, "the licence is an SPDX expression"


def test_wheel_is_of_pure_python(wheel: Path) -> None:
    assert wheel.name == f"playtime-{playtime.__version__}-py3-none-any.whl"
