"""The product as the commands see it: composed by bootstrap, handed over as callables."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from attrs import frozen

from ...application.engine import Engine
from ...domain.games.game import Game

Print = Callable[[str], None]
"""Prints a line."""

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows a progress bar with a label and a length; gives the function that moves it on."""


class IsolationReport(Protocol):
    """The findings of `playtime isolation check`."""

    @property
    def clean(self) -> bool:
        """Whether there are no findings."""

    def lines(self) -> Sequence[str]:
        """Return the counts, and a line for each finding."""


class Database(Protocol):
    """The database behind the engine, as its administrator uses it."""

    @property
    def app_url(self) -> str:
        """The connection string of the app's role."""

    def migrate(self) -> Sequence[str]:
        """Bring the schema up to date and return the names of the migrations applied."""

    def pending(self) -> Sequence[str]:
        """Return the names of the migrations that `migrate` would apply, and change nothing."""

    def retire_secret(self, key_id: str) -> None:
        """Note that a secret is lost for good. Raises SetupError if the database has no secret with this id."""

    def check_isolation(self) -> IsolationReport:
        """Check catalogue and behaviour of the database by the isolation rules."""

    def revive(self) -> None:
        """Start the embedded server again if it has died; does nothing for another database."""


class DemoDay(Protocol):
    """A day that the demo has played."""

    @property
    def held(self) -> bool:
        """Whether every check of the day held."""

    def report(self) -> str:
        """Return the table of the day."""

    def instructions(self, url: str) -> str:
        """Return the credentials of the day and a curl line for each route of the server at `url`."""


class SeedResult(Protocol):
    """The result of one seed of the simulation. `failure` is None if every check held."""

    @property
    def seed(self) -> int:
        """The seed."""

    @property
    def steps(self) -> int:
        """The number of commands that were sent."""

    @property
    def trace(self) -> str:
        """The digest of all that happened. The same seed gives the same trace."""

    @property
    def failure(self) -> str | None:
        """The check that failed."""

    @property
    def last_lines(self) -> Sequence[str]:
        """The end of the trace, if a check failed."""


class Simulate(Protocol):
    """The simulator."""

    def __call__(self, first_seed: int, *, steps: int, seconds: float) -> Sequence[SeedResult]:
        """Run seeds one after another for some seconds: at least one, and none after the first that fails."""


class Benches(Protocol):
    """The benchmarks. Each prints its figures."""

    def games(self, *, rounds: int, show: Print) -> None:
        """Time odds sheets and rounds."""

    def safety(self, *, sessions: int, seed: int, show: Print) -> bool:
        """Measure the safety engine. Returns whether its aims are met."""

    def analytics(self, *, show: Print, progress: Progress, **options: int) -> None:
        """Fill an operator of its own with made-up play and time every route; takes the options of the command."""


@frozen(kw_only=True)
class Running:
    """A composed engine with its database and its server.

    `serve` blocks until the server is asked to stop. `require_address` raises SetupError if it cannot listen.
    """

    engine: Engine
    database: Database | None
    home: Path
    url: str
    public_url: str | None = None
    sweep_seconds: int
    seals_file: Path | None = None
    require_address: Callable[[], None]
    serve: Callable[[], None]


@frozen(kw_only=True)
class Program:
    """The product. Each `open_...` composes it again and closes it at the end of the block.

    Simulator, demo and benchmarks are loaded when they are called.
    """

    open_running: Callable[[], AbstractContextManager[Running]]
    open_database: Callable[[], AbstractContextManager[Database]]
    home: Callable[[], Path]
    default_url: Callable[[], str]
    load_games: Callable[[], Sequence[Game]]
    load_game: Callable[[Path], Game]
    play_demo: Callable[[Engine, int, Progress], DemoDay]
    simulate: Simulate
    benches: Benches
