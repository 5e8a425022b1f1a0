"""The messages that players get with an action."""

from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from ...domain.plurals import counted
from ...domain.safety.actions import ActionType, SafetyAction
from ..wire import LEFT_OUT


@frozen
class GivenAction:
    """An action as its player gets it."""

    action_type: ActionType
    message: str
    cooldown_seconds: int | None = field(default=None, metadata={LEFT_OUT: True})


_MESSAGES: Final[Mapping[ActionType, str]] = {
    ActionType.NUDGE: "This is a good moment for a short break.",
    ActionType.COOLDOWN: "Time for a break of {length}. Play goes on after it.",
    ActionType.STOP: "Time to stop for now. Come back another day.",
}


def given_action(action: SafetyAction) -> GivenAction:
    """Return an action as its player gets it, with its message."""
    seconds = action.pause_seconds if action.action_type is ActionType.COOLDOWN else None
    length = "" if seconds is None else _length(seconds)
    return GivenAction(action.action_type, _MESSAGES[action.action_type].format(length=length), seconds)


def _length(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return counted(seconds, "second") if rest or minutes < 1 else counted(minutes, "minute")
