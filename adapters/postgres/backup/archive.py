"""The file of a backup: an uncompressed tar whose last member is a manifest with the digests of the others.

The members are streamed, so that a backup needs no room besides its file. The file gets its name only when it is
complete and on disk. Until then it is called NAME.unfinished.
"""

import fcntl
import hashlib
import json
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from attrs import define, field, frozen

from ....application.errors import SetupError
from ....domain.ledger.recorded_seals import RecordedSeal, read_recorded
from ..embedded.locked_files import is_named, sync_folder

FORM: Final = 1
MANIFEST: Final = "manifest.json"
SECRETS: Final = "secrets.json"
SEALS: Final = "seals.txt"
DUMP: Final = "database.dump"
BASE: Final = "cluster.tar"
_BLOCK: Final = tarfile.BLOCKSIZE
_CHUNK: Final = 1 << 20
_MODE: Final = 0o600


@define
class Member:
    """A member of a backup while it is written."""

    output: IO[bytes]
    size: int = field(default=0, init=False)
    _digest: Any = field(factory=hashlib.sha256, init=False)

    def write(self, data: bytes) -> None:
        """Append some bytes."""
        self.output.write(data)
        self._digest.update(data)
        self.size += len(data)

    @property
    def sha256(self) -> str:
        """The digest of the bytes so far."""
        return str(self._digest.hexdigest())


