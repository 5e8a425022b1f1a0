"""The settings of a PostgreSQL server that fit its machine and Playtime's work.

Each statement of a spin reads a few pages and writes a few rows at the end of its tables. So a spin needs neither
much memory nor parallel workers. It needs checkpoints that are rare, and cores that no report takes.
"""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from .machine import MEGABYTE, Machine

_GIGABYTE: Final = 1_024


@frozen
class Setting:
    """A setting of PostgreSQL, its value as PostgreSQL itself writes it, and the reason."""

    name: str
    value: str
    reason: str


@frozen
class _Share:
    """The part of a machine's memory that is the server's. Sizes are in megabytes."""

    buffers: float
    most_buffers: int
    cache: float
    most_maintenance: int
    wal: int


_OWN_MACHINE: Final = _Share(
    buffers=1 / 4, most_buffers=8 * _GIGABYTE, cache=3 / 4, most_maintenance=_GIGABYTE, wal=4 * _GIGABYTE
)
_SHARED_MACHINE: Final = _Share(
    buffers=1 / 8, most_buffers=_GIGABYTE, cache=1 / 2, most_maintenance=256, wal=2 * _GIGABYTE
)
"""A machine with other programs: Playtime's own processes, and those of the person at a laptop."""

_LEAST_BUFFERS: Final = 32
_STATEMENTS_AT_ONCE: Final = 400
"""The statements that may sort or hash at the same time, each in its part of the memory."""
_LEAST_WORK, _MOST_WORK = 4, 16
_MAINTENANCE: Final = 1 / 32
_LEAST_MAINTENANCE: Final = 64

PLANNER: Final = (
    Setting("jit", "off", "compiling a statement takes longer than running it"),
    Setting("max_parallel_workers_per_gather", "0", "a report takes one core and leaves the others to spins"),
    Setting("random_page_cost", "1.1", "on an SSD, or in memory, a page is as near as its neighbour"),
)
"""The settings that change plans, and no size. Servers of tests have them, too."""

_AUTOVACUUM: Final = (
    Setting("autovacuum_naptime", "15s", "statistics are soon right for an operator that has just begun"),
    Setting("autovacuum_analyze_scale_factor", "0.02", "large tables get statistics after 2 % of new rows"),
    Setting("autovacuum_vacuum_scale_factor", "0.05", "old versions of players and sessions are removed early"),
    Setting("autovacuum_vacuum_insert_scale_factor", "0.05", "reports find new events in the index alone"),
)

PROMISED: Final = (
    Setting("fsync", "on", "never off: a power cut would destroy the database"),
    Setting("full_page_writes", "on", "never off: a power cut would leave torn pages"),
    Setting("synchronous_commit", "on", "never off: an answer is sent when its spin is on disk"),
)
"""PostgreSQL's defaults, on which the guarantees of Playtime depend."""


def fitting(machine: Machine, *, is_shared: bool) -> Sequence[Setting]:
    """Return the settings for a server on a machine: of its own, or shared with Playtime and other programs."""
    share = _SHARED_MACHINE if is_shared else _OWN_MACHINE
    return (*_sizes(machine, share), *_checkpoints(share), *PLANNER, *_AUTOVACUUM, *PROMISED)


def _sizes(machine: Machine, share: _Share) -> Sequence[Setting]:
    memory = machine.memory_bytes // MEGABYTE
    buffers = _within(memory * share.buffers, _LEAST_BUFFERS, share.most_buffers)
    maintenance = _within(memory * _MAINTENANCE, _LEAST_MAINTENANCE, share.most_maintenance)
    work = _within(memory / _STATEMENTS_AT_ONCE, _LEAST_WORK, _MOST_WORK)
    cache = max(int(memory * share.cache), buffers)
    part = f"1/{1 / share.buffers:.0f} of the memory, at most {_text(share.most_buffers)}"
    return (
        Setting("shared_buffers", _text(buffers), f"{part}; the system's cache has the rest"),
        Setting("effective_cache_size", _text(cache), "for the planner; it takes no memory"),
        Setting("maintenance_work_mem", _text(maintenance), "to make indexes in a restore, and for vacuum"),
        Setting("work_mem", _text(work), f"memory / {_STATEMENTS_AT_ONCE}, for sorts and hashes of a statement"),
    )


def _checkpoints(share: _Share) -> Sequence[Setting]:
    return (
        Setting("checkpoint_timeout", "15min", "the first write to a page after each one logs the whole page"),
        Setting("max_wal_size", _text(share.wal), "the log grows to this between checkpoints"),
        Setting("min_wal_size", _text(share.wal // 8), "files of the log are used again; new ones are slower"),
    )


def _within(size: float, least: int, most: int) -> int:
    return int(min(max(size, least), most))


def _text(megabytes: int) -> str:
    """Return a size as PostgreSQL writes it: in the largest unit without a fraction."""
    whole, rest = divmod(megabytes, _GIGABYTE)
    return f"{megabytes}MB" if rest else f"{whole}GB"
