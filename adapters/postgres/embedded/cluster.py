"""One PostgreSQL cluster in a folder: creating, starting, inspecting and stopping it.

`server` decides which program may do so, and when. The folder has `data` (the cluster), `server.log` and
`server.lock`, an exclusive flock that the server and all its processes inherit. While it is locked, the data
directory is in use; when it is free, no process of the server is left.
"""

import errno
import os
import re
import secrets  # noqa: TID251 - picks a port, outside of the engine
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from attrs import frozen

from .binaries import ENVIRONMENT, Binaries, EmbeddedPostgresError, SystemAccount, account_for, find_binaries
from .locked_files import open_private, sync_folder, try_lock, unlock, wait_until
from .machine import Machine
from .tuning import PLANNER, fitting

HOST: Final = "127.0.0.1"
SUPERUSER: Final = "postgres"
_PORTS: Final = range(20_000, 32_768)  # below those that systems give to outgoing connections
_PORT_TAKEN: Final = "could not create any TCP/IP sockets"
_SOCKET_PATH_BYTES = 103  # macOS's limit; Linux allows 107
_LOG_BYTES = 8 * 2**20
_LOG_BYTES_READ = 16 * 2**10
_ERROR: Final = re.compile(r"LOG: +(could not|invalid|unrecognized)|(HINT|ERROR|FATAL|PANIC|error|fatal): ")
_ERRORS_QUOTED = 3
_NO_SPACE: Final = os.strerror(errno.ENOSPC)
_INITDB_SECONDS = 120.0
_SPAWN_SECONDS = 20.0
_BUILTIN_LOCALE_MAJOR = 17
READY_SECONDS: Final = 120.0  # recovery after a crash included
_FAST_SECONDS = 20.0
_IMMEDIATE_SECONDS = 15.0
_SETTINGS: Final = {
    "listen_addresses": HOST,
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "max_connections": "100",
    "timezone": "UTC",
}
_NOT_DURABLE: Final = {"fsync": "off", "full_page_writes": "off"}


class PortTakenError(EmbeddedPostgresError):
    """Raised when another program listens on the server's port."""


@frozen
class Postmaster:
    """The content of `postmaster.pid`, which a server writes into its data directory."""

    pid: int
    port: int
    ready: bool

    def answers(self) -> bool:
        """Return whether the server accepts connections."""
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, PermissionError):  # gone, or another user's process has its number
            return False
        return self.ready and accepts(self.port)


