"""Real threads on one player's limits: no more is lost than was allowed, and nothing is said twice."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from threading import Barrier
from typing import Final

import pytest

from playtime.application.answers import Answer
from playtime.application.engine import Engine
from playtime.contracts.doubles import PINS, ScriptedSeeds, SeededRandomness, build_engine
from playtime.domain.errors import DomainError
from playtime.domain.ledger.events import EventType
from playtime.domain.safety.actions import ActionType

from support.day import Day, NoLuck, build_day
from support.safety import GAME, actions, enforce, lose
from support.storages import STORAGES, open_empty

THREADS: Final = 64


@pytest.fixture(params=STORAGES)
def day(request: pytest.FixtureRequest) -> Iterator[Day]:
    """A day on a storage that many threads may use at once."""
    storage = open_empty(request.param, pool_size=40)
    yield build_day(storage)
    storage.close()


def _engine(day: Day, *, losing: bool) -> Engine:
    seeds = ScriptedSeeds(PINS.current, PINS.secrets, randomness=NoLuck()) if losing else None
    return build_engine(day.storage, seed=3, clock=day.clock, randomness=SeededRandomness(7), seeds=seeds)


def _at_once(calls: Sequence[Callable[[], object]]) -> list[object]:
    gate = Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        gate.wait()
        try:
            return call()
        except DomainError as refusal:
            return refusal.code

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def test_64_stakes_at_once_accept_those_that_fit_into_the_limit(day: Day) -> None:
    guest, engine = day.welcome(1_000_000), _engine(day, losing=True)
    engine.set_loss_limit(guest.principal, loss_limit_minor=1_000)
    spin = partial(engine.spin, guest.principal, stake_minor=100, game_key=GAME)
    codes = Counter(answer.code for answer in _at_once([spin] * THREADS) if isinstance(answer, Answer))
    assert codes == {None: 10, "LOSS_LIMIT_REACHED": 54}
    assert day.state(guest).balance_minor == 999_000
    stops = [action for action in actions(day) if action.action_type is ActionType.STOP]
    assert len(stops) == 54
    assert {action.evidence["LOSS_LIMIT"]["netLossMinor"] for action in stops} <= set(range(0, 1_001, 100))
    day.books()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stakes_limits_and_top_ups_at_once_never_pass_the_limit(day: Day, seed: int) -> None:
    """The ledger tells the order: after each accepted bet the net loss is within the limit that was in force."""
    guest, engine, random = day.welcome(1_000_000), _engine(day, losing=False), Random(seed)
    engine.set_loss_limit(guest.principal, loss_limit_minor=3_000)
    calls: list[Callable[[], object]] = [
        partial(engine.spin, guest.principal, stake_minor=random.randrange(1, 400), game_key=GAME)
        for _ in range(THREADS - 16)
    ]
    limits = (2_000, 1_500, 2_500, 900, 3_001, 1_200)
    calls += [partial(engine.set_loss_limit, guest.principal, loss_limit_minor=limit) for limit in limits]
    calls += [partial(engine.note_safety_event, guest.principal, game_key=GAME, event_type="spin")] * 6
    for _ in range(4):
        voucher = day.sell(100)
        calls.append(partial(engine.redeem_voucher, code=voucher.code, pin=voucher.pin, player=guest.principal))
    random.shuffle(calls)
    _at_once(calls)
    lost, limit, won = 0, 3_000, 0
    for event in sorted(day.events(of=guest), key=lambda event: event.player_seq or 0):
        if event.event_type is EventType.LIMIT_SET:
            assert event.meta["lossLimitMinor"] <= limit
            limit = event.meta["lossLimitMinor"]
        elif event.event_type is EventType.BET:
            lost += event.amount_minor
            assert lost <= limit
        elif event.event_type is EventType.WIN:
            lost -= event.amount_minor
            won += event.amount_minor
    record = day.engine.read_player_safety(day.owner, guest.player_id)
    assert (record.net_loss_minor, record.loss_limit_minor) == (lost, limit)
    assert won == sum(one.win_minor for one in day.engine.list_rounds(day.owner, guest.player_id))
    day.books()


def test_of_64_events_at_once_one_leads_to_the_action(day: Day) -> None:
    guest, engine = day.welcome(100_000), _engine(day, losing=True)
    lose(day, guest, 16, gap_ms=800)
    note = partial(engine.note_safety_event, guest.principal, game_key=GAME, event_type="spin")
    given = [getattr(answer, "action", None) for answer in _at_once([note] * THREADS)]
    assert sum(action is not None for action in given) == 1
    assert len(actions(day)) == 1


def test_64_spins_at_once_play_none_after_the_pause_began(day: Day) -> None:
    enforce(day, "cooldown")
    guest, engine = day.welcome(100_000), _engine(day, losing=True)
    spin = partial(engine.spin, guest.principal, stake_minor=1, game_key=GAME)
    codes = Counter(answer.code for answer in _at_once([spin] * THREADS) if isinstance(answer, Answer))
    # At the same moment six spins are quick, and the sixteenth lost in a row is one too many.
    assert codes == {None: 16, "COOLDOWN_ACTIVE": 48}
    assert [action.action_type for action in actions(day)] == [ActionType.NUDGE, ActionType.COOLDOWN]
