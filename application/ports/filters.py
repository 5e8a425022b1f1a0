"""Filters and pages of lists."""

from datetime import datetime
from uuid import UUID

from attrs import frozen

from ...domain.ledger.events import EventType
from ...domain.play.players import PlayerStatus
from ...domain.tenancy.trail import ActionName
from ...domain.vouchers.vouchers import VoucherStatus


@frozen
class Page:
    """A request for part of a list, newest first: at most `limit` rows older than the row `before`."""

    limit: int = 50
    before: UUID | None = None


@frozen(kw_only=True)
class LedgerFilter:
    """A filter of ledger events; None means any. Times are half-open: [since, until)."""

    tenant_id: UUID | None = None
    player_id: UUID | None = None
    event_type: EventType | None = None
    since: datetime | None = None
    until: datetime | None = None


@frozen(kw_only=True)
class VoucherFilter:
    """A filter of vouchers; None means any. `code_ends` are the last symbols of a code."""

    tenant_id: UUID | None = None
    status: VoucherStatus | None = None
    code_ends: str | None = None
    player_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


@frozen(kw_only=True)
class PlayerFilter:
    """A filter of players; None means any. `code_ends` are the last symbols of a login code."""

    tenant_id: UUID | None = None
    status: PlayerStatus | None = None
    code_ends: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@frozen(kw_only=True)
class TrailFilter:
    """A filter of events of the trail; None means any. Times are half-open: [since, until)."""

    tenant_id: UUID | None = None
    actor_id: UUID | None = None
    action: ActionName | None = None
    since: datetime | None = None
    until: datetime | None = None
