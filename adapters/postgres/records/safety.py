"""Rows of the safety engine: what tenants have set, and what was done."""

from operator import attrgetter
from typing import Final

from ....domain.safety.actions import ActionCause, ActionType, Enforcement, SafetyAction, SafetySettings
from ....domain.safety.policy import RiskPolicy
from ....domain.safety.risk import Band
from ..connection.channel import Row
from . import tables
from .mapping import Kept


def _settings_row(settings: SafetySettings) -> Row:
    return (
        settings.operator_id,
        settings.tenant_id,
        settings.enforce.value,
        settings.timezone,
        settings.policy.content(),
        settings.changed_by,
        settings.changed_at,
    )


def _settings(row: Row) -> SafetySettings:
    return SafetySettings(
        operator_id=row[0],
        tenant_id=row[1],
        enforce=Enforcement(row[2]),
        timezone=row[3],
        policy=RiskPolicy.of(row[4]),
        changed_by=row[5],
        changed_at=row[6],
    )


SAFETY_SETTINGS: Final = Kept(
    tables.safety_settings,
    _settings_row,
    _settings,
    frozenset({"enforce", "timezone", "policy", "changed_by", "changed_at"}),
)


def _action(row: Row) -> SafetyAction:
    return SafetyAction(
        operator_id=row[0],
        tenant_id=row[1],
        action_id=row[2],
        player_id=row[3],
        session_id=row[4],
        acted_at=row[5],
        action_type=ActionType(row[6]),
        cause=ActionCause(row[7]),
        score=row[8],
        band=None if row[9] is None else Band(row[9]),
        reasons=tuple(row[10]),
        evidence=row[11],
        pause_seconds=row[12],
        game_key=row[13],
        event_type=row[14],
    )


SAFETY_ACTIONS: Final = Kept(
    tables.safety_actions,
    attrgetter(
        "operator_id",
        "tenant_id",
        "action_id",
        "player_id",
        "session_id",
        "acted_at",
        "action_type",
        "cause",
        "score",
        "band",
        "reasons",
        "evidence",
        "pause_seconds",
        "game_key",
        "event_type",
    ),
    _action,
)
