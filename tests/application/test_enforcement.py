"""Enforcement on every storage: spins are scored automatically, and pauses and stops are binding."""

from datetime import UTC, datetime

import pytest
from attrs import evolve

from playtime.application.answers import Answer
from playtime.domain.safety.actions import ActionCause, ActionType

from support.day import EVEN, LOSE, Day, Guest
from support.safety import actions, enforce, lose, note

START = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
LOUD = {"bands": {"elevated": 1, "tiltRisk": 2, "stop": 3}}
"""A policy under which any marker leads to a STOP."""


def risky(day: Day, how: str) -> tuple[Guest, Answer]:
    """Return a player whose sixteenth quick loss in a row led to a cooldown, and the answer of that spin."""
    enforce(day, how)
    guest = day.welcome(100_000)
    return guest, lose(day, guest, 16, gap_ms=800)[-1]


def log_in_again(day: Day, guest: Guest) -> Guest:
    day.engine.player_logout(guest.principal)
    login = day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    return evolve(guest, principal=day.engine.authenticate.player(login.token))


def test_by_default_nothing_is_enforced_and_no_spin_is_scored(day: Day) -> None:
    guest = day.welcome(100_000)
    answers = lose(day, guest, 30, gap_ms=100)
    assert {answer.code for answer in answers} == {None}
    assert actions(day) == []
    assert note(day, guest).action is not None
    assert day.spin(guest, 1, LOSE).code is None


@pytest.mark.parametrize("how", ["cooldown", "stop"])
def test_a_spin_scores_itself_and_the_next_one_is_refused(day: Day, how: str) -> None:
    guest, last = risky(day, how)
    assert last.content()["action"] == {
        "actionType": "COOLDOWN",
        "message": "Time for a break of 90 seconds. Play goes on after it.",
        "cooldownSeconds": 90,
    }
    assert last.content()["result"]["stakeMinor"] == 1
    nudge, cooldown = actions(day)
    assert (nudge.action_type, cooldown.action_type) == (ActionType.NUDGE, ActionType.COOLDOWN)
    assert (cooldown.cause, cooldown.evidence["LOSS_STREAK"]) == (
        ActionCause.SPIN,
        {"lostInARow": 16, "fairRun": 16},
    )
    before = day.events()
    day.clock.advance(seconds=30, milliseconds=1)
    refused = day.spin(guest, 1, LOSE)
    assert refused.content() == {
        "ok": False,
        "code": "COOLDOWN_ACTIVE",
        "message": "Play is paused: you can play again in 60 seconds.",
        "retryAfter": 60,
    }
    assert day.events() == before


def test_pause_ends_to_the_moment_and_play_starts_again(day: Day) -> None:
    guest, _ = risky(day, "cooldown")
    day.clock.advance(seconds=89, milliseconds=999)
    assert day.spin(guest, 1, LOSE).content()["retryAfter"] == 1
    day.clock.advance(milliseconds=1)
    assert "action" not in day.spin(guest, 1, LOSE).content()
    # Even when a second pause could be given, it takes new play to lead to it.
    day.clock.advance(minutes=10)
    answers = lose(day, guest, 15, gap_ms=800)
    assert [answer.content().get("action", {}).get("cooldownSeconds") for answer in answers] == [None] * 14 + [300]
    assert day.spin(guest, 1, LOSE).content()["retryAfter"] == 300


def test_the_refusal_is_an_answer_that_stays(day: Day) -> None:
    guest, _ = risky(day, "cooldown")
    refused = day.spin(guest, 1, LOSE, key="too soon")
    day.clock.advance(hours=2)
    again = day.spin(guest, 1, key="too soon")
    assert (again.body, again.code, again.replayed) == (refused.body, "COOLDOWN_ACTIVE", True)
    day.engine.acknowledge_reality_check(guest.principal)
    assert day.spin(guest, 1, LOSE, key="later").code is None


def test_spin_that_was_played_before_is_replayed_during_a_pause(day: Day) -> None:
    enforce(day, "cooldown")
    guest = day.welcome(100_000)
    first = day.spin(guest, 1, LOSE, key="first")
    lose(day, guest, 15, gap_ms=800)
    assert day.spin(guest, 1, LOSE).code == "COOLDOWN_ACTIVE"
    assert day.spin(guest, 1, key="first").body == first.body


@pytest.mark.parametrize("how", ["cooldown", "stop"])
def test_logging_in_again_changes_nothing(day: Day, how: str) -> None:
    guest, _ = risky(day, how)
    again = log_in_again(day, guest)
    assert again.principal.session_id != guest.principal.session_id
    assert day.spin(again, 1, LOSE).code == "COOLDOWN_ACTIVE"
    day.redeem(day.sell(500), again)
    assert day.spin(again, 1, LOSE).code == "COOLDOWN_ACTIVE"


