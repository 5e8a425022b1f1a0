"""Fixtures of the tests of the PostgreSQL adapter."""

from collections.abc import Iterator

import pytest

from support.postgres.database import TestDatabase, fresh_database, shared_database


@pytest.fixture(scope="session")
def shared() -> TestDatabase:
    """The migrated database that tests share; each makes operators of its own, or writes nothing."""
    return shared_database()


@pytest.fixture
def own() -> Iterator[TestDatabase]:
    """A migrated database that a test has to itself."""
    with fresh_database() as database:
        yield database
