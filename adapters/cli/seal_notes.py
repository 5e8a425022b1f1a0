"""Seals written down outside of the database: one line of the log and of PLAYTIME_SEALS_FILE for each new one.

The file's lines are those that `playtime ledger verify --seals` reads. The newest line of an operator is enough:
a seal covers everything before it. So the file may be rotated at any time.
"""

import logging
import os
from pathlib import Path
from typing import Final

from attrs import define, field

from ...application.access import SYSTEM
from ...application.engine import Engine
from ...application.errors import SetupError
from ...domain.ledger.seals import moment_text
from .program import Running

_log: Final = logging.getLogger("playtime.seals")


@define
class SealNotes:
    """The newest seal of each operator that this process has written down."""

    engine: Engine
    file: Path | None
    _newest: dict[str, str] = field(factory=dict, init=False)

    @classmethod
    def opened(cls, running: Running) -> "SealNotes":
        """Return the notes of an engine. Raises SetupError if the file cannot be written."""
        if running.seals_file is not None:
            try:
                _append(running.seals_file, "")
            except OSError as error:
                raise SetupError(
                    f"PLAYTIME_SEALS_FILE: {running.seals_file} cannot be written: {error.strerror}."
                ) from error
        return cls(running.engine, running.seals_file)

    def write(self) -> None:
        """Write down each operator's newest seal that is new. Raises OSError, StorageError."""
        seals = [
            seal for seal in self.engine.list_seals.newest(SYSTEM) if self._newest.get(seal.slug) != seal.hash
        ]
        for seal in seals:
            _log.info("newest seal: %s", seal.recorded)
        if self.file is not None and seals:
            _append(self.file, "".join(f"{seal.recorded} # {moment_text(seal.sealed_at)}\n" for seal in seals))
        self._newest |= {seal.slug: seal.hash for seal in seals}


def _append(file: Path, text: str) -> None:
    """Add lines to a file and sync it; makes the file if there is none."""
    with file.open("a", encoding="ascii") as output:
        output.write(text)
        output.flush()
        os.fsync(output.fileno())
