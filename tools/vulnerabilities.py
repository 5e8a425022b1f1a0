"""The command `python tools/vulnerabilities.py`: asks for known vulnerabilities of the packages that run.

It needs the package index. Without an answer it says so and ends well, so that checks work without a network.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
SECONDS: Final = 60
"""The longest time of all questions together."""
_QUESTION_SECONDS: Final = "5"


def report(answer: Mapping[str, Any] | None) -> tuple[Sequence[str], int]:
    """Return the lines about an answer of pip-audit and the status of the check; None: nothing answered."""
    if answer is None:
        return ["packages: not checked for vulnerabilities, the package index does not answer"], 0
    packages = answer["dependencies"]
    lines = [
        f"{package['name']} {package['version']}: {fault['id']}, mended in {fault['fix_versions'] or 'no release'}"
        for package in packages
        for fault in package.get("vulns", ())
    ]
    unknown = sum("skip_reason" in package for package in packages)
    summary = f"packages: {len(packages) - unknown} checked for vulnerabilities, {unknown} unknown to the index"
    return [*lines, summary], 1 if lines else 0


def ask(lock: Path, seconds: float = SECONDS) -> Mapping[str, Any] | None:
    """Return the answer of pip-audit about a lock; None if there is none in time."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "answer.json"
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            "--requirement",
            str(lock),
            "--require-hashes",
            "--disable-pip",
        ]
        command += ["--timeout", _QUESTION_SECONDS, "--progress-spinner", "off", "--format", "json"]
        try:
            subprocess.run([*command, "--output", str(file)], timeout=seconds, check=False, capture_output=True)
            answer: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return None
        return answer


def main() -> int:
    """Print the report, and return the status."""
    lines, status = report(ask(ROOT / "requirements.lock"))
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
