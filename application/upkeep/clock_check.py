"""The check of the process's clock before work that nobody can undo."""

from datetime import datetime, timedelta
from typing import Final

from attrs import define

from ..errors import ClockDiffers
from ..ports.services import Clock, Stopwatch

LARGEST_DIFFERENCE: Final = timedelta(minutes=5)


@define
class ClockCheck:
    """Compares the process's clock with the storage's clock, and with its own last run.

    The last run is the last one with a good clock. Since then as much time must have passed on the clock as on the
    stopwatch. A clock that jumped is refused until it is right again, or until the process is restarted.
    """

    clock: Clock
    storage_clock: Clock
    stopwatch: Stopwatch
    _last: tuple[datetime, timedelta] | None = None

    def now(self) -> datetime:
        """Return the present moment. Raises ClockDiffers when a comparison is over LARGEST_DIFFERENCE apart."""
        now, elapsed = self.clock.now(), self.stopwatch.elapsed()
        _require_near(now, self.storage_clock.now(), "the database's clock")
        if self._last is not None:
            then, elapsed_then = self._last
            _require_near(now, then + (elapsed - elapsed_then), "the time that has passed since the last run")
        self._last = now, elapsed
        return now


def _require_near(now: datetime, expected: datetime, other: str) -> None:
    if abs(now - expected) > LARGEST_DIFFERENCE:
        raise ClockDiffers(other, now, expected)
