"""Tenants, their wallets, their staff, and their counted attempts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from uuid import UUID

from attrs import frozen

from ...application.ports.bindings import AnswerKey, StoredAnswer
from ...application.ports.filters import Page, TrailFilter
from ...application.ports.tenancy import OpenSessions, WalletSummary
from ...domain.access.attempts import Attempts
from ...domain.ledger.events import Account, AccountKind
from ...domain.play.sessions import Session, StaffSession
from ...domain.tenancy.staff import StaffMember
from ...domain.tenancy.tenants import Tenant, TenantWallet
from ...domain.tenancy.trail import TrailEvent
from .pages import is_within, newest, newest_of
from .transaction import MemoryTransaction, View


@frozen
class MemoryTenants:
    """Tenants of the bound operator."""

    transaction: MemoryTransaction

    def get(self, tenant_id: UUID) -> Tenant | None:
        with self.transaction.reading() as view:
            return view.one(lambda books: books.tenants.rows.get(tenant_id))

    def by_slug(self, slug: str) -> Tenant | None:
        with self.transaction.reading() as view:
            return view.one(lambda books: books.tenants.by("slug", slug))

    def page(self, page: Page) -> Sequence[Tenant]:
        with self.transaction.reading() as view:
            return list(islice(newest(view, lambda books: books.tenants, page.before), page.limit))

    def open_sessions(self, tenant_id: UUID) -> OpenSessions:
        """Return the number of visible open sessions of a tenant and of the tenants below it."""
        with self.transaction.reading() as view:
            staff = [session for books in view.books() for session in books.staff_sessions.rows.values()]
            players = [session for books in view.books() for session in books.sessions.rows.values()]

            def count(sessions: Iterable[Session | StaffSession]) -> int:
                return sum(
                    session.is_open and tenant_id in (session.tenant_id, session.operator_id)
                    for session in sessions
                    if view.sees(session)
                )

            return OpenSessions(count(staff), count(players))


@frozen
class MemoryWallets:
    """TENANT accounts."""

    transaction: MemoryTransaction

    def lock(
        self, tenant_ids: Sequence[UUID], key: AnswerKey | None = None
    ) -> tuple[Mapping[UUID, TenantWallet], StoredAnswer | None]:
        _ = self.transaction.binding
        with self.transaction.reading() as view:
            there = [tenant_id for tenant_id in sorted(set(tenant_ids)) if _wallet(view, tenant_id)]
            for tenant_id in there:
                self.transaction.lock(TenantWallet, tenant_id)
            wallets = {tenant_id: _wallet(view, tenant_id) for tenant_id in there}
            return {key: wallet for key, wallet in wallets.items() if wallet}, view.answer(key)

    def summary(self, tenant_id: UUID) -> WalletSummary | None:
        with self.transaction.reading() as view:
            wallet = _wallet(view, tenant_id)
            if wallet is None:
                return None
            return WalletSummary(
                balance_minor=wallet.wallet.balance_minor,
                voucher_pool_minor=_entries(view, Account(AccountKind.VOUCHER_POOL, tenant_id)),
                bonus_pool_minor=_entries(view, Account(AccountKind.BONUS_POOL, tenant_id)),
                house_minor=_entries(view, Account(AccountKind.HOUSE, tenant_id)),
            )


@frozen
class MemoryStaff:
    """Members of staff and their sessions."""

    transaction: MemoryTransaction

    def get(self, staff_id: UUID) -> StaffMember | None:
        with self.transaction.reading() as view:
            return view.one(lambda books: books.staff.rows.get(staff_id))

    def by_username(self, tenant_id: UUID, username: str) -> StaffMember | None:
        with self.transaction.reading() as view:
            return view.one(lambda books: books.staff.by("username", (tenant_id, username)))

    def session(self, session_id: UUID) -> StaffSession | None:
        with self.transaction.reading() as view:
            return _staff_session(view, session_id)

    def page(self, tenant_id: UUID | None, page: Page) -> Sequence[StaffMember]:
        with self.transaction.reading() as view:
            return list(islice(newest(view, lambda books: books.staff, page.before, tenant_id), page.limit))

    def lock(self, staff_id: UUID) -> StaffMember | None:
        _ = self.transaction.binding
        with self.transaction.reading() as view:
            if view.one(lambda books: books.staff.rows.get(staff_id)) is None:
                return None
            self.transaction.lock(StaffMember, staff_id)
            return view.one(lambda books: books.staff.rows.get(staff_id))

    def lock_open_sessions(self, staff_id: UUID) -> Sequence[StaffSession]:
        _ = self.transaction.binding
        with self.transaction.reading() as view:
            for session in _open_sessions(view, staff_id):
                self.transaction.lock(StaffSession, session.session_id)
            return _open_sessions(view, staff_id)

    def sessions(self, staff_id: UUID, page: Page) -> Sequence[StaffSession]:
        with self.transaction.reading() as view:
            sessions = newest_of(view, lambda books: books.staff_sessions, page.before, ("staff", staff_id))
            return list(islice(sessions, page.limit))

    def lock_session(self, session_id: UUID) -> StaffSession | None:
        _ = self.transaction.binding
        with self.transaction.reading() as view:
            if _staff_session(view, session_id) is None:
                return None
            self.transaction.lock(StaffSession, session_id)
            return _staff_session(view, session_id)


@frozen
class MemoryTrail:
    """The audit trail."""

    transaction: MemoryTransaction

    def page(self, only: TrailFilter, page: Page) -> Sequence[TrailEvent]:
        with self.transaction.reading() as view:
            return list(islice(_events(view, only, page.before), page.limit))


def _events(view: View, only: TrailFilter, before: UUID | None) -> Iterator[TrailEvent]:
    if only.actor_id is None:
        events = newest(view, lambda books: books.trail, before, only.tenant_id)
    else:
        events = newest_of(view, lambda books: books.trail, before, ("actor", only.actor_id))
    return (
        event
        for event in events
        if only.tenant_id in (None, event.tenant_id)
        and only.action in (None, event.action)
        and is_within(event.occurred_at, only.since, only.until)
    )


@frozen
class MemoryAttempts:
    """Counted attempts. Each tenant has its own count of a subject."""

    transaction: MemoryTransaction

    def lock(self, subject_id: UUID) -> Attempts:
        binding = self.transaction.binding
        identity = (binding.tenant_id, subject_id)
        with self.transaction.reading() as view:
            self.transaction.lock(Attempts, identity)
            counted = view.one(lambda books: books.attempts.rows.get(identity))
        return counted or Attempts(
            operator_id=binding.operator_id, tenant_id=binding.tenant_id, subject_id=subject_id
        )


def _wallet(view: View, tenant_id: UUID) -> TenantWallet | None:
    return view.one(lambda books: books.wallets.rows.get(tenant_id))


def _staff_session(view: View, session_id: UUID) -> StaffSession | None:
    return view.one(lambda books: books.staff_sessions.rows.get(session_id))


def _open_sessions(view: View, staff_id: UUID) -> list[StaffSession]:
    found = [
        session
        for books in view.books()
        for session in books.staff_sessions.rows.values()
        if session.staff_id == staff_id and session.is_open and view.sees(session)
    ]
    return sorted(found, key=lambda session: session.session_id)


def _entries(view: View, account: Account) -> int:
    """Return the sum of a tenant's own entries on its account, in minor units."""
    own = (books.totals.entries.get(account.owner_id, {}) for books in view.books())
    return sum(entries.get(account, 0) for entries in own)
