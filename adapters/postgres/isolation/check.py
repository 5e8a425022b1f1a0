"""Checking the isolation of tenants on a database: the catalogue lint for structure, the matrix for behaviour."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
from attrs import frozen
from psycopg import sql

from ....application.errors import SetupError, StorageUnavailable
from ....domain.plurals import counted
from ..admin.roles import OWNER
from ..connection.pool import AdminConnection, connection_parameters
from .matrix import VERBS, Matrix
from .rules import RULES, IsolationFault, lint
from .samples import shapes


@frozen(kw_only=True)
class IsolationReport:
    """The result of checking the isolation of tenants."""

    rules: int
    tables: Sequence[str]
    cells: int
    findings: Sequence[IsolationFault]
    skipped: Sequence[str] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def lines(self) -> Sequence[str]:
        """Return the counts, the reasons for omitted checks, and a line for each finding."""
        shape = f"{counted(len(self.tables), 'tenant table')} x {len(VERBS)} verbs x who asks"
        counts = f"{counted(self.rules, 'rule')} and {counted(self.cells, 'cell')} ({shape})"
        verdict = "clean" if self.clean else counted(len(self.findings), "finding")
        return [
            f"{counts}: {verdict}",
            *(f"skipped: {reason}" for reason in self.skipped),
            *map(str, self.findings),
        ]


def check_isolation(app_url: str, admin_url: str) -> IsolationReport:
    """Lint the catalogue and try the matrix; all changes are rolled back.

    `admin_url` is the login of a superuser or the migrator; the cells of the platform's owner and of the tables'
    owner need a superuser. Raises SetupError if the login has not enough rights, StorageUnavailable.
    """
    skipped = []
    with _connect(admin_url) as admin:
        _require_owner(admin)
        findings = list(lint(admin))
        tables = [table.name for table in shapes(admin)]
        is_superuser = _is_superuser(admin)
        with _connect_as_app(app_url, admin_url if is_superuser else None) as connection:
            matrices = [Matrix(connection, _ids(connection))]
            matrices[0].run_as_app()
        if is_superuser:
            _log_no_errors(admin)
            matrices.append(Matrix(admin, _ids(admin)))
            matrices[1].run_as_owners()
        else:
            skipped.append(
                "the cells of the platform's owner and the tables' owner: they need a superuser's login"
            )
    for matrix in matrices:
        findings += matrix.findings
    cells = sum(matrix.cells for matrix in matrices)
    return IsolationReport(rules=len(RULES), tables=tables, cells=cells, findings=findings, skipped=skipped)


@contextmanager
def _connect(url: str) -> Iterator[psycopg.Connection[Any]]:
    parameters = connection_parameters(url, application="playtime-isolation", lock_timeout="10s")
    try:
        connection = AdminConnection.connect(**parameters, autocommit=True)
    except psycopg.Error as error:
        raise StorageUnavailable(f"no connection to check isolation with: {error}") from error
    with connection:
        yield connection


@contextmanager
def _connect_as_app(app_url: str, superuser_url: str | None) -> Iterator[psycopg.Connection[Any]]:
    """Connect as the app's login; with a superuser, by a session of that login which logs no errors."""
    with _connect(app_url) as own:
        row = own.execute("select session_user").fetchone()
        if superuser_url is None:
            yield own
            return
    assert row is not None, "every session has a user"
    with _connect(superuser_url) as connection:
        _log_no_errors(connection)
        connection.execute(sql.SQL("set session authorization {}").format(sql.Identifier(row[0])))
        yield connection


def _log_no_errors(superuser: psycopg.Connection[Any]) -> None:
    """Leave the errors of a superuser's session out of the server's log: each denied cell is one."""
    superuser.execute("set log_min_messages = panic")


def _require_owner(admin: psycopg.Connection[Any]) -> None:
    row = admin.execute(
        "select pg_has_role(current_user, oid, 'member') from pg_roles where rolname = %s",
        (OWNER,),
    ).fetchone()
    if row is None or not row[0]:
        raise SetupError(f"checking isolation needs a login that may become {OWNER}: set PLAYTIME_MIGRATOR_URL")


def _is_superuser(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("select rolsuper from pg_roles where rolname = current_user").fetchone()
    return row is not None and bool(row[0])


def _ids(connection: psycopg.Connection[Any]) -> Iterator[UUID]:
    """Yield ids that no tenant has, derived from one that the server generates."""
    row = connection.execute("select gen_random_uuid()").fetchone()
    assert row is not None
    for number in count():
        digest = hashlib.sha256(f"{row[0]}:{number}".encode()).digest()
        yield UUID(bytes=digest[:16], version=4)
