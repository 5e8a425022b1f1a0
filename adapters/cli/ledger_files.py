"""Exported ledgers as files: lines of JSON, compressed in members of some thousand lines each.

A member is written whole and kept before the place after it is noted, so that an export that was interrupted goes
on behind the last one, and ends in the same bytes as one made in one go.
"""

import fcntl
import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import Final

from ...application.errors import SetupError
from ...application.ledger.export import Bookmark, ExportLedger, ExportPlan
from ...application.ledger.export_check import CheckedFile, LedgerFileCheck

LONGEST_LINE: Final = 1_000_000
"""Bytes that a line has at the most: an event is far below it, and memory is bounded by it."""

_UNREADABLE: Final = (OSError, EOFError, zlib.error)


def export_ledger(
    export: ExportLedger, file: Path, tenant: str | None, *, progress: Callable[[int, int], None]
) -> ExportPlan:
    """Write an export, or go on with the one that was interrupted; `progress` is told events done and in all.

    Raises SetupError when the file is there already, or somebody else writes it.
    """
    if file.exists():
        raise SetupError(f"{file} is there already.")
    part, note = file.with_name(f"{file.name}.part"), file.with_name(f"{file.name}.part.state")
    with _held(part) as kept:
        begun = _begun(note, tenant)
        if begun is None or begun[2] > part.stat().st_size:
            begun = export.plan(tenant), Bookmark(), 0
        plan, at, length = begun
        kept.truncate(length)
        kept.seek(length)
        progress(at.events, plan.events)
        for portion in export.portions(plan, at):
            if portion.lines:
                data = b"".join(line + b"\n" for line in portion.lines)
                kept.write(gzip.compress(data, mtime=0))
                kept.flush()
                os.fsync(kept.fileno())
            _note(note, {"plan": plan.state(), "at": portion.after.state(), "length": kept.tell()})
            progress(portion.after.events, plan.events)
        # In this order: a part without a note is begun anew, a note without its part would be believed.
        note.unlink()
        part.rename(file)
    return plan


def check_file(file: Path) -> CheckedFile:
    """Check an exported file. What is in memory at once does not grow with it. Raises SetupError."""
    check = LedgerFileCheck()
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


def _begun(note: Path, tenant: str | None) -> tuple[ExportPlan, Bookmark, int] | None:
    """Return how far an export had come that was interrupted, if there is one."""
    try:
        state = json.loads(note.read_text())
        plan, at, length = ExportPlan.of(state["plan"]), Bookmark.of(state["at"]), int(state["length"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if plan.tenant != tenant:
        raise SetupError(
            f"{note} is of an export of {plan.tenant or 'everything'}: go on with that, or remove it."
        )
    return plan, at, length


def _note(note: Path, state: object) -> None:
    fresh = note.with_name(f"{note.name}.new")
    fresh.write_text(json.dumps(state))
    fresh.replace(note)


@contextmanager
def _held(part: Path) -> Iterator[BufferedRandom]:
    """Open a file for writing at any place, alone."""
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SetupError(f"{part} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "r+b") as kept:
        try:
            fcntl.flock(kept, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SetupError(f"Another program is writing {part}.") from error
        yield kept
