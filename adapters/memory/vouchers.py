"""Vouchers in memory."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

from attrs import frozen

from ...application.ports.bindings import AnswerKey, StoredAnswer
from ...application.ports.filters import Page, VoucherFilter
from ...domain.access.codes import Code
from ...domain.vouchers.vouchers import Voucher
from .books import ALL
from .pages import is_within, newest, newest_of
from .transaction import MemoryTransaction, View


@frozen
class MemoryVouchers:
    """Vouchers of agents."""

    transaction: MemoryTransaction

    def find(self, code: Code) -> Voucher | None:
        with self.transaction.reading() as view:
            return view.one(lambda books: books.vouchers.by("code", code.symbols))

    def get(self, voucher_id: UUID) -> Voucher | None:
        with self.transaction.reading() as view:
            return _voucher(view, voucher_id)

    def lock(self, voucher_id: UUID, key: AnswerKey | None = None) -> tuple[Voucher | None, StoredAnswer | None]:
        _ = self.transaction.binding
        with self.transaction.reading() as view:
            if _voucher(view, voucher_id) is not None:
                self.transaction.lock(Voucher, voucher_id)
            return _voucher(view, voucher_id), view.answer(key)

    def lock_batch(self, batch_id: UUID) -> Sequence[Voucher]:
        _ = self.transaction.binding
        with self.transaction.reading() as view:
            batch = _by_number(_batch(view, batch_id))
            for voucher in batch:
                self.transaction.lock(Voucher, voucher.voucher_id)
            return _by_number(_batch(view, batch_id))

    def lock_overdue(self, now: datetime, limit: int) -> Sequence[Voucher]:
        _ = self.transaction.binding
        with self.transaction.reading() as view:
            due = sorted(
                (
                    voucher
                    for books in view.books()
                    for voucher in books.vouchers.newest("open", ALL)
                    if voucher.expires_at <= now and view.sees(voucher)
                ),
                key=lambda voucher: (voucher.expires_at, voucher.voucher_id),
            )
            free = (voucher for voucher in due if self.transaction.try_lock(Voucher, voucher.voucher_id))
            return list(islice(free, limit))

    def page(self, only: VoucherFilter, page: Page) -> Sequence[Voucher]:
        with self.transaction.reading() as view:
            if only.player_id is not None:
                vouchers = newest_of(view, lambda books: books.vouchers, page.before, ("player", only.player_id))
            else:
                vouchers = newest(view, lambda books: books.vouchers, page.before, only.tenant_id)
            return list(islice((voucher for voucher in vouchers if _is_voucher(voucher, only)), page.limit))


def _voucher(view: View, voucher_id: UUID) -> Voucher | None:
    return view.one(lambda books: books.vouchers.rows.get(voucher_id))


def _batch(view: View, batch_id: UUID) -> list[Voucher]:
    vouchers = (voucher for books in view.books() for voucher in books.vouchers.newest("batch", batch_id))
    return [voucher for voucher in vouchers if view.sees(voucher)]


def _by_number(vouchers: list[Voucher]) -> list[Voucher]:
    return sorted(vouchers, key=lambda voucher: (voucher.number, voucher.voucher_id))


def _is_voucher(voucher: Voucher, only: VoucherFilter) -> bool:
    return (
        only.tenant_id in (None, voucher.tenant_id)
        and only.status in (None, voucher.status)
        and only.player_id in (None, voucher.player_id)
        and voucher.code.symbols.endswith(only.code_ends or "")
        and is_within(voucher.issued_at, only.since, only.until)
    )
