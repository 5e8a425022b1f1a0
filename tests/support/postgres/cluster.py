"""A throwaway PostgreSQL for tests: one cluster a session, with any number of databases."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from attrs import define, field
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from playtime.adapters.postgres.embedded.server import EmbeddedPostgres

_PREFIX = "playtime-test-"
_PLACE = Path("/tmp")  # noqa: S108 - open to every account, and short enough for a socket's path
_MEMORY = Path("/dev/shm")  # noqa: S108 - as above
_ROOM_BYTES = 8 << 30
_ABANDONED_AFTER_SECONDS = 3600


@define
class ThrowawayCluster:
    """A running cluster that forgets everything; `postgres` gives addresses for roles of yours."""

    postgres: EmbeddedPostgres
    _numbers: Iterator[int] = field(factory=count, init=False)

    def create_database(self, template: str | None = None) -> str:
        """Make a database, as a copy of `template` if one is named; return the superuser's URL."""
        name = f"test_{next(self._numbers)}"
        source = template or "template1"
        # Copying files takes half of the processor time that writing the copy to the log does.
        self._execute("create database {} template {} strategy file_copy", name, source)
        return self.postgres.superuser_url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, also with open connections."""
        name = conninfo_to_dict(url)["dbname"]
        self._execute("drop database {} with (force)", str(name))

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.postgres.superuser_url(), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def throwaway_cluster() -> Iterator[ThrowawayCluster]:
    """Run a cluster without durability; for a fixture of session scope."""
    _sweep()
    with (
        reachable_folder() as home,
        EmbeddedPostgres(home, durable=False) as postgres,
    ):
        yield ThrowawayCluster(postgres)


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """Make a folder that the account which runs PostgreSQL for root can enter, too."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_fastest_place()))
    folder.chmod(0o755)
    try:
        yield folder.resolve()
    finally:
        shutil.rmtree(folder)


def _fastest_place() -> Path:
    """Return a folder in memory if there is room in it: making the files of a database is slow on disks."""
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES else _PLACE


def _sweep() -> None:
    """Remove the leftovers of killed test runs, their servers included."""
    for folder in (*_PLACE.glob(f"{_PREFIX}*"), *_MEMORY.glob(f"{_PREFIX}*")):
        try:
            if time.time() - folder.stat().st_mtime < _ABANDONED_AFTER_SECONDS:
                continue
            unused = EmbeddedPostgres(folder).stop_if_unused()
        except Exception:  # noqa: BLE001, S112 - somebody else's, or already gone: leave it be
            continue
        if unused:
            shutil.rmtree(folder, ignore_errors=True)
