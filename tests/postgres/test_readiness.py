"""Readiness on a real database: a running service is not ready once a start would be refused."""

from collections.abc import Callable, Iterator, Mapping

import psycopg
import pytest

from playtime.adapters.postgres.admin.secrets import WrongSecrets
from playtime.adapters.postgres.database import Database, Logins
from playtime.application.errors import SetupError
from playtime.contracts.doubles import PINS
from playtime.domain.access.pins import PinKeys

from support.postgres.database import TestDatabase, fresh_database

Checks = Mapping[str, Callable[[], None]]


@pytest.fixture(scope="module")
def database() -> Iterator[TestDatabase]:
    with fresh_database() as database:
        yield database


def _checks(database: TestDatabase, pins: PinKeys = PINS) -> Checks:
    return Database(Logins(app=database.app_url, owner_read=database.owner_read_url)).checks(pins.fingerprints())


def _run(database: TestDatabase, statement: str) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(statement.encode())


def test_a_sound_database_is_ready(database: TestDatabase) -> None:
    for check in _checks(database).values():
        check()


@pytest.mark.parametrize(
    ("fault", "mend", "reason"),
    [
        (
            "alter table playtime.players no force row level security",
            "alter table playtime.players force row level security",
            "row security of playtime.players",
        ),
        (
            "grant truncate on playtime.players to playtime_app",
            "revoke truncate on playtime.players from playtime_app",
            "may TRUNCATE players",
        ),
        (
            "update playtime.schema_migrations set name = 'x' || name where name like '0009%'",
            "update playtime.schema_migrations set name = substr(name, 2) where name like 'x%'",
            "0009",
        ),
    ],
)
def test_migrations_policies_and_rights_are_checked(
    database: TestDatabase, fault: str, mend: str, reason: str
) -> None:
    _run(database, fault)
    try:
        with pytest.raises(SetupError, match=reason):
            _checks(database)["schema"]()
    finally:
        _run(database, mend)
    _checks(database)["schema"]()


def test_another_secret_is_not_ready(database: TestDatabase) -> None:
    Database(Logins(app=database.app_url)).require_secrets(PINS.fingerprints())
    _checks(database)["secrets"]()
    other = PinKeys(PINS.current, {PINS.current: bytes(32)})
    with pytest.raises(WrongSecrets, match="another one"):
        _checks(database, other)["secrets"]()
