"""Messages that players get with an action."""

from typing import Any

import pytest

from playtime.application.safety.messages import given_action
from playtime.domain.safety.actions import ActionCause, ActionType, SafetyAction

from support.models import AGENT, NOW, OPERATOR, PLAYER, uid


@pytest.mark.parametrize(
    ("action_type", "seconds", "message"),
    [
        (ActionType.NUDGE, None, "This is a good moment for a short break."),
        (ActionType.COOLDOWN, 90, "Time for a break of 90 seconds. Play goes on after it."),
        (ActionType.COOLDOWN, 900, "Time for a break of 15 minutes. Play goes on after it."),
        (ActionType.STOP, None, "Time to stop for now. Come back another day."),
    ],
)
def test_action_has_its_message(action_type: ActionType, seconds: int | None, message: str) -> None:
    action = make_action(action_type=action_type, pause_seconds=seconds)
    given = given_action(action)
    assert (given.action_type, given.message, given.cooldown_seconds) == (action_type, message, seconds)


def test_stop_has_no_cooldown_seconds() -> None:
    assert given_action(make_action(action_type=ActionType.STOP, pause_seconds=300)).cooldown_seconds is None


def make_action(**given: Any) -> SafetyAction:
    fields: dict[str, Any] = {
        "action_id": uid(1),
        "operator_id": OPERATOR,
        "tenant_id": AGENT,
        "player_id": PLAYER,
        "session_id": uid(6),
        "acted_at": NOW,
        "action_type": ActionType.NUDGE,
        "cause": ActionCause.EVENT,
    }
    return SafetyAction(**fields | given)
