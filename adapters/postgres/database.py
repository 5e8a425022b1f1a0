"""The database of a storage for its administrator: embedded, or a server of the operator's own."""

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
from .admin.secrets import needed_secrets, require_secrets, retire_secret
from .admin.startup import refuse_restored, refuse_unsafe
from .analytics.bench import BenchBooks
from .embedded.server import EmbeddedPostgres
from .isolation.check import IsolationReport, check_isolation

DATABASE: Final = "playtime"
"""The name of the embedded database."""


@frozen
class Logins:
    """The address of the database for each role, None if not configured."""

    app: str = field(repr=False)
    migrator: str | None = field(default=None, repr=False)
    owner_read: str | None = field(default=None, repr=False)


@frozen
class Database:
    """A database and its administration."""

    logins: Logins
    _cluster: EmbeddedPostgres | None = None
    _passwords: Mapping[str, str] = field(factory=dict, repr=False)

    @classmethod
    @contextmanager
    def embedded(cls, home: Path, passwords: Callable[[bool], Mapping[str, str]]) -> Iterator["Database"]:
        """Join or start the embedded database of a home for a block.

        `passwords` returns the passwords of the roles, and is called once the home exists. Its argument says
        whether the database exists already; a new one is made after the call. Raises EmbeddedPostgresError.
        """
        with EmbeddedPostgres(home) as cluster:
            made = has_database(cluster.superuser_url(), DATABASE)
            given = {role: password for role, password in passwords(made).items() if role in ROLES_WITH_PASSWORDS}
            logins = [cluster.url(DATABASE, user=role, password=given[role]) for role in _LOGINS]
            yield cls(Logins(*logins), cluster, given)

    @property
    def app_url(self) -> str:
        """The connection string of the app's role, for any account of this machine."""
        if self._cluster is None:
            return self.logins.app
        return self._cluster.url(DATABASE, user=APP, password=self._passwords[APP], way="tcp")

    def make_ready(self) -> None:
        """Migrate an embedded database, and check that the service can start on the database.

        Raises UnsafeDatabase if isolation does not work, migrations are pending or a restore is unfinished,
        StorageUnavailable.
        """
        if self._cluster is not None:
            self.migrate()
        refuse_unsafe(self.logins.app, self.logins.owner_read)
        if self.logins.owner_read is not None:
            refuse_restored(self.logins.owner_read)

    def needed_secrets(self) -> Sequence[str]:
        """Return the ids of the secrets that the records need; none if there are no records."""
        return needed_secrets(self.logins.app)

    def require_secrets(self, fingerprints: Mapping[str, bytes]) -> None:
        """Check secrets by the fingerprint of each id. Raises WrongSecrets, StorageUnavailable."""
        require_secrets(self.logins.app, fingerprints)

    def retire_secret(self, key_id: str) -> None:
        """Note that a secret is lost for good. Raises SetupError, StorageUnavailable."""
        retire_secret(self._migrator_url(), key_id)

    def migrate(self) -> Sequence[str]:
        """Apply the pending migrations and return their names.

        Raises MigrationError, RolesMissing, SetupError if the migrator's address is not configured.
        """
        url = self._migrator_url()
        if self._cluster is None:
            require_roles(url, self._given_passwords())
        else:
            self._provision(self._cluster)
        return Migrator(url).migrate()

    def pending(self) -> Sequence[str]:
        """Return the names of the migrations that `migrate` would apply, without changing anything.

        Raises MigrationError, StorageUnavailable, SetupError if the migrator's address is not configured.
        """
        everything = [migration.name for migration in known_migrations()]
        url = self._migrator_url()
        if self._cluster is not None:
            # A cluster without the database has no migrator's login either.
            if not has_database(self._cluster.superuser_url(), DATABASE):
                return everything
            url = self._cluster.superuser_url(DATABASE)
        try:
            return Migrator(url).pending()
        except OwnerMissing:
            return everything

    def check_isolation(self) -> IsolationReport:
        """Check catalogue and behaviour against the isolation rules. Raises SetupError, StorageUnavailable."""
        if self._cluster is not None:
            return check_isolation(self.logins.app, self._cluster.superuser_url(DATABASE))
        if self.logins.migrator is None:
            raise SetupError("Set PLAYTIME_MIGRATOR_URL: the app's own login does not see the whole catalogue.")
        return check_isolation(self.logins.app, self.logins.migrator)

    def bench_books(
        self, operator_id: UUID, agent_ids: Sequence[UUID], since: datetime, until: datetime
    ) -> BenchBooks:
        """Return an operator's books for a benchmark, which fills them with millions of events."""
        return BenchBooks(self.logins.app, operator_id, agent_ids, since, until)

    def revive(self) -> None:
        """Start an embedded server again if it has died."""
        if self._cluster is not None:
            self._cluster.revive()

    def _migrator_url(self) -> str:
        if self.logins.migrator is None:
            raise SetupError("Set PLAYTIME_MIGRATOR_URL: the app's own login may not change the schema.")
        return self.logins.migrator

    def _given_passwords(self) -> dict[str, str]:
        """Return the passwords in the configured addresses, for roles that do not exist yet."""
        given = (self.logins.app, self.logins.migrator, self.logins.owner_read)
        logins = [conninfo_to_dict(url) for url in given if url is not None]
        return {
            str(login["user"]): str(login["password"])
            for login in logins
            if login.get("user") in ROLES_WITH_PASSWORDS and login.get("password")
        }

    def _provision(self, cluster: EmbeddedPostgres) -> None:
        """Make roles and database, unless the migrator can log in and finds both complete."""
        try:
            done = is_provisioned(self.logins.migrator or "")
        except StorageUnavailable:
            done = False
        if not done:
            provision(cluster.superuser_url(), DATABASE, self._passwords)


_LOGINS: Final = (APP, MIGRATOR, OWNER_READ)
ROLES_WITH_PASSWORDS: Final = (*_LOGINS, BACKUP)
"""The roles whose passwords an embedded database needs."""
