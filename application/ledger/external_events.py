"""What is held of every event of a game that runs elsewhere, whichever way it comes in.

All of it is looked at before anything is written: a row that a storage cannot keep, or keeps and cannot give back,
would stand in an append-only ledger for good.
"""

import json
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from unicodedata import category

from ...domain.errors import InvalidInput
from ...domain.games.configs import LONGEST_GAME_KEY
from ...domain.ledger.events import EventType, LedgerEvent
from ...domain.money import checked_amount
from ...domain.periods import FIRST_MOMENT
from ...domain.tenancy.tenants import LONGEST_NAME
from ..answers import checked_action_id

AHEAD: Final = timedelta(minutes=5)
"""How far a provider's clock may be ahead of ours."""

LONGEST_META: Final = 4_000
DEEPEST_META: Final = 20


class ReportedType(StrEnum):
    """What a game that runs elsewhere can report. BET and WIN have an amount, the rest none.

    A round is a BET, with a WIN where it won, or a SPIN where the game tells no amounts, never both.
    """

    BET = "BET"
    WIN = "WIN"
    SPIN = "SPIN"
    LOGIN = "LOGIN"
    LOGOUT = "LOGOUT"
    ERROR = "ERROR"


_REPORTED: Final = frozenset(EventType(reported) for reported in ReportedType)
_WITH_AMOUNT: Final = frozenset({EventType.BET, EventType.WIN})
_REFUSED: Final = frozenset({"Cc", "Cs"})
"""Controls and lone surrogates, as Unicode names them."""

# In JSON as it is written, where a backslash in a text stands twice.
_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def checked_report(event: LedgerEvent, now: datetime, within: str = "") -> LedgerEvent:
    """Return an event that games elsewhere may tell of. Raises InvalidInput, with its paths after `within`."""
    if event.event_type not in _REPORTED:
        raise InvalidInput(f"{within}event_type", f"{event.event_type} happens here alone")
    checked_action_id(event.action_id, f"{within}action_id")
    _require_moment(event.occurred_at, now, f"{within}occurred_at")
    if event.event_type in _WITH_AMOUNT:
        checked_amount(event.reported_minor, f"{within}amount_minor")
    elif type(event.reported_minor) is not int or event.reported_minor:
        raise InvalidInput(f"{within}amount_minor", f"is 0 for {event.event_type}")
    _require_name(event.game_key, LONGEST_GAME_KEY, f"{within}game_key")
    _require_name(event.provider, LONGEST_NAME, f"{within}provider")
    if event.region is not None:
        _require_name(event.region, LONGEST_NAME, f"{within}region")
    _require_meta(event.meta, f"{within}meta")
    return event


def _require_moment(moment: datetime, now: datetime, path: str) -> None:
    if moment.tzinfo is None:
        raise InvalidInput(path, "must have a timezone")
    if not FIRST_MOMENT <= moment <= now + AHEAD:
        raise InvalidInput(path, f"must be from {FIRST_MOMENT.year} on, and not ahead of now")


def _require_name(name: object, longest: int, path: str) -> None:
    is_text = isinstance(name, str) and 1 <= len(name) <= longest
    if not is_text or any(category(symbol) in _REFUSED for symbol in str(name)):
        raise InvalidInput(path, f"must be 1 to {longest} characters without controls")


def _require_meta(meta: object, path: str) -> None:
    try:
        text = json.dumps(meta, ensure_ascii=False, allow_nan=False)
        text.encode()
        bounded = len(text) <= LONGEST_META and _depth(meta) <= DEEPEST_META
    except (ValueError, TypeError, RecursionError):
        raise InvalidInput(path, "holds what strict JSON does not") from None
    if not bounded or not isinstance(meta, dict):
        raise InvalidInput(
            path, f"must be an object of at most {LONGEST_META} characters and {DEEPEST_META} levels"
        )
    if _NUL.search(text):
        raise InvalidInput(path, "must be without NUL")


def _depth(value: Any) -> int:  # noqa: ANN401 - whatever JSON can hold
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if parts is None else 1 + max(map(_depth, parts), default=0)
