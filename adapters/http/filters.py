"""Filters as a request gives them, turned into those of the ports."""

from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import attrs

from ...application.ports.filters import PlayerFilter, VoucherFilter
from ...domain.access.codes import ALPHABET, CODE_SYMBOLS, typed_symbols
from ...domain.wire_names import camel
from .errors import MalformedRequest
from .requests import PlayersQuery, VouchersQuery

T = TypeVar("T", bound=attrs.AttrsInstance)

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_NAMES: Final = {"since": "from_", "until": "to"}
"""The fields with another name in requests."""


def filled(kind: type[T], given: object, **others: Any) -> T:
    """Return an object of the application with the values of a request, which has the wire names of its fields.

    Times are in UTC. `others` are the values that the request does not have.
    """
    names = {field.name: _NAMES.get(field.name, camel(field.name)) for field in attrs.fields(kind)}
    values = {name: getattr(given, asked) for name, asked in names.items() if name not in others}
    moments = {name: moment_in_utc(value) for name, value in values.items() if isinstance(value, datetime)}
    return kind(**values | moments, **others)


def voucher_filter(tenant_id: UUID, given: VouchersQuery) -> VoucherFilter:
    """Return the filter of vouchers of a query."""
    return filled(VoucherFilter, given, tenant_id=tenant_id, code_ends=_symbols(given.codeEnds))


def player_filter(given: PlayersQuery) -> PlayerFilter:
    """Return the filter of players of a query."""
    return filled(PlayerFilter, given, code_ends=_symbols(given.codeEnds))


def _symbols(code_ends: str | None) -> str | None:
    """Return the symbols of the end of a code as somebody typed it. Raises MalformedRequest."""
    if code_ends is None:
        return None
    symbols = typed_symbols(code_ends)
    if not 1 <= len(symbols) <= CODE_SYMBOLS or not set(symbols) <= set(ALPHABET):
        raise MalformedRequest.at("query.codeEnds", f"must be 1 to {CODE_SYMBOLS} symbols of a code")
    return symbols


def moment_in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC; beyond the first and the last year there is nothing to be found anyway."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return _FIRST if moment.year == _FIRST.year else _LAST
