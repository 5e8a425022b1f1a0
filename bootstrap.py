"""The only composition root: it makes a container from settings.

Nothing happens at import. A container is an object: two can live in one process. There is no wiring of modules:
code that needs a use case gets the engine as an argument. Simulator, demo and benchmarks are imported when called,
so that a server does not load them.
"""
# ruff: noqa: PLC0415 - imports inside functions: see above

import logging
import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
from dependency_injector import containers, providers
from flask import Flask

from .adapters.cli.main import build_commands
from .adapters.cli.program import DemoDay, Print, Program, Progress, Running, SeedResult
from .adapters.http.app import create_app
from .adapters.http.error_tally import ErrorTally
from .adapters.http.server import (
    ServerOptions,
    at_end_of_worker,
    begin_worker,
    require_free,
    serve_here,
    serve_workers,
)
from .adapters.memory.storage import MemoryStorage
from .adapters.postgres.database import ROLES_WITH_PASSWORDS, Database, Logins
from .adapters.postgres.storage import PostgresStorage
from .adapters.security.passwords import Argon2Passwords
from .adapters.security.tokens import JwtTokens
from .adapters.system.game_shelf import load_game, load_games
from .adapters.system.secret_file import SECRET_BYTES, load_secrets
from .adapters.system.services import SystemClock, SystemIds, SystemRandomness, SystemStopwatch
from .adapters.system.settings import Settings
from .adapters.system.sweep_log import FileSweepLog, MemorySweepLog
from .application.engine import Engine, EngineParts, compose
from .application.errors import SetupError
from .application.ports.services import Clock, Ids
from .application.ports.storage import Storage
from .domain.access.pins import PinKeys
from .domain.games.fairness import SeedKeys

if TYPE_CHECKING:
    from .adapters.simulation.stage import Stage

__all__ = ["Container", "Settings", "build_container", "main", "open_engine", "open_running", "worker_app"]

_SECRETS_FILE: Final = "secrets.json"
_GENERATED_ID: Final = "k1"
"""The id of the generated PIN secret."""
_STORED_SECRETS: Final = ("jwt", "pin_k1", *ROLES_WITH_PASSWORDS)


class Container(containers.DeclarativeContainer):
    """The parts of one running engine. Substitute a part with `override` on an instance, never on the class."""

    settings = providers.Dependency(instance_of=Settings)
    jwt_secret = providers.Dependency(instance_of=bytes)
    pins = providers.Dependency(instance_of=PinKeys)
    seeds = providers.Dependency(instance_of=SeedKeys)

    clock = providers.Singleton(SystemClock)
    stopwatch = providers.Singleton(SystemStopwatch)
    sweep_log = providers.Selector(
        settings.provided.storage,
        memory=providers.Singleton(MemorySweepLog),
        postgres=providers.Singleton(FileSweepLog, settings.provided.home),
    )
    ids = providers.Singleton(SystemIds)
    randomness = providers.Singleton(SystemRandomness)
    games = providers.Singleton(load_games, settings.provided.games)
    passwords = providers.Singleton(Argon2Passwords)
    tokens = providers.Singleton(JwtTokens, secret=jwt_secret, clock=clock)
    storage = providers.Selector(
        settings.provided.storage,
        memory=providers.Singleton(MemoryStorage),
        postgres=providers.Singleton(
            PostgresStorage,
            settings.provided.database_url,
            settings.provided.owner_read_url,
            pool_size=settings.provided.pool_size,
            deadline_seconds=settings.provided.database_seconds,
            report_seconds=settings.provided.report_seconds,
        ),
    )
    storage_clock = providers.Selector(settings.provided.storage, memory=clock, postgres=storage.provided.clock)
    parts = providers.Singleton(
        EngineParts,
        storage=storage,
        clock=clock,
        storage_clock=storage_clock,
        stopwatch=stopwatch,
        sweep_log=sweep_log,
        ids=ids,
        randomness=randomness,
        passwords=passwords,
        tokens=tokens,
        pins=pins,
        seeds=seeds,
        games=games,
    )
    engine = providers.Singleton(compose, parts)
    errors = providers.Singleton(ErrorTally, engine.provided.record_errors)
    app = providers.Singleton(create_app, engine, public_url=settings.provided.public_url, errors=errors)


