"""An embedded PostgreSQL below a data home, which runs as long as programs use it.

Every program on the same home joins the server that runs there. Locks (flock) show the users of the server. The
kernel releases them when a process ends for any reason:

* `lifecycle.lock`, exclusive: for starting or stopping the server, which one process does at a time.
* `users.lock`, shared: for each program that uses the server; the last program to leave stops it.

`instance.json` has the port and the superuser's password.
"""

import json
import os
import secrets  # noqa: TID251 - makes a password between programs, outside of the engine
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final, Literal, Self
from urllib.parse import quote

from attrs import asdict, define, evolve, field, frozen

from .binaries import EmbeddedPostgresError
from .cluster import HOST, READY_SECONDS, SUPERUSER, Cluster, PortTakenError, Postmaster, accepts, free_port
from .locked_files import (
    close_to_others,
    is_named,
    open_private,
    remedy,
    sync_folder,
    try_lock,
    unlock,
    wait_until,
)

__all__ = ["SUPERUSER", "EmbeddedPostgres", "EmbeddedPostgresError", "PortTakenError"]

_LIFECYCLE_SECONDS: Final = 300.0
_PORT_ATTEMPTS: Final = 20

Way = Literal["socket", "tcp"]
"""The way to the server: the socket is a fifth faster, TCP is open to any local account."""


@frozen
class _Instance:
    """The content of `instance.json`, which describes the cluster of a home."""

    password: str = field(repr=False)
    port: int | None = None
    pid: int | None = None
    had_database: bool = False


def _resolved(home: str | os.PathLike[str]) -> Path:
    return Path(home).resolve()


