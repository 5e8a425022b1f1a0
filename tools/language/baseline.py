"""The baseline: how many findings each file may still have. It may only fall.

One file is one block of baseline.txt: its path, a line for each rule with its count, and an empty line. Changes to
different files therefore merge without a conflict.

When baseline.txt is empty, it is deleted together with this module, `--update` and the part of the tests about it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from .rules import Finding

BASELINE: Final = Path(__file__).with_name("baseline.txt")
UPDATE: Final = "python -m playtime.tools.language --update"
Counts = Mapping[tuple[str, str], int]
"""The number of findings, by path and rule."""


def count(findings: Iterable[Finding]) -> Counter[tuple[str, str]]:
    """Count findings by path and rule."""
    return Counter((finding.path, finding.rule) for finding in findings)


def load(text: str) -> Counter[tuple[str, str]]:
    """Read a baseline."""
    counts = Counter[tuple[str, str]]()
    path = ""
    for line in text.splitlines():
        if line.startswith("  "):
            rule, number = line.split()
            counts[path, rule] = int(number)
        elif line:
            path = line
    return counts


def dump(counts: Counts) -> str:
    """Write a baseline: the inverse of `load`."""
    blocks = dict[str, str]()
    for (path, rule), number in sorted(counts.items()):
        blocks[path] = blocks.get(path, f"{path}\n") + f"  {rule} {number}\n"
    return "\n".join(blocks.values())


def compare(findings: Sequence[Finding], allowed: Counts) -> list[str]:
    """Return a message for each finding above the baseline, or one for a baseline that is too high."""
    counts = count(findings)
    above = {key for key, number in counts.items() if number > allowed.get(key, 0)}
    messages = [str(finding) for finding in findings if (finding.path, finding.rule) in above]
    for path, rule in sorted(above):
        most = allowed.get((path, rule), 0)
        messages.append(f"{path}: {rule}: {counts[path, rule]} findings, at most {most} are allowed")
    if above:
        messages.append(f"Correct the new findings. If files were moved, split or joined, run: {UPDATE}")
    elif lower := sorted({path for (path, rule), number in allowed.items() if number > counts[path, rule]}):
        messages.append(f"{', '.join(lower)}: fewer findings than baseline.txt allows; run and commit: {UPDATE}")
    return messages


def risen(findings: Sequence[Finding], allowed: Counts) -> list[str]:
    """Return the rules with more findings in all files together than the baseline allows.

    Totals decide, so that files can be moved, split and joined.
    """
    now, then = Counter(finding.rule for finding in findings), Counter[str]()
    for (_, rule), number in allowed.items():
        then[rule] += number
    return sorted(rule for rule, number in now.items() if number > then[rule])
