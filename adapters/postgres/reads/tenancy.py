"""Reading and locking tenants, wallets, staff and attempts."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final
from uuid import UUID

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from ....application.ports.bindings import AnswerKey, StoredAnswer
from ....application.ports.filters import Page, TrailFilter
from ....application.ports.tenancy import OpenSessions, WalletSummary
from ....domain.access.attempts import Attempts
from ....domain.play.sessions import StaffSession
from ....domain.tenancy.staff import StaffMember
from ....domain.tenancy.tenants import Tenant, TenantWallet
from ....domain.tenancy.trail import TrailEvent
from ..connection.channel import Row, Statement
from ..records.queries import Query, compiled, locked, matching, param, rows_by, rows_of, scope, scoped
from ..records.tenancy import ANSWERS, ATTEMPTS, STAFF, STAFF_SESSIONS, TENANTS, TRAIL, WALLETS
from ..transaction import PostgresTransaction
from .account_totals import summary_of
from .lookups import all_of, find, lock, page_by

_OPEN_SESSIONS: Final = """
select
    (select count(*) from playtime.staff_sessions
        where ended_at is null and :tenant_id in (tenant_id, operator_id) $and_operator),
    (select count(*) from playtime.sessions
        where ended_at is null and :tenant_id in (tenant_id, operator_id) $and_operator)
"""


def is_storable(text: str) -> bool:
    """Return whether a column can store the text; no row has a text that cannot be stored."""
    return "\0" not in text and not any("\ud800" <= symbol <= "\udfff" for symbol in text)


def answer_by(transaction: PostgresTransaction, key: AnswerKey | None) -> list[Statement]:
    """Return the statement that reads the answer of a key; none for no key."""
    if key is None:
        return []
    query = rows_by(ANSWERS, "actor_id", "action_id", bound=transaction.bound)
    return [query(**transaction.scope, actor_id=key.actor_id, action_id=key.action_id)]


def answer_in(results: Sequence[Sequence[Row]]) -> StoredAnswer | None:
    """Return the answer in the results of `answer_by`."""
    return ANSWERS.record_of(results[0][0]) if results and results[0] else None


@frozen
class PostgresTenants:
    """Tenants of the bound operator."""

    transaction: PostgresTransaction

    def get(self, tenant_id: UUID) -> Tenant | None:
        return find(self.transaction, TENANTS, tenant_id=tenant_id)

    def by_slug(self, slug: str) -> Tenant | None:
        if not is_storable(slug):
            return None
        return find(self.transaction, TENANTS, slug=slug)

    def page(self, page: Page) -> Sequence[Tenant]:
        return page_by(self.transaction, TENANTS, page)

    def open_sessions(self, tenant_id: UUID) -> OpenSessions:
        """Return the number of open sessions of a tenant and of the tenants below it."""
        query = scoped(_OPEN_SESSIONS, bound=self.transaction.bound)
        row = self.transaction.one(query(**self.transaction.scope, tenant_id=tenant_id))
        assert row is not None
        return OpenSessions(*row)


@frozen
class PostgresWallets:
    """TENANT accounts."""

    transaction: PostgresTransaction

    def lock(
        self, tenant_ids: Sequence[UUID], key: AnswerKey | None = None
    ) -> tuple[Mapping[UUID, TenantWallet], StoredAnswer | None]:
        """Lock the wallets in the order of their ids; then, by a later statement, read the key's answer."""
        _ = self.transaction.binding
        wanted = rows_of(WALLETS, "tenant_id", bound=True)
        locked, *answers = self.transaction.read(
            wanted(**self.transaction.scope, wanted=list(tenant_ids)), *answer_by(self.transaction, key)
        )
        return {row[1]: WALLETS.record_of(row) for row in locked}, answer_in(answers)

    def summary(self, tenant_id: UUID) -> WalletSummary | None:
        row = self.transaction.one(summary_of(tenant_id, self.transaction.scope))
        return None if row is None else WalletSummary(*row)


@frozen
class PostgresStaff:
    """Members of staff and their sessions."""

    transaction: PostgresTransaction

    def get(self, staff_id: UUID) -> StaffMember | None:
        return find(self.transaction, STAFF, staff_id=staff_id)

    def by_username(self, tenant_id: UUID, username: str) -> StaffMember | None:
        if not is_storable(username):
            return None
        return find(self.transaction, STAFF, tenant_id=tenant_id, username=username)

    def session(self, session_id: UUID) -> StaffSession | None:
        return find(self.transaction, STAFF_SESSIONS, session_id=session_id)

    def page(self, tenant_id: UUID | None, page: Page) -> Sequence[StaffMember]:
        return page_by(self.transaction, STAFF, page, ("tenant_id", "is", tenant_id))

    def lock(self, staff_id: UUID) -> StaffMember | None:
        return lock(self.transaction, STAFF, staff_id=staff_id)

    def lock_open_sessions(self, staff_id: UUID) -> Sequence[StaffSession]:
        _ = self.transaction.binding
        return all_of(
            self.transaction, STAFF_SESSIONS, _open_sessions()(**self.transaction.scope, staff_id=staff_id)
        )

    def sessions(self, staff_id: UUID, page: Page) -> Sequence[StaffSession]:
        return page_by(self.transaction, STAFF_SESSIONS, page, ("staff_id", "is", staff_id))

    def lock_session(self, session_id: UUID) -> StaffSession | None:
        return lock(self.transaction, STAFF_SESSIONS, session_id=session_id)


@frozen
class PostgresTrail:
    """The audit trail."""

    transaction: PostgresTransaction

    def page(self, only: TrailFilter, page: Page) -> Sequence[TrailEvent]:
        return page_by(
            self.transaction,
            TRAIL,
            page,
            ("tenant_id", "is", only.tenant_id),
            ("actor_id", "is", only.actor_id),
            ("action", "is", only.action),
            ("occurred_at", "since", only.since),
            ("occurred_at", "until", only.until),
        )


@frozen
class PostgresAttempts:
    """Counted attempts at PINs and passwords."""

    transaction: PostgresTransaction

    def lock(self, subject_id: UUID) -> Attempts:
        """Make the row where it is missing, lock it and return it, in one round trip."""
        binding = self.transaction.binding
        fresh = Attempts(operator_id=binding.operator_id, tenant_id=binding.tenant_id, subject_id=subject_id)
        names = [column.name for column in ATTEMPTS.columns]
        made = _make_attempts()(**dict(zip(names, ATTEMPTS.row_of(fresh), strict=True)))
        wanted = rows_by(ATTEMPTS, "tenant_id", "subject_id", bound=True, lock=True)
        locked = wanted(**self.transaction.scope, tenant_id=binding.tenant_id, subject_id=subject_id)
        _, rows = self.transaction.read(made, locked, touches=True)
        counted: Attempts = ATTEMPTS.record_of(rows[0])
        return counted


@cache
def _open_sessions() -> Query:
    table = STAFF_SESSIONS.table
    wanted = (*scope(table, bound=True), *matching(table, ("staff_id",)), table.c.ended_at.is_(None))
    return compiled(locked(select(*table.c).where(*wanted).order_by(table.c.session_id)))


@cache
def _make_attempts() -> Query:
    table = ATTEMPTS.table
    values = {column.name: param(column) for column in table.c}
    return compiled(insert(table).values(values).on_conflict_do_nothing(index_elements=ATTEMPTS.key))
