"""Checking the isolation of tenants on a database: the catalogue lint for structure, the matrix for behaviour."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
from attrs import frozen

from ....application.errors import SetupError, StorageUnavailable
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
        shape = f"{len(self.tables)} tenant tables x {len(VERBS)} verbs x who asks"
        counts = f"{self.rules} rules and {self.cells} cells ({shape})"
        verdict = "clean" if self.clean else f"{len(self.findings)} findings"
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
        with _connect(app_url) as connection:
            matrices = [Matrix(connection, _ids(connection))]
            matrices[0].run_as_app()
        if _is_superuser(admin):
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
