"""The command `python tools/install.py LOCK`: installs a lock by hash into the environment of this Python.

It shows the number and name of the package that pip works on. At a terminal one line is written again and again.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

WORKED_ON: Final = re.compile(
    r"(?:Collecting |Requirement already satisfied: |Processing \S*/)([\w.-]+?)(?:==|-\d)"
)
SKIPPED: Final = "Ignoring "
INSTALLING: Final = "Installing collected packages: "


def locked(text: str) -> int:
    """Return the number of packages that a lock names."""
    return len(re.findall(r"^[\w.-]+==", text, re.MULTILINE))


def progress(lines: Iterable[str], total: int) -> Iterator[str]:
    """Yield a line of progress for each package that pip names. Packages of other platforms are not counted."""
    done = set[str]()
    for line in lines:
        if line.startswith(SKIPPED):
            total -= 1
        elif line.startswith(INSTALLING):
            yield f"writing {line.count(',') + 1} packages into the environment"
        elif (found := WORKED_ON.match(line)) and found[1] not in done:
            done.add(found[1])
            yield f"installing {len(done)} of {total} packages: {found[1]}"


def main(lock: Path) -> int:
    """Install the lock and return the status of pip."""
    print(f"installing the packages of {lock.name}")
    before, after = ("\r\033[K", "") if sys.stdout.isatty() else ("", "\n")
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--require-hashes", "--requirement", str(lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as pip:
        assert pip.stdout is not None
        for line in progress(pip.stdout, locked(lock.read_text(encoding="utf-8"))):
            print(f"{before}  {line}", end=after, flush=True)
    print(end=before and "\n")
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
