"""The port of the ledger: its events and their sums."""

from collections.abc import Sequence
from typing import Protocol

from ...domain.ledger.events import AccountTotal, LedgerEvent, MovementTotal
from .filters import LedgerFilter, Page


class Ledger(Protocol):
    """The stream of events and its sums."""

    def page(self, only: LedgerFilter, page: Page) -> Sequence[LedgerEvent]:
        """Return events, newest id first."""

    def ingest(self, events: Sequence[LedgerEvent]) -> int:
        """Write the external events that are not stored yet, commit, and return their number.

        An event is stored if its actor has written one of its action id and type. Ends the unit of work.
        """

    def account_totals(self) -> Sequence[AccountTotal]:
        """Return every visible account with its entries' sum beside what the books state, at one moment.

        An agent sees only its own and its players' accounts, because it does not see every entry of others.
        """

    def movement_totals(self) -> Sequence[MovementTotal]:
        """Return the count of each kind of event among the visible ones, and the sum of what those moved."""
