"""Filters as a request gives them, turned into those of the ports."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from ...application.ports.filters import LedgerFilter, PlayerFilter, VoucherFilter
from ...domain.access.codes import ALPHABET, CODE_SYMBOLS, typed_symbols
from .errors import MalformedRequest
from .requests import LedgerQuery, PlayersQuery, VouchersQuery

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def voucher_filter(tenant_id: UUID, given: VouchersQuery) -> VoucherFilter:
    """Return the filter of vouchers of a query."""
    return VoucherFilter(
        tenant_id=tenant_id,
        status=given.status,
        code_ends=_symbols(given.codeEnds),
        player_id=given.playerId,
        since=moment_in_utc(given.from_),
        until=moment_in_utc(given.to),
    )


def player_filter(given: PlayersQuery) -> PlayerFilter:
    """Return the filter of players of a query."""
    return PlayerFilter(
        tenant_id=given.tenantId,
        status=given.status,
        code_ends=_symbols(given.codeEnds),
        since=moment_in_utc(given.from_),
        until=moment_in_utc(given.to),
    )


def ledger_filter(given: LedgerQuery) -> LedgerFilter:
    """Return the filter of ledger events of a query."""
    return LedgerFilter(
        tenant_id=given.tenantId,
        player_id=given.playerId,
        event_type=given.eventType,
        since=moment_in_utc(given.from_),
        until=moment_in_utc(given.to),
    )


def _symbols(code_ends: str | None) -> str | None:
    """Return the symbols of the end of a code as somebody typed it. Raises MalformedRequest."""
    if code_ends is None:
        return None
    symbols = typed_symbols(code_ends)
    if not 1 <= len(symbols) <= CODE_SYMBOLS or not set(symbols) <= set(ALPHABET):
        raise MalformedRequest.at("query.codeEnds", f"must be 1 to {CODE_SYMBOLS} symbols of a code")
    return symbols


def moment_in_utc(moment: datetime | None) -> datetime | None:
    """Return a moment in UTC; beyond the first and the last year there is nothing to be found anyway."""
    if moment is None:
        return None
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return _FIRST if moment.year == _FIRST.year else _LAST
