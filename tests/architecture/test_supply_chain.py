"""The bill of materials, and the check for known vulnerabilities."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from playtime.tools import vulnerabilities
from playtime.tools.sbom import sbom

from support.tree import ROOT

LOCK = """# a comment
alpha==1.2 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via playtime
beta-c==3 ; sys_platform == 'linux' \\
    --hash=sha256:{b}
"""
A, B = "a" * 64, "b" * 64


def test_sbom_has_each_package_with_version_and_digests() -> None:
    content = json.loads(sbom(LOCK.format(a=A, b=B), "7.0"))
    assert (content["bomFormat"], content["specVersion"]) == ("CycloneDX", "1.6")
    assert content["metadata"]["component"]["name"] == "playtime"
    assert content["metadata"]["component"]["version"] == "7.0"
    parts = {
        (part["name"], part["version"], part["purl"]): [digest["content"] for digest in part["hashes"]]
        for part in content["components"]
    }
    assert parts == {("alpha", "1.2", "pkg:pypi/alpha@1.2"): [A, B], ("beta-c", "3", "pkg:pypi/beta-c@3"): [B]}


def test_sbom_of_the_lock_is_complete() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    content = json.loads(sbom(lock, "0"))
    digests = sum(len(part["hashes"]) for part in content["components"])
    assert digests == lock.count("--hash=sha256:")
    pinned = {line.split("==")[0] for line in lock.splitlines() if "==" in line and line[0].isalpha()}
    assert {part["name"] for part in content["components"]} == pinned


@pytest.mark.parametrize(
    ("answer", "lines", "status"),
    [
        (None, ["packages: not checked for vulnerabilities, the package index does not answer"], 0),
        (
            {"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "x"}]},
            ["packages: 1 checked for vulnerabilities, 1 unknown to the index"],
            0,
        ),
        (
            {"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-7", "fix_versions": ["2"]}]}]},
            ["a 1: CVE-7, mended in ['2']", "packages: 1 checked for vulnerabilities, 0 unknown to the index"],
            1,
        ),
    ],
)
def test_vulnerabilities_fail_the_check_and_silence_does_not(
    answer: Mapping[str, Any] | None, lines: list[str], status: int
) -> None:
    assert vulnerabilities.report(answer) == (lines, status)


def test_an_index_that_does_not_answer_is_no_failure(tmp_path: Path) -> None:
    lock = tmp_path / "no.lock"
    assert vulnerabilities.ask(lock) is None, "pip-audit fails without the file, as it does without a network"
    assert vulnerabilities.ask(lock, seconds=0) is None
