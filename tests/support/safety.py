"""Players at risk, for tests of the use cases: quick losers, chasers, and their scores."""

from typing import Any

from playtime.application.answers import Answer
from playtime.application.ports.safety import SafetyFilter
from playtime.application.safety.player_actions import SafetyAnswer
from playtime.application.safety.settings import SafetySettingsRecord
from playtime.application.safety.staff_views import SafetyActionRecord
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.safety.actions import Enforcement

from support.day import EVERYTHING, LOSE, Day, Desk, Guest

GAME = DEMO_GAME.game_key


def lose(day: Day, guest: Guest, times: int, *, stake_minor: int = 1, gap_ms: int = 3_000) -> list[Answer]:
    """Lose so many spins, one after another at an even pace."""
    answers = []
    for _ in range(times):
        day.clock.advance(milliseconds=gap_ms)
        answers.append(day.spin(guest, stake_minor, LOSE))
    return answers


def note(day: Day, guest: Guest, event_type: str = "spin") -> SafetyAnswer:
    """Report an event."""
    return day.engine.note_safety_event(guest.principal, game_key=GAME, event_type=event_type)


def enforce(day: Day, how: str, desk: Desk | None = None, **given: Any) -> SafetySettingsRecord:
    """Set the enforcement of the agent of a day."""
    desk = desk or day.agent
    return day.engine.set_safety_settings(day.north.head, desk.tenant_id, enforce=Enforcement(how), **given)


def actions(day: Day) -> list[SafetyActionRecord]:
    """Return all actions in the order in which they were taken."""
    return day.engine.list_safety_actions(day.owner, SafetyFilter(), EVERYTHING)[::-1]
