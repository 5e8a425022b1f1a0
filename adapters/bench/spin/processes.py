"""Processor time of processes, read from Linux's /proc. Other systems show none."""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen

PROC: Final = Path("/proc")
_BUSY: Final = (0, 1, 2, 5, 6, 7)
"""The fields of processor time in /proc/stat that are neither idle, nor waiting, nor a guest's."""


@frozen
class ProcessTimes:
    """The processor time of a process: its own, and that of ended children that it has waited for."""

    pid: int
    parent: int
    ticks: int


def can_measure(proc: Path = PROC) -> bool:
    """Return whether this system shows the processor time of other processes."""
    return (proc / "self" / "stat").exists()


def tree_seconds(root: int, proc: Path = PROC) -> float | None:
    """Return the processor time of a process and all processes below it; None if the system does not show it."""
    if not can_measure(proc):
        return None
    children: defaultdict[int, list[ProcessTimes]] = defaultdict(list)
    ticks = 0
    for process in _processes(proc):
        children[process.parent].append(process)
        ticks += process.ticks if process.pid == root else 0
    below = [root]
    while below:
        for child in children[below.pop()]:
            ticks += child.ticks
            below.append(child.pid)
    return ticks / os.sysconf("SC_CLK_TCK")


def machine_seconds(proc: Path = PROC) -> float | None:
    """Return the processor time that all programs have used since the machine was started."""
    if not (proc / "stat").exists():
        return None
    ticks = (proc / "stat").read_text().splitlines()[0].split()[1:]
    return sum(int(ticks[at]) for at in _BUSY) / os.sysconf("SC_CLK_TCK")


def _processes(proc: Path) -> Iterator[ProcessTimes]:
    for folder in proc.glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text()
        except OSError:
            continue  # it has ended meanwhile
        # The name is in brackets, and may have spaces and brackets itself.
        fields = text.rpartition(")")[2].split()
        yield ProcessTimes(int(folder.name), int(fields[1]), sum(map(int, fields[11:15])))
