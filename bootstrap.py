"""The only composition root: it makes a container from settings.

Nothing happens at import. A container is an object: two can live in one process. There is no wiring of modules:
code that needs a use case gets the engine as an argument. A part that not every program needs is imported when it
is made. So a command loads no HTTP, an engine on memory no database, a server no simulator, demo or benchmark.
"""
# ruff: noqa: PLC0415 - imports inside functions: see above

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from dependency_injector import containers, providers

from .adapters.cli.program import DemoDay, Print, Program, Progress, Restored, Running, SeedResult
from .adapters.http.error_tally import ErrorTally
from .adapters.memory.storage import MemoryStorage
from .adapters.security.passwords import Argon2Passwords
from .adapters.security.tokens import JwtTokens
from .adapters.system.file_locks import FileLocks, NoLocks
from .adapters.system.game_shelf import count_odds, load_game, load_games
from .adapters.system.generated_secrets import GENERATED_ID, PIN_SECRET, SECRETS_FILE, load_generated
from .adapters.system.logs import log_to_stderr
from .adapters.system.odds_cache import OddsCache
from .adapters.system.secret_file import SECRET_BYTES, rotate_token_secret, token_secrets
from .adapters.system.services import SystemClock, SystemIds, SystemRandomness, SystemStopwatch
from .adapters.system.settings import Settings
from .adapters.system.stored_secrets import StoredSecrets
from .adapters.system.sweep_log import FileSweepLog, MemorySweepLog
from .application.access import SYSTEM
from .application.engine import Engine, EngineParts, compose
from .application.errors import SetupError
from .application.ports.services import Clock, Ids
from .application.ports.storage import Storage
from .domain.access.pins import PinKeys
from .domain.games.fairness import SeedKeys
from .domain.games.game import Game

if TYPE_CHECKING:
    from flask import Flask

    from .adapters.bench.benches import ComposedBenches
    from .adapters.bench.spin.bench import Measured
    from .adapters.bench.spin.phases import Steps
    from .adapters.http.edge import Edge
    from .adapters.http.lanes import Exclusive, Lanes
    from .adapters.http.readiness import Readiness
    from .adapters.postgres.database import Database, Opening
    from .adapters.postgres.storage import PostgresStorage
    from .adapters.simulation.stage import Stage

__all__ = ["Container", "Settings", "build_container", "open_engine", "open_running", "worker_app"]


def _postgres_storage(settings: Settings, **options: Any) -> "PostgresStorage":
    from .adapters.postgres.storage import PostgresStorage

    urls = settings.database_url or "", settings.owner_read_url
    return PostgresStorage(*urls, report_seconds=settings.report_seconds, **options)


def _long_storage(settings: Settings) -> "PostgresStorage":
    """Return a storage with a few connections of its own, and the time of a report for everything."""
    from .adapters.http.lanes import LONG_PLACES

    return _postgres_storage(
        settings,
        pool_size=LONG_PLACES,
        deadline_seconds=settings.report_seconds,
        pool_wait_seconds=settings.database_seconds,
    )


def _lanes(settings: Settings, exclusive: "Exclusive") -> "Lanes":
    from .adapters.http.connections import drop_unread
    from .adapters.http.lanes import Lanes

    begin_download = partial(drop_unread, settings.port, settings.report_seconds)
    sized = partial(Lanes.sized, exclusive=exclusive, begin_download=begin_download)
    return sized(settings.threads, settings.pool_size, bets_together=settings.spins_together > 1)


def _edge(settings: Settings) -> "Edge":
    from .adapters.http.edge import Edge

    origins, proxies = frozenset(settings.allowed_origins), settings.trusted_proxies
    return Edge(origins=origins, proxies=proxies, is_secure=settings.is_secure, contact=settings.security_contact)


def _readiness(settings: Settings, pins: PinKeys) -> "Readiness":
    from .adapters.http.readiness import Readiness

    if settings.storage == "memory":
        return Readiness(sweep_seconds=settings.sweep_seconds)
    from .adapters.postgres.database import Database, Logins

    database = Database(Logins(app=settings.database_url or "", owner_read=settings.owner_read_url))
    checks = database.checks(pins.fingerprints())
    return Readiness(checks=checks, sweep_seconds=settings.sweep_seconds)


def _app(engine: Engine, games: Sequence[Game], odds: OddsCache, **options: Any) -> "Flask":
    return _load_app(games, odds)(engine, **options)


