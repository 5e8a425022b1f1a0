"""The port of vouchers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ...domain.access.codes import Code
from ...domain.vouchers.vouchers import Voucher
from .bindings import AnswerKey, StoredAnswer
from .filters import Page, VoucherFilter


class Vouchers(Protocol):
    """Vouchers of agents."""

    def find(self, code: Code) -> Voucher | None:
        """Return the voucher of a code, without a lock."""

    def get(self, voucher_id: UUID) -> Voucher | None:
        """Return the voucher, without a lock."""

    def lock(self, voucher_id: UUID, key: AnswerKey | None = None) -> tuple[Voucher | None, StoredAnswer | None]:
        """Lock a voucher until the unit ends; return it and the key's answer, both read after the wait."""

    def lock_batch(self, batch_id: UUID) -> Sequence[Voucher]:
        """Lock the visible vouchers of a batch until the unit ends, and return them by number."""

    def lock_overdue(self, now: datetime, limit: int) -> Sequence[Voucher]:
        """Lock and return at most `limit` issued vouchers whose time has passed, those due longest first.

        Vouchers that another unit holds are passed over, not waited for: two sweeps share the work.
        """

    def page(self, only: VoucherFilter, page: Page) -> Sequence[Voucher]:
        """Return vouchers, newest id first."""
