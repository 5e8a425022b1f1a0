"""What a request for numbers may hold, with its bounds; see requests.py.

Bucket, zone and metric are texts here: what is allowed is told by the use case that knows it.
"""
# ruff: noqa: N815 - the attributes are the wire's camelCase names

from typing import Annotated
from uuid import UUID

from attrs import frozen
from msgspec import Meta

from ...application.analytics_attribution import Metric
from ...domain.periods import DEFAULT_ZONE, Bucket
from .requests import LONGEST_TYPED, ListFormat, Name, Since, Typed, Until


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