@define
class BackupWriter:
    """Writes the members of a backup, one after the other."""

    output: IO[bytes]
    _members: list[Mapping[str, Any]] = field(factory=list, init=False)

    @contextmanager
    def member(self, name: str) -> Iterator[Member]:
        """Give a member to write for a block. Its header comes last, since only the end shows its size."""
        start = self.output.tell()
        self.output.write(bytes(_BLOCK))
        member = Member(self.output)
        yield member
        self.output.write(bytes(-member.size % _BLOCK))
        end = self.output.tell()
        header = tarfile.TarInfo(name)
        header.size, header.mode = member.size, _MODE
        self.output.seek(start)
        self.output.write(header.tobuf(tarfile.GNU_FORMAT))
        self.output.seek(end)
        self._members.append({"name": name, "bytes": member.size, "sha256": member.sha256})

    def add(self, name: str, data: bytes) -> None:
        """Write a member whole."""
        with self.member(name) as member:
            member.write(data)

    def finish(self, about: Mapping[str, Any]) -> None:
        """Write the manifest, with these entries and the digests of all members, and the end of the file."""
        manifest = {"form": FORM, **about, "members": [*self._members]}
        self.add(MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")
        self.output.write(bytes(2 * _BLOCK))


@contextmanager
def new_backup(file: Path) -> Iterator[BackupWriter]:
    """Write a new file for a block. After a failure there is no file. Raises SetupError."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    if file.exists():
        raise _exists(file)
    with _locked(unfinished) as output:
        try:
            yield BackupWriter(output)
            output.flush()
            os.fsync(output.fileno())
            _give_name(unfinished, file)
            sync_folder(file.parent)
        except FileExistsError as error:
            raise _exists(file) from error
        except OSError as error:
            raise SetupError(f"{file} cannot be written: {error.strerror}") from error
        finally:
            with suppress(OSError):
                unfinished.unlink()


def _exists(file: Path) -> SetupError:
    return SetupError(f"{file} is there already: a backup replaces no file")


@contextmanager
def _locked(unfinished: Path) -> Iterator[IO[bytes]]:
    """Open an empty private file for a block, also the one that a killed backup left. Raises SetupError."""
    flags = os.O_RDWR | os.O_NOFOLLOW
    try:
        try:
            number, is_new = os.open(unfinished, flags | os.O_CREAT | os.O_EXCL, _MODE), True
        except FileExistsError:
            number, is_new = os.open(unfinished, flags, _MODE), False
    except OSError as error:
        raise SetupError(f"{unfinished} cannot be written: {error.strerror}") from error
    with os.fdopen(number, "r+b") as output:
        try:
            fcntl.flock(output, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SetupError(f"another program is writing {unfinished}") from error
        if not is_named(output, unfinished):
            raise SetupError(f"another program has just written {unfinished}")
        _require_private(output, unfinished, is_new=is_new)
        output.truncate()
        yield output


def _require_private(output: IO[bytes], unfinished: Path, *, is_new: bool) -> None:
    """Refuse a file that another account prepared or can read: it gets the secrets. Raises SetupError."""
    found = os.fstat(output.fileno())
    is_open = bool(found.st_mode & 0o077)
    if is_new and is_open:
        unfinished.unlink()
        raise SetupError(f"others could read {unfinished}: choose a file system with private files")
    is_own = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1
    if not is_new and (is_open or not is_own):
        raise SetupError(
            f"{unfinished} is not a private file of this account: remove it, or choose another folder"
        )


def _give_name(unfinished: Path, file: Path) -> None:
    """Give a complete file its name. Raises FileExistsError if another file has it by now, OSError."""
    try:
        file.hardlink_to(unfinished)
    except FileExistsError:
        raise
    except OSError:
        # This file system may have no links: an empty file claims the name, and the backup takes its place.
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE))
        try:
            unfinished.replace(file)
        except OSError:
            file.unlink()
            raise


@frozen
class Backup:
    """A complete file of a backup."""

    file: Path
    manifest: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The kind of the backup: "dump" or "base"."""
        return str(self.manifest["kind"])

    @property
    def made_at(self) -> str:
        """The moment that the backup shows."""
        return str(self.manifest["madeAt"])

    @property
    def secrets(self) -> bytes:
        """The member with the secrets."""
        return self.read(SECRETS)

    @property
    def seals(self) -> Iterable[RecordedSeal]:
        """The newest seal of each operator from before the backup."""
        return read_recorded(self.read(SEALS).decode().splitlines())

    @property
    def size(self) -> int:
        """The bytes of all members."""
        return sum(self.size_of(member["name"]) for member in self.manifest["members"])

    def size_of(self, name: str) -> int:
        """Return the bytes of a member."""
        return next(int(member["bytes"]) for member in self.manifest["members"] if member["name"] == name)

    def read(self, name: str) -> bytes:
        """Return the bytes of a member. For small ones."""
        with self.open(name) as stream:
            return stream.read()

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a member for a block."""
        with tarfile.open(self.file, "r:") as members:
            stream = members.extractfile(name)
            assert stream is not None, "every member is a file"
            yield stream

    def check(self, moved: Callable[[int], None]) -> None:
        """Compare every member with its digest; `moved` gets the number of bytes. Raises SetupError."""
        for member in self.manifest["members"]:
            digest = hashlib.sha256()
            with self.open(member["name"]) as stream:
                for chunk in chunks_of(stream):
                    digest.update(chunk)
                    moved(len(chunk))
            if digest.hexdigest() != member["sha256"]:
                raise SetupError(f"{self.file} is damaged: {member['name']} has another digest than its manifest")


def read_backup(file: Path) -> Backup:
    """Read the manifest of a backup. Raises SetupError for a file that is not a complete backup."""
    try:
        with tarfile.open(file, "r:") as members:
            stream = members.extractfile(MANIFEST)
            manifest = json.loads(stream.read()) if stream is not None else {}
    except OSError as error:
        raise SetupError(f"{file} cannot be read: {error.strerror or error}") from error
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise SetupError(f"{file} is not a complete backup: {error}") from error
    if manifest.get("form") != FORM:
        raise SetupError(f"{file} is a backup of the form {manifest.get('form')}: this release reads form {FORM}")
    return Backup(file, manifest)


def chunks_of(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield a stream in chunks."""
    while chunk := stream.read(_CHUNK):
        yield chunk
