"""The rules for every external event, whether it is reported or imported.

An event is checked before anything is written. A row that a storage cannot store, or cannot read back, would stay
in the append-only ledger forever.
"""

import json
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from ...domain.errors import InvalidInput, all_checked
from ...domain.games.configs import LONGEST_GAME_KEY
from ...domain.ledger.events import EventType, LedgerEvent
from ...domain.money import checked_amount
from ...domain.periods import FIRST_MOMENT
from ...domain.tenancy.tenants import LONGEST_NAME
from ..answers import checked_action_id

AHEAD: Final = timedelta(minutes=5)
"""The most that a provider's clock may be ahead of ours."""

LONGEST_META: Final = 4_000
DEEPEST_META: Final = 20


class ExternalEventType(StrEnum):
    """The types of external events. BET and WIN have an amount, the others have none.

    A round is a BET, and a WIN if it won. A game that reports no amounts reports a SPIN instead.
    """

    BET = "BET"
    WIN = "WIN"
    SPIN = "SPIN"
    LOGIN = "LOGIN"
    LOGOUT = "LOGOUT"
    ERROR = "ERROR"


_EXTERNAL: Final = frozenset(EventType(external) for external in ExternalEventType)
_WITH_AMOUNT: Final = frozenset({EventType.BET, EventType.WIN})

# This is for JSON text, where a backslash in a string is written twice.
_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def checked_external_event(event: LedgerEvent, now: datetime, within: str = "") -> LedgerEvent:
    """Return a valid external event. Raises InvalidInput, with its paths after `within`."""
    if event.event_type not in _EXTERNAL:
        raise InvalidInput(f"{within}event_type", f"must not be {event.event_type}, which is not external")
    all_checked(
        lambda: checked_action_id(event.action_id, f"{within}action_id"),
        lambda: _require_moment(event.occurred_at, now, f"{within}occurred_at"),
        lambda: _require_amount(event, f"{within}amount_minor"),
        lambda: require_printable(event.game_key, LONGEST_GAME_KEY, f"{within}game_key"),
        lambda: require_printable(event.provider, LONGEST_NAME, f"{within}provider"),
        lambda: None if event.region is None else require_printable(event.region, LONGEST_NAME, f"{within}region"),
        lambda: _require_meta(event.meta, f"{within}meta"),
    )
    return event


def _require_amount(event: LedgerEvent, path: str) -> None:
    if event.event_type in _WITH_AMOUNT:
        checked_amount(event.reported_minor, path)
    elif type(event.reported_minor) is not int or event.reported_minor:
        raise InvalidInput(path, f"must be 0 for {event.event_type}")


def _require_moment(moment: datetime, now: datetime, path: str) -> None:
    if moment.tzinfo is None:
        raise InvalidInput(path, "must have a timezone")
    if not FIRST_MOMENT <= moment <= now + AHEAD:
        raise InvalidInput(path, f"must be from {FIRST_MOMENT.year} on, and not in the future")


def require_printable(name: object, longest: int, path: str) -> object:
    """Refuse a name with invisible characters or without any other. Raises InvalidInput."""
    is_name = isinstance(name, str) and 1 <= len(name) <= longest and name.isprintable() and not name.isspace()
    if not is_name:
        raise InvalidInput(path, f"must be 1 to {longest} printable characters")
    return name


def _require_meta(meta: object, path: str) -> None:
    try:
        text = json.dumps(meta, ensure_ascii=False, allow_nan=False)
        text.encode()
        bounded = len(text) <= LONGEST_META and _depth(meta) <= DEEPEST_META
    except (ValueError, TypeError, RecursionError):
        raise InvalidInput(path, "must be strict JSON") from None
    if not bounded or not isinstance(meta, dict):
        raise InvalidInput(
            path, f"must be an object of at most {LONGEST_META} characters and {DEEPEST_META} levels"
        )
    if _NUL.search(text):
        raise InvalidInput(path, "must be without NUL")


def _depth(value: Any) -> int:  # noqa: ANN401 - any JSON value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if parts is None else 1 + max(map(_depth, parts), default=0)
