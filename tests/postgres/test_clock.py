"""The clock of the database's machine, and its comparison by an engine as it is composed."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from dependency_injector import providers

from playtime.adapters.system.settings import Settings
from playtime.application.errors import ClockDiffers
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
