"""The figures of reports, added up from the ledger's events: slow, plain, and apart from the product.

Each function walks through all events and players of a filter. Events with a duplicate marker are left out of
every list (`picked` in `contracts/plays.py`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final
from zoneinfo import ZoneInfo

from attrs import frozen

from playtime.application.ports.analytics import AnalyticsFilter
from playtime.contracts.plays import GeneratedPlay, picked
from playtime.domain.ledger.events import EventSource, EventType, LedgerEvent

VARIANCE: Final = Fraction("8.9775")
RTP: Final = Fraction(19, 20)
"""The odds of the demo game, calculated by hand."""


@frozen
class Reckoning:
    """The part of all play in a period and a filter."""

    play: GeneratedPlay
    since: datetime
    until: datetime
    only: AnalyticsFilter = AnalyticsFilter()

    def events(self, kind: str, source: str = "PLAYTIME", **like: Any) -> list[LedgerEvent]:
        """Return the events of a type, and of any further likeness."""
        found = []
        for event in picked(self.play, self.since, self.until, self.only):
            if event.event_type is not EventType(kind) or event.source is not EventSource(source):
                continue
            if all(str(getattr(event, name)) == str(value) for name, value in like.items()):
                found.append(event)
        return found

    def minor(self, kind: str, source: str = "PLAYTIME", **like: Any) -> int:
        """Return the sum of events of a type."""
        return sum(event.amount_minor for event in self.events(kind, source, **like))

    def play_record(self, **like: Any) -> dict[str, Any]:
        """Return play in figures, in JSON form."""
        handle, payout, bonuses = (self.minor(kind, **like) for kind in ("BET", "WIN", "BONUS_TRIGGERED"))
        return {
            "spins": len(self.events("BET", **like)),
            "handleMinor": handle,
            "payoutMinor": payout,
            "bonusesMinor": bonuses,
            "ngrMinor": handle - payout - bonuses,
            "rtp": decimals(payout, handle),
            "hold": decimals(handle - payout, handle),
        }

    def external_play(self) -> dict[str, Any]:
        """Return play on external games in figures, in JSON form."""
        handle, payout = (self.minor(kind, "EXTERNAL") for kind in ("BET", "WIN"))
        spins = len(self.events("BET", "EXTERNAL")) + len(self.events("SPIN", "EXTERNAL"))
        return {"spins": spins, "handleMinor": handle, "payoutMinor": payout, "rtp": decimals(payout, handle)}

    def bettors(self, since: datetime | None = None) -> int:
        """Return the number of players who bet, from a moment on."""
        return len(
            {event.player_id for event in self.events("BET") if since is None or event.occurred_at >= since}
        )


def decimals(part: int | Fraction, whole: int | Fraction, places: int = 6) -> str | None:
    """Return a ratio in decimals, rounded half to even."""
    if not whole:
        return None
    scaled = round(Fraction(part) / Fraction(whole) * 10**places)
    sign, digits = ("-" if scaled < 0 else ""), str(abs(scaled)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


_LABELS: Final = {"hour": "%Y-%m-%d %H", "day": "%Y-%m-%d", "week": "%G-%V"}


def buckets(since: datetime, until: datetime, bucket: str, timezone: str) -> list[tuple[datetime, datetime]]:
    """Cut a period up by walking through it a minute at a time; it has to begin and end on one.

    A bucket begins where the clocks show a later hour, day or week than before, and at each full hour.
    """
    place, spans = ZoneInfo(timezone), []
    start = moment = since
    latest = _shown(since, place, bucket)
    while moment < until:
        moment += timedelta(minutes=1)
        shown = _shown(moment, place, bucket)
        is_full_hour = bucket == "hour" and moment.astimezone(place).minute == 0
        if moment >= until or is_full_hour or shown > latest:
            spans.append((start, min(moment, until)))
            start = moment
        latest = shown if bucket == "hour" else max(latest, shown)
    return spans


def _shown(moment: datetime, place: ZoneInfo, bucket: str) -> str:
    return moment.astimezone(place).strftime(_LABELS[bucket])


def whole_minutes(moments: Sequence[datetime]) -> list[datetime]:
    """Return moments without seconds."""
    return [moment.replace(second=0, microsecond=0) for moment in moments]
