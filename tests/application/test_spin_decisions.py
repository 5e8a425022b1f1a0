"""Decisions on spins: a pure function of the locked player, with no storage and no unit of work."""

from typing import Any

import pytest
from attrs import evolve

from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.access import PlayerPrincipal
from playtime.application.answers import SPIN, Answer, Command
from playtime.application.decisions import Decided, Decision, Moment, Refused, settle
from playtime.application.errors import IdempotencyKeyReused, InvalidToken, NotFound
from playtime.application.play.spins import Bet, decide_spin
from playtime.application.ports.bindings import AnswerKey, StoredAnswer
from playtime.application.ports.play import LockedPlayer
from playtime.application.ports.storage import Record
from playtime.contracts.doubles import PINS, CountingIds, ScriptedRandomness, ScriptedSeeds, SettableClock
from playtime.contracts.house import House
from playtime.contracts.records import write
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.fairness import SeedState
from playtime.domain.games.game import Game
from playtime.domain.ledger.events import EventType, LedgerEvent
from playtime.domain.play.players import Player
from playtime.domain.play.rounds import Round
from playtime.domain.play.sessions import Session
from playtime.domain.safety.actions import ActionType, SafetyAction
from playtime.domain.vouchers.bonuses import Bonus, BonusStatus

from support.day import DOUBLE, LOSE
from support.models import AGENT, NOW, OPERATOR, PLAYER, make_bonus, make_player, make_session

SEEDS = SeedState(PINS.current, "a client seed")


def locked_player(balance_minor: int = 1_000, *bonuses: Bonus, **session: Any) -> LockedPlayer:
    """Return a locked player with an open session."""
    player = make_player(balance_minor, seeds=SEEDS)
    return LockedPlayer(player, make_session(**session), bonuses, None)


def bet(stake_minor: int, *, game: Game | None = DEMO_GAME, action_id: str = "first") -> Bet:
    """Return the request of that player for a round."""
    session_id = make_session().session_id
    return Bet(
        principal=PlayerPrincipal(player_id=PLAYER, session_id=session_id, operator_id=OPERATOR, tenant_id=AGENT),
        command=Command.of(SPIN, PLAYER, action_id, stake_minor=stake_minor, game_key="demo-wheel"),
        game=game,
        stake_minor=stake_minor,
        action_id=action_id,
    )


def decide(locked: LockedPlayer | None, wanted: Bet, *tickets: int) -> Decision[Answer]:
    """Decide a spin that draws the tickets."""
    seeds = ScriptedSeeds(PINS.current, PINS.secrets, randomness=ScriptedRandomness(*tickets))
    return decide_spin(locked, wanted, Moment(NOW, CountingIds(SettableClock(NOW))), seeds=seeds, odds={})


def answer_of(decision: Decision[Answer]) -> Answer:
    """Return the answer of a decision that has to be one."""
    assert isinstance(decision, Decided)
    return decision.outcome()


def kinds(records: tuple[Record, ...]) -> list[type[Record]]:
    """Return the types of records."""
    return [type(record) for record in records]


def test_win_names_every_record() -> None:
    locked = locked_player(1_000)
    decision = decide(locked, bet(100), DOUBLE)
    assert answer_of(decision).content()["result"]["balanceMinor"] == 1_100
    assert kinds(decision.added) == [Round, LedgerEvent, LedgerEvent, StoredAnswer]
    events = [record for record in decision.added if isinstance(record, LedgerEvent)]
    assert [event.event_type for event in events] == [EventType.BET, EventType.WIN]
    assert kinds(decision.saved) == [Player, Session]


def test_loss_triggers_pending_bonuses() -> None:
    bonuses = make_bonus(40, 1), make_bonus(50, 2)
    decision = decide(locked_player(150, *bonuses), bet(100), LOSE)
    assert kinds(decision.saved) == [Player, Bonus, Bonus, Session]
    assert answer_of(decision).content()["result"]["bonusMinor"] == 90


def test_same_data_gives_the_same_decision() -> None:
    locked = locked_player(1_000, make_bonus(40))
    assert decide(locked, bet(100), DOUBLE) == decide(locked, bet(100), DOUBLE)


