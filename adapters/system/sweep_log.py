"""The end of the last sweep: in a file for the processes of a home, or in memory for one process."""

import logging
from datetime import datetime
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

FILE: Final = "last-sweep"

_log: Final = logging.getLogger("playtime.sweeps")


@frozen
class FileSweepLog:
    """The time in a file of a home. `serve` sweeps in one process and answers health in others."""

    home: Path

    def note(self, ended: datetime) -> None:
        """Replace the file. A failure is logged."""
        new = self.home / f"{FILE}.new"
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            new.write_text(ended.isoformat())
            new.replace(self.home / FILE)
        except OSError as error:
            _log.warning("the end of the sweep cannot be noted in %s: %s", self.home, error.strerror)

    def last(self) -> datetime | None:
        try:
            return datetime.fromisoformat((self.home / FILE).read_text())
        except (OSError, ValueError):
            return None


@define
class MemorySweepLog:
    """The time in this process."""

    _ended: datetime | None = field(default=None, init=False)

    def note(self, ended: datetime) -> None:
        self._ended = ended

    def last(self) -> datetime | None:
        return self._ended
