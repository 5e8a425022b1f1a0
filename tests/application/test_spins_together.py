"""Spins that wait at the same time are carried out together, and each one is answered as if it were alone."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import Any, Final

import pytest
from attrs import evolve

from playtime.application.answers import Answer
from playtime.application.engine import Engine
from playtime.application.errors import NotFound, OutcomeUnknown, StorageUnavailable, TenantSuspended
from playtime.application.play.spins import RUNS
from playtime.application.ports.bindings import Binding
from playtime.application.ports.storage import Storage
from playtime.domain.ledger.events import EventType, LedgerEvent
from playtime.domain.limits.limits import LimitKind

from support.day import Day, Guest, build_day, losing_engine
from support.simulation import FaultyUnit, Passing
from support.storages import STORAGES, open_empty

SECONDS: Final = 20


@pytest.fixture(params=STORAGES)
def day(request: pytest.FixtureRequest) -> Iterator[Day]:
    storage = open_empty(request.param, pool_size=8)
    yield build_day(storage)
    storage.close()


class Gated(Passing):
    """A storage whose units of work wait at a gate before they lock."""

    def __init__(self, inner: Storage) -> None:
        super().__init__(inner)
        self.gate = Event()
        self.waiting = 0

    def begin(self, binding: Binding) -> Any:  # noqa: ANN401 - a unit of work
        self.waiting += 1
        assert self.gate.wait(SECONDS)
        return self.inner.begin(binding)


@contextmanager
def _all_runs_held(day: Day, engine: Engine, threads: ThreadPoolExecutor) -> Iterator[None]:
    """Hold all runs of spins for a block: those that begin meanwhile wait, and run together afterwards."""
    held = Gated(day.storage)
    engine.spin._coalescer.work = evolve(engine.spin, storage=held)
    futures = [_submit(threads, engine, day.welcome(1_000)) for _ in range(RUNS)]
    _wait_until(lambda: held.waiting == RUNS)
    engine.spin._coalescer.work = engine.spin
    yield
    held.gate.set()
    for future in futures:
        error = future.exception(SECONDS)
        assert error is None or isinstance(error, (TenantSuspended, OutcomeUnknown))


def _submit(
    threads: ThreadPoolExecutor,
    engine: Engine,
    guest: Guest,
    *,
    game_key: str = "demo-wheel",
    key: str | None = None,
) -> Future[Answer]:
    return threads.submit(engine.spin, guest.principal, stake_minor=100, game_key=game_key, action_id=key)


def _spin_together(
    day: Day, engine: Engine, *spins: dict[str, Any], meanwhile: Callable[[], object] = bool
) -> list[Future[Answer]]:
    """Return the ended spins, which were carried out together if they can be."""
    with ThreadPoolExecutor(len(spins) + RUNS) as threads, _all_runs_held(day, engine, threads):
        futures = []
        for number, spin in enumerate(spins, 1):
            futures.append(_submit(threads, engine, **spin))
            _wait_until(partial(_has_waiting, engine, number))
        meanwhile()
    return futures


def _has_waiting(engine: Engine, count: int) -> bool:
    return len(engine.spin._coalescer._queue) == count


def _wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_each_has_its_own_answer_and_no_refusal_harms_others(day: Day) -> None:
    engine = losing_engine(day, seed=8)
    poor, rich, other = day.welcome_with_balance(50), day.welcome(1_000), day.welcome(1_000)
    before = engine.spin(rich.principal, stake_minor=100, game_key="demo-wheel", action_id="before")
    refused, missing, played, replayed = _spin_together(
        day,
        engine,
        {"guest": poor},
        {"guest": other, "game_key": "no-game"},
        {"guest": day.welcome(1_000)},
        {"guest": rich, "key": "before"},
    )
    assert refused.result().code == "INSUFFICIENT_FUNDS"
    with pytest.raises(NotFound):
        missing.result()
    assert (played.result().code, played.result().replayed) == (None, False)
    assert played.result().content()["result"]["balanceMinor"] == 900
    assert (replayed.result().body, replayed.result().replayed) == (before.body, True)
    assert day.state(other).balance_minor == 1_000
    day.books()


def test_players_of_one_pass_have_its_limit_together(day: Day) -> None:
    engine, first = losing_engine(day, seed=8), day.welcome(10_000)
    code = day.engine.get_play_pass(first.principal).code
    guests = [first]
    for _ in range(3):
        voucher = day.sell(10_000)
        guests.append(day.guest(day.engine.redeem_voucher(code=voucher.code, pin=voucher.pin, play_pass=code)))
    day.engine.set_limit(first.principal, LimitKind.LOSS_24H, 250)
    ended = _spin_together(day, engine, *({"guest": guest} for guest in guests))
    codes = sorted(str(future.result().code) for future in ended)
    assert codes == ["None", "None", "PLAYER_LOSS_LIMIT_REACHED", "PLAYER_LOSS_LIMIT_REACHED"]
    day.books()


def test_one_that_cannot_be_written_fails_alone(day: Day) -> None:
    engine, guests = losing_engine(day, seed=8), [day.welcome(1_000) for _ in range(3)]
    with day.storage.begin(day.agent.head.binding) as unit:
        stuck_at = unit.players.lock(guests[1].player_id)
        assert stuck_at is not None
        unit.add(
            LedgerEvent(
                event_id=engine.spin.ids.new(),
                operator_id=day.north.tenant_id,
                tenant_id=day.agent.tenant_id,
                occurred_at=day.clock.now(),
                event_type=EventType.LOGIN,
                actor_id=guests[1].player_id,
                action_id="in the way",
                player_id=guests[1].player_id,
                player_seq=stuck_at.player.last_seq + 1,
            )
        )
        unit.commit()
    first, stuck, last = _spin_together(day, engine, *({"guest": guest} for guest in guests))
    assert (first.result().code, last.result().code) == (None, None)
    with pytest.raises(StorageUnavailable):
        stuck.result()
    assert [day.state(guest).balance_minor for guest in guests] == [900, 1_000, 900]


def test_all_are_refused_when_their_tenant_is_suspended(day: Day) -> None:
    engine, guests = losing_engine(day, seed=8), [day.welcome(1_000) for _ in range(3)]
    ended = _spin_together(
        day,
        engine,
        *({"guest": guest} for guest in guests),
        meanwhile=lambda: day.engine.set_tenant_status.suspend(day.owner, day.agent.tenant_id),
    )
    for future in ended:
        with pytest.raises(TenantSuspended):
            future.result()
    day.engine.set_tenant_status.resume(day.owner, day.agent.tenant_id)
    assert [day.state(guest).balance_minor for guest in guests] == [1_000] * 3


class LosesAnswers(FaultyUnit):
    """A unit that commits, and does not say so."""

    def commit(self) -> None:
        self.inner.commit()
        raise OutcomeUnknown("the line went dead")


def test_unknown_outcome_names_the_action_of_each(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, guests = losing_engine(day, seed=8), [day.welcome(1_000) for _ in range(3)]
    begin, storage = day.storage.begin, day.storage

    def begin_faulty(binding: Binding) -> Any:  # noqa: ANN401 - a unit of work
        return LosesAnswers(begin(binding), storage, binding)

    ended = _spin_together(
        day,
        engine,
        *({"guest": guest, "key": f"spin {number}"} for number, guest in enumerate(guests)),
        meanwhile=lambda: monkeypatch.setattr(storage, "begin", begin_faulty),
    )
    monkeypatch.undo()
    for number, (future, guest) in enumerate(zip(ended, guests, strict=True)):
        with pytest.raises(OutcomeUnknown) as unknown:
            future.result()
        assert unknown.value.action_id == f"spin {number}"
        again = engine.spin(guest.principal, stake_minor=100, game_key="demo-wheel", action_id=f"spin {number}")
        assert (again.code, again.replayed) == (None, True)
    day.books()


def test_setting_of_one_carries_each_out_at_once(day: Day) -> None:
    engine = losing_engine(day, seed=8, spins_together=1)
    guests = [day.welcome(1_000) for _ in range(RUNS + 2)]
    with day.storage.begin(day.agent.head.binding) as unit, ThreadPoolExecutor(RUNS + 1) as threads:
        for guest in guests[:-1]:
            unit.players.lock(guest.player_id)
        held = [_submit(threads, engine, guest) for guest in guests[:-1]]
        assert engine.spin(guests[-1].principal, stake_minor=100, game_key="demo-wheel").code is None
        unit.__exit__(None, None, None)
        assert [future.result(SECONDS).code for future in held] == [None] * (RUNS + 1)
