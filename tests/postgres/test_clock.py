"""The clock of the database's machine, its comparison by an engine as it is composed, and the check of health."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from attrs import evolve
from dependency_injector import providers
from psycopg import sql

from playtime.adapters.system.settings import Settings
from playtime.application.errors import ClockDiffers, StorageUnavailable
from playtime.bootstrap import build_container
from playtime.contracts.doubles import SettableClock

from support.postgres.database import TestDatabase


def test_the_clock_is_that_of_the_database(shared: TestDatabase) -> None:
    with closing(shared.storage()) as storage:
        now = storage.clock.now()
    assert now.tzinfo is UTC
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)


def test_a_composed_engine_compares_with_it(own: TestDatabase) -> None:
    settings = Settings(database_url=own.app_url, owner_read_url=own.owner_read_url)
    container = build_container(evolve(settings, jwt_secret="ab" * 32, pin_secrets={"k1": "cd" * 32}))
    clock = SettableClock(datetime.now(UTC) + timedelta(minutes=6))
    container.clock.override(providers.Object(clock))
    with closing(container.storage()):
        engine = container.engine()
        engine.create_platform()
        with pytest.raises(ClockDiffers, match="the database's clock"):
            engine.sweep()
        clock.set(datetime.now(UTC))
        assert engine.sweep().vouchers_expired == 0


# --- readiness ----------------------------------------------------------------------------------------------


def test_health_fails_where_files_cannot_grow(own: TestDatabase) -> None:
    with psycopg.connect(own.superuser_url, autocommit=True) as connection:
        # As on a full disk, but for one role in one database.
        name = sql.Identifier(connection.info.dbname)
        connection.execute(
            sql.SQL("alter role playtime_app in database {} set temp_file_limit = '0'").format(name)
        )
    with closing(own.storage()) as storage, pytest.raises(StorageUnavailable) as raised:
        storage.check()
    assert "takes no writes" in raised.value.reason


def test_checks_of_health_change_no_row_and_leave_no_file(own: TestDatabase) -> None:
    def left() -> tuple[Any, ...] | None:
        return connection.execute(
            "select (select count(*) from pg_ls_tmpdir()), (select sum(n_tup_ins + n_tup_upd) from"
            " pg_stat_user_tables)"
        ).fetchone()

    with psycopg.connect(own.superuser_url, autocommit=True) as connection, closing(own.storage()) as storage:
        before = left()
        for _ in range(3):
            storage.check()
        assert left() == before
