"""Safety settings of a tenant, which staff read and set."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import frozen

from ...domain.errors import all_checked
from ...domain.local_time import DEFAULT_TIMEZONE, require_timezone
from ...domain.safety.actions import Enforcement, SafetySettings, TenantHasNoPlayers
from ...domain.safety.policy import RiskPolicy
from ...domain.tenancy.staff import Permission
from ...domain.tenancy.tenants import TenantKind
from ..access import StaffPrincipal, find_tenant, look, reach
from ..decisions import put
from ..ports.services import Clock
from ..ports.storage import Storage
from ..ports.tenancy import DirectoryEntry
from ..transactions import carry_out
from ..wire import record_from


@frozen
class SafetySettingsRecord:
    """A tenant's safety settings as staff see them. `zone` is the timezone, by its published name."""

    tenant_id: UUID
    enforce: Enforcement
    zone: str
    policy: Mapping[str, Any]
    changed_by: UUID | None
    changed_at: datetime | None


def settings_record(settings: SafetySettings) -> SafetySettingsRecord:
    """Return settings as staff see them."""
    return record_from(SafetySettingsRecord, settings, zone=settings.timezone, policy=settings.policy.content())


@frozen
class ReadSafetySettings:
    """Shows a tenant's safety settings."""

    storage: Storage

    def __call__(self, principal: StaffPrincipal, tenant_id: UUID) -> SafetySettingsRecord:
        """Return the settings, or the defaults. Raises Forbidden, NotFound, TenantHasNoPlayers."""
        principal.require(Permission.READ_SAFETY)
        entry = _find_agent(self.storage, principal, tenant_id)
        settings = look(self.storage, principal, lambda unit: unit.safety.settings(tenant_id))
        return settings_record(settings or SafetySettings(operator_id=entry.operator_id, tenant_id=tenant_id))


@frozen
class SetSafetySettings:
    """Sets the safety settings of a tenant, from now on. An omitted setting gets its default."""

    storage: Storage
    clock: Clock

    def __call__(
        self,
        principal: StaffPrincipal,
        tenant_id: UUID,
        *,
        enforce: Enforcement,
        zone: str = DEFAULT_TIMEZONE,
        policy: Mapping[str, Any] | None = None,
    ) -> SafetySettingsRecord:
        """Set the settings and return them. Raises Forbidden, NotFound, InvalidInput, TenantHasNoPlayers."""
        principal.require(Permission.SET_SAFETY)
        entry = _find_agent(self.storage, principal, tenant_id)
        timezone, risk_policy = all_checked(
            lambda: require_timezone(zone, "zone"), lambda: RiskPolicy.of(policy or {})
        )
        settings = SafetySettings(
            operator_id=entry.operator_id,
            tenant_id=tenant_id,
            enforce=enforce,
            timezone=timezone,
            policy=risk_policy,
            changed_by=principal.staff_id,
            changed_at=self.clock.now(),
        )

        return carry_out(
            self.storage,
            reach(principal, entry),
            lambda unit: unit.safety.settings(tenant_id),
            lambda present: put(settings_record(settings), settings, is_new=present is None),
        )


def _find_agent(storage: Storage, principal: StaffPrincipal, tenant_id: UUID) -> DirectoryEntry:
    entry = find_tenant(storage.directory, principal, tenant_id)
    if entry.kind is not TenantKind.AGENT:
        raise TenantHasNoPlayers(entry.kind)
    return entry
