"""The product as the commands see it: composed by bootstrap, handed over as callables."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen

from ...application.engine import Engine
from ...domain.games.game import Game
from ...domain.ledger.recorded_seals import RecordedSeal

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


class SettingsReport(Protocol):
    """The settings of PostgreSQL for `playtime db settings`."""

    def lines(self) -> Sequence[str]:
        """Return the lines of a `postgresql.conf`, with reasons and the server's other values as comments."""


class Database(Protocol):
    """The database behind the engine, as its administrator uses it."""

    @property
    def app_url(self) -> str:
        """The connection string of the app's role."""

    @property
    def owner_read_url(self) -> str:
        """The connection string of the read-only login that sees all rows. Raises SetupError."""

    @property
    def is_up(self) -> bool:
        """Whether the database runs. An embedded one stops when no program uses it any more."""

    @property
    def is_new(self) -> bool:
        """Whether an embedded database was made when it was opened."""

    @property
    def home(self) -> Path | None:
        """The home of an embedded database."""

    def migrate(self) -> Sequence[str]:
        """Bring the schema up to date and return the names of the migrations applied."""

    def pending(self) -> Sequence[str]:
        """Return the names of the migrations that `migrate` would apply, and change nothing."""

    def retire_secret(self, key_id: str) -> None:
        """Note that a secret is lost for good. Raises SetupError if the database has no secret with this id."""

    def check_isolation(self) -> IsolationReport:
        """Check catalogue and behaviour of the database by the isolation rules."""

    def settings_report(self, *, memory_bytes: int | None, cores: int | None) -> SettingsReport:
        """Return the settings that fit the machine of the server, by default this one, beside the server's own."""

    def revive(self) -> None:
        """Start the embedded server again if it has died; does nothing for another database."""


class DemoDay(Protocol):
    """A day that the demo has played."""

    @property
    def name(self) -> str:
        """The slug of the day's operator."""

    @property
    def held(self) -> bool:
        """Whether every check of the day held."""

    def report(self) -> str:
        """Return the table of the day."""

    def instructions(self, url: str) -> str:
        """Return a shell script: the credentials, and a curl line for each route of the server at `url`."""


class PlayDemo(Protocol):
    """The demo."""

    def __call__(self, engine: Engine, spins: int, *, progress: Progress, show: Print) -> DemoDay:
        """Play a day of about `spins` spins on an operator of its own, and show each phase."""


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


class BackUp(Protocol):
    """Writes a backup."""

    def __call__(self, file: Path, *, base: bool, progress: Progress) -> None:
        """Write it to a new file; with `base`, a copy of the embedded cluster. Raises SetupError."""


@frozen(kw_only=True)
class Restored:
    """A restored database before its first use, with the newest seals from before the backup."""

    engine: Engine
    seals: frozenset[RecordedSeal]
    made_at: str


class Restore(Protocol):
    """Restores a backup."""

    def __call__(self, file: Path, *, progress: Progress) -> AbstractContextManager[Restored]:
        """Restore it, and give it for the checks in a block; after the block it may be used. Raises SetupError."""


class RotateSecret(Protocol):
    """Makes a new secret of tokens."""

    def __call__(self, *, overlaps: bool) -> Path:
        """Make it, and keep the old one if it overlaps. Returns the file of the secrets. Raises SetupError."""


class MakeDatabase(Protocol):
    """Opens the database of the settings, and makes it if necessary."""

    def __call__(self, *, new: bool) -> AbstractContextManager[Database]:
        """Open it for a block; with `new`, only a new one. Raises SetupError."""


class Benches(Protocol):
    """The benchmarks. Each prints its figures."""

    def games(self, *, rounds: int, show: Print) -> None:
        """Time odds sheets and rounds."""

    def returns(self, *, show: Print, **options: int) -> bool:
        """Measure the alarm of drifting games; takes the options of the command. Returns whether aims are met."""

    def safety(self, *, sessions: int, seed: int, show: Print) -> bool:
        """Measure the safety engine. Returns whether its aims are met."""

    def analytics(self, *, show: Print, progress: Progress, **options: int) -> None:
        """Fill an operator of its own with made-up play and time every route; takes the options of the command."""

    def spin(self, *, show: Print, progress: Progress, **options: int) -> Mapping[str, Any]:
        """Measure a spin on a fresh database; takes the options of the command. Returns all figures."""


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

    `open_running` may make and migrate a database, and `make_database` may make one: with `new`, also in the place
    of one that is lost. `open_existing` and `open_database` make, migrate and store nothing. They raise
    NothingToCheck if there is no database.

    Simulator, demo and benchmarks are loaded when they are called.
    """

    open_running: Callable[[], AbstractContextManager[Running]]
    open_existing: Callable[[], AbstractContextManager[Running]]
    open_database: Callable[[], AbstractContextManager[Database]]
    make_database: MakeDatabase
    back_up: BackUp
    restore: Restore
    rotate_secret: RotateSecret
    home: Callable[[], Path]
    default_url: Callable[[], str]
    load_games: Callable[[], Sequence[Game]]
    load_game: Callable[[Path], Game]
    play_demo: PlayDemo
    simulate: Simulate
    benches: Benches
