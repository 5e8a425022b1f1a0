"""Tenants, wallets, staff, attempts and stored answers."""

from typing import Final

from ....application.ports.bindings import StoredAnswer
from ....domain.access.attempts import Attempts
from ....domain.play.sessions import StaffSession
from ....domain.tenancy.staff import StaffMember
from ....domain.tenancy.tenants import Tenant, TenantWallet
from ....domain.tenancy.trail import TrailEvent
from .mapping import OWN_ROW, OWNER, Column, Mapped
from .spans import spans_json, spans_of

TENANTS: Final = Mapped(
    Tenant,
    "tenants",
    *OWN_ROW,
    Column("kind"),
    Column("slug", changes=True),
    Column("name", changes=True),
    Column("status", changes=True),
    Column("region", changes=True),
    Column("code_symbols", changes=True),
    Column("created_at"),
    Column("suspended_at", changes=True),
    Column("suspensions", changes=True, write=spans_json, read=spans_of),
)

WALLETS: Final = Mapped(
    TenantWallet,
    "wallets",
    *OWN_ROW,
    Column("balance_minor", "wallet.balance_minor", changes=True),
    Column("floor_minor", "wallet.floor_minor", changes=True),
)

STAFF: Final = Mapped(
    StaffMember,
    "staff",
    *OWNER,
    Column("staff_id", key=True),
    Column("username", changes=True),
    Column("role", changes=True),
    Column("password_hash", changes=True),
    Column("status", changes=True),
    Column("must_change_password", changes=True),
    Column("created_at"),
)

STAFF_SESSIONS: Final = Mapped(
    StaffSession,
    "staff_sessions",
    *OWNER,
    Column("session_id", key=True),
    Column("staff_id"),
    Column("started_at"),
    Column("last_active_at", changes=True),
    Column("ended_at", changes=True),
    Column("refresh_generation", type="integer", changes=True),
)

ATTEMPTS: Final = Mapped(
    Attempts,
    "attempts",
    *OWN_ROW,
    Column("subject_id", key=True),
    Column("counted", type="integer", changes=True),
    Column("locks", type="integer", changes=True),
    Column("refused_passes", type="integer", changes=True),
    Column("locked_until", changes=True),
    Column("last_at", changes=True),
)

ANSWERS: Final = Mapped(
    StoredAnswer,
    "answers",
    *OWNER,
    Column("actor_id", "key.actor_id", key=True),
    Column("action_id", "key.action_id", key=True),
    Column("digest"),
    Column("body"),
    Column("code"),
    Column("hints"),
    Column("created_at"),
    Column("command"),
    Column("game_key"),
    Column("provider"),
)

TRAIL: Final = Mapped(
    TrailEvent,
    "trail_events",
    *OWNER,
    Column("event_id", key=True),
    Column("occurred_at"),
    Column("action"),
    Column("actor_id"),
    Column("actor_name"),
    Column("actor_role"),
    Column("object_kind"),
    Column("object_id"),
    Column("refusal"),
    Column("before"),
    Column("after"),
    Column("source"),
    Column("request_id"),
)
