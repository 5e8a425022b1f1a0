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
from ...domain.tenancy.trail import ActionName, StaffAction
from ..access import StaffPrincipal, find_tenant, look, reach
from ..decisions import put
from ..ports.storage import Storage
from ..ports.tenancy import DirectoryEntry
from ..trail import described
from ..use_case import StaffUseCase
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
class SetSafetySettings(StaffUseCase):
    """Sets the safety settings of a tenant, from now on. An omitted setting gets its default."""

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

        return self.act(
            principal,
            StaffAction(name=ActionName.SET_SAFETY, object_kind="tenant", object_id=str(tenant_id)),
            lambda unit: unit.safety.settings(tenant_id),
            lambda present, _: described(
                put(settings_record(settings), settings, is_new=present is None),
                before={} if present is None else _about(present),
                after=_about(settings),
            ),
            binding=reach(principal, entry),
        )


def _about(settings: SafetySettings) -> dict[str, Any]:
    """Return the settings as the trail has them."""
    return {"enforce": settings.enforce, "zone": settings.timezone, "policy": settings.policy.content()}


def _find_agent(storage: Storage, principal: StaffPrincipal, tenant_id: UUID) -> DirectoryEntry:
    entry = find_tenant(storage.directory, principal, tenant_id)
    if entry.kind is not TenantKind.AGENT:
        raise TenantHasNoPlayers(entry.kind)
    return entry