@pytest.mark.parametrize(
    ("locked", "code"),
    [
        (locked_player(99), "INSUFFICIENT_FUNDS"),
        (locked_player(500, make_bonus(1, status=BonusStatus.TRIGGERED)), "BONUS_ACK_REQUIRED"),
    ],
)
def test_state_refusal_writes_only_its_answer(locked: LockedPlayer, code: str) -> None:
    decision = decide(locked, bet(100))
    assert answer_of(decision).code == code
    assert kinds(decision.added) == [StoredAnswer]
    assert not decision.saved


def test_refusal_at_the_loss_limit_writes_a_stop() -> None:
    decision = decide(locked_player(loss_limit_minor=99), bet(100))
    assert answer_of(decision).code == "LOSS_LIMIT_REACHED"
    stop, _ = decision.added
    assert isinstance(stop, SafetyAction)
    assert stop.action_type is ActionType.STOP
    assert not decision.saved


def test_refusal_after_the_draw_writes_no_round() -> None:
    retired = evolve(locked_player(), player=make_player(1_000, seeds=SeedState("retired", "a client seed")))
    decision = decide(retired, bet(100), DOUBLE)
    assert answer_of(decision).code == "SEED_RETIRED"
    assert kinds(decision.added) == [StoredAnswer]
    assert not decision.saved


@pytest.mark.parametrize(
    ("locked", "wanted", "error"),
    [
        (None, bet(100), InvalidToken),
        (evolve(locked_player(), session=None), bet(100), InvalidToken),
        (evolve(locked_player(), session=make_session(session_id=AGENT)), bet(100), InvalidToken),
        (evolve(locked_player(), player=make_player(1_000).close()), bet(100), InvalidToken),
        (locked_player(), bet(100, game=None), NotFound),
    ],
)
def test_other_errors_are_refusals_without_writes(
    locked: LockedPlayer | None, wanted: Bet, error: type[Exception]
) -> None:
    decision = decide(locked, wanted)
    assert isinstance(decision, Refused)
    assert not decision.added + decision.saved
    with pytest.raises(error):
        decision.outcome()


def test_replay_draws_and_writes_nothing() -> None:
    locked = locked_player()
    first = decide(locked, bet(100), DOUBLE)
    stored = first.added[-1]
    assert isinstance(stored, StoredAnswer)
    again = decide(evolve(locked, answer=stored), bet(100, game=None))
    assert answer_of(again) == evolve(answer_of(first), replayed=True)
    assert not again.added + again.saved


def test_action_id_of_another_command_is_refused() -> None:
    stored = decide(locked_player(), bet(100), DOUBLE).added[-1]
    assert isinstance(stored, StoredAnswer)
    decision = decide(evolve(locked_player(), answer=stored), bet(101))
    with pytest.raises(IdempotencyKeyReused):
        decision.outcome()


def test_spins_of_several_players_settle_together() -> None:
    storage = MemoryStorage()
    house = House.built(storage)
    players = [house.player(balance_minor=balance, seeds=SEEDS) for balance in (1_000, 50)]
    sessions = [house.session(player) for player in players]
    write(storage, house.as_agent, *players, *sessions)
    bets = [_bet_of(session) for session in sessions]
    seeds = ScriptedSeeds(PINS.current, PINS.secrets, randomness=ScriptedRandomness(DOUBLE))
    at = Moment(NOW, CountingIds(SettableClock(NOW)))
    with storage.begin(house.as_agent) as unit:
        locked = [unit.players.lock(player.player_id) for player in players]
        decisions = [decide_spin(*one, at, seeds=seeds, odds={}) for one in zip(locked, bets, strict=True)]
        settle(unit, *decisions)
    assert [answer_of(decision).code for decision in decisions] == [None, "INSUFFICIENT_FUNDS"]
    with storage.begin(house.as_agent) as unit:
        found = [unit.players.lock(one.player_id, AnswerKey(one.player_id, "first")) for one in players]
    assert [one and one.player.wallet.balance_minor for one in found] == [1_100, 50]
    assert all(one and one.answer for one in found)


def _bet_of(session: Session) -> Bet:
    principal = PlayerPrincipal(
        player_id=session.player_id,
        session_id=session.session_id,
        operator_id=session.operator_id,
        tenant_id=session.tenant_id,
    )
    command = Command.of(SPIN, session.player_id, "first", stake_minor=100, game_key="demo-wheel")
    return Bet(principal=principal, command=command, game=DEMO_GAME, stake_minor=100, action_id="first")
