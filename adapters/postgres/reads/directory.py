"""The directory: the one table that is read before anybody is bound."""

from collections.abc import Sequence
from typing import Final, Literal
from uuid import UUID

from attrs import frozen

from ....application.ports.tenancy import DirectoryEntry
from ....domain.tenancy.tenants import TenantKind, TenantStatus
from ..connection.channel import Row, Statement
from ..connection.pool import Connections
from ..connection.standalone import run_standalone
from ..records.queries import fill, query_of
from .tenancy import is_storable

_ENTRIES: Final = """
select own.tenant_id, own.operator_id, own.kind, own.slug, own.code_symbols, case
    when 'CLOSED' in (own.status, root.status) then 'CLOSED'
    when 'SUSPENDED' in (own.status, root.status) then 'SUSPENDED'
    else own.status end
from playtime.directory own left join playtime.directory root on root.tenant_id = own.operator_id
where $condition
"""
"""Tenants with the graver status of their own and their operator's."""

_OPERATORS: Final = query_of(
    fill(_ENTRIES, condition="own.tenant_id = own.operator_id") + "order by own.tenant_id"
)
_BY_SLUG: Final = query_of(fill(_ENTRIES, condition="own.slug = :slug"))
_BY_SYMBOLS: Final = query_of(fill(_ENTRIES, condition="own.code_symbols = :code_symbols"))
_BY_TENANT: Final = query_of(fill(_ENTRIES, condition="own.tenant_id = :tenant_id"))
_REGISTER: Final = "select playtime.directory_register($1, $2, $3, $4, $5, $6)"
_BIND_ROOT: Final = """
select set_config('app.operator_id', operator_id::text, true), set_config('app.tenant_id', operator_id::text, true)
from playtime.directory where tenant_id = $1
"""
_SET_STATUS: Final = "select playtime.directory_set_status($1, $2)"
_OUTCOMES: Final[dict[str, Literal["done", "slug", "code_symbols"]]] = {
    "done": "done",
    "slug": "slug",
    "code_symbols": "code_symbols",
}


@frozen
class PostgresDirectory:
    """Tenants by id, slug and code symbols. Each call is a transaction of its own, in one round trip."""

    connections: Connections

    def by_slug(self, slug: str) -> DirectoryEntry | None:
        return self._one(_BY_SLUG(slug=slug)) if is_storable(slug) else None

    def by_symbols(self, code_symbols: str) -> DirectoryEntry | None:
        return self._one(_BY_SYMBOLS(code_symbols=code_symbols)) if is_storable(code_symbols) else None

    def by_tenant(self, tenant_id: UUID) -> DirectoryEntry | None:
        return self._one(_BY_TENANT(tenant_id=tenant_id))

    def operators(self) -> Sequence[DirectoryEntry]:
        return [_entry(row) for row in run_standalone(self.connections, _OPERATORS())]

    def set_status(self, tenant_id: UUID, status: TenantStatus) -> None:
        """List a tenant's new status, bound as the operator that it stands under."""
        # Sent together, both are one transaction, at the end of which the binding is gone.
        run_standalone(
            self.connections,
            Statement(_BIND_ROOT, (tenant_id,)),
            Statement(_SET_STATUS, (tenant_id, status.value)),
        )

    def register(self, entry: DirectoryEntry) -> Literal["done", "slug", "code_symbols"]:
        values = (
            entry.tenant_id,
            entry.operator_id,
            entry.kind.value,
            entry.slug,
            entry.code_symbols,
            entry.status.value,
        )
        return _OUTCOMES[run_standalone(self.connections, Statement(_REGISTER, values))[0][0]]

    def _one(self, statement: Statement) -> DirectoryEntry | None:
        rows = run_standalone(self.connections, statement)
        return _entry(rows[0]) if rows else None


def _entry(row: Row) -> DirectoryEntry:
    return DirectoryEntry(
        tenant_id=row[0],
        operator_id=row[1],
        kind=TenantKind(row[2]),
        slug=row[3],
        code_symbols=row[4],
        status=TenantStatus(row[5]),
    )
