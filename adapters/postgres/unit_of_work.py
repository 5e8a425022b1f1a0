"""The unit of work: one transaction of one binding."""

from functools import cached_property
from typing import Final, Self

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
from .reads.tenancy import PostgresAttempts, PostgresStaff, PostgresTenants, PostgresTrail, PostgresWallets
from .reads.vouchers import PostgresVouchers
from .transaction import PostgresTransaction


class PostgresUnitOfWork:
    """One transaction, used in a `with` statement, once. It begins with its first read.

    A use case that reads once and commits costs two round trips: begin, bind, lock and read; write and commit.
    A unit that uses a part for reports or roll-ups has more time for each of its exchanges.
    """

    def __init__(self, transaction: PostgresTransaction) -> None:
        self.transaction: Final = transaction

    tenants = cached_property(lambda unit: PostgresTenants(unit.transaction))
    wallets = cached_property(lambda unit: PostgresWallets(unit.transaction))
    staff = cached_property(lambda unit: PostgresStaff(unit.transaction))
    trail = cached_property(lambda unit: PostgresTrail(unit.transaction))
    vouchers = cached_property(lambda unit: PostgresVouchers(unit.transaction))
    players = cached_property(lambda unit: PostgresPlayers(unit.transaction))
    passes = cached_property(lambda unit: PostgresPlayPasses(unit.transaction))
    ledger = cached_property(lambda unit: PostgresLedger(unit.transaction))
    attempts = cached_property(lambda unit: PostgresAttempts(unit.transaction))
    safety = cached_property(lambda unit: PostgresSafety(unit.transaction))
    stream = cached_property(lambda unit: PostgresStream(unit.transaction.as_report()))
    audit = cached_property(lambda unit: PostgresAudit(unit.transaction.as_report()))
    analytics = cached_property(lambda unit: analytics_of(unit.transaction.as_report()))
    roll_up = cached_property(lambda unit: PostgresRollUp(unit.transaction.as_report()))
    game_configs = cached_property(lambda unit: PostgresGameConfigs(unit.transaction))

    def add(self, *records: Record) -> None:
        self.transaction.add(records)

    def save(self, *records: Record) -> None:
        self.transaction.save(records)

    def commit(self) -> None:
        self.transaction.commit()

    def __enter__(self) -> Self:
        """Open the unit; nothing is sent yet."""
        self.transaction.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.transaction.end()
