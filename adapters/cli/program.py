"""What the commands are given by the composition root."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from attrs import frozen

from ...application.engine import Engine
from ...domain.games.game import Game
from ..simulation.run import Build


class IsolationReport(Protocol):
    """What checking the isolation of tenants came to."""

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""

    def lines(self) -> Sequence[str]:
        """Return the counts, and a line for each finding."""


class BenchBooks(Protocol):
    """An operator's books, to be filled with made-up play and measured."""

    def fill(self, events: int) -> Iterator[int]:
        """Write about so many events; yield how many are there, part by part."""

    def wait_for_statistics(self, patience_seconds: int) -> bool:
        """Wait until the database knows how many rows there are; return whether it does."""

    def ask_raw(self, name: str) -> Sequence[object]:
        """Return what the main figures of a route come to, straight from the events."""


class Database(Protocol):
    """The database behind the engine, as its administrator uses it."""

    @property
    def app_url(self) -> str:
        """The connection string of the app's role."""

    def migrate(self) -> Sequence[str]:
        """Bring the schema up to date and return the names of the migrations applied."""

    def pending(self) -> Sequence[str]:
        """Return the names of the migrations that `migrate` would apply, and change nothing."""

    def check_isolation(self) -> IsolationReport:
        """Hold catalogue and behaviour against the isolation rules."""

    def bench_books(
        self, operator_id: UUID, agent_ids: Sequence[UUID], since: datetime, until: datetime
    ) -> BenchBooks:
        """Return an operator's books."""

    def revive(self) -> None:
        """Start the embedded server again where it has died; nothing to do for another database."""


@frozen(kw_only=True)
class Running:
    """A composed engine and what belongs to it.

    `serve` blocks until the server was told to stop; `require_address` raises SetupError when it could not listen.
    """

    engine: Engine
    database: Database | None
    home: Path
    url: str
    sweep_seconds: int
    require_address: Callable[[], None]
    serve: Callable[[], None]


@frozen(kw_only=True)
class Program:
    """How the commands get at the product. Each call opens it anew and closes it at the end."""

    open_running: Callable[[], AbstractContextManager[Running]]
    open_database: Callable[[], AbstractContextManager[Database]]
    home: Callable[[], Path]
    default_url: Callable[[], str]
    simulated_engine: Build
    load_games: Callable[[], Sequence[Game]]
    load_game: Callable[[Path], Game]
