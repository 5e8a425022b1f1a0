"""Locks in a file, between processes."""

import subprocess
import sys
from pathlib import Path
from uuid import UUID

from playtime.adapters.system.file_locks import FileLocks, NoLocks

ONE, OTHER = UUID(int=1), UUID(int=2)
HOLDER = """
import sys
from pathlib import Path
from uuid import UUID
from playtime.adapters.system.file_locks import FileLocks
with FileLocks(Path(sys.argv[1])).exclusive(UUID(int=1)) as ours:
    print(ours, flush=True)
    sys.stdin.read()
"""


def _is_free(locks: FileLocks | NoLocks, key: UUID) -> bool:
    with locks.exclusive(key) as ours:
        return ours


def test_a_key_is_locked_against_other_processes(tmp_path: Path) -> None:
    locks = FileLocks(tmp_path / "home")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "home")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not _is_free(locks, ONE)
        assert _is_free(locks, OTHER)
        holder.kill()
    assert _is_free(locks, ONE), "the kernel gives back the locks of a process that ended"
    assert _is_free(locks, ONE), "and so does the end of a block"


def test_without_a_file_there_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    assert _is_free(FileLocks(tmp_path / "home"), ONE)
    assert _is_free(NoLocks(), ONE)
