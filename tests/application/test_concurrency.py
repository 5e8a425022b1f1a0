"""Real threads on the use cases: exactly as many succeed as may, on memory and on PostgreSQL."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from threading import Barrier
from typing import Final, TypeVar

import pytest
from attrs import field, frozen

from playtime.application.answers import Answer
from playtime.application.engine import Engine
from playtime.contracts.doubles import (
    PINS,
    SeededRandomness,
    build_engine,
)
from playtime.domain.access.codes import make_code
from playtime.domain.access.pins import PinKeys, PinKind, PinRef
from playtime.domain.errors import DomainError
from playtime.domain.ledger.events import EventType
from playtime.domain.tenancy.tenants import PLATFORM_ID, TenantKind

from support.day import PASSWORD, Day, Guest, build_day, losing_engine
from support.storages import STORAGES, open_empty

T = TypeVar("T")
E = EventType
CONNECTIONS: Final = 40
STORM_REQUESTS: Final = 10_000
STORM_THREADS: Final = 6


@pytest.fixture(params=STORAGES)
def day(request: pytest.FixtureRequest) -> Iterator[Day]:
    storage = open_empty(request.param, pool_size=CONNECTIONS)
    yield build_day(storage)
    storage.close()


def _safe(day: Day, seed: int = 2) -> Engine:
    """Return an engine whose randomness may be drawn from by many threads."""
    return build_engine(day.storage, seed=seed, clock=day.clock, randomness=SeededRandomness(seed))


def _outcome(call: Callable[[], T]) -> T | str:
    """Return the call's result, or the code of its refusal."""
    try:
        return call()
    except DomainError as refused:
        return refused.code


def _at_once(calls: Sequence[Callable[[], T]]) -> list[T | str]:
    """Start every call at the same moment, each in a thread of its own."""
    gate = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | str:
        gate.wait()
        return _outcome(call)

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def _codes(outcomes: Sequence[Answer | str]) -> Counter[str | None]:
    """Count answers by their code (None: a success) and refusals by theirs."""
    return Counter(outcome if isinstance(outcome, str) else outcome.code for outcome in outcomes)


def _count(day: Day, kind: EventType) -> int:
    return sum(m.count for books in day.books() for m in books.movements if m.event_type is kind)


def test_right_pins_at_once_get_the_success_or_a_409(day: Day) -> None:
    voucher, engine = day.sell(1000), _safe(day)
    redeem = partial(engine.redeem_voucher, code=voucher.code, pin=voucher.pin)
    codes = _codes(_at_once([redeem] * 200))
    assert codes == {None: 1, "VOUCHER_REDEEMED": 199}
    assert len(engine.list_players(day.owner)) == 1
    assert (_count(day, E.VOUCHER_REDEEMED), _count(day, E.BONUS_HELD)) == (1, 1)
    assert day.wallet(day.agent)[:3] == (0, 0, 500)