@define
class EmbeddedPostgres:
    """The PostgreSQL of a data home for one program: a context manager of start and stop.

    Only one thread at a time may use an object. A forked child may use the addresses of its parent's object, and
    keeps the server in use until it ends. Homes on network file systems are not supported.
    """

    home: Path = field(converter=_resolved)
    durable: bool = field(default=True, kw_only=True)
    """Whether data survive a power cut; False is faster. A server that runs already does not change."""
    _instance: _Instance | None = field(default=None, init=False)
    _joined: ExitStack | None = field(default=None, init=False)
    _joined_by: int | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Join the server that runs on this home, or start it. Makes the cluster if necessary."""
        if sys.platform == "win32":
            raise EmbeddedPostgresError(
                "The embedded PostgreSQL does not run on Windows. Set PLAYTIME_DATABASE_URL."
            )
        if self._joined and self._joined_by == os.getpid():
            return
        self._make_folder()
        try:
            self._join()
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The PostgreSQL of {self.home} cannot start: {error.filename or self._folder}:"
                f" {error.strerror}. {remedy(error)}"
            ) from error

    def _join(self) -> None:
        with self._lifecycle() as lifecycle, ExitStack() as joining:
            users = joining.enter_context(open_private(self._folder / "users.lock"))
            if not try_lock(users, exclusive=False):
                raise EmbeddedPostgresError(f"{users.name} is locked by a program that is not ours.")
            self._instance = self._running() or self._launch(lifecycle)
            self._joined, self._joined_by = joining.pop_all(), os.getpid()

    def stop(self) -> None:
        """Leave the server, and stop it if no other program uses it."""
        joined, self._joined, self._instance = self._joined, None, None
        if joined:
            joined.close()  # closes the file: unlocking it would unlock it for a forked child too
            if self._joined_by == os.getpid():
                self.stop_if_unused()

    def stop_if_unused(self) -> bool:
        """Stop a server that no program uses, as after a kill; return False if a program uses it."""
        if not self._folder.exists():
            return True
        with self._lifecycle(), open_private(self._folder / "users.lock") as users:
            unused = try_lock(users, exclusive=True)
            if unused:
                self._cluster.shut_down()
        return unused

    def revive(self) -> None:
        """Start a server that has died again, on the same port.

        Unlike the other methods, several threads may call it at once.
        """
        port = self.port
        if accepts(port):
            return
        with self._lifecycle():
            self._instance = self._running() or self._launched(port)

    def require_finished(self) -> None:
        """Refuse a home into which a restore was not finished. Raises EmbeddedPostgresError."""
        if self._restore_note.exists():
            raise EmbeddedPostgresError(
                f"A restore into {self.home} was not finished. Run `playtime restore FILE` again."
            )

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """Fill an empty home for a block. Until its end, a note refuses all other uses of the home.

        Removes what an earlier, unfinished restore left. Raises EmbeddedPostgresError if the home has a cluster.
        """
        note = self._restore_note
        if self.is_made and not note.exists():
            raise self._has_cluster()
        self._make_folder()
        with open_private(note) as lock:
            if not try_lock(lock, exclusive=True):
                raise EmbeddedPostgresError(f"Another program is restoring into {self.home}.")
            # Since the first check, another restore may have finished, or another program made a cluster.
            if not is_named(lock, note):
                raise self._has_cluster()
            is_again = bool(lock.read(1))
            if self.is_made and not is_again:
                note.unlink()
                raise self._has_cluster()
            self._begin_note(lock)
            if is_again:
                self._remove()
            yield
            note.unlink()
            sync_folder(self.home)

    def _begin_note(self, note: IO[bytes]) -> None:
        """Write into the note of a restore: from now on, a cluster of the home is unfinished."""
        try:
            note.write(b"unfinished\n")
            os.fsync(note.fileno())
            sync_folder(self.home)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"{note.name} cannot be written: {error.strerror}. {remedy(error)}"
            ) from error

    def _has_cluster(self) -> EmbeddedPostgresError:
        return EmbeddedPostgresError(
            f"{self.home} has a cluster. Set PLAYTIME_HOME to an empty home, or move {self._folder} away, to"
            " restore there."
        )

    def adopt(self, fill: Callable[[Path], None], password: str) -> None:
        """Make the cluster from files that `fill` writes into a folder, with the password of their superuser."""
        self._make_folder()
        with self._lifecycle():
            self._write(_Instance(password))
            self._cluster.adopt(fill)

    def _remove(self) -> None:
        """Remove the cluster. Raises EmbeddedPostgresError if a program uses it."""
        if not self.stop_if_unused():
            raise EmbeddedPostgresError(f"A program uses the PostgreSQL of {self.home}: stop it first.")
        shutil.rmtree(self._folder)
        self._make_folder()

    @property
    def _restore_note(self) -> Path:
        return self.home / "restore-unfinished"

    @property
    def is_made(self) -> bool:
        """Whether the home has a cluster, running or not."""
        return self._cluster.data.exists()

    @property
    def is_up(self) -> bool:
        """Whether the server of the home runs, also if another program started it."""
        return self._cluster.is_alive()

    @property
    def had_database(self) -> bool:
        """Whether `note_database` was called for this cluster."""
        return self._started.had_database

    def note_database(self) -> None:
        """Note that the cluster has a complete database, so that none is made in its place later."""
        if not self.had_database:
            with self._lifecycle():
                self._instance = self._write(evolve(self._remembered(), had_database=True))

    @property
    def port(self) -> int:
        """The port on 127.0.0.1, which is part of the socket's name, too."""
        port = self._started.port
        assert port is not None, "a started server has a port"
        return port

    @property
    def password(self) -> str:
        """The superuser's password, made with the cluster and known to every program that can read the home."""
        return self._started.password

    @property
    def socket_directory(self) -> Path | None:
        """The folder of the server's Unix socket; None if its path would be too long."""
        return self._cluster.socket_directory

    def url(self, dbname: str, *, user: str, password: str, way: Way = "socket") -> str:
        """Return the address of a database, over TCP if there is no socket."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        name = quote(dbname, safe="")
        folder = self.socket_directory
        if way == "tcp" or folder is None:
            return f"postgresql://{login}@{HOST}:{self.port}/{name}"
        return f"postgresql://{login}@/{name}?host={quote(str(folder), safe='')}&port={self.port}"

    def superuser_url(self, dbname: str = "postgres", *, way: Way = "socket") -> str:
        """Return the address of a database for the superuser."""
        return self.url(dbname, user=SUPERUSER, password=self.password, way=way)

    @property
    def _started(self) -> _Instance:
        if self._instance is None:
            raise EmbeddedPostgresError(f"The PostgreSQL of {self.home} was not started here.")
        return self._instance

    @property
    def _folder(self) -> Path:
        return self.home / "postgres"

    @property
    def _cluster(self) -> Cluster:
        return Cluster(self._folder, durable=self.durable)

    def _make_folder(self) -> None:
        """Make the missing folders: private ones or, as root, ones that other accounts can pass through."""
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            missing = [path for path in (self._folder, *self._folder.parents) if not path.exists()]
            for path in reversed(missing):
                path.mkdir(exist_ok=True)
                path.chmod(mode)
        except OSError as error:
            raise EmbeddedPostgresError(f"{self._folder} cannot be made ({error}). {remedy(error)}") from error

    @contextmanager
    def _lifecycle(self) -> Iterator[IO[bytes]]:
        """Hold the right to start and stop the server."""
        with open_private(self._folder / "lifecycle.lock") as lock:
            if not wait_until(lambda: try_lock(lock, exclusive=True), _LIFECYCLE_SECONDS):
                raise EmbeddedPostgresError(
                    f"Another program has been starting or stopping the PostgreSQL of {self.home} "
                    f"for {_LIFECYCLE_SECONDS:.0f} seconds."
                )
            try:
                yield lock
            finally:
                unlock(lock)

    def _running(self) -> _Instance | None:
        """Return the running server or None, after waiting for one that starts, stops or dies."""
        cluster = self._cluster
        found: Postmaster | None = None

        def settled() -> bool:
            nonlocal found
            found = cluster.postmaster()
            return bool(found and found.answers()) or not cluster.is_alive()

        if not wait_until(settled, READY_SECONDS):
            raise EmbeddedPostgresError(f"The PostgreSQL of {self.home} runs, but does not answer.")
        return self._remember(found) if found and cluster.is_alive() else None

    def _launch(self, lifecycle: IO[bytes]) -> _Instance:
        """Start the server on its last port, or else on a free one."""
        cluster = self._cluster
        last = self._remembered()
        if not cluster.data.exists():
            cluster.create(password=last.password, inherited_lock=lifecycle)
        for attempt in range(_PORT_ATTEMPTS):
            try:
                port = free_port() if attempt or last.port is None else last.port
                return self._launched(port)
            except PortTakenError:
                continue
        raise PortTakenError(f"The PostgreSQL of {self.home} found no free port.")

    def _launched(self, port: int) -> _Instance:
        """Start the server, and stop it again if its port cannot be written for other programs."""
        cluster = self._cluster
        server = cluster.launch(port)
        try:
            return self._remember(server)
        except BaseException:
            cluster.shut_down()
            raise

    @property
    def _file(self) -> Path:
        return self._folder / "instance.json"

    def _remembered(self) -> _Instance:
        """Read the instance of the home, or make one with a new password for a cluster that does not exist yet."""
        try:
            close_to_others(self._file)
            return _Instance(**json.loads(self._file.read_bytes()))
        except FileNotFoundError:
            if not self._cluster.data.exists():
                return self._write(_Instance(secrets.token_urlsafe(24)))
            raise EmbeddedPostgresError(
                f"{self._file} is gone, and with it the password of the cluster beside it: restore it."
            ) from None
        except (TypeError, ValueError) as error:
            raise EmbeddedPostgresError(f"{self._file} is damaged: {error}") from error

    def _remember(self, server: Postmaster) -> _Instance:
        last = self._remembered()
        now = evolve(last, port=server.port, pid=server.pid)
        return last if now == last else self._write(now)

    def _write(self, instance: _Instance) -> _Instance:
        new = self._file.with_suffix(".new")
        try:
            with open_private(new, os.O_TRUNC) as file:
                file.write(json.dumps(asdict(instance)).encode())
                os.fsync(file.fileno())
            new.replace(self._file)
            sync_folder(self._folder)
        except OSError as error:
            raise EmbeddedPostgresError(f"{self._file} cannot be written: {error}. {remedy(error)}") from error
        return instance
