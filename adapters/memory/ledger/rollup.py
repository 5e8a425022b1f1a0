"""The roll-up of the books in memory: each entry updates the account totals, and analytics read the events."""

from attrs import frozen

from ..transaction import MemoryTransaction


@frozen
class MemoryRollUp:
    """A roll-up with nothing to do."""

    transaction: MemoryTransaction

    def account_totals(self, limit: int) -> int:  # noqa: ARG002 - there is nothing to add
        """Return 0 and end the unit of work."""
        self._end()
        return 0

    def buckets(self, limit: int) -> int:  # noqa: ARG002 - there is nothing to add
        """Return 0 and end the unit of work."""
        self._end()
        return 0

    def reset_buckets(self) -> None:
        """End the unit of work."""
        self._end()

    def _end(self) -> None:
        _ = self.transaction.binding
        with self.transaction.reading():
            pass
        self.transaction.commit()
