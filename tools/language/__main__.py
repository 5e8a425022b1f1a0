"""The command `python -m playtime.tools.language`, which checks the files of the repository.

Without options it compares the findings with the baseline. `--list [PATH ...]` prints all findings, or those below
the paths. `--update` lowers the baseline.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from . import baseline
from .rules import RULES, Finding, check

ROOT: Final = Path(__file__).resolve().parents[2]
CHECKED: Final = {".py", ".md", ".sql", ".toml", ""}
BUILT: Final = re.compile(r"(?:^|/)(?:\.|build/|dist/|__pycache__/|\w+\.egg-info/)")


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = _options(arguments)
    findings = check(sources())
    if options.list is not None:
        return _list(findings, options.list)
    allowed = baseline.load(baseline.BASELINE.read_text(encoding="utf-8"))
    messages = baseline.compare(findings, allowed)
    if options.update:
        if rules := baseline.risen(findings, allowed):
            messages.append(f"not updated: there are more findings of {', '.join(rules)} than before")
        else:
            baseline.BASELINE.write_text(baseline.dump(baseline.count(findings)), encoding="utf-8")
            messages = []
    if messages:
        print(*messages, sep="\n")
    return 1 if messages else 0


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
    parser.add_argument("--list", nargs="*", metavar="PATH", help="print all findings, below the paths if given")
    parser.add_argument("--update", action="store_true", help="lower the baseline; also after moving files")
    return parser.parse_args(arguments)


def _list(findings: Sequence[Finding], paths: Sequence[str]) -> int:
    chosen = [
        finding
        for finding in findings
        if not paths or any(Path(finding.path).is_relative_to(path) for path in paths)
    ]
    if chosen:
        print(*chosen, sep="\n")
    counts = Counter(finding.rule for finding in chosen)
    print(*(f"{rule}: {counts[rule]}" for rule in RULES), sep=", ", file=sys.stderr)
    return 1 if chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
