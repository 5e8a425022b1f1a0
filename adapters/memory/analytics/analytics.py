"""The ports of analytics of one unit of work."""

from ....application.ports.analytics import Analytics
from .cohorts import MemoryCohorts
from .journeys import MemoryVoucherJourneys
from .operations import MemoryOperations
from .players import MemoryPlayerActivity
from .snapshot import Snapshot
from .totals import MemoryPlayTotals


def analytics_of(snapshot: Snapshot) -> Analytics:
    """Return the ports of analytics over the records of a unit of work."""
    return Analytics(
        play=MemoryPlayTotals(snapshot),
        players=MemoryPlayerActivity(snapshot),
        cohorts=MemoryCohorts(snapshot),
        journeys=MemoryVoucherJourneys(snapshot),
        operations=MemoryOperations(snapshot),
    )
