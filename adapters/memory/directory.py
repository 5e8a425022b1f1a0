"""The directory: what may be known of a tenant before anybody is bound to one."""

from collections.abc import Sequence
from threading import Lock
from typing import Final, Literal
from uuid import UUID

from attrs import define, evolve, field

from ...application.errors import IsolationViolation
from ...application.ports.tenancy import DirectoryEntry
from ...domain.tenancy.tenants import TenantStatus

_SEVERITY: Final = {TenantStatus.ACTIVE: 0, TenantStatus.SUSPENDED: 1, TenantStatus.CLOSED: 2}
"""The order of statuses: the worse one of a tenant and its operator counts."""


@define
class MemoryDirectory:
    """Tenants by id, slug and code symbols. Each call is a transaction of its own."""

    _mutex: Lock = field(init=False, repr=False, factory=Lock)
    _entries: dict[UUID, DirectoryEntry] = field(init=False, factory=dict)
    _by_slug: dict[str, UUID] = field(init=False, repr=False, factory=dict)
    _by_symbols: dict[str, UUID] = field(init=False, repr=False, factory=dict)

    def by_slug(self, slug: str) -> DirectoryEntry | None:
        with self._mutex:
            return self._entry(self._by_slug.get(slug))

    def by_symbols(self, code_symbols: str) -> DirectoryEntry | None:
        with self._mutex:
            return self._entry(self._by_symbols.get(code_symbols))

    def by_tenant(self, tenant_id: UUID) -> DirectoryEntry | None:
        with self._mutex:
            return self._entry(tenant_id)

    def operators(self) -> Sequence[DirectoryEntry]:
        with self._mutex:
            roots = [entry for entry in self._entries.values() if entry.tenant_id == entry.operator_id]
        return sorted(roots, key=lambda entry: entry.tenant_id)

    def set_status(self, tenant_id: UUID, status: TenantStatus) -> None:
        with self._mutex:
            listed = self._entries.get(tenant_id)
            if listed is not None:
                self._entries[tenant_id] = evolve(listed, status=status)

    def register(self, entry: DirectoryEntry) -> Literal["done", "slug", "code_symbols"]:
        """List a tenant, or replace its entry; return the field that belongs to another tenant, if any.

        Raises IsolationViolation for another operator or kind.
        """
        own, symbols = entry.tenant_id, entry.code_symbols
        with self._mutex:
            if self._by_slug.get(entry.slug, own) != own:
                return "slug"
            if symbols is not None and self._by_symbols.get(symbols, own) != own:
                return "code_symbols"
            listed = self._entries.get(own, entry)
            if (listed.operator_id, listed.kind) != (entry.operator_id, entry.kind):
                raise IsolationViolation("a tenant keeps its operator and its kind")
            self._unlist(own)
            self._entries[own] = entry
            self._by_slug[entry.slug] = own
            if symbols is not None:
                self._by_symbols[symbols] = own
        return "done"

    def _entry(self, tenant_id: UUID | None) -> DirectoryEntry | None:
        """Return an entry with the status that it has through its operator."""
        entry = None if tenant_id is None else self._entries.get(tenant_id)
        root = None if entry is None else self._entries.get(entry.operator_id)
        if entry is None or root is None:
            return entry
        return evolve(entry, status=max(entry.status, root.status, key=_SEVERITY.__getitem__))

    def _unlist(self, tenant_id: UUID) -> None:
        listed = self._entries.pop(tenant_id, None)
        if listed is not None:
            del self._by_slug[listed.slug]
            if listed.code_symbols is not None:
                del self._by_symbols[listed.code_symbols]
