"""Events that players' clients report, and the limit that a player sets: on every storage."""

from itertools import pairwise

import pytest
from attrs import evolve

from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.errors import InvalidToken, NotFound
from playtime.application.wire import to_wire
from playtime.domain.errors import InvalidInput
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.ledger.events import EventType
from playtime.domain.safety.actions import ActionCause, ActionType, LossLimitLocked

from support.day import LOSE, SUNRISE, Day, build_day
from support.safety import GAME, actions, enforce, lose, note


def test_nothing_played_is_calm(day: Day) -> None:
    assert to_wire(note(day, day.welcome(1_000))) == {
        "risk": {"score": 0, "band": "CALM", "reasons": []},
        "action": None,
    }
    assert actions(day) == []


def test_the_first_example(day: Day) -> None:
    guest = day.welcome(100_000)
    for stake in (1, 2, 3, 4):
        lose(day, guest, 1, stake_minor=stake)
    before = day.events()
    assert to_wire(note(day, guest)) == {
        "risk": {"score": 35, "band": "ELEVATED", "reasons": ["BET_ACCEL"]},
        "action": {"actionType": "NUDGE", "message": "This is a good moment for a short break."},
    }
    assert day.events() == before


def test_the_second_example(day: Day) -> None:
    guest = day.welcome(100_000)
    lose(day, guest, 16, gap_ms=800)
    assert to_wire(note(day, guest)) == {
        "risk": {"score": 60, "band": "TILT_RISK", "reasons": ["LOSS_STREAK", "SPIN_RATE"]},
        "action": {
            "actionType": "COOLDOWN",
            "message": "Time for a break of 90 seconds. Play goes on after it.",
            "cooldownSeconds": 90,
        },
    }


def test_action_is_stored_with_the_figures_that_led_to_it(day: Day) -> None:
    guest = day.welcome(100_000)
    lose(day, guest, 16, gap_ms=800)
    note(day, guest, "loss streak")
    (action,) = actions(day)
    assert (action.player_id, action.tenant_id) == (guest.player_id, day.agent.tenant_id)
    assert action.session_id == guest.principal.session_id
    assert (action.acted_at, action.action_type, action.cause) == (
        day.clock.now(),
        ActionType.COOLDOWN,
        ActionCause.EVENT,
    )
    assert (action.score, action.band, action.pause_seconds) == (60, "TILT_RISK", 90)
    assert (action.game_key, action.event_type) == (GAME, "loss streak")
    assert action.evidence == {
        "LOSS_STREAK": {"lostInARow": 16, "fairRun": 16},
        "SPIN_RATE": {"medianGapMs": 800, "spins": 16},
    }


def test_a_nudge_comes_at_most_once_in_five_minutes(day: Day) -> None:
    guest = day.welcome(100_000)
    for stake in (1, 2, 3, 4):
        lose(day, guest, 1, stake_minor=stake)
    given = []
    for _ in range(4):
        answer = note(day, guest)
        assert answer.risk.score == 35
        given.append(answer.action is not None)
        day.clock.advance(minutes=2, seconds=30)
    assert given == [True, False, True, False]


def test_the_ladder_of_cooldowns(day: Day) -> None:
    guest = day.welcome(100_000)
    lose(day, guest, 16, gap_ms=800)
    pauses = []
    for _ in range(6):
        answer = note(day, guest)
        assert answer.action is not None
        pauses.append(answer.action.cooldown_seconds)
        assert note(day, guest).action is None
        day.clock.advance(minutes=10)
    assert pauses == [90, 300, 900, 3_600, 3_600, 3_600]
    # Fifty minutes ago the ladder began: a day after that its steps are taken down again.
    day.clock.advance(hours=23)
    assert getattr(note(day, guest).action, "cooldown_seconds", None) == 3_600
    day.clock.advance(hours=24)
    assert getattr(note(day, guest).action, "cooldown_seconds", None) == 90


def test_what_is_done_is_of_the_player_and_not_of_the_session(day: Day) -> None:
    guest = day.welcome(100_000)
    lose(day, guest, 16, gap_ms=800)
    assert note(day, guest).action is not None
    day.engine.player_logout(guest.principal)
    login = day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    again = evolve(guest, principal=day.engine.authenticate.player(login.token))
    lose(day, again, 16, gap_ms=800)
    assert note(day, again).action is None
    with pytest.raises(InvalidToken):
        note(day, guest)


def test_two_players_are_looked_at_apart(day: Day) -> None:
    one, other = day.welcome(100_000), day.welcome(100_000)
    lose(day, one, 16, gap_ms=800)
    assert note(day, one).risk.score == 60
    assert note(day, other).risk.score == 0


def test_a_policy_of_the_tenant_scores(day: Day) -> None:
    guest = day.welcome(100_000)
    lose(day, guest, 16, gap_ms=800)
    enforce(day, "off", policy={"markers": {"SPIN_RATE": {"on": False}}})
    assert to_wire(note(day, guest).risk) == {"score": 30, "band": "ELEVATED", "reasons": ["LOSS_STREAK"]}


def test_an_unknown_game_is_refused(day: Day) -> None:
    with pytest.raises(NotFound):
        day.engine.note_safety_event(day.welcome(1_000).principal, game_key="no-such", event_type="spin")


# --- the loss limit -------------------------------------------------------------------------------------------


