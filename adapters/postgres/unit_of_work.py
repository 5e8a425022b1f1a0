"""The unit of work: one transaction of one binding."""

from types import TracebackType
from typing import Self

from attrs import field, frozen

from ...application.ports.analytics import Analytics
from ...application.ports.storage import Record
from .analytics.analytics import analytics_of
from .analytics.rollup import PostgresRollUp
from .audit.audit import PostgresAudit
from .reads.games import PostgresGameConfigs
from .reads.ledger import PostgresLedger
from .reads.limits import PostgresPlayPasses
from .reads.play import PostgresPlayers
from .reads.safety import PostgresSafety
from .reads.stream import PostgresStream
from .reads.tenancy import PostgresAttempts, PostgresStaff, PostgresTenants, PostgresWallets
from .reads.vouchers import PostgresVouchers
from .transaction import Transaction


@frozen(eq=False)
class PostgresUnitOfWork:
    """One transaction, used in a `with` statement, once. It begins with its first read.

    A use case that reads once and commits costs two round trips: begin, bind, lock and read; write and commit.
    """

    transaction: Transaction = field(repr=False)

    @property
    def tenants(self) -> PostgresTenants:
        """Tenants."""
        return PostgresTenants(self.transaction)

    @property
    def wallets(self) -> PostgresWallets:
        """TENANT accounts."""
        return PostgresWallets(self.transaction)

    @property
    def staff(self) -> PostgresStaff:
        """Staff."""
        return PostgresStaff(self.transaction)

    @property
    def vouchers(self) -> PostgresVouchers:
        """Vouchers."""
        return PostgresVouchers(self.transaction)

    @property
    def players(self) -> PostgresPlayers:
        """Players."""
        return PostgresPlayers(self.transaction)

    @property
    def passes(self) -> PostgresPlayPasses:
        """Play passes."""
        return PostgresPlayPasses(self.transaction)

    @property
    def ledger(self) -> PostgresLedger:
        """The ledger."""
        return PostgresLedger(self.transaction)

    @property
    def attempts(self) -> PostgresAttempts:
        """Counted guesses."""
        return PostgresAttempts(self.transaction)

    @property
    def safety(self) -> PostgresSafety:
        """Safety settings and actions."""
        return PostgresSafety(self.transaction)

    @property
    def stream(self) -> PostgresStream:
        """The ledger as one stream, with its seals."""
        return PostgresStream(self.transaction)

    @property
    def audit(self) -> PostgresAudit:
        """What is checked of the books."""
        return PostgresAudit(self.transaction)

    @property
    def analytics(self) -> Analytics:
        """The ports of analytics."""
        return analytics_of(self.transaction)

    @property
    def roll_up(self) -> PostgresRollUp:
        """The roll-up."""
        return PostgresRollUp(self.transaction)

    @property
    def game_configs(self) -> PostgresGameConfigs:
        """Game configs."""
        return PostgresGameConfigs(self.transaction)

    def add(self, *records: Record) -> None:
        """Gather new records."""
        self.transaction.add(records)

    def save(self, *records: Record) -> None:
        """Gather new states of records."""
        self.transaction.save(records)

    def commit(self) -> None:
        """Write what was gathered, whole or not at all, and end."""
        self.transaction.commit()

    def __enter__(self) -> Self:
        """Open the unit; nothing is sent yet."""
        self.transaction.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End, rolling back what was not committed."""
        self.transaction.end()
