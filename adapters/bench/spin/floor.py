"""The floor as the benchmark uses it, and the check that it writes as much as a spin does."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol
from uuid import UUID

from attrs import frozen

CAPTURED: Final = 60
"""The spins from which those that the floor repeats are chosen."""

PASSES: Final = 3
"""The spins of each player in the check."""


class Written(Protocol):
    """The rows, index entries and bytes of write-ahead log that some work wrote."""

    @property
    def rows(self) -> int:
        """The new and changed rows."""

    @property
    def index_entries(self) -> int:
        """The entries of new rows in indexes."""

    @property
    def wal_bytes(self) -> int:
        """The bytes of write-ahead log."""


class FloorLoad(Protocol):
    """The calls of a load that has ended."""

    @property
    def generator_seconds(self) -> float:
        """The processor time of the load generator."""

    def latencies(self, begun: float, ended: float) -> list[float]:
        """Return the latencies in ms of the calls that ended between two moments in seconds since 1970."""


class Floor(Protocol):
    """A database with the function that writes the rows of a spin."""

    def capture(self, play: Callable[[], object]) -> Any:  # noqa: ANN401 - for `install` alone
        """Play a spin, and return the rows that it wrote."""

    def install(self, spins: Sequence[Any], player_ids: Sequence[UUID]) -> None:
        """Make the function from captured spins, for these players."""

    def call_for_each(self, players: int) -> None:
        """Call the function once for each player."""

    def load(self, *, clients: int, players: int, seconds: float) -> AbstractContextManager[FloorLoad]:
        """Call the function from a number of clients during a block."""

    def written_by(self, work: Callable[[], object]) -> Written:
        """Do some work, and count what it wrote."""

    def wal_bytes(self) -> int:
        """Return the place of the write-ahead log in bytes."""

    def server_pid(self) -> int:
        """Return the number of the server's first process."""

    def hot_share(self) -> float | None:
        """Return the share of updates of players and sessions that touched no index."""

    def version(self) -> str:
        """Return the server's version."""


@frozen(kw_only=True)
class PerCall:
    """The rows, index entries and bytes of write-ahead log for one call."""

    rows: float
    index_entries: float
    wal_bytes: float

    @classmethod
    def of(cls, written: Sequence[Written], calls: int) -> "PerCall":
        """Divide the sums by the number of calls."""
        return cls(
            rows=sum(some.rows for some in written) / calls,
            index_entries=sum(some.index_entries for some in written) / calls,
            wal_bytes=sum(some.wal_bytes for some in written) / calls,
        )

    def content(self) -> dict[str, float]:
        """Return the figures by their names in the JSON document."""
        return {
            "rows": round(self.rows, 3),
            "indexEntries": round(self.index_entries, 3),
            "walBytes": round(self.wal_bytes, 1),
        }


@frozen
class FloorCheck:
    """A real spin and a call of the floor, side by side."""

    spin: PerCall
    floor: PerCall

    def differences(self) -> dict[str, float]:
        """Return the surplus of the floor over a spin, as shares of the spin."""
        spin, floor = self.spin.content(), self.floor.content()
        return {name: round(floor[name] / spin[name] - 1, 4) for name in spin}

    def content(self) -> dict[str, Any]:
        """Return the part of the JSON document."""
        return {"spin": self.spin.content(), "floor": self.floor.content(), "difference": self.differences()}

    def line(self) -> str:
        """Return the check on one line."""
        spin, floor, more = self.spin.content(), self.floor.content(), self.differences()
        texts = [f"{name} {spin[name]:.2f} / {floor[name]:.2f} ({more[name]:+.1%})" for name in spin]
        return f"a spin / a call of the floor writes: {', '.join(texts)}"


def repeat(work: Callable[[], None], times: int) -> None:
    """Do some work a number of times."""
    for _ in range(times):
        work()


def check_floor(floor: Floor, play_all: Callable[[], None], players: int) -> FloorCheck:
    """Let each player spin, and call the floor for as many, and count what each writes.

    The first pass of each is not counted: after a checkpoint, the first change of a page writes the whole page.
    """

    def passes(play: Callable[[], None]) -> PerCall:
        play()
        return PerCall.of([floor.written_by(play) for _ in range(PASSES)], PASSES * players)

    return FloorCheck(passes(play_all), passes(lambda: floor.call_for_each(players)))
