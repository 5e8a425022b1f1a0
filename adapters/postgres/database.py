"""The database behind a storage, as its administrator uses it: embedded or somebody's own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from attrs import field, frozen
from psycopg.conninfo import conninfo_to_dict

from ...application.errors import SetupError, StorageUnavailable
from .admin.migrator import Migrator, OwnerMissing, known_migrations
from .admin.roles import APP, BACKUP, MIGRATOR, OWNER_READ, has_database, is_provisioned, provision, require_roles
from .admin.startup import refuse_restored, refuse_unsafe
from .analytics.bench import BenchBooks
from .embedded.server import EmbeddedPostgres
from .isolation.check import IsolationReport, check_isolation

DATABASE: Final = "playtime"
"""The name of the embedded database."""


@frozen
class Logins:
    """The addresses under which the roles reach the database; None where one was not given."""

    app: str = field(repr=False)
    migrator: str | None = field(default=None, repr=False)
    owner_read: str | None = field(default=None, repr=False)


@frozen
class Database:
    """A database and what its administrator does with it."""

    logins: Logins
    _cluster: EmbeddedPostgres | None = None
    _passwords: Mapping[str, str] = field(factory=dict, repr=False)

    @classmethod
    @contextmanager
    def embedded(cls, home: Path, passwords: Callable[[bool], Mapping[str, str]]) -> Iterator["Database"]:
        """Join or start the embedded database of a home for a block.

        `passwords` gives those of the roles; it is asked once the home is there, and told whether the database was
        made already, which never happens before it was asked. Raises EmbeddedPostgresError.
        """
        with EmbeddedPostgres(home) as cluster:
            made = has_database(cluster.superuser_url(), DATABASE)
            kept = {role: password for role, password in passwords(made).items() if role in ROLES_WITH_PASSWORDS}
            logins = [cluster.url(DATABASE, user=role, password=kept[role]) for role in _LOGINS]
            yield cls(Logins(*logins), cluster, kept)

    @property
    def app_url(self) -> str:
        """The connection string of the app's role, good for any account of this machine."""
        if self._cluster is None:
            return self.logins.app
        return self._cluster.url(DATABASE, user=APP, password=self._passwords[APP], way="tcp")

    def make_ready(self) -> None:
        """Make the database fit to serve: the embedded one is brought up to date, every one is checked.

        Raises UnsafeDatabase when isolation would not hold, migrations are pending or a restore is half done,
        StorageUnavailable.
        """
        if self._cluster is not None:
            self.migrate()
        refuse_unsafe(self.logins.app, self.logins.owner_read)
        if self.logins.owner_read is not None:
            refuse_restored(self.logins.owner_read)

    def migrate(self) -> Sequence[str]:
        """Bring the schema up to date and return the names of the migrations applied.

        Raises MigrationError, RolesMissing, SetupError when the migrator's address was not given.
        """
        url = self._migrator_url()
        if self._cluster is None:
            require_roles(url, self._given_passwords())
        else:
            self._provision(self._cluster)
        return Migrator(url).migrate()

    def pending(self) -> Sequence[str]:
        """Return the names of the migrations that `migrate` would apply, and change nothing.

        Raises MigrationError, StorageUnavailable, SetupError when the migrator's address was not given.
        """
        everything = [migration.name for migration in known_migrations()]
        url = self._migrator_url()
        if self._cluster is not None:
            # What has not been made yet has neither the database nor the migrator's login.
            if not has_database(self._cluster.superuser_url(), DATABASE):
                return everything
            url = self._cluster.superuser_url(DATABASE)
        try:
            return Migrator(url).pending()
        except OwnerMissing:
            return everything

    def check_isolation(self) -> IsolationReport:
        """Hold catalogue and behaviour against the isolation rules. Raises SetupError, StorageUnavailable."""
        if self._cluster is not None:
            return check_isolation(self.logins.app, self._cluster.superuser_url(DATABASE))
        if self.logins.migrator is None:
            raise SetupError("Set PLAYTIME_MIGRATOR_URL: the app's own login does not see the whole catalogue.")
        return check_isolation(self.logins.app, self.logins.migrator)

    def bench_books(
        self, operator_id: UUID, agent_ids: Sequence[UUID], since: datetime, until: datetime
    ) -> BenchBooks:
        """Return an operator's books, to be filled with millions of events and measured."""
        return BenchBooks(self.logins.app, operator_id, agent_ids, since, until)

    def revive(self) -> None:
        """Start the embedded server again where it has died; nothing to do for somebody's own."""
        if self._cluster is not None:
            self._cluster.revive()

    def _migrator_url(self) -> str:
        if self.logins.migrator is None:
            raise SetupError("Set PLAYTIME_MIGRATOR_URL: the app's own login may not change the schema.")
        return self.logins.migrator

    def _given_passwords(self) -> dict[str, str]:
        """Return the passwords that the given addresses hold, for roles that are yet to be made."""
        given = (self.logins.app, self.logins.migrator, self.logins.owner_read)
        logins = [conninfo_to_dict(url) for url in given if url is not None]
        return {
            str(login["user"]): str(login["password"])
            for login in logins
            if login.get("user") in ROLES_WITH_PASSWORDS and login.get("password")
        }

    def _provision(self, cluster: EmbeddedPostgres) -> None:
        """Make roles and database, unless the migrator can log in and finds that all of it was done."""
        try:
            done = is_provisioned(self.logins.migrator or "")
        except StorageUnavailable:
            done = False
        if not done:
            provision(cluster.superuser_url(), DATABASE, self._passwords)


_LOGINS: Final = (APP, MIGRATOR, OWNER_READ)
ROLES_WITH_PASSWORDS: Final = (*_LOGINS, BACKUP)
"""The roles whose passwords an embedded database needs."""