def build_container(settings: Settings, needed_secrets: Sequence[str] = ()) -> Container:
    """Return the container of some settings. Connects to nothing.

    It may make the secrets file, unless existing records need the secrets with these ids.
    """
    stored = _load_secrets(settings, needed_secrets)
    pin_secrets = dict(settings.pin_secrets) or {_GENERATED_ID: stored["pin_k1"]}
    derivations = {key_id: bytes.fromhex(secret) for key_id, secret in pin_secrets.items()}
    current = next(iter(pin_secrets))
    return Container(
        settings=providers.Object(settings),
        jwt_secret=providers.Object(bytes.fromhex(settings.jwt_secret or stored["jwt"])),
        pins=providers.Object(PinKeys(current, derivations)),
        seeds=providers.Object(SeedKeys(current, derivations)),
    )


@contextmanager
def open_engine(settings: Settings) -> Iterator[Engine]:
    """Open an engine for as long as the `with` block lasts: the way to embed Playtime in another host.

    With no database address the embedded PostgreSQL of `settings.home` is joined or started, and migrated.
    Raises SetupError with the reason for a database that cannot be used. It is UnsafeDatabase when isolation would
    not hold, and WrongSecrets when it was filled with other secrets.
    """
    with open_running(settings) as running:
        yield running.engine


@contextmanager
def open_running(settings: Settings) -> Iterator[Running]:
    """Open an engine together with its database and its server."""
    with _open_container(settings) as (opened, container, database):
        options = ServerOptions(host=opened.host, port=opened.port, workers=opened.workers, threads=opened.threads)
        yield Running(
            engine=container.engine(),
            database=database,
            home=opened.home,
            url=server_url(opened),
            public_url=opened.public_url,
            sweep_seconds=opened.sweep_seconds,
            seals_file=opened.seals_file,
            require_address=partial(require_free, options),
            serve=partial(_serve, opened, container, options),
        )


@contextmanager
def _open_container(settings: Settings) -> Iterator[tuple[Settings, Container, Database | None]]:
    """Open a container and its database; the settings then have the addresses of the database."""
    with ExitStack() as stack:
        database = None
        if settings.storage == "postgres":
            database = stack.enter_context(open_database(settings))
            database.make_ready()
            logins = database.logins
            settings = attrs.evolve(settings, database_url=logins.app, owner_read_url=logins.owner_read)
        container = build_container(settings, () if database is None else database.needed_secrets())
        if database is not None:
            database.require_secrets(container.pins().fingerprints())
        stack.callback(container.storage().close)
        yield settings, container, database


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """Open the configured database as its administrator sees it, as it is: nothing is migrated."""
    if settings.database_url is not None:
        logins = Logins(
            app=settings.database_url,
            migrator=settings.migrator_url,
            owner_read=settings.owner_read_url,
        )
        yield Database(logins)
        return
    with Database.embedded(settings.home, partial(_load_for_embedded, settings)) as database:
        yield database