def test_right_pins_at_once_under_one_key_get_the_replay(day: Day) -> None:
    voucher, engine = day.sell(1000), _safe(day)
    redeem = partial(engine.redeem_voucher, code=voucher.code, pin=voucher.pin, action_id="the same")
    answers = [answer for answer in _at_once([redeem] * 50) if not isinstance(answer, str)]
    assert len(answers) == 50
    assert len({answer.body for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    day.books()


@pytest.mark.parametrize("wrong", [0, 4])
@pytest.mark.parametrize("login", ["player", "staff"])
def test_right_logins_at_once_all_succeed(day: Day, login: str, wrong: int) -> None:
    guest, engine = day.welcome(1000), _safe(day)

    def log_in(*, is_right: bool = True) -> object:
        if login == "player":
            pin = guest.pin if is_right else f"{(int(guest.pin) + 1) % 10**6:06d}"
            return engine.player_login(login_code=guest.login_code, pin=pin)
        password = PASSWORD if is_right else "no password"
        return engine.staff_login(username="north-a-cashier", password=password, tenant="north-a")

    for _ in range(wrong):
        assert _outcome(partial(log_in, is_right=False)) == "INVALID_CREDENTIALS"
    assert not [outcome for outcome in _at_once([log_in] * 50) if isinstance(outcome, str)]
    for _ in range(4):
        assert _outcome(partial(log_in, is_right=False)) == "INVALID_CREDENTIALS"
    assert not isinstance(_outcome(log_in), str)


def test_five_of_200_play_passes_at_once_are_tried(day: Day) -> None:
    voucher, engine = day.sell(1000), _safe(day)
    calls = [
        partial(
            engine.redeem_voucher,
            code=voucher.code,
            pin=voucher.pin,
            play_pass=str(make_code(str(day.agent.code_symbols), number)),
        )
        for number in range(200)
    ]
    assert _codes(_at_once(calls)) == {"PLAY_PASS_UNKNOWN": 5, "INVALID_CREDENTIALS": 195}


def test_four_wrong_pins_leave_room_for_right_ones_at_once(day: Day) -> None:
    voucher, engine = day.sell(1000), _safe(day)
    wrong = f"{(int(voucher.pin) + 1) % 10**6:06d}"
    for _ in range(4):
        assert _outcome(partial(engine.redeem_voucher, code=voucher.code, pin=wrong)) == "INVALID_CREDENTIALS"
    redeem = partial(engine.redeem_voucher, code=voucher.code, pin=voucher.pin)
    assert _codes(_at_once([redeem] * 50)) == {None: 1, "VOUCHER_REDEEMED": 49}


def test_exactly_one_of_many_players_tops_up_with_a_voucher(day: Day) -> None:
    guests, voucher, engine = [day.welcome(1000) for _ in range(4)], day.sell(500), _safe(day)
    calls = [
        partial(engine.redeem_voucher, code=voucher.code, pin=voucher.pin, player=guest.principal)
        for guest in guests
    ]
    assert _codes(_at_once(calls)) == {None: 1, "VOUCHER_REDEEMED": 3}
    assert sorted(day.state(guest).balance_minor for guest in guests) == [1000, 1000, 1000, 1500]
    day.books()


def test_50_spins_at_once_play_exactly_the_10_affordable_ones(day: Day) -> None:
    guest, engine = day.welcome_with_balance(1000), losing_engine(day, seed=1)
    before = _count(day, E.BET)
    spin = partial(engine.spin, guest.principal, stake_minor=100, game_key="demo-wheel")
    codes = _codes(_at_once([spin] * 50))
    assert codes == {None: 10, "INSUFFICIENT_FUNDS": 40}
    assert day.state(guest).balance_minor == 0
    assert _count(day, E.BET) - before == 10
    entries = [
        (event.amount_minor if event.to_balance_minor is not None else -event.amount_minor)
        for event in day.events(of=guest)
        if event.event_type in {E.VOUCHER_REDEEMED, E.BET, E.WIN, E.BONUS_TRIGGERED}
    ]
    assert sum(entries) == 0
    seqs = [event.player_seq for event in day.events(of=guest)]
    assert sorted(seq for seq in seqs if seq is not None) == list(range(1, len(seqs) + 1))


def test_a_bonus_that_many_spins_reach_for_is_paid_once(day: Day) -> None:
    guest, engine = day.welcome(1100), losing_engine(day, seed=1)
    spin = partial(engine.spin, guest.principal, stake_minor=100, game_key="demo-wheel")
    codes = _codes(_at_once([spin] * 50))
    assert codes == {None: 10, "BONUS_ACK_REQUIRED": 40}
    assert day.state(guest).balance_minor == 100 + 550
    assert _count(day, E.BONUS_TRIGGERED) == 1
    acknowledged = _at_once([partial(engine.acknowledge_bonus, guest.principal)] * 20)
    assert {state.bonus_ack_required for state in acknowledged if not isinstance(state, str)} == {False}
    assert _count(day, E.BONUS_ACKNOWLEDGED) == 1


def test_100_copies_of_one_action_play_one_round_with_one_answer(day: Day) -> None:
    guest, engine = day.welcome(100_000), _safe(day)
    spin = partial(engine.spin, guest.principal, stake_minor=100, game_key="demo-wheel", action_id="the same")
    answers = [answer for answer in _at_once([spin] * 100) if not isinstance(answer, str)]
    assert len(answers) == 100
    assert len({answer.body for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    (played,) = engine.list_rounds(day.owner, guest.player_id)
    assert answers[0].content()["result"]["roundId"] == str(played.round_id)
    assert _count(day, E.BET) == 1


def test_copies_of_one_action_with_two_bodies_play_one_of_them(day: Day) -> None:
    guest, engine = day.welcome(100_000), _safe(day)
    spin = partial(engine.spin, guest.principal, game_key="demo-wheel", action_id="the same")
    outcomes = _at_once([partial(spin, stake_minor=stake) for stake in (100, 200) * 25])
    answers = [answer for answer in outcomes if not isinstance(answer, str)]
    assert _codes(outcomes) == {None: 25, "IDEMPOTENCY_KEY_REUSED": 25}
    assert len({answer.body for answer in answers}) == 1
    assert _count(day, E.BET) == 1


def test_copies_of_one_sale_issue_one_voucher(day: Day) -> None:
    engine = _safe(day)
    day.fund(day.agent, 10_000)
    issue = partial(
        engine.issue_voucher, day.agent.cashier, day.agent.tenant_id, amount_minor=100, action_id="the same"
    )
    answers = [answer for answer in _at_once([issue] * 50) if not isinstance(answer, str)]
    assert len(answers) == 50
    assert len({answer.body for answer in answers}) == 1
    assert day.wallet(day.agent)[:2] == (9850, 150)
    day.books()


def test_one_key_for_sales_of_two_agents_makes_one_sale(day: Day) -> None:
    """The two sales lock different wallets, so that nothing but the key itself holds them apart."""
    engine = _safe(day)
    for number in range(10):
        for desk in (day.agent, day.sister):
            day.fund(desk, 150)
        calls = [
            partial(
                engine.issue_voucher,
                day.north.head,
                desk.tenant_id,
                amount_minor=100,
                action_id=f"key {number}",
            )
            for desk in (day.agent, day.sister) * 3
        ]
        assert _codes(_at_once(calls)) == {None: 3, "IDEMPOTENCY_KEY_REUSED": 3}
    assert _count(day, E.VOUCHER_ISSUED) == 10


@frozen
class WatchedPins:
    """The PIN keys of tests, which note every attempt that is checked."""

    seen: list[str] = field(factory=list)
    current: str = PINS.current

    def new_ref(self) -> PinRef:
        return PINS.new_ref()

    def derive(self, kind: PinKind, owner_id: object, ref: PinRef) -> str:
        return PINS.derive(kind, owner_id, ref)  # type: ignore[arg-type] # passed on

    def matches(self, kind: PinKind, owner_id: object, ref: PinRef, attempt: str) -> bool:
        self.seen.append(attempt)
        return PINS.matches(kind, owner_id, ref, attempt)  # type: ignore[arg-type] # passed on


@pytest.mark.parametrize("subject", ["voucher", "log-in"])
def test_of_200_wrong_attempts_at_once_exactly_five_are_checked(day: Day, subject: str) -> None:
    voucher, guest, pins = day.sell(1000), day.welcome(1000), WatchedPins()
    watching: PinKeys = pins  # type: ignore[assignment] # a stand-in
    randomness = SeededRandomness(3)
    engine = build_engine(day.storage, seed=3, clock=day.clock, randomness=randomness, pins=watching)
    calls: list[Callable[[], object]] = []
    for number in range(200):
        if subject == "voucher":
            pin = f"{(int(voucher.pin) + 1 + number) % 10**6:06d}"
            calls.append(partial(engine.redeem_voucher, code=voucher.code, pin=pin))
        else:
            pin = f"{(int(guest.pin) + 1 + number) % 10**6:06d}"
            calls.append(partial(engine.player_login, login_code=guest.login_code, pin=pin))
    assert Counter(_at_once(calls)) == {"INVALID_CREDENTIALS": 200}
    assert len(pins.seen) == 5
    if subject == "voucher":
        assert _outcome(lambda: day.redeem(voucher)) == "INVALID_CREDENTIALS"
        day.clock.advance(minutes=5)
        assert day.redeem(voucher).code is None
    else:
        login = partial(engine.player_login, login_code=guest.login_code, pin=guest.pin)
        assert _outcome(login) == "INVALID_CREDENTIALS"
        day.clock.advance(minutes=5)
        assert login().session_id == guest.principal.session_id


def test_a_voucher_is_either_voided_or_redeemed(day: Day) -> None:
    engine = _safe(day)
    vouchers = [day.sell(100) for _ in range(30)]
    calls: list[Callable[[], Answer]] = []
    for voucher in vouchers:
        calls += [
            partial(engine.void_voucher, day.agent.head, voucher.voucher_id),
            partial(engine.redeem_voucher, code=voucher.code, pin=voucher.pin),
        ]
    outcomes = _at_once(calls)
    for voided, redeemed in zip(outcomes[::2], outcomes[1::2], strict=True):
        codes = _codes([voided, redeemed])
        assert codes in ({None: 1, "VOUCHER_VOIDED": 1}, {None: 1, "VOUCHER_REDEEMED": 1})
    voids, redemptions = _count(day, E.VOUCHER_VOIDED), _count(day, E.VOUCHER_REDEEMED)
    assert voids + redemptions == 30
    assert day.wallet(day.agent)[:2] == (150 * voids, 0)


def test_the_same_credit_is_moved_once(day: Day) -> None:
    engine = _safe(day)
    for _ in range(15):
        day.fund(day.north, 100)
        calls: list[Callable[[], Answer]] = [
            partial(engine.give_credit, day.north.head, desk.tenant_id, amount_minor=100, memo="m")
            for desk in (day.agent, day.sister)
        ]
        calls.append(
            partial(engine.return_credit, day.north.head, day.north.tenant_id, amount_minor=100, memo="m")
        )
        assert _codes(_at_once(calls)) == {None: 1, "INSUFFICIENT_FUNDS": 2}
        assert day.balance(day.north) == 0
    day.books()


def test_credit_up_and_down_at_once_is_neither_lost_nor_stuck(day: Day) -> None:
    engine = _safe(day)
    day.fund(day.north, 1000)
    day.fund(day.agent, 1000)
    down = partial(engine.give_credit, day.north.head, day.agent.tenant_id, amount_minor=10, memo="m")
    up = partial(engine.return_credit, day.agent.head, day.agent.tenant_id, amount_minor=10, memo="m")
    sell = partial(engine.issue_voucher, day.agent.cashier, day.agent.tenant_id, amount_minor=2)
    codes = _codes(_at_once([down, up, sell] * 15))
    assert codes == {None: 45}
    assert (day.balance(day.north), day.balance(day.agent)) == (1000, 1000 - 45)
    day.books()


def test_log_ins_after_an_idle_session_open_one_new_session(day: Day) -> None:
    guest, engine = day.welcome(1000), _safe(day)
    day.clock.advance(minutes=31)
    login = partial(engine.player_login, login_code=guest.login_code, pin=guest.pin)
    results = [result for result in _at_once([login] * 4) if not isinstance(result, str)]
    assert len(results) == 4
    assert len({result.session_id for result in results}) == 1
    assert (_count(day, E.LOGOUT), _count(day, E.LOGIN)) == (1, 5)


@pytest.mark.parametrize("kind", ["player", "staff"])
def test_refreshes_at_once_give_one_new_pair(day: Day, kind: str) -> None:
    engine, calls = _safe(day), list[Callable[[], object]]()
    if kind == "player":
        calls = [partial(engine.refresh_player, day.welcome(1000).refresh_token)] * 20
    else:
        login = engine.staff_login(username="north-a-agent", password="correct horse", tenant="north-a")
        calls = [partial(engine.refresh_staff, login.refresh_token)] * 20
    first, *others = _at_once(calls)
    assert not isinstance(first, str)
    assert all(other == first for other in others)


def test_slug_requested_by_two_operators_at_once_names_one_agent(day: Day) -> None:
    engine = _safe(day)
    for number in range(8):
        calls = [
            partial(engine.create_tenant, desk.head, slug=f"new-{number}", name="New", kind=TenantKind.AGENT)
            for desk in (day.north, day.south)
        ]
        made = [outcome for outcome in _at_once(calls) if not isinstance(outcome, str)]
        assert len(made) == 1
        entry = day.storage.directory.by_slug(f"new-{number}")
        assert entry is not None
        assert entry.tenant_id == made[0].tenant_id
    active = [
        row for row in engine.list_tenants(day.owner) if row.slug.startswith("new-") and row.status == "ACTIVE"
    ]
    assert len(active) == 8


@pytest.mark.parametrize("name", STORAGES)
def test_programs_that_start_at_once_make_one_platform(name: str) -> None:
    storage = open_empty(name, pool_size=CONNECTIONS)
    engine = build_engine(storage)
    assert _at_once([engine.create_platform] * 10) == [None] * 10
    assert storage.directory.by_tenant(PLATFORM_ID) is not None
    assert len(engine.list_tenants(build_day(storage, seed=5).owner)) == 6
    storage.close()


@frozen
class Request:
    """A named request of the storm; `bodies` are what it may be sent with, the second being a changed one."""

    bodies: tuple[Callable[[], Answer], Callable[[], Answer]]
    sends: tuple[int, ...]


def _requests(day: Day, engine: Engine, guests: Sequence[Guest], chance: Random) -> list[Request]:
    requests = []
    for number in range(STORM_REQUESTS):
        key, amount = f"storm {number}", chance.randint(1, 60)
        kind = chance.random()
        bodies: tuple[Callable[[], Answer], Callable[[], Answer]]
        if kind < 0.9:
            spin = partial(engine.spin, chance.choice(guests).principal, game_key="demo-wheel", action_id=key)
            bodies = partial(spin, stake_minor=amount), partial(spin, stake_minor=amount + 1)
        elif kind < 0.95:
            desk = chance.choice([day.agent, day.sister, day.stranger])
            issue = partial(engine.issue_voucher, desk.cashier, desk.tenant_id, action_id=key)
            bodies = partial(issue, amount_minor=amount), partial(issue, amount_minor=amount + 1)
        else:
            give = partial(
                engine.give_credit, day.north.head, day.agent.tenant_id, amount_minor=amount, action_id=key
            )
            bodies = partial(give, memo="m"), partial(give, memo="n")
        sends = [0] * chance.randint(1, 3) + [1] * (chance.random() < 0.15)
        requests.append(Request(bodies, tuple(sends)))
    return requests


def test_a_storm_of_replays_changes_nothing(day: Day) -> None:
    """10,000 requests, each sent one to three times and some with a changed body as well, shuffled."""
    chance, engine = Random(20_260_301), _safe(day)
    rich = [day.welcome(chance.choice([5000, 500_000])) for _ in range(16)]
    poor = [day.welcome(1) for _ in range(8)]
    waiting = [day.welcome(100) for _ in range(4)]  # a bonus was paid: they may not spin yet
    for desk in (day.agent, day.sister):  # the stranger stays poor: its sales are refused
        day.fund(desk, 15_000)
    day.fund(day.north, 10_000)
    requests = _requests(day, engine, [*rich, *poor, *waiting], chance)
    sends = [(at, body) for at, request in enumerate(requests) for body in request.sends]
    chance.shuffle(sends)

    with ThreadPoolExecutor(STORM_THREADS) as threads:
        first = list(threads.map(lambda send: _outcome(requests[send[0]].bodies[send[1]]), sends))
        winners = _winners(requests, sends, first)
        played = _count(day, E.BET)
        for guest in (*rich, *poor, *waiting):
            day.acknowledge(guest)
            day.redeem(day.sell(5000, day.agent), guest)
        day.fund(day.stranger, 100_000)
        settled = _balances(day)
        again = list(threads.map(lambda at: _outcome(requests[at].bodies[winners[at][0]]), range(len(requests))))
    for at, answer in enumerate(again):
        assert isinstance(answer, Answer)
        assert (answer.body, answer.replayed) == (winners[at][1].body, True)
    codes = Counter(answer.code for _, answer in winners.values())
    assert codes[None] > 5000
    assert min(codes["INSUFFICIENT_FUNDS"], codes["BONUS_ACK_REQUIRED"]) > 500
    assert _count(day, E.BET) == played
    assert _balances(day) == settled
    rounds = sum("result" in answer.content() for _, answer in winners.values() if answer.code is None)
    assert rounds == played


def _winners(
    requests: Sequence[Request], sends: Sequence[tuple[int, int]], outcomes: Sequence[Answer | str]
) -> dict[int, tuple[int, Answer]]:
    """Return for each request the body that was answered and its one answer; every other send was refused."""
    answers: dict[int, dict[int, list[Answer]]] = {}
    refused: set[tuple[int, int]] = set()
    for (at, body), outcome in zip(sends, outcomes, strict=True):
        if isinstance(outcome, str):
            assert outcome == "IDEMPOTENCY_KEY_REUSED"
            refused.add((at, body))
        else:
            answers.setdefault(at, {}).setdefault(body, []).append(outcome)
    assert len(answers) == len(requests)
    winners = {}
    for at, by_body in answers.items():
        ((body, given),) = by_body.items()
        assert len({answer.body for answer in given}) == 1
        assert sum(not answer.replayed for answer in given) == 1
        assert (at, body) not in refused
        winners[at] = body, given[0]
    return winners


def _balances(day: Day) -> list[object]:
    return [books.accounts for books in day.books()]