def test_a_limit_is_set_lowered_and_never_raised(day: Day) -> None:
    guest = day.welcome(1_000)
    limit = day.engine.set_loss_limit
    assert to_wire(limit(guest.principal, loss_limit_minor=500)) == {"lossLimitCents": 500, "locked": True}
    assert limit(guest.principal, loss_limit_minor=500).loss_limit_cents == 500
    assert limit(guest.principal, loss_limit_minor=300).loss_limit_cents == 300
    for higher in (301, 500):
        with pytest.raises(LossLimitLocked):
            limit(guest.principal, loss_limit_minor=higher)
    with pytest.raises(InvalidInput):
        limit(guest.principal, loss_limit_minor=-1)
    noted = day.events(of=guest, only=EventType.LIMIT_SET)
    assert [event.meta for event in noted] == [
        {"lossLimitMinor": 500, "lossLimitBeforeMinor": None},
        {"lossLimitMinor": 300, "lossLimitBeforeMinor": 500},
    ]
    assert {event.session_id for event in noted} == {guest.principal.session_id}
    seqs = [event.player_seq or 0 for event in day.events(of=guest)]
    assert all(later == earlier + 1 for earlier, later in pairwise(sorted(seqs)))


def test_stake_beyond_the_limit_is_refused_and_the_stop_stored(day: Day) -> None:
    guest = day.welcome(1_000)
    day.engine.set_loss_limit(guest.principal, loss_limit_minor=250)
    assert day.spin(guest, 100, LOSE).code is None
    assert day.spin(guest, 100, LOSE).code is None
    before = day.events()
    refused = day.spin(guest, 51, LOSE, key="one too many")
    assert refused.content() == {
        "ok": False,
        "code": "LOSS_LIMIT_REACHED",
        "message": "This stake could take the session past its loss limit.",
        "action": {"actionType": "STOP"},
    }
    assert day.events() == before
    assert day.state(guest).balance_minor == 800
    (action,) = actions(day)
    assert (action.action_type, action.cause, action.reasons) == (
        ActionType.STOP,
        ActionCause.LOSS_LIMIT,
        ("LOSS_LIMIT",),
    )
    assert action.evidence == {"LOSS_LIMIT": {"lossLimitMinor": 250, "netLossMinor": 200, "stakeMinor": 51}}
    assert day.spin(guest, 50, LOSE).code is None


def test_the_refusal_is_an_answer_that_stays(day: Day) -> None:
    guest = day.welcome(1_000)
    day.engine.set_loss_limit(guest.principal, loss_limit_minor=100)
    refused = day.spin(guest, 101, LOSE, key="mine")
    day.spin(guest, 100, SUNRISE)
    again = day.spin(guest, 101, key="mine")
    assert (again.body, again.code, again.replayed) == (refused.body, "LOSS_LIMIT_REACHED", True)
    assert len(actions(day)) == 1
    assert day.spin(guest, 101, LOSE, key="another").code is None


def test_win_is_credited_at_any_limit_and_gives_room(day: Day) -> None:
    guest = day.welcome(1_000)
    day.engine.set_loss_limit(guest.principal, loss_limit_minor=10)
    assert day.spin(guest, 10, SUNRISE).content()["result"]["winMinor"] == 1_000
    assert day.state(guest).balance_minor == 1_990
    assert day.spin(guest, 1_000, LOSE).code is None
    assert day.spin(guest, 1, LOSE).code == "LOSS_LIMIT_REACHED"


def test_a_limit_of_nothing_lets_no_stake_through(day: Day) -> None:
    guest = day.welcome(1_000)
    day.engine.set_loss_limit(guest.principal, loss_limit_minor=0)
    assert day.spin(guest, 1, LOSE).code == "LOSS_LIMIT_REACHED"


def test_a_resumed_session_has_its_limit_and_a_new_one_has_none(day: Day) -> None:
    guest = day.welcome(1_000)
    day.engine.set_loss_limit(guest.principal, loss_limit_minor=5)
    for minutes, code in ((29, "LOSS_LIMIT_REACHED"), (31, None)):
        day.clock.advance(minutes=minutes)
        login = day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
        guest = evolve(guest, principal=day.engine.authenticate.player(login.token))
        assert day.spin(guest, 6, LOSE).code == code


def test_a_bonus_is_no_part_of_the_loss(day: Day) -> None:
    guest = day.welcome(1_000)
    day.engine.set_loss_limit(guest.principal, loss_limit_minor=1_000)
    assert day.spin(guest, 1_000, LOSE).content()["result"]["bonusMinor"] == 500
    day.acknowledge(guest)
    assert day.spin(guest, 1, LOSE).code == "LOSS_LIMIT_REACHED"


def test_only_the_own_open_session_is_limited(day: Day) -> None:
    guest = day.welcome(1_000)
    day.engine.player_logout(guest.principal)
    with pytest.raises(InvalidToken):
        day.engine.set_loss_limit(guest.principal, loss_limit_minor=5)


# --- games that are mixed -------------------------------------------------------------------------------------


def test_session_with_several_games_is_checked_for_each_of_them() -> None:
    """The other game always gives the stake back, so that none of its spins is ever lost."""
    sure = evolve(DEMO_GAME, game_key="sure", pays={**DEMO_GAME.pays, "shade": {1: 1}})
    day = build_day(MemoryStorage(), games=(DEMO_GAME, sure))
    guest = day.welcome(100_000)
    lose(day, guest, 15)
    assert note(day, guest).risk.reasons == ()
    lose(day, guest, 1)
    assert note(day, guest).risk.reasons == ("LOSS_STREAK",)
    day.clock.advance(seconds=3)
    day.engine.spin(guest.principal, stake_minor=1, game_key="sure")
    assert note(day, guest).risk.reasons == ()
