"""What a request for numbers may hold, with its bounds; see requests.py.

Bucket, zone and metric are texts here: what is allowed is told by the use case that knows it.
"""
# ruff: noqa: N815 - the attributes are the wire's camelCase names

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from attrs import frozen
from msgspec import Meta

from ...application.analytics.attribution import Metric
from ...application.ledger.external_events import ReportedType
from ...application.ledger.ingestion import LARGEST_REPORT
from ...domain.money import MAX_AMOUNT_MINOR
from ...domain.periods import DEFAULT_ZONE, Bucket
from .requests import LONGEST_TYPED, ActionId, ListFormat, Name, Since, Typed, Until

GAME_KEY: Final = r"^[a-zA-Z0-9][a-zA-Z0-9._-]*$(?!\n)"
REPORT_BYTES: Final = LARGEST_REPORT * 4_608
"""The largest report: as many events as it may have, each as long as its texts may be in JSON of ASCII alone."""

Ratio = Annotated[
    str, Meta(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?$(?!\n)", description="In decimals, up to six of them.")
]


@frozen(kw_only=True)
class NumbersQuery:
    """Of when, by which clock, and of whose events; by default the last 30 days, the present second included."""

    from_: Since | None = None
    to: Until | None = None
    bucket: Annotated[str, Meta(max_length=LONGEST_TYPED, description="hour, day or week")] = Bucket.DAY.value
    timezone: Annotated[str, Meta(max_length=LONGEST_TYPED, description="An IANA time zone.")] = DEFAULT_ZONE
    agentId: UUID | None = None
    cashierId: UUID | None = None
    gameKey: Typed | None = None
    provider: Name | None = None
    region: Name | None = None
    compare: Annotated[str, Meta(max_length=LONGEST_TYPED, description="previous")] | None = None
    format: ListFormat = ListFormat.JSON


@frozen(kw_only=True)
class AttributionQuery(NumbersQuery):
    """Of which metric as well."""

    metric: Annotated[str, Meta(max_length=LONGEST_TYPED, description="ngr, handle, deposits or rtp")] = (
        Metric.NGR.value
    )


@frozen(kw_only=True)
class ReportedEventRequest:
    """An event of a game that runs elsewhere; BET and WIN have an amount, the rest none."""

    eventType: ReportedType
    actionId: ActionId
    gameKey: Typed
    provider: Name
    amountMinor: Annotated[int, Meta(ge=0, le=MAX_AMOUNT_MINOR)] = 0
    occurredAt: Annotated[datetime, Meta(tz=True)] | None = None
    playerId: UUID | None = None
    sessionId: UUID | None = None
    agentId: UUID | None = None
    region: Name | None = None


@frozen(kw_only=True)
class EventsReport:
    """Events of games that run elsewhere; those that were reported before are left out."""

    events: Annotated[list[ReportedEventRequest], Meta(min_length=1, max_length=LARGEST_REPORT)]


@frozen(kw_only=True)
class GameStatement:
    """What a game should return, how often it should win, and the standard deviation of a win at a stake of 1."""

    provider: Name
    expectedRtp: Ratio
    hitRate: Ratio | None = None
    volatility: Ratio | None = None
