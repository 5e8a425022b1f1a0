"""The database of a storage for its administrator: embedded, or a server of the operator's own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

from attrs import field, frozen
from psycopg.conninfo import conninfo_to_dict

from ...application.errors import NothingToCheck, SetupError, StorageUnavailable
from .admin.migrator import Migrator, OwnerMissing, known_migrations
from .admin.roles import (
    APP,
    BACKUP,
    MIGRATOR,
    OWNER_READ,
    has_schema,
    is_provisioned,
    may_log_in,
    provision,
    require_roles,
)
from .admin.secrets import needed_secrets, require_secrets, retire_secret
from .admin.settings import SettingsReport, compare_settings
from .admin.startup import refuse_restored, refuse_unfinished, refuse_unsafe
from .analytics.bench import BenchBooks
from .embedded.machine import Machine
from .embedded.server import EmbeddedPostgres
from .embedded.tuning import fitting
from .floor.floor import SpinFloor
from .isolation.check import IsolationReport, check_isolation

DATABASE: Final = "playtime"
"""The name of the embedded database."""


Opening = Literal["existing", "usual", "new"]
"""The databases that a command works on.

* "existing": only one that exists, as it is;
* "usual": one that exists, or the first one of a home;
* "new": only a new one, also in the place of one that is lost.
"""


class DatabaseLost(SetupError):
    """Raised when a home had a database that is gone: no other is made in its place without being asked."""


@frozen
class Logins:
    """The address of the database for each role, None if not configured."""

    app: str = field(repr=False)
    migrator: str | None = field(default=None, repr=False)
    owner_read: str | None = field(default=None, repr=False)
    backup: str | None = field(default=None, repr=False)


@frozen
class Database:
    """A database and its administration."""

    logins: Logins
    _cluster: EmbeddedPostgres | None = None
    _passwords: Mapping[str, str] = field(factory=dict, repr=False)
    is_new: bool = field(default=False, kw_only=True)
    """Whether the embedded database was made when it was opened."""

    @classmethod
    @contextmanager
    def embedded(
        cls,
        home: Path,
        passwords: Callable[[bool], Mapping[str, str]],
        *,
        opening: Opening = "usual",
        had_database: bool = False,
        is_restore: bool = False,
    ) -> Iterator["Database"]:
        """Join or start the embedded database of a home for a block.

        `passwords` returns the passwords of the roles, and is called once the home exists. Its argument says
        whether the database exists already; a new one is made after the call. `had_database` says that the home
        shows signs of an earlier database. Only the restore itself, with `is_restore`, opens a database that a
        restore has not finished. Raises EmbeddedPostgresError, NothingToCheck, DatabaseLost.
        """
        cluster = EmbeddedPostgres(home)
        if not is_restore:
            cluster.require_finished()
        if not cluster.is_made:
            _require_new(home, opening, had_database=had_database)
        with cluster:
            made = has_schema(cluster.superuser_url(), DATABASE)
            if not made:
                lost = cluster.had_database and not is_restore
                _require_new(home, opening, had_database=lost, in_the_way=home / "postgres")
            elif opening == "new":
                raise SetupError(f"{home} has a database: `playtime migrate` brings it up to date")
            given = {role: password for role, password in passwords(made).items() if role in ROLES_WITH_PASSWORDS}
            logins = [cluster.url(DATABASE, user=role, password=given[role]) for role in _LOGINS]
            yield cls(Logins(*logins), cluster, given, is_new=not made)

    @property
    def is_embedded(self) -> bool:
        """Whether the database is in an embedded cluster."""
        return self._cluster is not None

    @property
    def home(self) -> Path | None:
        """The home of an embedded database."""
        return None if self._cluster is None else self._cluster.home

    @property
    def is_up(self) -> bool:
        """Whether the database runs. An embedded one stops when no program uses it any more."""
        return self._cluster is None or self._cluster.is_up

    @property
    def backup_url(self) -> str:
        """The connection string of the login that reads every row. Raises SetupError if it is not configured."""
        if self._cluster is not None:
            return self._cluster.superuser_url(DATABASE)
        if self.logins.backup is None:
            raise SetupError(f"Set PLAYTIME_BACKUP_URL: the login {BACKUP}, which reads every row.")
        return self.logins.backup

    @property
    def restore_url(self) -> str:
        """The connection string of the login that restores. Raises SetupError if it is not configured."""
        return self._migrator_url() if self._cluster is None else self._cluster.superuser_url(DATABASE)

    @property
    def superuser_password(self) -> str | None:
        """The password of an embedded cluster's superuser, which a base backup needs."""
        return None if self._cluster is None else self._cluster.password

    @property
    def app_url(self) -> str:
        """The connection string of the app's role, for any account of this machine."""
        return self._tcp_url(APP) or self.logins.app

    @property
    def owner_read_url(self) -> str:
        """The same for the read-only login that sees all rows. Raises SetupError if it is not configured."""
        url = self._tcp_url(OWNER_READ) or self.logins.owner_read
        if url is None:
            raise SetupError(f"Set PLAYTIME_OWNER_READ_URL: the login {OWNER_READ}, which sees all rows.")
        return url

    def make_ready(self, *, migrates: bool = True, is_restore: bool = False) -> None:
        """Migrate an embedded database, and check that the service can start on the database.

        Raises UnsafeDatabase if isolation does not work, migrations are pending or a restore is unfinished,
        StorageUnavailable.
        """
        if self._cluster is not None and migrates:
            self.migrate()
        refuse_unsafe(self.logins.app, self.logins.owner_read, home=self.home, is_restore=is_restore)
        if self.logins.owner_read is not None:
            refuse_restored(self.logins.owner_read, home=self.home)

    def checks(self, fingerprints: Mapping[str, bytes]) -> Mapping[str, Callable[[], None]]:
        """Return the checks of a start by name, for a running service: they change nothing.

        `schema` looks at migrations, roles and policies. Each raises SetupError or StorageUnavailable.
        """
        return {
            "schema": partial(refuse_unsafe, self.logins.app, self.logins.owner_read),
            "secrets": partial(self.require_secrets, fingerprints, registers=False),
        }

    def require_empty(self) -> None:
        """Refuse a database that has our tables. Raises SetupError, StorageUnavailable."""
        url = self._migrator_url()
        if has_schema(url, str(conninfo_to_dict(url).get("dbname", ""))):
            raise SetupError("the database has a schema: `playtime migrate` brings it up to date")

    def needed_secrets(self) -> Sequence[str]:
        """Return the ids of the secrets that the records need; none if there are no records."""
        return needed_secrets(self.logins.app, home=self.home)

    def require_secrets(self, fingerprints: Mapping[str, bytes], *, registers: bool = True) -> None:
        """Check secrets by the fingerprint of each id, and store those of new ids if it `registers`.

        Raises WrongSecrets, StorageUnavailable.
        """
        require_secrets(self.logins.app, fingerprints, registers=registers, home=self.home)

    def retire_secret(self, key_id: str) -> None:
        """Note that a secret is lost for good. Raises SetupError, StorageUnavailable."""
        retire_secret(self._migrator_url(), key_id)

    def migrate(self) -> Sequence[str]:
        """Apply the pending migrations and return their names.

        Raises MigrationError, RolesMissing, SetupError if the migrator's address is not configured.
        """
        self.make_roles()
        url = self._migrator_url()
        refuse_unfinished(url, home=self.home)
        applied = Migrator(url).migrate()
        if self._cluster is not None:
            self._cluster.note_database()
        return applied

    def make_roles(self) -> None:
        """Make roles and schema, and in a cluster the database, unless they are there. Raises RolesMissing."""
        if self._cluster is None:
            require_roles(self._migrator_url(), self._given_passwords())
        else:
            self._provision(self._cluster)

    def pending(self) -> Sequence[str]:
        """Return the names of the migrations that `migrate` would apply, without changing anything.

        Raises MigrationError, StorageUnavailable, SetupError if the migrator's address is not configured.
        """
        everything = [migration.name for migration in known_migrations()]
        url = self._migrator_url()
        if self._cluster is not None:
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

    def settings_report(self, *, memory_bytes: int | None = None, cores: int | None = None) -> SettingsReport:
        """Return the settings that fit the machine of the server, by default this one, beside the server's own."""
        here = Machine.here()
        machine = Machine(memory_bytes or here.memory_bytes, cores or here.cores)
        settings = fitting(machine, is_shared=self.is_embedded)
        return compare_settings(machine, settings, self.logins.app, home=self.home)

    def bench_books(
        self, operator_id: UUID, agent_ids: Sequence[UUID], since: datetime, until: datetime
    ) -> BenchBooks:
        """Return an operator's books for a benchmark, which fills them with millions of events."""
        return BenchBooks(self.logins.app, operator_id, agent_ids, since, until)

    def spin_floor(self) -> SpinFloor:
        """Return the floor of a spin for a benchmark, which needs a database of its own."""
        return SpinFloor(self.backup_url, self.logins.app)

    def revive(self) -> None:
        """Start an embedded server again if it has died."""
        if self._cluster is not None:
            self._cluster.revive()

    def _tcp_url(self, role: str) -> str | None:
        """Return the address of an embedded database for a role; None for another database."""
        if self._cluster is None:
            return None
        return self._cluster.url(DATABASE, user=role, password=self._passwords[role], way="tcp")

    def _migrator_url(self) -> str:
        if self.logins.migrator is None:
            raise SetupError("Set PLAYTIME_MIGRATOR_URL: the app's own login may not change the schema.")
        return self.logins.migrator

    def _given_passwords(self) -> dict[str, str]:
        """Return the passwords in the configured addresses, for roles that do not exist yet."""
        given = (self.logins.app, self.logins.migrator, self.logins.owner_read, self.logins.backup)
        logins = [conninfo_to_dict(url) for url in given if url is not None]
        return {
            str(login["user"]): str(login["password"])
            for login in logins
            if login.get("user") in ROLES_WITH_PASSWORDS and login.get("password")
        }

    def _provision(self, cluster: EmbeddedPostgres) -> None:
        """Make roles and database, unless all roles can log in and the migrator finds both complete."""
        try:
            others = (self.logins.app, self.logins.owner_read)
            done = is_provisioned(self.logins.migrator or "") and all(may_log_in(url or "") for url in others)
        except StorageUnavailable:
            done = False
        if not done:
            provision(cluster.superuser_url(), DATABASE, self._passwords)


def _require_new(home: Path, opening: Opening, *, had_database: bool, in_the_way: Path | None = None) -> None:
    """Refuse to make a database for a command that needs one, and in a home that has lost its own.

    A cluster that is `in_the_way` of a restore must be moved away first.
    """
    first = f"move {in_the_way} away and " if in_the_way else ""
    lost = (
        f"the database of {home} is gone: {first}run `playtime restore FILE`, or make a new and empty database"
        " with `playtime migrate --new`"
    )
    if opening == "existing":
        raise NothingToCheck(lost if had_database else f"there is no database in {home}: check PLAYTIME_HOME")
    if had_database and opening != "new":
        raise DatabaseLost(lost)


_LOGINS: Final = (APP, MIGRATOR, OWNER_READ)
ROLES_WITH_PASSWORDS: Final = (*_LOGINS, BACKUP)
"""The roles whose passwords an embedded database needs."""
