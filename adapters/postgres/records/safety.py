"""Settings and actions of player protection."""

from typing import Final

from ....domain.safety.actions import SafetyAction, SafetySettings
from ....domain.safety.policy import RiskPolicy
from .mapping import OWN_ROW, OWNER, Column, Mapped

SAFETY_SETTINGS: Final = Mapped(
    SafetySettings,
    "safety_settings",
    *OWN_ROW,
    Column("enforce", changes=True),
    Column("timezone", changes=True),
    Column("policy", changes=True, write=RiskPolicy.content, read=RiskPolicy.of),
    Column("changed_by", changes=True),
    Column("changed_at", changes=True),
)

SAFETY_ACTIONS: Final = Mapped(
    SafetyAction,
    "safety_actions",
    *OWNER,
    Column("action_id", key=True),
    Column("player_id"),
    Column("session_id"),
    Column("acted_at"),
    Column("action_type"),
    Column("cause"),
    Column("score", type="integer"),
    Column("band"),
    Column("reasons"),
    Column("evidence"),
    Column("pause_seconds", type="integer"),
    Column("game_key"),
    Column("event_type"),
)
