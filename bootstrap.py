"""The one composition root: settings in, container out.

Nothing happens at import. A container is an object: two can live in one process. There is no wiring of modules;
whoever needs a use case is handed the engine.
"""

import logging
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import attrs
from dependency_injector import containers, providers
from flask import Flask

from .adapters.cli.main import build_commands
from .adapters.cli.program import Program, Running
from .adapters.http.app import create_app
from .adapters.http.error_tally import ErrorTally
from .adapters.http.server import (
    ServerOptions,
    at_end_of_worker,
    end_with_parent,
    require_free,
    serve_here,
    serve_workers,
)
from .adapters.memory.storage import MemoryStorage
from .adapters.postgres.database import ROLES_WITH_PASSWORDS, Database, Logins
from .adapters.postgres.storage import PostgresStorage
from .adapters.security.passwords import Argon2Passwords
from .adapters.security.tokens import JwtTokens
from .adapters.simulation.stage import Stage, StagedStorage
from .adapters.system.game_shelf import load_game, load_games
from .adapters.system.secret_file import SECRET_BYTES, kept_secrets
from .adapters.system.services import SystemClock, SystemIds, SystemRandomness
from .adapters.system.settings import Settings
from .application.engine import Engine, EngineParts, compose
from .application.ports.storage import Storage
from .domain.access.pins import PinKeys
from .domain.games.fairness import SeedKeys

__all__ = ["Container", "Settings", "build_container", "main", "open_engine", "open_running", "worker_app"]

_SECRETS_FILE: Final = "secrets.json"
_KEPT: Final = ("jwt", "pin_k1", *ROLES_WITH_PASSWORDS)


class Container(containers.DeclarativeContainer):
    """The parts of one running engine. Substitute a part with `override` on an instance, never on the class."""

    settings = providers.Dependency(instance_of=Settings)
    jwt_secret = providers.Dependency(instance_of=bytes)
    pins = providers.Dependency(instance_of=PinKeys)
    seeds = providers.Dependency(instance_of=SeedKeys)

    clock = providers.Singleton(SystemClock)
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
        ),
    )
    parts = providers.Singleton(
        EngineParts,
        storage=storage,
        clock=clock,
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


def build_container(settings: Settings) -> Container:
    """Return the container of some settings. Connects to nothing; may make the secrets file."""
    kept = _kept_secrets(settings)
    told = dict(settings.pin_secrets) or {"k1": kept["pin_k1"]}
    derivations = {key_id: bytes.fromhex(secret) for key_id, secret in told.items()}
    current = next(iter(told))
    return Container(
        settings=providers.Object(settings),
        jwt_secret=providers.Object(bytes.fromhex(settings.jwt_secret or kept["jwt"])),
        pins=providers.Object(PinKeys(current, derivations)),
        seeds=providers.Object(SeedKeys(current, derivations)),
    )


@contextmanager
def open_engine(settings: Settings) -> Iterator[Engine]:
    """Open an engine for as long as the `with` block lasts: the way to embed Playtime in another host.

    With no database address the embedded PostgreSQL of `settings.home` is joined or started, and migrated.
    Raises UnsafeDatabase when isolation would not hold, StorageUnavailable when the database cannot be reached.
    """
    with open_running(settings) as running:
        yield running.engine


@contextmanager
def open_running(settings: Settings) -> Iterator[Running]:
    """Open an engine together with the database it runs on and the means to serve it."""
    with ExitStack() as stack:
        database = None
        if settings.storage == "postgres":
            database = stack.enter_context(open_database(settings))
            database.make_ready()
            logins = database.logins
            settings = attrs.evolve(settings, database_url=logins.app, owner_read_url=logins.owner_read)
        container = build_container(settings)
        options = ServerOptions(
            host=settings.host, port=settings.port, workers=settings.workers, threads=settings.threads
        )
        stack.callback(container.storage().close)
        yield Running(
            engine=container.engine(),
            database=database,
            home=settings.home,
            url=server_url(settings),
            sweep_seconds=settings.sweep_seconds,
            require_address=partial(require_free, options),
            serve=partial(_serve, settings, container, options),
        )


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
    with Database.embedded(settings.home, lambda made: _kept_secrets(settings, has_data=made)) as database:
        yield database


def server_url(settings: Settings) -> str:
    """Return the address under which the server of these settings is reached from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - read, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def simulated_engine(stage: Stage) -> tuple[Engine, Storage]:
    """Return the engine of a simulation, and the storage behind its stage."""
    parts, storage = simulated_parts(stage)
    return compose(parts), storage


def simulated_parts(stage: Stage) -> tuple[EngineParts, Storage]:
    """Return memory storage with the services of a stage, and the storage behind the stage."""
    storage = MemoryStorage(latch=stage)
    container = Container(
        settings=providers.Object(Settings(storage="memory")),
        jwt_secret=providers.Object(bytes(SECRET_BYTES)),
        pins=providers.Object(PinKeys("simulated", {"simulated": bytes(SECRET_BYTES)})),
        seeds=providers.Object(SeedKeys("simulated", {"simulated": bytes(SECRET_BYTES)})),
        clock=providers.Object(stage),
        ids=providers.Object(stage),
        randomness=providers.Object(stage),
        passwords=providers.Object(stage),
        storage=providers.Object(StagedStorage(stage, storage)),
    )
    return container.parts(), storage


def worker_app() -> Flask:
    """Return the application of a server's worker process, which inherits its settings as environment."""
    end_with_parent()
    _log_to_stderr()
    container = build_container(Settings.from_environ(os.environ))
    at_end_of_worker(container.errors().flush)
    app: Flask = container.app()
    return app


def main() -> None:
    """Run the `playtime` command."""
    program = Program(
        open_running=lambda: open_running(Settings.from_environ(os.environ)),
        open_database=lambda: open_database(Settings.from_environ(os.environ)),
        home=lambda: Settings.from_environ(os.environ).home,
        default_url=lambda: server_url(Settings.from_environ(os.environ)),
        simulated_engine=simulated_engine,
        load_games=lambda: load_games(Settings.from_environ(os.environ).games),
        load_game=load_game,
    )
    build_commands(program)(prog_name=Path(sys.argv[0]).name)


def _kept_secrets(settings: Settings, *, has_data: bool = False) -> Mapping[str, str]:
    """Return the secrets that the environment did not set; where there are data, they are the ones kept."""
    complete = settings.jwt_secret is not None and bool(settings.pin_secrets)
    if complete and settings.database_url is not None:
        return {}
    if settings.storage == "memory":
        # They protect nothing that outlives the process.
        return {name: secrets.token_hex(SECRET_BYTES) for name in _KEPT}
    return kept_secrets(settings.home / _SECRETS_FILE, _KEPT, may_make=complete or not has_data)


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
