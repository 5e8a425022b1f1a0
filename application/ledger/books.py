"""Reading the books: the ledger's events, and the check of all sums."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from attrs import frozen

from ...domain.ledger.events import (
    Account,
    AccountKind,
    AccountTotal,
    EventSource,
    EventType,
    LedgerEvent,
    MovementTotal,
)
from ...domain.tenancy.staff import Permission
from ..access import StaffPrincipal, look, operators_seen, reach
from ..errors import StorageUnavailable, Unwell
from ..ports.filters import LedgerFilter, Page
from ..ports.services import Clock, SweepLog
from ..ports.storage import Storage, UnitOfWork
from ..transactions import transact
from ..wire import record_from


@frozen
class EventRecord:
    """A ledger event as its reader sees it. Amounts and balances in minor units."""

    event_id: UUID
    operator_id: UUID
    tenant_id: UUID
    occurred_at: datetime
    source: EventSource
    event_type: EventType
    actor_id: UUID
    action_id: str
    amount_minor: int
    from_account: Account | None
    to_account: Account | None
    from_balance_minor: int | None
    to_balance_minor: int | None
    player_id: UUID | None
    player_seq: int | None
    session_id: UUID | None
    round_id: UUID | None
    agent_id: UUID | None
    cashier_id: UUID | None
    game_key: str | None
    provider: str | None
    region: str | None
    meta: Mapping[str, Any]


def event_record(event: LedgerEvent, reader: StaffPrincipal) -> EventRecord:
    """Return an event as its reader sees it.

    A movement of credit belongs to the agent but also states the operator's balance, which the agent's staff do
    not see.
    """
    transfer = event.transfer
    sees_all = reader.tenant_id == reader.operator_id

    def balance(account: Account, balance_minor: int | None) -> int | None:
        above = account.kind is AccountKind.TENANT and account.owner_id != reader.tenant_id
        return balance_minor if sees_all or not above else None

    if transfer is None:
        return record_from(
            EventRecord, event, from_account=None, to_account=None, from_balance_minor=None, to_balance_minor=None
        )
    return record_from(
        EventRecord,
        event,
        from_account=transfer.source,
        to_account=transfer.target,
        from_balance_minor=balance(transfer.source, transfer.source_balance_minor),
        to_balance_minor=balance(transfer.target, transfer.target_balance_minor),
    )


@frozen
class ListLedger:
    """Lists ledger events."""

    storage: Storage

    def __call__(
        self,
        principal: StaffPrincipal,
        only: LedgerFilter = LedgerFilter(),
        page: Page = Page(),
    ) -> list[EventRecord]:
        """Return events, newest first. Raises Forbidden."""
        principal.require(Permission.READ_LEDGER)
        events = look(self.storage, principal, lambda unit: unit.ledger.page(only, page))
        return [event_record(event, principal) for event in events]


@frozen
class OperatorBooks:
    """One operator's books at one moment: every account, and every kind of movement."""

    operator_id: UUID
    slug: str
    accounts: Sequence[AccountTotal]
    movements: Sequence[MovementTotal]

    @property
    def sum_minor(self) -> int:
        """The sum of all balances: 0 when every movement has two sides."""
        return sum(total.entries_minor for total in self.accounts)

    @property
    def disagreements(self) -> list[AccountTotal]:
        """The accounts whose entries differ from the stated balance, or that are below their floor."""
        return [total for total in self.accounts if not total.agrees]

    @property
    def clean(self) -> bool:
        """Whether the sum is 0 and every account agrees."""
        return self.sum_minor == 0 and not self.disagreements

    def sum_of(self, kind: AccountKind) -> int:
        """Return the sum of the balances of one kind of account, in minor units."""
        return sum(total.entries_minor for total in self.accounts if total.account.kind is kind)

    def moved(self, event_type: EventType) -> int:
        """Return the total of one kind of movement, in minor units."""
        return sum(m.amount_minor for m in self.movements if m.event_type is event_type)


@frozen
class VerifyLedger:
    """Compares the balances of operators with the entries of the ledger."""

    storage: Storage

    def __call__(self, principal: StaffPrincipal, operator_id: UUID | None = None) -> list[OperatorBooks]:
        """Return the books of one operator, or of every one that the principal sees, each read in one bound unit.

        Raises NotFound for an operator that the principal does not see, and Forbidden for an agent's staff.
        """
        books = []
        for entry in operators_seen(self.storage.directory, principal, operator_id):
            accounts, movements = transact(self.storage, reach(principal, entry), _add_up)
            books.append(OperatorBooks(entry.operator_id, entry.slug, accounts, movements))
        return books


@frozen
class Health:
    """The state of the service. `last_sweep_seconds` is None if no sweep has ended.

    `clock_difference_seconds` is the lead of the process's clock over the storage's clock.
    """

    last_sweep_seconds: int | None
    clock_difference_seconds: int


@frozen
class CheckHealth:
    """Checks that the service can do its work."""

    storage: Storage
    clock: Clock
    storage_clock: Clock
    sweep_log: SweepLog

    def __call__(self) -> Health:
        """Reach the storage, see whether it takes writes, and return the state. Raises Unwell."""
        ended = self.sweep_log.last()
        seconds = None if ended is None else max(0, int((self.clock.now() - ended).total_seconds()))
        try:
            self.storage.check()
            difference = self._clock_difference()
        except StorageUnavailable as error:
            raise Unwell(error.reason, seconds) from error
        return Health(seconds, int(difference.total_seconds()))

    def _clock_difference(self) -> timedelta:
        """Compare the storage's clock with the middle of the time that its answer took."""
        before, there, after = self.clock.now(), self.storage_clock.now(), self.clock.now()
        return before + (after - before) / 2 - there


def _add_up(unit: UnitOfWork) -> tuple[Sequence[AccountTotal], Sequence[MovementTotal]]:
    return unit.ledger.account_totals(), unit.ledger.movement_totals()
