"""The memory and the cores that programs of this machine may use, also within a container."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final, Self

from attrs import frozen

MEGABYTE: Final = 1 << 20
_UNKNOWN_BYTES: Final = 1 << 30
"""The memory of a machine that does not say how much it has."""


@frozen
class Machine:
    """A machine, or the part of it that a container may use."""

    memory_bytes: int
    cores: int

    @classmethod
    def here(cls, root: Path = Path("/")) -> Self:
        """Return this machine. Limits of containers (cgroups, version 1 or 2) are read below `root`."""
        return cls(
            memory_bytes=min([_memory_bytes(), *_memory_limits(root)]),
            cores=max(min([_cores(), *_core_limits(root)]), 1),
        )


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return _UNKNOWN_BYTES


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def _memory_limits(root: Path) -> Iterator[int]:
    for group in _groups(root, ""):
        yield from _numbers(group / "memory.max")
    for group in _groups(root, "memory"):
        yield from _numbers(group / "memory.limit_in_bytes")


def _core_limits(root: Path) -> Iterator[int]:
    """Yield limits in whole cores, rounded up. Version 2 has the time and its period in one file."""
    for group in _groups(root, ""):
        yield from _quotient(list(_numbers(group / "cpu.max")))
    for group in _groups(root, "cpu"):
        yield from _quotient([*_numbers(group / "cpu.cfs_quota_us"), *_numbers(group / "cpu.cfs_period_us")])


def _quotient(numbers: list[int]) -> Iterator[int]:
    if len(numbers) == 2 and min(numbers) > 0:  # noqa: PLR2004 - a time and its period; without a limit one lacks
        yield -(-numbers[0] // numbers[1])


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of the groups that this process is in, with all groups above them.

    Version 2 has no name of a controller. Within a container, the path of the process may be that of the host.
    Then only the topmost folder exists, which is the container's own.
    """
    top = root / "sys" / "fs" / "cgroup" / controller
    for line in _lines(root / "proc" / "self" / "cgroup"):
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if controller in names.split(","):
            own = PurePosixPath(path.lstrip("/"))
            yield from (top / folder for folder in (own, *own.parents))


def _numbers(file: Path) -> Iterator[int]:
    """Yield the whole numbers in a file; "max" is none."""
    for line in _lines(file):
        yield from (int(word) for word in line.split() if word.isdigit())


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
