"""Login throttling: attempts are checked under the lock of their count, in the same steps for every subject."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from time import sleep
from typing import Any, Final, Self, cast
from uuid import UUID

import pytest
from attrs import define, evolve, field, frozen

from playtime.application.engine import Engine
from playtime.application.errors import InvalidCredentials, StorageUnavailable
from playtime.application.ports.bindings import Binding
from playtime.application.ports.storage import Storage
from playtime.application.throttling import _DECOYS, _decoy
from playtime.contracts.doubles import PINS, SettableClock, build_engine
from playtime.domain.access.attempts import Attempts
from playtime.domain.access.codes import make_code, parse_code
from playtime.domain.access.pins import PinKeys, PinKind, PinRef

from support.day import PASSWORD, Day, Guest, Sold, build_day, other_pin

WAITING_SECONDS: Final = 0.15


@frozen
class Recorder:
    """Passes calls on and writes down their names, also those of its units. Calls named `failing` fail."""

    _inner: Any
    _trace: list[str]
    _name: str = ""
    failing: str = field(default="", kw_only=True)

    def __getattr__(self, name: str) -> object:
        found = getattr(self._inner, name)
        path = f"{self._name}.{name}".lstrip(".")
        if name in {"tenants", "wallets", "staff", "vouchers", "players", "ledger", "attempts", "directory"}:
            return Recorder(found, self._trace, path, failing=self.failing)

        def call(*args: Any, **about: Any) -> object:
            written = [type(arg).__name__ for arg in args] if name in {"add", "save"} else []
            self._trace.append(" ".join([path, *written]))
            if name == self.failing:
                raise StorageUnavailable(name)
            result = found(*args, **about)
            return Recorder(result, self._trace, failing=self.failing) if name.startswith("begin") else result

        return call

    def __enter__(self) -> Self:
        self._trace.append("enter")
        self._inner.__enter__()
        return self

    def __exit__(self, *about: object) -> None:
        self._trace.append("exit")
        self._inner.__exit__(*about)


@define
class Looks:
    """The attempts that PIN keys have checked, and the count that was committed before each."""

    seen: list[tuple[PinKind, str]] = field(factory=list)
    when: Callable[[], None] = lambda: None


class WatchedPins(PinKeys):
    """PIN keys that note every attempt that is checked."""

    looks: Looks

    def matches(self, kind: PinKind, owner_id: UUID, ref: PinRef, attempt: str) -> bool:
        self.looks.seen.append((kind, attempt))
        self.looks.when()
        return super().matches(kind, owner_id, ref, attempt)


def _watch(day: Day, trace: list[str] | None = None) -> tuple[Engine, Looks]:
    """Return an engine on the same storage whose looks at PINs, and steps, are noted."""
    pins = WatchedPins(current=PINS.current, secrets=PINS.secrets)
    looks = Looks()
    object.__setattr__(pins, "looks", looks)
    storage = day.storage if trace is None else cast("Storage", Recorder(day.storage, trace))
    return build_engine(storage, seed=5, ids=day.engine.spin.ids, clock=day.clock, pins=pins), looks


def _attempts(day: Day, binding: Binding, subject_id: UUID) -> Attempts:
    with day.storage.begin(binding) as unit:
        return unit.attempts.lock(subject_id)


def _wrong(call: Callable[[], object]) -> None:
    with pytest.raises(InvalidCredentials) as refused:
        call()
    assert type(refused.value) is InvalidCredentials


def _unused(day: Day, symbols: str) -> str:
    return str(make_code(symbols, 7))


@pytest.mark.parametrize("subject", ["voucher", "player"])
def test_five_are_looked_at_and_no_more(day: Day, subject: str) -> None:
    voucher, guest = day.sell(1000), day.welcome(1000)
    engine, looks = _watch(day)
    for _ in range(30):
        if subject == "voucher":
            _wrong(lambda: engine.redeem_voucher(code=voucher.code, pin=other_pin(voucher.pin)))
        else:
            _wrong(lambda: engine.player_login(login_code=guest.login_code, pin=other_pin(guest.pin)))
    assert len(looks.seen) == 5
    day.clock.advance(minutes=5)
    for _ in range(30):
        if subject == "voucher":
            _wrong(lambda: engine.redeem_voucher(code=voucher.code, pin=other_pin(voucher.pin)))
        else:
            _wrong(lambda: engine.player_login(login_code=guest.login_code, pin=other_pin(guest.pin)))
    assert len(looks.seen) == 10


def test_wrong_attempt_is_committed_before_its_answer(day: Day) -> None:
    voucher, guest = day.sell(1000), day.welcome(1000)
    binding = guest.principal.binding
    for counted in (1, 2, 3):
        _wrong(lambda: day.redeem(evolve(voucher, pin=other_pin(voucher.pin))))
        assert _attempts(day, binding, voucher.voucher_id).counted == counted
    _wrong(lambda: day.engine.player_login(login_code=guest.login_code, pin=other_pin(guest.pin)))
    assert _attempts(day, binding, guest.player_id).counted == 1


@pytest.mark.parametrize("is_right", [True, False])
def test_pin_is_checked_under_the_lock_of_its_count(day: Day, *, is_right: bool) -> None:
    voucher, binding = day.sell(1000), day.welcome(1000).principal.binding
    engine, looks = _watch(day)
    second: list[Future[Attempts]] = []
    with ThreadPoolExecutor(1) as pool:

        def ask() -> None:
            second.append(pool.submit(_attempts, day, binding, voucher.voucher_id))
            sleep(WAITING_SECONDS)
            assert not second[0].done(), "the second attempt did not wait"

        looks.when = ask
        if is_right:
            assert engine.redeem_voucher(code=voucher.code, pin=voucher.pin).code is None
        else:
            _wrong(lambda: engine.redeem_voucher(code=voucher.code, pin=other_pin(voucher.pin)))
        assert second[0].result().counted == (0 if is_right else 1)


def test_attempt_that_cannot_be_counted_gets_no_answer(day: Day) -> None:
    """A full disk or a lost connection must not give attempts that are not counted, right or wrong."""
    voucher, guest = day.sell(1000), day.welcome(1000)
    engine = build_engine(cast("Storage", Recorder(day.storage, [], failing="commit")), seed=5, clock=day.clock)
    redeem = partial(engine.redeem_voucher, code=voucher.code)
    play = partial(engine.player_login, login_code=guest.login_code)
    work = partial(engine.staff_login, username="north-a-cashier", tenant="north-a")
    for call in (
        partial(redeem, pin=voucher.pin),
        partial(redeem, pin=other_pin(voucher.pin)),
        partial(play, pin=guest.pin),
        partial(play, pin=other_pin(guest.pin)),
        partial(work, password=PASSWORD),
        partial(work, password="no password"),
    ):
        with pytest.raises(StorageUnavailable):
            call()


def test_right_attempt_clears_the_count(day: Day) -> None:
    voucher, guest = day.sell(1000), day.welcome(1000)
    for _ in range(4):
        _wrong(lambda: day.redeem(evolve(voucher, pin=other_pin(voucher.pin))))
        _wrong(lambda: day.engine.player_login(login_code=guest.login_code, pin=other_pin(guest.pin)))
    day.redeem(voucher)
    day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    for subject_id in (voucher.voucher_id, guest.player_id):
        counted = _attempts(day, guest.principal.binding, subject_id)
        assert (counted.counted, counted.locks, counted.locked_until) == (0, 0, None)


def _traces(day: Day, calls: list[Callable[[Engine], object]]) -> list[list[str]]:
    traces = []
    for call in calls:
        trace: list[str] = []
        engine, _ = _watch(day, trace)
        _wrong(lambda call=call, engine=engine: call(engine))  # type: ignore[misc] # a default
        traces.append(trace)
    return traces


def _locked(day: Day) -> tuple[Sold, Guest]:
    voucher, guest = day.sell(1000), day.welcome(1000)
    for _ in range(5):
        _wrong(lambda: day.redeem(evolve(voucher, pin=other_pin(voucher.pin))))
        _wrong(lambda: day.engine.player_login(login_code=guest.login_code, pin=other_pin(guest.pin)))
    return voucher, guest


def test_unknown_wrong_and_locked_vouchers_take_the_same_steps(day: Day) -> None:
    voucher, (locked, _) = day.sell(1000), _locked(day)
    symbols = day.agent.code_symbols or ""
    redeem = [
        (voucher.code, other_pin(voucher.pin)),
        (_unused(day, symbols), "000000"),
        (_unused(day, "ZZZY"), "000000"),
        (locked.code, locked.pin),
        (locked.code, other_pin(locked.pin)),
    ]
    traces = _traces(
        day,
        [
            lambda engine, code=code, pin=pin: engine.redeem_voucher(code=code, pin=pin)  # type: ignore[misc] # a default
            for code, pin in redeem
        ],
    )
    assert traces[0] == [
        "directory.by_symbols",
        "begin",
        "enter",
        "vouchers.find",
        "attempts.lock",
        "save Attempts",
        "commit",
        "exit",
    ]
    assert traces == [traces[0]] * len(traces)


def test_unknown_wrong_and_locked_log_ins_take_the_same_steps(day: Day) -> None:
    guest, (_, locked) = day.welcome(1000), _locked(day)
    symbols = day.agent.code_symbols or ""
    login = [
        (guest.login_code, other_pin(guest.pin)),
        (_unused(day, symbols), "000000"),
        (_unused(day, "ZZZY"), "000000"),
        (locked.login_code, locked.pin),
    ]
    traces = _traces(
        day,
        [
            lambda engine, code=code, pin=pin: engine.player_login(login_code=code, pin=pin)  # type: ignore[misc] # a default
            for code, pin in login
        ],
    )
    assert traces[0][3] == "players.find"
    assert traces == [traces[0]] * len(traces)


def test_unknown_wrong_and_locked_staff_take_the_same_steps(day: Day) -> None:
    for _ in range(5):
        _wrong(
            lambda: day.engine.staff_login(username="north-a-analyst", password="no password", tenant="north-a")
        )
    login = [
        ("north-a-cashier", "north-a", "no password"),
        ("nobody-here", "north-a", PASSWORD),
        ("north-a-cashier", "no-such-tenant", PASSWORD),
        ("north-a-analyst", "north-a", PASSWORD),
    ]
    traces = _traces(
        day,
        [
            lambda engine, u=username, t=tenant, p=password: engine.staff_login(  # type: ignore[misc] # a default
                username=u, tenant=t, password=p
            )
            for username, tenant, password in login
        ],
    )
    assert traces[0][3] == "staff.by_username"
    assert traces == [traces[0]] * len(traces)


def test_a_text_that_is_no_code_is_counted_as_well(day: Day) -> None:
    (trace,) = _traces(day, [lambda engine: engine.redeem_voucher(code="' OR 1=1", pin="000000")])
    assert trace == ["begin", "enter", "attempts.lock", "save Attempts", "commit", "exit"]


def test_attempts_on_unknown_names_use_a_bounded_set_of_decoys() -> None:
    decoys = {_decoy(f"attempt {number}") for number in range(20_000)}
    assert len(decoys) == _DECOYS == 1024
    assert _decoy("\ud800") in decoys


def test_a_decoy_is_shared_by_every_agent_of_an_operator(day: Day) -> None:
    """Attempts on unknown names at two agents and at the operator itself count on one decoy."""
    codes: dict[UUID, dict[str, str]] = {}
    symbols = {desk.slug: desk.code_symbols or "" for desk in (day.agent, day.sister)}
    for number in range(5000):
        for slug, agent in symbols.items():
            code = str(make_code(agent, number))
            codes.setdefault(_decoy(code), {})[slug] = code
    meeting = next(found for found in codes.values() if len(found) == len(symbols))
    for _ in range(7):
        for code in meeting.values():
            _wrong(lambda code=code: day.engine.redeem_voucher(code=code, pin="000000"))  # type: ignore[misc] # a default
            _wrong(lambda code=code: day.engine.player_login(login_code=code, pin="000000"))  # type: ignore[misc] # a default
    voucher = day.sell(100, day.sister)
    assert day.redeem(voucher).code is None


def test_a_lock_is_of_one_subject_and_of_nobody_else(day: Day) -> None:
    locked, guest = _locked(day)
    other = day.sell(1000)
    assert day.redeem(other).code is None
    assert day.state(guest).balance_minor == 1000
    far = day.sell(1000, day.stranger)
    assert day.redeem(far).code is None
    _wrong(lambda: day.redeem(locked))


def test_two_houses_do_not_share_their_counts(storage: Storage) -> None:
    """Locks are in the storage: another engine on it sees them, too."""
    day = build_day(storage)
    locked, _ = _locked(day)
    engine = build_engine(storage, seed=77, clock=SettableClock(day.clock.now()))
    _wrong(lambda: engine.redeem_voucher(code=locked.code, pin=locked.pin))


def test_the_recorder_passes_everything_on(day: Day) -> None:
    trace: list[str] = []
    engine, looks = _watch(day, trace)
    voucher = day.sell(1000)
    assert engine.redeem_voucher(code=voucher.code, pin=voucher.pin).code is None
    assert looks.seen == [(PinKind.VOUCHER, voucher.pin)]
    assert trace.count("commit") == 2
    assert trace.index("commit") < trace.index("vouchers.lock")
    assert parse_code(voucher.code).agent_symbols == day.agent.code_symbols
