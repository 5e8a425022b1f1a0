"""Play passes. Limits and hours are a few values, which are read and written with their pass: JSON."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ....domain.limits.exclusions import Exclusion, ExclusionKind
from ....domain.limits.limits import Limit, LimitKind, Raise
from ....domain.limits.play_hours import HOUR, PlayHour
from ....domain.limits.play_passes import PlayPass
from ..connection.channel import Row
from .mapping import OWNER, Column, Group, Mapped
from .spans import spans_json, spans_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _limits_json(limits: Sequence[Limit]) -> dict[str, Any]:
    return {limit.kind.value: _limit_json(limit) for limit in limits}


def _limits(stored: Mapping[str, Any]) -> tuple[Limit, ...]:
    return tuple(_limit(kind, stored[kind.value]) for kind in LimitKind if kind.value in stored)


def _limit_json(limit: Limit) -> dict[str, Any]:
    raised = limit.raised
    return {
        "amount": limit.amount,
        "raised": None if raised is None else [raised.amount, raised.asked_at.isoformat()],
        "notified": limit.notified,
        "seen": limit.seen,
    }


def _limit(kind: LimitKind, stored: Mapping[str, Any]) -> Limit:
    raised = stored["raised"]
    return Limit(
        kind,
        stored["amount"],
        None if raised is None else Raise(raised[0], datetime.fromisoformat(raised[1])),
        notified=stored["notified"],
        seen=stored["seen"],
    )


def _hours_json(hours: Sequence[PlayHour]) -> dict[str, list[int]]:
    return {
        str((hour.starts_at - _EPOCH) // HOUR): [
            hour.staked_minor,
            hour.won_minor,
            hour.worst_minor,
            *hour.quarter_seconds,
        ]
        for hour in hours
    }


def _hours(stored: Mapping[str, Sequence[int]]) -> tuple[PlayHour, ...]:
    return tuple(_hour(int(number), stored[number]) for number in sorted(stored, key=int))


def _hour(number: int, stored: Sequence[int]) -> PlayHour:
    staked_minor, won_minor, worst_minor, *quarter_seconds = stored
    return PlayHour(
        starts_at=_EPOCH + timedelta(hours=number),
        staked_minor=staked_minor,
        won_minor=won_minor,
        worst_minor=worst_minor,
        quarter_seconds=tuple(quarter_seconds),
    )


def _exclusion_row(held: PlayPass) -> Row:
    exclusion = held.exclusion
    return (None,) * 3 if exclusion is None else (exclusion.kind.value, exclusion.since, exclusion.until)


def _exclusion(row: Row) -> dict[str, Any]:
    kind, since, until = row
    return {"exclusion": None if kind is None else Exclusion(ExclusionKind(kind), since, until)}


PLAY_PASSES: Final = Mapped(
    PlayPass,
    "play_passes",
    *OWNER,
    Column("pass_id", key=True),
    Column("code", "code.symbols"),
    Column("created_at"),
    Column("limits", changes=True, write=_limits_json, read=_limits),
    Column("hours", changes=True, write=_hours_json, read=_hours),
    Column("played_at", changes=True),
    Column("past_exclusions", changes=True, write=spans_json, read=spans_of),
    groups=[
        Group(
            attributes=("exclusion",),
            columns=(
                Column("excluded_as", "exclusion.kind", changes=True),
                Column("excluded_since", "exclusion.since", changes=True),
                Column("excluded_until", "exclusion.until", changes=True),
            ),
            write=_exclusion_row,
            read=_exclusion,
        )
    ],
)
