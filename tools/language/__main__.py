"""The command `python -m playtime.tools.language`, which checks the files of the repository.

It prints the findings, or those below the paths that are given.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .rules import RULES, check

ROOT: Final = Path(__file__).resolve().parents[2]
CHECKED: Final = {".py", ".md", ".sql", ".toml", ""}
BUILT: Final = re.compile(r"(?:^|/)(?:\.|build/|dist/|__pycache__/|\w+\.egg-info/)")


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status: 1 if there are findings."""
    paths = _options(arguments).paths
    findings = [
        finding
        for finding in check(sources())
        if not paths or any(Path(finding.path).is_relative_to(path) for path in paths)
    ]
    print(*findings, sep="\n", end="\n" if findings else "")
    return 1 if findings else 0


def sources() -> dict[str, str]:
    """Read the checked files, by path. A file without a suffix is a script or a Makefile."""
    paths = [path for path in sorted(_tracked()) if Path(path).suffix in CHECKED and (ROOT / path).is_file()]
    return {path: (ROOT / path).read_text(encoding="utf-8") for path in paths}


def _tracked() -> set[str]:
    """List the files that git tracks or would track. Without git, list all but hidden and built files."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        paths = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        return {path.as_posix() for path in paths if not BUILT.search(path.as_posix())}
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return {path for path in listed.split("\0") if path}


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    rules = "\n".join(f"  {rule:<10} {meaning}" for rule, meaning in RULES.items())
    parser = argparse.ArgumentParser(
        prog="python -m playtime.tools.language",
        description="Check the language rules.",
        epilog=f"rules:\n{rules}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders to check; all by default")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
