"""Rows of play passes. Limits and hours are a few small numbers each, read and written with their pass: JSON."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ....domain.access.codes import Code
from ....domain.limits.exclusions import Exclusion, ExclusionKind
from ....domain.limits.limits import Limit, LimitKind, Raise
from ....domain.limits.play_hours import HOUR, PlayHour
from ....domain.limits.play_passes import PlayPass
from ..connection.channel import Row
from . import tables
from .mapping import Kept

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _row(held: PlayPass) -> Row:
    exclusion = held.exclusion
    return (
        held.operator_id,
        held.tenant_id,
        held.pass_id,
        held.code.symbols,
        held.created_at,
        {limit.kind.value: _kept_limit(limit) for limit in held.limits},
        None if exclusion is None else exclusion.kind.value,
        None if exclusion is None else exclusion.since,
        None if exclusion is None else exclusion.until,
        {str((hour.starts_at - _EPOCH) // HOUR): _kept_hour(hour) for hour in held.hours},
        held.played_at,
    )


def _record(row: Row) -> PlayPass:
    return PlayPass(
        operator_id=row[0],
        tenant_id=row[1],
        pass_id=row[2],
        code=Code(row[3]),
        created_at=row[4],
        limits=tuple(_limit(kind, row[5][kind.value]) for kind in LimitKind if kind.value in row[5]),
        exclusion=None if row[6] is None else Exclusion(ExclusionKind(row[6]), row[7], row[8]),
        hours=tuple(_hour(number, row[9][number]) for number in sorted(row[9], key=int)),
        played_at=row[10],
    )


def _kept_limit(limit: Limit) -> dict[str, Any]:
    raised = limit.raised
    return {
        "amount": limit.amount,
        "raised": None if raised is None else [raised.amount, raised.asked_at.isoformat()],
        "told": limit.told,
        "seen": limit.seen,
    }


def _limit(kind: LimitKind, kept: dict[str, Any]) -> Limit:
    raised = kept["raised"]
    return Limit(
        kind,
        kept["amount"],
        None if raised is None else Raise(raised[0], datetime.fromisoformat(raised[1])),
        told=kept["told"],
        seen=kept["seen"],
    )


def _kept_hour(hour: PlayHour) -> list[int]:
    return [hour.staked_minor, hour.won_minor, hour.worst_minor, *hour.quarter_seconds]


def _hour(number: str, kept: list[int]) -> PlayHour:
    return PlayHour(
        starts_at=_EPOCH + timedelta(hours=int(number)),
        staked_minor=kept[0],
        won_minor=kept[1],
        worst_minor=kept[2],
        quarter_seconds=tuple(kept[3:]),
    )


PLAY_PASSES: Final = Kept(
    tables.play_passes,
    _row,
    _record,
    frozenset({"limits", "excluded_as", "excluded_since", "excluded_until", "hours", "played_at"}),
)
