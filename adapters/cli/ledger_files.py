"""Exported ledgers as files: lines of JSON, compressed in gzip members of some thousand lines each.

A member is synced to disk before its end is noted. An interrupted export therefore goes on after the last member,
and ends in the same bytes as an uninterrupted one.
"""

import fcntl
import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import Final

import msgspec
from attrs import frozen

from ...application.errors import SetupError
from ...application.ledger.export import Bookmark, ExportLedger, ExportPlan
from ...application.ledger.export_check import CheckedFile, LedgerFileCheck
from ...domain.ledger.recorded_seals import RecordedSeal, read_recorded

LONGEST_LINE: Final = 1_000_000
"""The most bytes of a line. An event is far shorter; the limit bounds the memory."""


@frozen
class _Note:
    """The progress of an interrupted export: plan, position, and length of the part that is written."""

    plan: ExportPlan
    at: Bookmark
    length: int


_UNREADABLE: Final = (OSError, EOFError, zlib.error)


def export_ledger(
    export: ExportLedger, file: Path, tenant: str | None, *, progress: Callable[[int, int], None]
) -> ExportPlan:
    """Write an export, or go on with an interrupted one. `progress` gets the events done, and all of them.

    Raises SetupError if the file exists, or if another program writes it.
    """
    if file.exists():
        raise SetupError(f"{file} is there already.")
    part, note = file.with_name(f"{file.name}.part"), file.with_name(f"{file.name}.part.state")
    with _locked(part) as output:
        begun = _begun(note, tenant)
        if begun is None or begun.length > part.stat().st_size:
            begun = _Note(export.plan(tenant), Bookmark(), 0)
        plan = begun.plan
        output.truncate(begun.length)
        output.seek(begun.length)
        progress(begun.at.events, plan.events)
        for portion in export.portions(plan, begun.at):
            if portion.lines:
                data = b"".join(line + b"\n" for line in portion.lines)
                output.write(gzip.compress(data, mtime=0))
                output.flush()
                os.fsync(output.fileno())
            _write(note, _Note(plan, portion.after, output.tell()))
            progress(portion.after.events, plan.events)
        # In this order: a part without a note is begun again, but a note without its part would be trusted.
        note.unlink()
        part.rename(file)
    return plan


def read_seals(file: Path) -> Iterator[RecordedSeal]:
    """Yield the recorded seals of a file. Raises SetupError, also if there are none."""
    number = 0
    try:
        with file.open(encoding="utf-8") as lines:
            for number, seal in enumerate(read_recorded(lines), start=1):  # noqa: B007 - counts the seals
                yield seal
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SetupError(f"{file}: {reason}.") from error
    if not number:
        raise SetupError(f"{file} has no seals: each line must be SLUG=NUMBER:HASH.")


def check_file(file: Path, recorded: AbstractSet[RecordedSeal] = frozenset()) -> CheckedFile:
    """Check an exported file, in constant memory. Raises SetupError."""
    check = LedgerFileCheck(recorded)
    try:
        for line in read_lines(file):
            check.add(line)
    except FileNotFoundError as error:
        raise SetupError(f"There is no file {file}.") from error
    except _UNREADABLE as error:
        check.broken_off(str(error))
    return check.result()


def read_lines(file: Path) -> Iterator[bytes]:
    """Yield the lines of an exported file, without their line feeds."""
    with gzip.open(file) as lines:
        while line := lines.readline(LONGEST_LINE):
            yield line.removesuffix(b"\n")


def _begun(note: Path, tenant: str | None) -> _Note | None:
    """Return the note of an interrupted export, if there is one that can be read."""
    try:
        begun = msgspec.json.decode(note.read_bytes(), type=_Note)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None
    if begun.plan.tenant != tenant:
        raise SetupError(
            f"{note} is of an export of {begun.plan.tenant or 'everything'}: go on with that, or remove it."
        )
    return begun


def _write(file: Path, note: _Note) -> None:
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_bytes(msgspec.json.encode(note))
    fresh.replace(file)


@contextmanager
def _locked(part: Path) -> Iterator[BufferedRandom]:
    """Open a file for writing at any position. Raises SetupError if another program has it open so."""
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SetupError(f"{part} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "r+b") as output:
        try:
            fcntl.flock(output, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SetupError(f"Another program is writing {part}.") from error
        yield output