def server_url(settings: Settings) -> str:
    """Return the address under which the server of these settings is reached from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - read, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def simulated_parts(stage: "Stage") -> tuple[EngineParts, Storage]:
    """Return memory storage with the services of a stage, and the storage behind the stage."""
    from .adapters.simulation.storage import StagedStorage

    storage = MemoryStorage(latch=stage)
    container = Container(
        settings=providers.Object(Settings(storage="memory")),
        jwt_secret=providers.Object(bytes(SECRET_BYTES)),
        pins=providers.Object(PinKeys("simulated", {"simulated": bytes(SECRET_BYTES)})),
        seeds=providers.Object(SeedKeys("simulated", {"simulated": bytes(SECRET_BYTES)})),
        clock=providers.Object(stage),
        stopwatch=providers.Object(stage),
        ids=providers.Object(stage),
        randomness=providers.Object(stage),
        passwords=providers.Object(stage),
        storage=providers.Object(StagedStorage(stage, storage)),
    )
    return container.parts(), storage


def simulate(first_seed: int, *, steps: int, seconds: float) -> Sequence[SeedResult]:
    """Run seeds of the simulation one after another for some seconds."""
    from .adapters.simulation.run import run_seeds

    return run_seeds(simulated_parts, first_seed, seconds=seconds, steps=steps)


@contextmanager
def open_memory_engine(clock: Clock, ids: Ids) -> Iterator[Engine]:
    """Open an engine on memory with a clock and ids."""
    container = build_container(Settings(storage="memory"))
    container.clock.override(providers.Object(clock))
    container.ids.override(providers.Object(ids))
    yield container.engine()
    container.storage().close()


class ComposedBenches:
    """The benchmarks of the command line, with the parts they need."""

    def games(self, *, rounds: int, show: Print) -> None:
        """Time odds sheets and rounds."""
        from .adapters.bench.games import measure_games

        measure_games(load_games(_settings().games), rounds=rounds, show=show)

    def safety(self, *, sessions: int, seed: int, show: Print) -> bool:
        """Measure the safety engine. Returns whether its aims are met."""
        from .adapters.bench.safety import measure_safety

        return measure_safety(open_memory_engine, sessions=sessions, seed=seed, show=show)

    def analytics(self, *, show: Print, progress: Progress, **options: int) -> None:
        """Fill an operator of its own with made-up play and time every route of analytics. Raises SetupError."""
        from .adapters.bench.analytics import AnalyticsBench

        with _open_container(_settings()) as (_, container, database):
            if database is None:
                raise SetupError("PLAYTIME_STORAGE=memory has no roll-up to measure.")
            bench = AnalyticsBench(
                engine=container.engine(), open_books=database.bench_books, show=show, progress=progress
            )
            bench.run(**options)


def worker_app() -> Flask:
    """Return the application of a server's worker process, which inherits its settings as environment."""
    begin_worker()
    _log_to_stderr()
    container = build_container(_settings())
    at_end_of_worker(container.errors().flush)
    app: Flask = container.app()
    return app


def main() -> None:
    """Run the `playtime` command."""
    program = Program(
        open_running=lambda: open_running(_settings()),
        open_database=lambda: open_database(_settings()),
        home=lambda: _settings().home,
        default_url=lambda: server_url(_settings()),
        load_games=lambda: load_games(_settings().games),
        load_game=load_game,
        play_demo=_play_demo,
        simulate=simulate,
        benches=ComposedBenches(),
    )
    build_commands(program)(prog_name=Path(sys.argv[0]).name)


def _settings() -> Settings:
    return Settings.from_environ(os.environ)


def _play_demo(engine: Engine, spins: int, progress: Progress) -> DemoDay:
    from .adapters.demo.day import play_demo

    return play_demo(engine, spins, progress)


def _load_for_embedded(settings: Settings, is_made: bool) -> Mapping[str, str]:  # noqa: FBT001 - a callback
    """Return the generated secrets of a home. A database that is there needs the existing ones."""
    return _load_secrets(settings, [_GENERATED_ID] if is_made else [])


def _load_secrets(settings: Settings, needed: Sequence[str]) -> Mapping[str, str]:
    """Return the generated secrets that the environment does not set. Records need those with the ids `needed`."""
    complete = settings.jwt_secret is not None and bool(settings.pin_secrets)
    if complete and settings.database_url is not None:
        return {}
    if settings.storage == "memory":
        # The data end with the process, so its secrets may too.
        return {name: secrets.token_hex(SECRET_BYTES) for name in _STORED_SECRETS}
    return load_secrets(settings.home / _SECRETS_FILE, _STORED_SECRETS, needed=() if complete else needed)


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")


def _serve(settings: Settings, container: Container, options: ServerOptions) -> None:
    _log_to_stderr()
    if settings.storage == "memory":
        serve_here(container.app(), options)
        return
    # The workers are new processes: they find the database that was opened here in their environment.
    os.environ["PLAYTIME_DATABASE_URL"] = settings.database_url or ""
    os.environ["PLAYTIME_OWNER_READ_URL"] = settings.owner_read_url or ""
    serve_workers(worker_app, options)
