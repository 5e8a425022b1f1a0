"""The port of the roll-up."""

from typing import Final, Protocol

ROLL_UP_BATCH: Final = 10_000


class RollUp(Protocol):
    """The roll-up: it adds events to stored sums, which makes reads fast and never changes a figure.

    Only events that no running transaction can precede are added. None is added twice, however many roll-ups run
    at once. Each method commits and ends the unit of work.
    """

    def account_totals(self, limit: int) -> int:
        """Add about `limit` more events to the account totals at most, and return their number.

        Events that move nothing are counted, but add nothing. Tenants share the limit. After a result of a
        hundredth of it or more, many events may be left; after a smaller one, none.
        """

    def buckets(self, limit: int) -> int:
        """Add about `limit` more events to the buckets of analytics at most, and return their number.

        Tenants share the limit as in `account_totals`.
        """

    def reset_buckets(self) -> None:
        """Empty the buckets. The next roll-ups fill them again, and no figure changes meanwhile."""
