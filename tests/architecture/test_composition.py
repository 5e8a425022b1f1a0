"""The composition root: every provider of every profile resolves, and containers know nothing of each other."""

import inspect

import attrs
import pytest
from dependency_injector import providers

from playtime.adapters.cli.program import Database as DatabaseOfCommands
from playtime.adapters.cli.program import IsolationReport as ReportOfCommands
from playtime.adapters.memory.storage import MemoryStorage
from playtime.adapters.postgres.database import Database
from playtime.adapters.postgres.isolation.check import IsolationReport
from playtime.adapters.postgres.reads.directory import PostgresDirectory
from playtime.adapters.postgres.storage import PostgresClock, PostgresStorage
from playtime.adapters.postgres.unit_of_work import PostgresUnitOfWork
from playtime.adapters.security.passwords import Argon2Passwords
from playtime.adapters.security.tokens import JwtTokens
from playtime.adapters.system.services import SystemClock, SystemIds, SystemRandomness, SystemStopwatch
from playtime.adapters.system.settings import Settings
from playtime.adapters.system.sweep_log import FileSweepLog, MemorySweepLog
from playtime.application.engine import Engine
from playtime.application.ports.services import Clock, Ids, Passwords, Randomness, Stopwatch, SweepLog, Tokens
from playtime.application.ports.storage import Storage, UnitOfWork
from playtime.application.ports.tenancy import Directory
from playtime.bootstrap import Container, build_container, open_engine

HEX = "ab" * 32
PROFILES = {
    "memory": Settings(storage="memory"),
    "postgres": Settings(
        database_url="postgresql://app@127.0.0.1:1/none",
        owner_read_url="postgresql://owner@127.0.0.1:1/none",
        jwt_secret=HEX,
        pin_secrets={"k1": HEX},
    ),
}


def conformity(
    memory: MemoryStorage,
    postgres: PostgresStorage,
    unit: PostgresUnitOfWork,
    directory: PostgresDirectory,
    clock: SystemClock,
    database_clock: PostgresClock,
    stopwatch: SystemStopwatch,
    sweep_logs: tuple[FileSweepLog, MemorySweepLog],
    ids: SystemIds,
    randomness: SystemRandomness,
    passwords: Argon2Passwords,
    tokens: JwtTokens,
    database: Database,
    report: IsolationReport,
) -> tuple[object, ...]:
    """Return all adapters. Never called: mypy checks every adapter against its port here."""
    storages: tuple[Storage, Storage] = (memory, postgres)
    parts: tuple[UnitOfWork, Directory] = (unit, directory)
    clocks: tuple[Clock, Clock, Stopwatch] = (clock, database_clock, stopwatch)
    system: tuple[Ids, Randomness] = (ids, randomness)
    security: tuple[Passwords, Tokens] = (passwords, tokens)
    commands: tuple[DatabaseOfCommands, ReportOfCommands] = (database, report)
    logs: tuple[SweepLog, SweepLog] = sweep_logs
    return storages, parts, clocks, system, security, commands, logs


def members(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("adapter", "port"),
    [
        (MemoryStorage, Storage),
        (PostgresStorage, Storage),
        (PostgresUnitOfWork, UnitOfWork),
        (PostgresDirectory, Directory),
        (SystemClock, Clock),
        (PostgresClock, Clock),
        (SystemStopwatch, Stopwatch),
        (FileSweepLog, SweepLog),
        (MemorySweepLog, SweepLog),
        (SystemIds, Ids),
        (SystemRandomness, Randomness),
        (Argon2Passwords, Passwords),
        (JwtTokens, Tokens),
        (Database, DatabaseOfCommands),
        (IsolationReport, ReportOfCommands),
    ],
)
def test_an_adapter_has_every_member_of_its_port(adapter: type, port: type) -> None:
    assert members(port) <= members(adapter)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_provider_resolves(profile: str) -> None:
    container = build_container(PROFILES[profile])
    for name, provider in container.providers.items():
        assert provider() is not None, name
    container.storage().close()


@pytest.mark.parametrize("profile", PROFILES)
def test_every_use_case_is_there_with_every_part_it_names(profile: str) -> None:
    container = build_container(PROFILES[profile])
    engine = container.engine()
    for use_case in attrs.fields(Engine):
        built = getattr(engine, use_case.name)
        assert type(built) is use_case.type
        for field in attrs.fields(type(built)):
            assert getattr(built, field.name) is not None
    container.storage().close()


def test_two_containers_share_nothing() -> None:
    first, second = build_container(PROFILES["memory"]), build_container(PROFILES["memory"])
    assert first.storage() is not second.storage()
    assert first.engine() is not second.engine()
    assert first.app() is not second.app()
    assert first.storage() is first.storage()


def test_a_part_is_substituted_on_an_instance_alone() -> None:
    class Stopped:
        def now(self) -> str:
            return "the end of time"

    substituted, other = build_container(PROFILES["memory"]), build_container(PROFILES["memory"])
    substituted.clock.override(providers.Object(Stopped()))
    assert substituted.engine().spin.clock.now() == "the end of time"
    assert isinstance(other.engine().spin.clock, SystemClock)
    assert isinstance(Container.clock(), SystemClock)


def test_tokens_of_one_memory_engine_are_nothing_to_another() -> None:
    with open_engine(Settings(storage="memory")) as one, open_engine(Settings(storage="memory")) as other:
        assert one.spin.storage is not other.spin.storage
        assert one.authenticate.tokens != other.authenticate.tokens


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8392"),
        ("play.example.com", "http://play.example.com:8392"),
        ("::1", "http://[::1]:8392"),
        ("fe80::1", "http://[fe80::1]:8392"),
        # Where everything is listened to, this machine is one of it.
        ("0.0.0.0", "http://127.0.0.1:8392"),  # noqa: S104 - read, not bound
        ("::", "http://[::1]:8392"),
    ],
)
def test_the_address_of_a_server_is_one_that_can_be_asked(host: str, url: str) -> None:
    assert Settings(host=host, port=8392).server_url == url