def _load_app(games: Sequence[Game], odds: OddsCache) -> "Callable[..., Flask]":
    """Load the HTTP application and count what its spins need. Returns the function that makes the application."""
    from .adapters.http.app import create_app

    count_odds(games, odds)
    return create_app


class Container(containers.DeclarativeContainer):
    """The parts of one running engine. Substitute a part with `override` on an instance, never on the class."""

    settings = providers.Dependency(instance_of=Settings)
    jwt_secrets = providers.Dependency(instance_of=tuple)
    pins = providers.Dependency(instance_of=PinKeys)
    seeds = providers.Dependency(instance_of=SeedKeys)

    clock = providers.Singleton(SystemClock)
    stopwatch = providers.Singleton(SystemStopwatch)
    sweep_log = providers.Selector(
        settings.provided.storage,
        memory=providers.Singleton(MemorySweepLog),
        postgres=providers.Singleton(FileSweepLog, settings.provided.home),
    )
    locks = providers.Selector(
        settings.provided.storage,
        memory=providers.Singleton(NoLocks),
        postgres=providers.Singleton(FileLocks, settings.provided.home),
    )
    ids = providers.Singleton(SystemIds)
    randomness = providers.Singleton(SystemRandomness)
    odds = providers.Singleton(OddsCache, settings.provided.odds_folder)
    games = providers.Singleton(load_games, settings.provided.games, odds)
    passwords = providers.Singleton(Argon2Passwords)
    tokens = providers.Singleton(JwtTokens, secrets=jwt_secrets, clock=clock)
    storage = providers.Selector(
        settings.provided.storage,
        memory=providers.Singleton(MemoryStorage),
        postgres=providers.Singleton(
            _postgres_storage,
            settings,
            pool_size=settings.provided.pool_size,
            deadline_seconds=settings.provided.database_seconds,
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
        spins_together=settings.provided.spins_together,
    )
    engine = providers.Singleton(compose, parts)
    errors = providers.Singleton(ErrorTally, engine.provided.record_errors)
    long_storage = providers.Selector(
        settings.provided.storage, memory=storage, postgres=providers.Singleton(_long_storage, settings)
    )
    long_reads = providers.Singleton(compose, providers.Singleton(attrs.evolve, parts, storage=long_storage))
    lanes = providers.Singleton(_lanes, settings, locks.provided.exclusive)
    app = providers.Singleton(
        _app,
        engine,
        games,
        odds,
        public_url=settings.provided.public_url,
        errors=errors,
        lanes=lanes,
        long_reads=long_reads,
        edge=providers.Singleton(_edge, settings),
        readiness=providers.Singleton(_readiness, settings, pins),
    )


def build_container(
    settings: Settings, needed_secrets: Sequence[str] = (), *, makes_secrets: bool = True
) -> Container:
    """Return the container of some settings. Connects to nothing.

    It may make the secrets file if it `makes_secrets`, unless existing records need the secrets with these ids.
    """
    stored = _load_secrets(settings, needed_secrets, makes=makes_secrets)
    pin_secrets = dict(settings.pin_secrets) or {GENERATED_ID: stored[PIN_SECRET]}
    derivations = {key_id: bytes.fromhex(secret) for key_id, secret in pin_secrets.items()}
    current = next(iter(pin_secrets))
    return Container(
        settings=providers.Object(settings),
        jwt_secrets=providers.Object(token_secrets(settings.jwt_secret, stored)),
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
    with _open_container(settings) as (_, container, _):
        yield container.engine()


@contextmanager
def open_running(settings: Settings, opening: "Opening" = "usual") -> Iterator[Running]:
    """Open an engine together with its database and its server."""
    with _open_container(settings, opening) as (opened, container, database):
        yield Running(
            engine=container.engine(),
            database=database,
            home=opened.home,
            url=opened.server_url,
            public_url=opened.public_url,
            sweep_seconds=opened.sweep_seconds,
            seals_file=opened.seals_file,
            require_address=partial(_require_address, opened),
            serve=partial(_serve, opened, container),
        )


@contextmanager
def _open_container(
    settings: Settings, opening: "Opening" = "usual"
) -> Iterator[tuple[Settings, Container, "Database | None"]]:
    """Open a container and its database; the settings then have the addresses of the database.

    An "existing" database is opened as it is: nothing is made, migrated or stored.
    """
    makes = opening != "existing"
    with ExitStack() as stack:
        database = None
        if settings.storage == "postgres":
            database = stack.enter_context(open_database(settings, opening))
            database.make_ready(migrates=makes)
        settings, container = stack.enter_context(_composed(settings, database, makes=makes))
        yield settings, container, database


@contextmanager
def _composed(
    settings: Settings, database: "Database | None", *, makes: bool
) -> Iterator[tuple[Settings, Container]]:
    """Open a container on a database that is ready; the settings then have the addresses of the database."""
    needed: Sequence[str] = ()
    if database is not None:
        needed, logins = database.needed_secrets(), database.logins
        settings = attrs.evolve(settings, database_url=logins.app, owner_read_url=logins.owner_read)
    container = build_container(settings, needed, makes_secrets=makes)
    if database is not None:
        database.require_secrets(container.pins().fingerprints(), registers=makes)
    with closing(container.storage()), closing(container.long_storage()):
        yield settings, container


def back_up(file: Path, *, base: bool, progress: Progress) -> None:
    """Write a backup of the database, with its secrets and its newest seals, to a new file. Raises SetupError."""
    from importlib.metadata import version

    from .adapters.postgres.backup.backup import back_up

    settings = _settings()
    with _open_container(settings, "existing") as (_, container, database):
        if database is None:
            raise SetupError("PLAYTIME_STORAGE=memory has no database to back up.")
        secrets = StoredSecrets.of(settings, database.superuser_password).content()
        seals = [seal.recorded for seal in container.engine().list_seals.newest(SYSTEM)]
        release = version("playtime")
        back_up(database, file, base=base, secrets=secrets, seals=seals, release=release, progress=progress)


@contextmanager
def restore(file: Path, *, progress: Progress) -> Iterator[Restored]:
    """Restore a backup into the empty home or database of the settings. Give its engine for the checks in a block.

    At the end of the block, the home or database may be used. Raises SetupError.
    """
    from .adapters.postgres.backup.restore import open_backup, restored_database, restored_home

    settings = _settings()
    backup = open_backup(file, progress)
    stored = StoredSecrets.parse(backup.secrets)
    stored.require_same(settings)

    def load(_: bool = False) -> Mapping[str, str]:  # noqa: FBT001, FBT002 - a callback
        stored.restore(settings.home)
        return _load_secrets(settings, ())

    with ExitStack() as stack:
        if settings.database_url is None:
            home = restored_home(settings.home, backup, load, superuser=stored.superuser, progress=progress)
            database = stack.enter_context(home)
        else:
            own = stack.enter_context(open_database(settings))
            database = stack.enter_context(restored_database(own, backup, progress))
            load()
        _, container = stack.enter_context(_composed(settings, database, makes=True))
        yield Restored(engine=container.engine(), seals=frozenset(backup.seals), made_at=backup.made_at)


@contextmanager
def open_database(settings: Settings, opening: "Opening" = "existing") -> Iterator["Database"]:
    """Open the configured database as its administrator sees it, as it is: nothing is migrated."""
    from .adapters.postgres.database import Database, Logins

    if settings.database_url is not None:
        logins = Logins(
            app=settings.database_url,
            migrator=settings.migrator_url,
            owner_read=settings.owner_read_url,
            backup=settings.backup_url,
        )
        database = Database(logins)
        if opening == "new":
            database.require_empty()
        yield database
        return
    had_database = (settings.home / SECRETS_FILE).exists()
    load = partial(_load_for_embedded, settings, opening)
    with Database.embedded(settings.home, load, opening=opening, had_database=had_database) as database:
        yield database


def simulated_parts(stage: "Stage") -> tuple[EngineParts, Storage]:
    """Return memory storage with the services of a stage, and the storage behind the stage."""
    from .adapters.simulation.storage import StagedStorage

    storage = MemoryStorage(latch=stage)
    secret = bytes(SECRET_BYTES)
    container = Container(
        # Each spin by itself: a caller in the queue would wait for a thread that the stage has stopped.
        settings=providers.Object(Settings(storage="memory", spins_together=1)),
        jwt_secrets=providers.Object((secret,)),
        pins=providers.Object(PinKeys("simulated", {"simulated": secret})),
        seeds=providers.Object(SeedKeys("simulated", {"simulated": secret})),
        storage=providers.Object(StagedStorage(stage, storage)),
        **dict.fromkeys(("clock", "stopwatch", "ids", "randomness", "passwords"), providers.Object(stage)),
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


@contextmanager
def _open_bench_database() -> Iterator[tuple[Engine, "Database"]]:
    with _open_container(_settings()) as (_, container, database):
        if database is None:
            raise SetupError("PLAYTIME_STORAGE=memory has no roll-up to measure.")
        yield container.engine(), database


@contextmanager
def _open_measured(steps: "Steps") -> Iterator["Measured"]:
    """Open a new database, with an engine, and the application of another engine that notes its steps."""
    from .adapters.bench.spin.bench import Measured
    from .adapters.bench.spin.phases import watched
    from .adapters.postgres.watched import WatchedStorage

    settings = _settings().embedded_within()
    try:
        with _open_container(settings) as (opened, container, database):
            assert database is not None, "the settings name an embedded database"
            other = build_container(opened)
            storage = WatchedStorage(opened.database_url or "", opened.owner_read_url, steps.note)
            other.storage.override(providers.Object(storage))
            other.engine.override(providers.Object(watched(other.engine(), steps)))
            with closing(storage):
                yield Measured(container.engine(), other.app().wsgi_app, database.spin_floor(), settings.home)
    finally:
        shutil.rmtree(settings.home, ignore_errors=True)


def composed_benches() -> "ComposedBenches":
    """Return the benchmarks of the command line."""
    from .adapters.bench.benches import ComposedBenches

    return ComposedBenches(
        load_games=lambda: load_games(_settings().games),
        open_memory_engine=open_memory_engine,
        open_database=_open_bench_database,
        open_measured=_open_measured,
    )


def worker_app() -> "Flask":
    """Return the application of a server's worker process, which inherits its settings as environment."""
    from .adapters.http.server import at_end_of_worker, begin_worker

    begin_worker()
    settings = _settings()
    log_to_stderr(settings.log_format)
    container = build_container(settings)
    at_end_of_worker(container.errors().flush)
    app: Flask = container.app()
    return app


def composed_program() -> Program:
    """Return the product as the commands see it."""
    return Program(
        open_running=lambda: open_running(_settings()),
        open_existing=lambda: open_running(_settings(), "existing"),
        open_database=lambda: open_database(_settings()),
        make_database=lambda *, new: open_database(_settings(), "new" if new else "usual"),
        back_up=back_up,
        restore=restore,
        rotate_secret=lambda *, overlaps: rotate_token_secret(_settings(), overlaps=overlaps),
        home=lambda: _settings().home,
        default_url=lambda: _settings().server_url,
        load_games=lambda: load_games(_settings().games),
        load_game=load_game,
        play_demo=_play_demo,
        simulate=simulate,
        benches=composed_benches(),
    )


def _settings() -> Settings:
    return Settings.from_environ(os.environ)


def _play_demo(engine: Engine, spins: int, *, progress: Progress, show: Print) -> DemoDay:
    from .adapters.demo.day import play_demo

    return play_demo(engine, spins, progress=progress, show=show)


def _load_for_embedded(settings: Settings, opening: "Opening", is_made: bool) -> Mapping[str, str]:  # noqa: FBT001 - a callback
    """Return the generated secrets of a home. A database that is there needs the existing ones."""
    file = settings.home / SECRETS_FILE
    if opening == "existing" and settings.jwt_secret and settings.pin_secrets and not file.exists():
        raise SetupError(f"{file} is gone: `playtime migrate` makes a new one, with new passwords of the database")
    return _load_secrets(settings, [GENERATED_ID] if is_made else [])


def _load_secrets(settings: Settings, needed: Sequence[str], *, makes: bool = True) -> Mapping[str, str]:
    """Return the generated secrets that the environment does not set. Records need those with the ids `needed`."""
    if settings.storage == "memory":
        return load_generated(settings, needed, (), makes=makes)
    from .adapters.postgres.database import ROLES_WITH_PASSWORDS

    return load_generated(settings, needed, ROLES_WITH_PASSWORDS, makes=makes)


def _require_address(settings: Settings) -> None:
    from .adapters.http.server import require_certificate, require_free

    require_certificate(settings.tls)
    require_free(settings.host, settings.port)


def _serve(settings: Settings, container: Container) -> None:
    from .adapters.http.server import ServerOptions, serve_here, serve_workers

    log_to_stderr(settings.log_format)
    size = {"workers": settings.workers, "threads": container.lanes().most_threads}
    options = ServerOptions(host=settings.host, port=settings.port, tls=settings.tls, **size)
    if settings.storage == "memory":
        serve_here(container.app(), options)
        return
    # The workers are new processes: they find the database that was opened here in their environment.
    os.environ["PLAYTIME_DATABASE_URL"] = settings.database_url or ""
    os.environ["PLAYTIME_OWNER_READ_URL"] = settings.owner_read_url or ""
    # Workers that are forks of this process do not load and count this again.
    _load_app(container.games(), container.odds())
    serve_workers(worker_app, options)
