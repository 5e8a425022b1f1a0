"""The ledger: its events and their sums, and external events."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from uuid import UUID

from attrs import frozen

from ....application.ports.filters import LedgerFilter, Page
from ....application.ports.ledger import ReportContext, ReportQuestion
from ....domain.ledger.events import (
    HAS_FLOOR_OF_ZERO,
    Account,
    AccountKind,
    AccountTotal,
    EventSource,
    EventType,
    LedgerEvent,
    MovementTotal,
)
from ..books import ALL, Books
from ..pages import is_within, newest, newest_of
from ..transaction import MemoryTransaction, View


@frozen
class MemoryLedger:
    """The stream of events and its sums."""

    transaction: MemoryTransaction

    def page(self, only: LedgerFilter, page: Page) -> Sequence[LedgerEvent]:
        with self.transaction.reading() as view:
            if only.player_id is not None:
                events = newest_of(view, lambda books: books.ledger, page.before, ("player", only.player_id))
            else:
                events = newest(view, lambda books: books.ledger, page.before, only.tenant_id)
            return list(islice((event for event in events if _matches(event, only)), page.limit))

    def report_context(self, asked: ReportQuestion) -> ReportContext:
        operator_id = self.transaction.binding.operator_id
        with self.transaction.reading() as view:
            books = view.shelf.get(operator_id) or Books()
            named = (books.ledger.by("action", (EventSource.EXTERNAL, *name)) for name in asked.names)
            stored = [event for event in named if event is not None and view.sees(event)]
            players = (books.players.rows.get(player_id) for player_id in asked.player_ids)
            sessions = (books.sessions.rows.get(session_id) for session_id in asked.session_ids)
            configs = (books.game_configs.rows.get(game_key) for game_key in asked.game_keys)
            return ReportContext(
                stored={(event.actor_id, event.action_id, event.event_type): event for event in stored},
                marked={
                    event.event_id for event in stored if books.ledger.by("action", _note_of(event)) is not None
                },
                players={one.player_id: one.tenant_id for one in players if one is not None and view.sees(one)},
                sessions={one.session_id: one.player_id for one in sessions if one is not None and view.sees(one)},
                configured={one.game_key for one in configs if one is not None and view.sees(one)},
            )

    def account_totals(self) -> Sequence[AccountTotal]:
        with self.transaction.reading() as view:
            return sorted(
                (total for books in view.books() for total in account_totals(view, books)),
                key=lambda total: (total.account.kind, total.account.owner_id),
            )

    def movement_totals(self) -> Sequence[MovementTotal]:
        counts: dict[EventType, int] = defaultdict(int)
        moved: dict[EventType, int] = defaultdict(int)
        with self.transaction.reading() as view:
            for books in view.books():
                for tenant_id in _seen_tenants(view, books):
                    for event_type, count in books.totals.counts[tenant_id].items():
                        counts[event_type] += count
                        moved[event_type] += books.totals.moved[tenant_id][event_type]
        return [MovementTotal(kind, counts[kind], moved[kind]) for kind in EventType if kind in counts]


def _note_of(event: LedgerEvent) -> tuple[EventSource, UUID, str, EventType]:
    """Return the key of the note of a conflict with an external event."""
    return EventSource.PLAYTIME, event.tenant_id, str(event.event_id), EventType.EXTERNAL_CONFLICT


def _matches(event: LedgerEvent, only: LedgerFilter) -> bool:
    wanted = only.tenant_id in (None, event.tenant_id) and only.event_type in (None, event.event_type)
    return wanted and is_within(event.occurred_at, only.since, only.until)


def _seen_tenants(view: View, books: Books) -> list[UUID]:
    """Return the tenants whose events are visible in these books and that have any."""
    return [tenant_id for tenant_id in books.totals.counts if view.tenant_id in (None, tenant_id)]


def account_totals(view: View, books: Books) -> Iterator[AccountTotal]:
    """Yield every account of these books that the view sees all entries of."""
    entries: dict[Account, int] = defaultdict(int)
    for tenant_id in _seen_tenants(view, books):
        for account, amount_minor in books.totals.entries[tenant_id].items():
            entries[account] += amount_minor
    stated = dict(_stated(view, books))
    for account in entries.keys() | stated.keys():
        if _is_own(view, books, account):
            yield AccountTotal(
                account,
                entries_minor=entries.get(account, 0),
                stated_minor=stated.get(account, _UNSTATED.get(account.kind, 0)),
                floor_minor=_floor_minor(books, account),
            )


def _is_own(view: View, books: Books, account: Account) -> bool:
    """Return whether all entries of an account are visible."""
    if view.tenant_id is None or account.owner_id == view.tenant_id:
        return True
    player = books.players.rows.get(account.owner_id)
    return player is not None and view.sees(player)


def _stated(view: View, books: Books) -> Iterator[tuple[Account, int]]:
    """Yield the stored balances of the rest of the books: balance rows, open vouchers, pending bonuses."""
    for wallet in books.wallets.rows.values():
        if view.sees(wallet):
            yield Account(AccountKind.TENANT, wallet.tenant_id), wallet.wallet.balance_minor
    for player in books.players.rows.values():
        if view.sees(player):
            yield player.account, player.wallet.balance_minor
    pools: dict[Account, int] = defaultdict(int)
    for voucher in books.vouchers.newest("open", ALL):
        if view.sees(voucher):
            pools[Account(AccountKind.VOUCHER_POOL, voucher.tenant_id)] += voucher.total_minor
    for bonus in books.bonuses.newest("pending", ALL):
        if view.sees(bonus):
            pools[Account(AccountKind.BONUS_POOL, bonus.tenant_id)] += bonus.amount_minor
    yield from pools.items()


_UNSTATED = {AccountKind.HOUSE: None, AccountKind.ISSUANCE: None}
"""Kinds that are nothing but their entries; for any other, what nobody states is stated as 0."""


def _floor_minor(books: Books, account: Account) -> int | None:
    if account.kind is AccountKind.TENANT:
        wallet = books.wallets.rows.get(account.owner_id)
        return 0 if wallet is None else wallet.wallet.floor_minor
    return 0 if account.kind in HAS_FLOOR_OF_ZERO else None
