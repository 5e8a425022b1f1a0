"""Rows of who there is: tenants, wallets, staff, guesses, answers."""

from operator import attrgetter
from typing import Final

from ....application.ports.bindings import AnswerKey, StoredAnswer
from ....domain.access.attempts import Attempts
from ....domain.ledger.wallet import Wallet
from ....domain.play.sessions import StaffSession
from ....domain.tenancy.staff import Role, StaffMember, StaffStatus
from ....domain.tenancy.tenants import Tenant, TenantKind, TenantStatus, TenantWallet
from ..connection.channel import Row
from . import tables
from .mapping import Kept


def _tenant(row: Row) -> Tenant:
    return Tenant(
        operator_id=row[0],
        tenant_id=row[1],
        kind=TenantKind(row[2]),
        slug=row[3],
        name=row[4],
        status=TenantStatus(row[5]),
        region=row[6],
        code_symbols=row[7],
        created_at=row[8],
    )


TENANTS: Final = Kept(
    tables.tenants,
    attrgetter(
        "operator_id", "tenant_id", "kind", "slug", "name", "status", "region", "code_symbols", "created_at"
    ),
    _tenant,
    frozenset({"name", "slug", "status", "region", "code_symbols"}),
)


def _wallet(row: Row) -> TenantWallet:
    return TenantWallet(operator_id=row[0], tenant_id=row[1], wallet=Wallet(row[2], row[3]))


WALLETS: Final = Kept(
    tables.wallets,
    attrgetter("operator_id", "tenant_id", "wallet.balance_minor", "wallet.floor_minor"),
    _wallet,
    frozenset({"balance_minor", "floor_minor"}),
)


def _member(row: Row) -> StaffMember:
    return StaffMember(
        operator_id=row[0],
        tenant_id=row[1],
        staff_id=row[2],
        username=row[3],
        role=Role(row[4]),
        password_hash=row[5],
        status=StaffStatus(row[6]),
        created_at=row[7],
    )


STAFF: Final = Kept(
    tables.staff,
    attrgetter(
        "operator_id", "tenant_id", "staff_id", "username", "role", "password_hash", "status", "created_at"
    ),
    _member,
    frozenset({"username", "role", "password_hash", "status"}),
)


def _staff_session(row: Row) -> StaffSession:
    return StaffSession(
        operator_id=row[0],
        tenant_id=row[1],
        session_id=row[2],
        staff_id=row[3],
        started_at=row[4],
        last_active_at=row[5],
        ended_at=row[6],
        refresh_generation=row[7],
    )


STAFF_SESSIONS: Final = Kept(
    tables.staff_sessions,
    attrgetter(
        "operator_id",
        "tenant_id",
        "session_id",
        "staff_id",
        "started_at",
        "last_active_at",
        "ended_at",
        "refresh_generation",
    ),
    _staff_session,
    frozenset({"last_active_at", "ended_at", "refresh_generation"}),
)


def _attempts(row: Row) -> Attempts:
    return Attempts(
        operator_id=row[0],
        tenant_id=row[1],
        subject_id=row[2],
        counted=row[3],
        locks=row[4],
        locked_until=row[5],
        last_at=row[6],
    )


ATTEMPTS: Final = Kept(
    tables.attempts,
    attrgetter("operator_id", "tenant_id", "subject_id", "counted", "locks", "locked_until", "last_at"),
    _attempts,
    frozenset({"counted", "locks", "locked_until", "last_at"}),
)


def _answer(row: Row) -> StoredAnswer:
    return StoredAnswer(
        operator_id=row[0],
        tenant_id=row[1],
        key=AnswerKey(row[2], row[3]),
        digest=row[4],
        body=row[5],
        code=row[6],
        hints=row[7],
        created_at=row[8],
        command=row[9],
    )


ANSWERS: Final = Kept(
    tables.answers,
    attrgetter(
        "operator_id",
        "tenant_id",
        "key.actor_id",
        "key.action_id",
        "digest",
        "body",
        "code",
        "hints",
        "created_at",
        "command",
    ),
    _answer,
)
