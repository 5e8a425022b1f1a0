"""Limits hold under any interleaving: random orders while time passes, and real threads on several accounts."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Final, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.access import PlayerPrincipal
from playtime.application.answers import Answer
from playtime.application.engine import Engine
from playtime.application.ports.filters import Page
from playtime.contracts.doubles import SeededRandomness, build_engine
from playtime.domain.errors import DomainError
from playtime.domain.limits.exclusions import CoolOff, ExclusionRuns
from playtime.domain.limits.limits import LOSS_WINDOWS, LimitKind
from playtime.domain.play.rounds import Round

from support.day import DOUBLE, FIVEFOLD, LOSE, Day, Guest, build_day, losing_engine
from support.storages import STORAGES, open_empty

LOSS, WEEK, TIME = LimitKind
THREADS: Final = 64
SPINS: Final = 12
T = TypeVar("T")
EVERYTHING: Final = Page(limit=1_000_000)


def _tied(day: Day, count: int) -> list[Guest]:
    """Return so many accounts on one pass."""
    first = day.welcome(100_000)
    code = day.engine.get_play_pass(first.principal).code
    guests = [first]
    for _ in range(count - 1):
        voucher = day.sell(100_000)
        answer = day.engine.redeem_voucher(code=voucher.code, pin=voucher.pin, play_pass=code)
        guests.append(day.guest(answer))
    return guests


def _rounds(day: Day, guests: Sequence[Guest]) -> list[Round]:
    with day.storage.begin(day.agent.head.binding) as unit:
        return [played for guest in guests for played in unit.players.rounds(guest.player_id, EVERYTHING)]


def _at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    gate = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def _lively(day: Day) -> Engine:
    """Return an engine whose randomness may be drawn from by many threads."""
    return build_engine(day.storage, seed=4, clock=day.clock, randomness=SeededRandomness(4))


def _lose_all(day: Day, guest: Guest) -> Iterator[str | None]:
    """Yield the codes of losing spins, up to the first one that is refused."""
    engine, code = losing_engine(day, seed=5), None
    while code is None:
        code = engine.spin(guest.principal, stake_minor=100, game_key="demo-wheel").code
        yield code


@pytest.mark.parametrize("name", STORAGES)
def test_64_threads_on_several_accounts_keep_limit_and_wins(name: str) -> None:
    storage = open_empty(name, pool_size=THREADS // 2)
    day = build_day(storage)
    guests = _tied(day, 5)
    engine, limit_minor = _lively(day), 3_000
    engine.set_limit(guests[0].principal, LOSS, limit_minor)
    before = {guest.player_id: day.state(guest).balance_minor for guest in guests}

    def play(at: int) -> list[str | None]:
        who = guests[at % len(guests)].principal
        return [
            engine.spin(who, stake_minor=50 + at, game_key="demo-wheel", action_id=f"{at}-{number}").code
            for number in range(SPINS)
        ]

    codes = Counter(code for answers in _at_once([partial(play, at) for at in range(THREADS)]) for code in answers)
    assert codes.keys() <= {None, "PLAYER_LOSS_LIMIT_REACHED"}
    assert codes.total() == THREADS * SPINS
    # The draws decide whether the limit was reached: now it is.
    codes += Counter(_lose_all(day, guests[0]))
    assert codes.keys() == {None, "PLAYER_LOSS_LIMIT_REACHED"}
    rounds = _rounds(day, guests)
    assert len(rounds) == codes[None]
    lost = sum(played.stake_minor - played.win_minor for played in rounds)
    assert lost <= limit_minor
    for guest in guests:
        own = [played for played in rounds if played.player_id == guest.player_id]
        after = before[guest.player_id] + sum(played.win_minor - played.stake_minor for played in own)
        assert day.state(guest).balance_minor == after
    shown = engine.read_limits(guests[1].principal).limits[0]
    assert shown.net_loss_minor == lost
    day.books()
    storage.close()


@pytest.mark.parametrize("name", STORAGES)
def test_exactly_the_losing_spins_within_the_limit_are_played(name: str) -> None:
    storage = open_empty(name, pool_size=THREADS // 2)
    day = build_day(storage)
    guests = _tied(day, 4)
    day.engine.set_limit(guests[0].principal, WEEK, 1_000)
    engine = losing_engine(day, seed=5)

    def play(who: PlayerPrincipal) -> Answer:
        return engine.spin(who, stake_minor=100, game_key="demo-wheel")

    answers = _at_once([partial(play, guests[at % 4].principal) for at in range(THREADS)])
    played = [answer for answer in answers if answer.code is None]
    assert len(played) == 10
    assert sum(day.state(guest).balance_minor for guest in guests) == 400_000 - 1_000
    storage.close()


@pytest.mark.parametrize("name", STORAGES)
def test_getting_a_pass_while_playing_loses_nothing(name: str) -> None:
    """Spins that saw no pass run again. Every round is counted once, in any order."""
    storage = open_empty(name, pool_size=THREADS // 2)
    day = build_day(storage)
    guest, engine = day.welcome(100_000), _lively(day)

    def spin() -> object:
        return engine.spin(guest.principal, stake_minor=10, game_key="demo-wheel").code

    calls: list[Callable[[], object]] = [spin] * 40
    calls[20:20] = [lambda: engine.get_play_pass(guest.principal).code] * 4
    outcomes = _at_once(calls)
    assert outcomes.count(None) == 40
    assert len({code for code in outcomes if code is not None}) == 1
    lost = sum(played.stake_minor - played.win_minor for played in _rounds(day, [guest]))
    assert engine.read_limits(guest.principal).limits[0].net_loss_minor == lost
    storage.close()


@pytest.mark.parametrize("name", STORAGES)
def test_redemptions_spins_and_limits_on_one_pass_never_deadlock(name: str) -> None:
    storage = open_empty(name, pool_size=THREADS // 2)
    day = build_day(storage)
    guests = _tied(day, 3)
    code = day.engine.get_play_pass(guests[0].principal).code
    vouchers, engine = [day.sell(100) for _ in range(20)], _lively(day)
    calls: list[Callable[[], object]] = []
    for at, voucher in enumerate(vouchers):
        who = guests[at % 3].principal
        top_up = who if at % 2 else None
        shown = code if top_up is None or at % 4 == 1 else None
        calls.append(
            partial(engine.redeem_voucher, code=voucher.code, pin=voucher.pin, player=top_up, play_pass=shown)
        )
        calls.append(partial(engine.spin, who, stake_minor=10, game_key="demo-wheel"))
        calls.append(partial(engine.set_limit, who, WEEK, 50_000))
    assert all(getattr(outcome, "code", None) is None for outcome in _at_once(calls))
    day.books()
    storage.close()


RIPENING: Final = (0, 1, 1_439, 1_440, 11_519, 11_520)
"""Minutes between asking for a raise and confirming it: too early, ripe, lapsed, and the edges."""
Step = tuple[str, object, object, object]
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("spin"),
            st.integers(0, 2),
            st.integers(1, 300),
            st.sampled_from([LOSE, LOSE, DOUBLE, FIVEFOLD]),
        ),
        st.tuples(st.just("set"), st.sampled_from([LOSS, WEEK]), st.none() | st.integers(100, 1_500), st.none()),
        st.tuples(st.just("raise"), st.sampled_from([LOSS, WEEK]), st.sampled_from(RIPENING), st.none()),
        st.tuples(st.just("confirm"), st.sampled_from([LOSS, WEEK]), st.none(), st.none()),
        st.tuples(st.just("wait"), st.sampled_from([1, 50, 600, 1_439, 1_440, 10_080]), st.none(), st.none()),
        st.tuples(st.just("cool off"), st.integers(0, 2), st.none(), st.none()),
    ),
    max_size=60,
)


@settings(max_examples=120)
@given(steps=STEPS)
def test_any_order_of_decisions_and_rounds_keeps_every_promise(
    steps: list[tuple[str, object, object, object]],
) -> None:
    """Against a model of its own: exact windows of the rounds themselves, limits as they were asked for."""
    day = build_day(MemoryStorage())
    guests = _tied(day, 3)
    model = _Model(day, guests)
    for what, one, other, ticket in steps:
        model.step(what, one, other, ticket)
    day.books()
    assert [found for operator in day.engine.rebuild_sessions(check=True) for found in operator.differences] == []


class _Model:
    """Model of the promises, without any code of the product."""

    def __init__(self, day: Day, guests: list[Guest]) -> None:
        self.day, self.guests = day, guests
        self.limits: dict[LimitKind, int | None] = {LOSS: None, WEEK: None}
        self.asked: dict[LimitKind, tuple[int | None, datetime]] = {}
        self.free_at = day.clock.now()
        self.plays: list[tuple[datetime, int]] = []

    def step(self, what: str, one: object, other: object, ticket: object) -> None:
        if what == "wait":
            assert isinstance(one, int)
            self.day.clock.advance(minutes=one)
        elif what == "spin":
            assert isinstance(one, int)
            assert isinstance(other, int)
            assert isinstance(ticket, int)
            self._spin(self.guests[one], other, ticket)
        elif what == "raise":
            assert isinstance(one, LimitKind)
            assert isinstance(other, int)
            self._decide("set", one, 100)
            self._decide("set", one, None)
            self.day.clock.advance(minutes=other)
            self._decide("confirm", one, None)
        elif what == "cool off":
            assert isinstance(one, int)
            self._cool_off(self.guests[one])
        else:
            assert isinstance(one, LimitKind)
            self._decide(what, one, other if isinstance(other, int) else None)

    def _spin(self, guest: Guest, stake: int, ticket: int) -> None:
        day, now = self.day, self.day.clock.now()
        day.acknowledge(guest)
        day.engine.acknowledge_reality_check(guest.principal)
        before = day.state(guest).balance_minor
        answer = day.spin(guest, stake, ticket)
        after = day.state(guest).balance_minor
        if now < self.free_at:
            assert answer.code == "COOLING_OFF"
            return
        if answer.code is None:
            for kind, window in LOSS_WINDOWS.items():
                amount = self.limits[kind]
                lost = sum(minor for at, minor in self.plays if at > now - window)
                assert amount is None or lost + stake <= amount
            won = answer.content()["result"]["winMinor"]
            assert after == before - stake + won
            self.plays.append((now, stake - won))
            return
        assert answer.code in {"PLAYER_LOSS_LIMIT_REACHED", "INSUFFICIENT_FUNDS"}
        assert after == before
        if answer.code == "PLAYER_LOSS_LIMIT_REACHED":
            # Not refused without need: no more than the hour at the window's edge is counted in full.
            assert any(
                amount is not None and self._most(now - LOSS_WINDOWS[kind]) + stake > amount
                for kind, amount in self.limits.items()
            )

    def _most(self, since: datetime) -> int:
        """Return the largest net loss of any window that begins up to an hour earlier."""
        hour = since.replace(minute=0, second=0, microsecond=0)
        later = [(at, minor) for at, minor in self.plays if at >= hour]
        return max(sum(minor for _, minor in later[start:]) for start in range(len(later) + 1))

    def _decide(self, what: str, kind: LimitKind, amount: int | None) -> None:
        engine, now, who = self.day.engine, self.day.clock.now(), self.guests[0].principal
        held = self.limits[kind]
        if what == "set":
            engine.set_limit(who, kind, amount)
            if held is None or (amount is not None and amount <= held):
                self.limits[kind] = amount
                self.asked.pop(kind, None)
            else:
                wish = self.asked.get(kind)
                lapsed = wish is not None and now >= wish[1] + timedelta(days=8)
                if wish is None or lapsed or wish[0] != amount:
                    self.asked[kind] = (amount, now)
        else:
            wish = self.asked.get(kind)
            ripe = wish is not None and timedelta(days=1) <= now - wish[1] < timedelta(days=8)
            try:
                engine.confirm_limit(who, kind)
            except DomainError:
                assert not ripe
            else:
                assert ripe
                assert wish is not None
                self.limits[kind] = wish[0]
                del self.asked[kind]
        shown = {found.kind: found.limit_minor for found in engine.read_limits(who).limits}
        assert {kind: shown[kind] for kind in self.limits} == self.limits

    def _cool_off(self, guest: Guest) -> None:
        until = self.day.clock.now() + timedelta(hours=24)
        with suppress(ExclusionRuns):
            self.day.engine.start_exclusion.cool_off(guest.principal, CoolOff.DAY)
        self.free_at = max(self.free_at, until)