def test_pause_after_an_external_event_is_binding_as_well(day: Day) -> None:
    guest = day.welcome(100_000)
    lose(day, guest, 16, gap_ms=800)
    enforce(day, "cooldown")
    assert note(day, guest).action is not None
    assert day.spin(guest, 1, LOSE).code == "COOLDOWN_ACTIVE"


def test_asking_during_a_pause_makes_it_no_longer(day: Day) -> None:
    guest, _ = risky(day, "cooldown")
    for _ in range(30):
        answer = note(day, guest)
        assert (answer.risk.score, answer.action) == (60, None)
        day.clock.advance(minutes=1)
    assert len(actions(day)) == 2


def test_stop_ends_play_until_a_new_day_in_the_tenants_timezone(day: Day) -> None:
    enforce(day, "stop", policy=LOUD, zone="Asia/Kathmandu")
    guest = day.welcome(100_000)
    last = lose(day, guest, 6, gap_ms=100)[-1]
    assert last.content()["action"] == {
        "actionType": "STOP",
        "message": "Time to stop for now. Come back another day.",
    }
    guest = log_in_again(day, guest)
    # Kathmandu is at 17:45; its day ends at 18:15 UTC.
    left = (datetime(2026, 3, 1, 18, 15, tzinfo=UTC) - day.clock.now()).total_seconds()
    refused = day.spin(guest, 1, LOSE)
    assert refused.content() == {
        "ok": False,
        "code": "PLAY_STOPPED",
        "message": "Play has ended for today.",
        "retryAfter": int(left) + 1,
    }
    day.clock.set(datetime(2026, 3, 1, 18, 14, 59, 999_999, tzinfo=UTC))
    assert day.spin(guest, 1, LOSE).code == "PLAY_STOPPED"
    day.clock.set(datetime(2026, 3, 1, 18, 15, tzinfo=UTC))
    assert "action" not in day.spin(guest, 1, EVEN).content()


def test_a_reached_loss_limit_is_a_stop(day: Day) -> None:
    guest = day.welcome(100_000)
    day.engine.set_loss_limit(guest.principal, loss_limit_minor=5)
    enforce(day, "stop")
    assert day.spin(guest, 6, LOSE).code == "LOSS_LIMIT_REACHED"
    assert day.spin(guest, 1, LOSE).code == "PLAY_STOPPED"
    enforce(day, "cooldown")
    assert day.spin(guest, 1, LOSE).code is None


def test_where_pauses_alone_are_enforced_a_stop_is_a_pause_too(day: Day) -> None:
    enforce(day, "cooldown", policy=LOUD)
    guest = day.welcome(100_000)
    assert lose(day, guest, 6, gap_ms=100)[-1].content()["action"]["actionType"] == "STOP"
    assert day.spin(guest, 1, LOSE).content()["retryAfter"] == 90
    assert actions(day)[-1].pause_seconds == 90


def test_switching_it_off_lets_play_go_on_at_once(day: Day) -> None:
    guest, _ = risky(day, "cooldown")
    assert day.spin(guest, 1, LOSE).code == "COOLDOWN_ACTIVE"
    enforce(day, "off")
    assert day.spin(guest, 1, LOSE).code is None


def test_a_tenant_enforces_for_its_own_players_alone(day: Day) -> None:
    enforce(day, "stop", policy=LOUD)
    neighbour, foreign = day.welcome(100_000, day.sister), day.welcome(100_000, day.stranger)
    for guest in (neighbour, foreign):
        assert {answer.code for answer in lose(day, guest, 20, gap_ms=100)} == {None}
    assert actions(day) == []


def test_a_pause_comes_before_every_other_refusal_of_the_state(day: Day) -> None:
    guest = day.welcome(1_000)
    enforce(day, "cooldown")
    lose(day, guest, 16, gap_ms=800)
    assert day.spin(guest, 99_999, LOSE).code == "COOLDOWN_ACTIVE"


@pytest.mark.parametrize("seed", range(5))
def test_a_chaser_is_paused_within_forty_spins(day: Day, seed: int) -> None:
    """Doubles the stake after each loss, under a second a spin, until it is refused."""
    enforce(day, "cooldown")
    guest, stake = day.welcome(1_000_000), 10
    for _ in range(seed):
        day.randomness.below(10_000)
    for _ in range(40):
        day.clock.advance(milliseconds=900)
        answer = day.spin(guest, stake)
        result = answer.content()["result"]
        if answer.content().get("action", {}).get("actionType") in {"COOLDOWN", "STOP"}:
            break
        stake = min(2 * stake, 100_000) if result["winMinor"] < stake else 10
    else:
        pytest.fail("the chaser was never paused")
    assert day.spin(guest, 10).code == "COOLDOWN_ACTIVE"
