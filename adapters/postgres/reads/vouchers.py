"""Reading and locking vouchers."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from attrs import frozen
from sqlalchemy import select

from ....application.ports.bindings import AnswerKey, StoredAnswer
from ....application.ports.filters import Page, VoucherFilter
from ....domain.access.codes import Code
from ....domain.vouchers.vouchers import Voucher, VoucherStatus
from ..records.queries import LIMIT, Query, compiled, literal, locked, matching, param, rows_by, scope
from ..records.vouchers import VOUCHERS
from ..transaction import PostgresTransaction
from .lookups import all_of, find, page_by
from .tenancy import answer_by, answer_in, is_storable


@frozen
class PostgresVouchers:
    """Vouchers of agents."""

    transaction: PostgresTransaction

    def find(self, code: Code) -> Voucher | None:
        return find(self.transaction, VOUCHERS, code=code.symbols)

    def get(self, voucher_id: UUID) -> Voucher | None:
        return find(self.transaction, VOUCHERS, voucher_id=voucher_id)

    def lock(self, voucher_id: UUID, key: AnswerKey | None = None) -> tuple[Voucher | None, StoredAnswer | None]:
        """Lock a voucher; then, by a later statement, read the key's answer."""
        _ = self.transaction.binding
        query = rows_by(VOUCHERS, "voucher_id", bound=True, lock=True)
        found, *answers = self.transaction.read(
            query(**self.transaction.scope, voucher_id=voucher_id), *answer_by(self.transaction, key)
        )
        return (VOUCHERS.record_of(found[0]) if found else None), answer_in(answers)

    def lock_batch(self, batch_id: UUID) -> Sequence[Voucher]:
        _ = self.transaction.binding
        return all_of(self.transaction, VOUCHERS, _batch()(**self.transaction.scope, batch_id=batch_id))

    def lock_overdue(self, now: datetime, limit: int) -> Sequence[Voucher]:
        """Lock the vouchers that are overdue the longest, without those that another unit has locked."""
        _ = self.transaction.binding
        statement = _overdue()(**self.transaction.scope, expires_at=now, limit=limit)
        return all_of(self.transaction, VOUCHERS, statement)

    def page(self, only: VoucherFilter, page: Page) -> Sequence[Voucher]:
        if not is_storable(only.code_ends or ""):
            return []
        return page_by(
            self.transaction,
            VOUCHERS,
            page,
            ("tenant_id", "is", only.tenant_id),
            ("status", "is", only.status),
            ("player_id", "is", only.player_id),
            ("code", "ends", only.code_ends),
            ("issued_at", "since", only.since),
            ("issued_at", "until", only.until),
        )


@cache
def _batch() -> Query:
    vouchers = VOUCHERS.table
    statement = select(*vouchers.c).where(*scope(vouchers, bound=True), *matching(vouchers, ["batch_id"]))
    return compiled(locked(statement.order_by(vouchers.c.number, vouchers.c.voucher_id)))


@cache
def _overdue() -> Query:
    vouchers = VOUCHERS.table
    statement = select(*vouchers.c).where(
        *scope(vouchers, bound=True),
        vouchers.c.status == literal(VoucherStatus.ISSUED),
        vouchers.c.expires_at <= param(vouchers.c.expires_at),
    )
    oldest = statement.order_by(vouchers.c.expires_at, vouchers.c.voucher_id).limit(LIMIT)
    return compiled(oldest.with_for_update(key_share=True, skip_locked=True))
