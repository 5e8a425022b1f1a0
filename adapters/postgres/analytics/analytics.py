"""The ports of analytics of one unit of work."""

from ....application.ports.analytics import Analytics
from ..transaction import PostgresTransaction
from .cohorts import PostgresCohorts
from .journeys import PostgresVoucherJourneys
from .operations import PostgresOperations
from .players import PostgresPlayerActivity
from .totals import PostgresPlayTotals


def analytics_of(transaction: PostgresTransaction) -> Analytics:
    """Return the ports of analytics that read in a transaction."""
    return Analytics(
        play=PostgresPlayTotals(transaction),
        players=PostgresPlayerActivity(transaction),
        cohorts=PostgresCohorts(transaction),
        journeys=PostgresVoucherJourneys(transaction),
        operations=PostgresOperations(transaction),
    )
