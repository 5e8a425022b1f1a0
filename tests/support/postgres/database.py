"""A migrated PostgreSQL for tests: one cluster and one template a session, databases as they are asked for.

Tests that make their own operators share one database (`shared_database`); those that need one to themselves
take a copy of the template (`fresh_database`).
"""

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Final

from attrs import frozen
from psycopg.conninfo import conninfo_to_dict

from playtime.adapters.postgres.admin.migrator import Migrator
from playtime.adapters.postgres.admin.roles import APP, BACKUP, MIGRATOR, OWNER_READ, provision
from playtime.adapters.postgres.storage import PostgresStorage

from support.postgres.cluster import ThrowawayCluster, throwaway_cluster

PASSWORDS: Final = {role: f"a password of {role}" for role in (APP, BACKUP, MIGRATOR, OWNER_READ)}
TEMPLATE: Final = "playtime_template"


@frozen
class TestDatabase:
    """A migrated database and the addresses of its logins."""

    __test__ = False

    name: str
    superuser_url: str
    cluster: ThrowawayCluster

    def url(self, role: str, *, tcp: bool = False) -> str:
        """Return the address for a role."""
        password = PASSWORDS[role]
        return self.cluster.postgres.url(self.name, user=role, password=password, way="tcp" if tcp else "socket")

    @property
    def app_url(self) -> str:
        """The address of the app's login."""
        return self.url(APP)

    @property
    def migrator_url(self) -> str:
        """The address of the migrator's login."""
        return self.url(MIGRATOR)

    @property
    def owner_read_url(self) -> str:
        """The address of the platform owner's login."""
        return self.url(OWNER_READ)

    def storage(self, pool_size: int = 10) -> PostgresStorage:
        """Return a storage on this database, to be closed by the caller."""
        return PostgresStorage(self.app_url, self.owner_read_url, pool_size=pool_size)


@cache
def cluster() -> ThrowawayCluster:
    """Return the session's cluster; it is stopped when the tests are over."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(throwaway_cluster())


@cache
def template() -> str:
    """Return the name of a migrated database that nobody connects to."""
    provision(cluster().postgres.superuser_url(), TEMPLATE, PASSWORDS)
    Migrator(cluster().postgres.url(TEMPLATE, user=MIGRATOR, password=PASSWORDS[MIGRATOR])).migrate()
    return TEMPLATE


@cache
def shared_database() -> TestDatabase:
    """Return the database that tests share; each makes operators of its own."""
    return _copy()


@contextmanager
def fresh_database(source: str | None = None) -> Iterator[TestDatabase]:
    """Make a migrated database for one test, as a copy of one that nobody is connected to if it is named."""
    database = _copy(source)
    try:
        yield database
    finally:
        cluster().drop_database(database.superuser_url)


@contextmanager
def empty_database() -> Iterator[TestDatabase]:
    """Make a database in which nothing is migrated; the roles are there."""
    url = cluster().create_database()
    name = _name(url)
    try:
        provision(cluster().postgres.superuser_url(), name, PASSWORDS)
        yield TestDatabase(name, url, cluster())
    finally:
        cluster().drop_database(url)


def _copy(source: str | None = None) -> TestDatabase:
    url = cluster().create_database(source or template())
    # A copy has its template's tables, but not the grants on the database itself.
    provision(cluster().postgres.superuser_url(), _name(url), {})
    return TestDatabase(_name(url), url, cluster())


def _name(url: str) -> str:
    return str(conninfo_to_dict(url)["dbname"])