@frozen
class Cluster:
    """A cluster in a folder. Its methods are called by one process at a time."""

    folder: Path
    durable: bool = True

    @property
    def data(self) -> Path:
        """The data directory, which exists once the cluster is complete."""
        return self.folder / "data"

    @property
    def socket_directory(self) -> Path | None:
        """The folder of the server's Unix socket; None if its path is too long for one."""
        longest = f"{self.data}/.s.PGSQL.{_PORTS.stop}"
        fits = len(os.fsencode(longest)) <= _SOCKET_PATH_BYTES
        return self.data if fits and not set(',"') & set(longest) else None

    def is_alive(self) -> bool:
        """Return whether any process of the server is left."""
        with open_private(self.folder / "server.lock") as lock:
            free = try_lock(lock, exclusive=False)
            if free:
                unlock(lock)
        return not free

    def postmaster(self) -> Postmaster | None:
        """Read `postmaster.pid`. The server may have been killed since it wrote the file."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return Postmaster(int(lines[0]), int(lines[3]), ready=lines[7].strip() == "ready")
        except (FileNotFoundError, IndexError, ValueError):  # missing or incomplete
            return None

    def account(self) -> SystemAccount | None:
        """Return the account that runs the cluster (None for the current one), which can enter the folder."""
        account = account_for(self.data)
        closed = account and account.closed_directory(self.folder)
        if account and closed:
            raise EmbeddedPostgresError(
                f"PostgreSQL does not run as root, and the account {account.name}, which runs it "
                f"instead, cannot enter {closed}. Set PLAYTIME_HOME to a directory that it can "
                "reach, such as /var/lib/playtime."
            )
        return account

    def create(self, *, password: str, inherited_lock: IO[bytes]) -> None:
        """Make the cluster in another folder and move it, so that it is either complete or missing.

        `initdb` inherits the caller's lock, so that no other program starts if the caller is killed.
        """
        for abandoned in self.folder.glob("initdb-*"):
            shutil.rmtree(abandoned)
        account = self.account()
        binaries = find_binaries().run_by(account)
        place = Path(tempfile.mkdtemp(prefix="initdb-", dir=self.folder))
        try:
            password_file = place / "password"
            password_file.write_text(password)
            password_file.chmod(0o600)
            if account:
                os.chown(password_file, account.uid, account.gid)
                os.chown(place, account.uid, account.gid)
            self._initdb(binaries, account, place, inherited_lock)
            (place / "data").rename(self.data)
            sync_folder(self.folder)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def adopt(self, fill: Callable[[Path], None]) -> None:
        """Make the cluster from files that `fill` writes into a folder, complete or not at all."""
        account = self.account()
        place = Path(tempfile.mkdtemp(prefix="initdb-", dir=self.folder))
        try:
            data = place / "data"
            data.mkdir(mode=0o700)
            fill(data)
            for path in (place, data, *data.rglob("*")):
                if account:
                    os.chown(path, account.uid, account.gid)
            data.rename(self.data)
            sync_folder(self.folder)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _initdb(self, binaries: Binaries, account: SystemAccount | None, place: Path, lock: IO[bytes]) -> None:
        command = [
            f"{binaries.initdb}",
            f"--pgdata={place / 'data'}",
            f"--username={SUPERUSER}",
            f"--pwfile={place / 'password'}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--data-checksums",
            "--no-instructions",
        ]
        if binaries.major >= _BUILTIN_LOCALE_MAJOR:
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self.durable:
            command += ["--no-sync"]
        answer = _run_as(account, command, stderr=subprocess.STDOUT, inherited=lock, seconds=_INITDB_SECONDS)
        if answer.returncode != 0:
            raise EmbeddedPostgresError(f"PostgreSQL's initdb failed in {self.folder}: {_cause(answer.stdout)}")

    def launch(self, port: int) -> Postmaster:
        """Start the server and wait until it answers. Raises PortTakenError, EmbeddedPostgresError."""
        account = self.account()
        binaries = find_binaries().run_by(account)
        self._check_version(binaries)
        self._clear_up()
        with self._log() as log:
            start = log.tell()
            pid = self._spawn(binaries, account, port, log)
        if not self._comes_up(pid):
            error = PortTakenError if _PORT_TAKEN in self._log_since(start) else EmbeddedPostgresError
            raise error(self._story("did not start", since=start))
        return Postmaster(pid, port, ready=True)

    def _check_version(self, binaries: Binaries) -> None:
        try:
            major = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise EmbeddedPostgresError(f"{self.data} holds no PostgreSQL cluster.") from None
        if major != str(binaries.major):
            raise EmbeddedPostgresError(
                f"The cluster in {self.data} was made by PostgreSQL {major}, but the programs in "
                f"{binaries.directory} are PostgreSQL {binaries.major}. Install version {major}, "
                "or run `playtime backup` there and `playtime restore` in an empty home here."
            )

    def _clear_up(self) -> None:
        """Remove the files of a dead server, because PostgreSQL checks only whether its process id is in use.

        The id may belong to another program now. It may also be a zombie, if the first process of a container
        does not collect its children. A server on our data has the data directory as its working directory.
        """
        last = self.postmaster()
        if last and not Path("/proc/self/cwd").exists():
            return
        with suppress(OSError):  # no process, or another user's process: not our server
            if last and Path(f"/proc/{last.pid}/cwd").readlink() == self.data:
                return  # started by another program: PostgreSQL will report it
        for leftover in (*self.data.glob(".s.PGSQL.*"), self.data / "postmaster.pid"):
            leftover.unlink(missing_ok=True)

    def _spawn(self, binaries: Binaries, account: SystemAccount | None, port: int, log: IO[bytes]) -> int:
        """Start the server in a session of its own, as an orphan, and return its process id."""
        settings = {
            **_SETTINGS,
            **self._tuning(),
            "port": str(port),
            "unix_socket_directories": str(self.socket_directory or ""),
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        server = [f"{binaries.postgres}", "-D", f"{self.data}", *flags]
        with open_private(self.folder / "server.lock") as lock:
            if not try_lock(lock, exclusive=True):
                raise EmbeddedPostgresError(f"A PostgreSQL runs in {self.folder} already.")
            answer = _run_as(
                account,
                ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh", *server],
                stderr=log,
                inherited=lock,
                seconds=_SPAWN_SECONDS,
            )
        return int(answer.stdout)

    def _tuning(self) -> dict[str, str]:
        """Return the settings that fit this machine. A server of tests gets no more memory: many run at once."""
        tuning = fitting(Machine.here(), is_shared=True) if self.durable else PLANNER
        return {setting.name: setting.value for setting in tuning} | ({} if self.durable else _NOT_DURABLE)

    def _comes_up(self, pid: int) -> bool:
        """Wait for the server to be ready; return False if it ends instead."""

        def ready() -> bool:
            now = self.postmaster()
            return now is not None and now.pid == pid and now.answers()

        try:
            if wait_until(lambda: ready() or not self.is_alive(), READY_SECONDS):
                return ready()
        except BaseException:
            self.shut_down()
            raise
        self.shut_down()
        raise EmbeddedPostgresError(self._story(f"was not ready in {READY_SECONDS:.0f} seconds"))

    def shut_down(self) -> None:
        """Stop the server if it runs. It disconnects its clients; committed transactions are durable."""
        stages = ((signal.SIGINT, _FAST_SECONDS), (signal.SIGQUIT, _IMMEDIATE_SECONDS))
        for number, seconds in stages:
            postmaster = self.postmaster()
            if not self.is_alive():
                return
            if postmaster:
                with suppress(ProcessLookupError, PermissionError):  # it was killed, so its children end too
                    os.kill(postmaster.pid, number)
                    _resume(postmaster.pid)
            if wait_until(lambda: not self.is_alive(), seconds):
                if postmaster:
                    _reap(postmaster.pid)
                return
        raise EmbeddedPostgresError(self._story("did not stop"))

    @contextmanager
    def _log(self) -> Iterator[IO[bytes]]:
        """Open the log at its end. A long log first replaces the previous one as `server.log.1`."""
        path = self.folder / "server.log"
        if path.exists() and path.stat().st_size > _LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        with open_private(path, os.O_APPEND) as log:
            log.seek(0, os.SEEK_END)
            yield log

    def _log_since(self, start: int) -> str:
        with open_private(self.folder / "server.log") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(start, end - _LOG_BYTES_READ))
            return log.read().decode(errors="replace")

    def _story(self, what: str, since: int = 0) -> str:
        """Return a message about the server with the causes that its log names."""
        cause = _cause(self._log_since(since))
        return f"The PostgreSQL in {self.folder} {what}: {cause} ({self.folder / 'server.log'} has more.)"


def _resume(postmaster: int) -> None:
    """Let the server and its backends go on: a suspended process does not act on another signal.

    Where the system does not list children, only the server itself is resumed.
    """
    os.kill(postmaster, signal.SIGCONT)
    with suppress(OSError):
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for child in map(int, children):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGCONT)


def free_port() -> int:
    """Return a port on which no program listens now."""
    for _ in _PORTS:
        port = _PORTS[secrets.randbelow(len(_PORTS))]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((HOST, port))
                return port
    raise PortTakenError(f"No port from {_PORTS.start} to {_PORTS.stop} is free on {HOST}.")


def accepts(port: int) -> bool:
    """Return whether a program listens on a port."""
    try:
        socket.create_connection((HOST, port), timeout=5).close()
    except OSError:
        return False
    return True


def _run_as(
    account: SystemAccount | None,
    command: Collection[str],
    *,
    stderr: IO[bytes] | int,
    inherited: IO[bytes],
    seconds: float,
) -> subprocess.CompletedProcess[str]:
    """Run a program as an account, in a session of its own, with one inherited open file."""
    try:
        return subprocess.run(  # noqa: S603 - programs found by us; paths are arguments of their own
            list(command),
            check=False,
            cwd="/",
            env=ENVIRONMENT,
            extra_groups=[] if account else None,
            group=account.gid if account else None,
            pass_fds=(inherited.fileno(),),
            start_new_session=True,
            stderr=stderr,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=seconds,
            user=account.uid if account else None,
        )
    except subprocess.TimeoutExpired as error:
        raise EmbeddedPostgresError(f"{error.cmd[0]} did not end in {seconds:.0f} s.") from error


def _reap(pid: int) -> None:
    """Collect a server that became our child because we are a container's first process."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _cause(text: str) -> str:
    """Return the errors that a program's output names, on one line; without any, the end of the output."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line[found.start() :] for line in lines if (found := _ERROR.search(line))]
    cause = "; ".join(dict.fromkeys(errors[-_ERRORS_QUOTED:])) or " ".join(lines[-1:]) or "it said nothing."
    return f"{cause}. Make room on its disk." if _NO_SPACE in cause else cause
