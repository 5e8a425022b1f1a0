"""The port of the ledger: its events and their sums."""

from collections.abc import Sequence
from typing import Protocol

from ...domain.ledger.events import AccountTotal, LedgerEvent, MovementTotal
from .filters import LedgerFilter, Page


class Ledger(Protocol):
    """The stream of events, and what it adds up to."""

    def page(self, only: LedgerFilter, page: Page) -> Sequence[LedgerEvent]:
        """Return events, newest id first."""

    def fold(self, limit: int) -> int:
        """Fold at most about `limit` more entries into the kept totals, commit, and return how many they were.

        Takes in only entries that no running transaction can still precede. Sums before and after are equal;
        reading them costs less. Ends the unit. Two that fold at once do not fold anything twice. Tenants may share
        the limit: what comes to less may leave much behind, only less than a hundredth of it leaves nothing.
        """

    def account_totals(self) -> Sequence[AccountTotal]:
        """Return every visible account with its entries' sum beside what the books state, at one moment."""

    def movement_totals(self) -> Sequence[MovementTotal]:
        """Return the count of each kind of event among the visible ones, and the sum of what those moved."""
