"""Provisioning that was interrupted is finished by the next start, and two first starts at once both work."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql
from psycopg.abc import Params, Query

from playtime.adapters.postgres import database as database_module
from playtime.adapters.postgres.admin import roles
from playtime.adapters.postgres.admin.migrator import Migrator
from playtime.adapters.postgres.admin.roles import APP, OWNER_READ, ROLES, is_provisioned, provision, roles_sql
from playtime.adapters.postgres.database import DATABASE, Database, Logins
from playtime.adapters.postgres.embedded.server import EmbeddedPostgres

from support.postgres.cluster import reachable_folder
from support.postgres.database import PASSWORDS

APPLICATION: Final = "playtime-provisioning"
WINDOW_SECONDS: Final = 1.0


class Killed(BaseException):
    """The end of a program, wherever it is."""


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server that runs all the time; roles and database come and go."""
    with reachable_folder() as folder, EmbeddedPostgres(folder, durable=False) as postgres:
        yield postgres


@pytest.fixture(autouse=True)
def nothing_there(server: EmbeddedPostgres) -> None:
    _forget(server)


@pytest.fixture
def first_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one small migration stand for all, which take a second each time."""
    (tmp_path / "0001_first.sql").write_text("create table playtime.first ();")
    monkeypatch.setattr(database_module, "Migrator", partial(Migrator, folder=tmp_path))


def _forget(server: EmbeddedPostgres) -> None:
    """Make the server what it was before its first start."""
    with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
        connection.execute(f"drop database if exists {DATABASE} with (force)")
        for role in sorted(ROLES):
            connection.execute(f"drop role if exists {role}".encode())
    instance = server.home / "postgres" / "instance.json"
    instance.write_text(json.dumps(json.loads(instance.read_text()) | {"had_database": False}))


def _create_database(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
        connection.execute(f"create database {DATABASE}")


def _start(server: EmbeddedPostgres) -> None:
    """Start on the server's home, as every command does."""
    with Database.embedded(server.home, lambda _: PASSWORDS) as database:
        database.make_ready()


def _let_everybody_in(server: EmbeddedPostgres) -> None:
    for role, password in PASSWORDS.items():
        psycopg.connect(server.url(DATABASE, user=role, password=password)).close()


def _statements(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object], *, die_before: int = -1) -> int:
    """Do some work, return how many statements of provisioning were run, and end before one of them."""
    execute, ran = psycopg.Connection.execute, list[object]()

    def watched(self: psycopg.Connection[Any], statement: Query, *rest: Params) -> psycopg.Cursor[Any]:
        if self.info.get_parameters().get("application_name") == APPLICATION:
            if len(ran) == die_before:
                raise Killed
            ran.append(statement)
        return execute(self, statement, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", watched)
        work()
    return len(ran)


def _interrupt(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object], number: int) -> None:
    with pytest.raises(Killed):
        _statements(monkeypatch, work, die_before=number)


# --- the embedded database --------------------------------------------------------------------------------


@pytest.mark.usefixtures("first_migration")
def test_an_interrupted_first_start_is_finished_by_the_next(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = partial(provision, server.superuser_url(), DATABASE, PASSWORDS)
    for number in range(_statements(monkeypatch, work)):
        _forget(server)
        _interrupt(monkeypatch, work, number)
        with Database.embedded(server.home, lambda _: PASSWORDS) as database:
            assert database.migrate() == ["0001_first.sql"]
        _let_everybody_in(server)


def test_home_with_only_an_empty_database_can_be_served_from(server: EmbeddedPostgres) -> None:
    _create_database(server)
    _start(server)


@pytest.mark.usefixtures("first_migration")
def test_passwords_are_changed_all_or_none(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new file of secrets asks for new passwords."""
    others = {role: f"another {password}" for role, password in PASSWORDS.items()}
    before = partial(provision, server.superuser_url(), DATABASE, others)
    before()
    work = partial(provision, server.superuser_url(), DATABASE, PASSWORDS)
    for number in range(_statements(monkeypatch, work)):
        before()
        _interrupt(monkeypatch, work, number)
        with Database.embedded(server.home, lambda _: PASSWORDS) as database:
            database.migrate()
        _let_everybody_in(server)


def test_a_start_in_the_middle_of_the_first_one_works(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first has made the database, to which PUBLIC may connect, and pauses before it goes on."""
    statements, opened, second = roles._database_statements, Event(), Event()

    def slow(database: str) -> Iterator[sql.Composed]:
        if not opened.is_set():
            opened.set()
            second.wait(WINDOW_SECONDS)
        yield from statements(database)

    def start_second() -> None:
        assert opened.wait(30)
        try:
            _start(server)
        finally:
            second.set()

    monkeypatch.setattr(roles, "_database_statements", slow)
    with ThreadPoolExecutor(2) as programs:
        for started in (programs.submit(_start, server), programs.submit(start_second)):
            started.result()


# --- a database of one's own ------------------------------------------------------------------------------


@pytest.mark.usefixtures("first_migration")
def test_a_database_of_ones_own_that_was_interrupted_is_finished(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = {role: server.url(DATABASE, user=role, password=PASSWORDS[role]) for role in (APP, OWNER_READ)}
    database = Database(Logins(urls[APP], server.superuser_url(DATABASE), urls[OWNER_READ]))
    _create_database(server)
    for number in range(_statements(monkeypatch, database.migrate)):
        _forget(server)
        _create_database(server)
        _interrupt(monkeypatch, database.migrate, number)
        assert database.migrate() == ["0001_first.sql"]
        for url in urls.values():
            psycopg.connect(url).close()


@pytest.mark.parametrize("missing", ["create schema", "revoke execute", "revoke usage", "grant connect"])
def test_what_an_administrator_ran_in_part_is_not_enough(server: EmbeddedPostgres, missing: str) -> None:
    """A failed statement may be in the middle: psql goes on after it by default."""
    _create_database(server)
    url = server.superuser_url(DATABASE)
    statements = roles_sql(DATABASE).splitlines()
    assert any(missing in statement for statement in statements)
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            if missing not in statement:
                connection.execute(statement.encode())
        assert not is_provisioned(url)
        for statement in statements:
            connection.execute(statement.encode())
    assert is_provisioned(url)
