"""Sweeps: expiry of vouchers and closing of idle players, to the moment, once."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest

from playtime.application.access import SYSTEM
from playtime.application.decisions import Moment
from playtime.application.errors import StorageSilent
from playtime.application.ports.bindings import SYSTEM_ID, Binding
from playtime.application.ports.filters import VoucherFilter
from playtime.application.upkeep import sweeps
from playtime.application.upkeep.sweeps import Swept
from playtime.contracts.doubles import START
from playtime.domain.ledger.events import Account, AccountKind, EventType
from playtime.domain.money import MAX_AMOUNT_MINOR
from playtime.domain.play.players import PlayerClosed
from playtime.domain.vouchers.vouchers import VoucherExpired

from support.day import LOSE, Day, kinds

T, K = EventType, AccountKind
INSTANT = timedelta(microseconds=1)
MONTH = timedelta(days=30)


def _sweep(day: Day) -> tuple[int, int]:
    swept = day.engine.sweep()
    return swept.vouchers_expired, swept.players_closed


def test_a_voucher_expires_at_its_moment_and_not_before(day: Day) -> None:
    voucher = day.sell(1001)
    day.clock.set(START + MONTH - INSTANT)
    assert _sweep(day) == (0, 0)
    assert day.wallet(day.agent) == (0, 1501, 0, 0)
    day.clock.set(START + MONTH)
    assert _sweep(day) == (1, 0)
    assert day.wallet(day.agent) == (1501, 0, 0, 0)
    (event,) = day.events(only=T.VOUCHER_EXPIRED)
    agent = day.agent.tenant_id
    assert (event.from_account, event.to_account) == (Account(K.VOUCHER_POOL, agent), Account(K.TENANT, agent))
    assert (event.amount_minor, event.to_balance_minor, event.cashier_id) == (1501, 1501, SYSTEM_ID)
    assert (event.actor_id, event.action_id) == (agent, str(voucher.voucher_id))
    (row,) = day.engine.list_vouchers(day.owner, VoucherFilter())
    assert (row.status, row.closed_at, row.player_id) == ("EXPIRED", START + MONTH, None)
    with pytest.raises(VoucherExpired):
        day.redeem(voucher)
    with pytest.raises(VoucherExpired):
        day.engine.void_voucher(day.agent.head, voucher.voucher_id)
    assert _sweep(day) == (0, 0)
    day.books()


def test_player_is_closed_after_thirty_idle_days_and_not_before(day: Day) -> None:
    guest = day.welcome_with_balance(350, 70)
    before = day.balance(day.agent)
    day.clock.set(START + MONTH - INSTANT)
    assert _sweep(day) == (0, 0)
    day.clock.set(START + MONTH)
    assert _sweep(day) == (0, 1)
    assert day.wallet(day.agent)[:3] == (before + 420, 0, 0)
    assert kinds(day.events(of=guest))[-3:] == [T.PLAYER_CLOSED, T.BONUS_RETURNED, T.LOGOUT]
    closed, returned = day.events(of=guest)[-3:-1]
    assert (closed.cashier_id, returned.cashier_id) == (SYSTEM_ID, day.agent.cashier.staff_id)
    assert returned.meta == {"closedBy": str(SYSTEM_ID)}
    with pytest.raises(PlayerClosed):
        day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    assert _sweep(day) == (0, 0)
    assert len(day.events(only=T.PLAYER_CLOSED)) == 1
    day.books()


def test_a_balance_above_the_largest_amount_is_no_reason_to_stay(day: Day) -> None:
    guest = day.welcome_rich(MAX_AMOUNT_MINOR + 1)
    day.clock.advance(days=30)
    assert _sweep(day) == (0, 1)
    assert day.record(guest).balance_minor == 0
    assert [event.amount_minor for event in day.events(only=T.PLAYER_CLOSED)] == [MAX_AMOUNT_MINOR, 1]
    assert day.wallet(day.agent)[1:3] == (0, 0)
    day.books()


def test_any_action_of_the_player_postpones_it(day: Day) -> None:
    guest = day.welcome(1000)
    day.clock.advance(days=29)
    day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    day.clock.advance(days=29)
    assert _sweep(day) == (0, 0)
    day.clock.advance(days=1)
    assert _sweep(day) == (0, 1)


def test_a_player_who_comes_back_while_being_swept_stays(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    guest, gone = day.welcome(1000), day.welcome(1000)
    day.clock.advance(days=30)
    close = sweeps.Sweep._close
    came: list[object] = []

    def closing(sweep: sweeps.Sweep, *given: object) -> bool:
        # Found idle, not yet locked.
        if not came:
            came.append(day.engine.player_login(login_code=guest.login_code, pin=guest.pin))
        return close(sweep, *given)  # type: ignore[arg-type] # passed on

    monkeypatch.setattr(sweeps.Sweep, "_close", closing)
    assert _sweep(day) == (0, 1)
    assert (day.record(guest).status, day.record(gone).status) == ("OPEN", "CLOSED")
    assert day.record(guest).balance_minor == 1000
    day.books()


def test_players_who_cannot_be_closed_hold_up_nobody(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 2)
    ill = [day.welcome(1000) for _ in range(2)]
    day.clock.advance(minutes=1)
    well = [day.welcome(1000, desk) for desk in (day.agent, day.sister, day.agent, day.stranger)]
    late = day.sell(100, day.stranger)
    day.clock.advance(days=30)
    close, tried = sweeps.Sweep._close, list[object]()

    def closing(sweep: sweeps.Sweep, binding: Binding, player_id: UUID, at: Moment) -> bool:
        tried.append(player_id)
        if player_id in {guest.player_id for guest in ill}:
            raise ValueError(f"a defect of {player_id}")
        return close(sweep, binding, player_id, at)

    monkeypatch.setattr(sweeps.Sweep, "_close", closing)
    with pytest.raises(ExceptionGroup) as failed:
        day.engine.sweep()
    assert [str(each) for each in failed.value.exceptions] == [f"a defect of {g.player_id}" for g in ill]
    assert [each.__notes__ for each in failed.value.exceptions] == [[f"closing player {g.player_id}"] for g in ill]
    assert [day.record(guest).status for guest in ill + well] == ["OPEN"] * 2 + ["CLOSED"] * 4
    assert sorted(map(str, tried)) == sorted(str(guest.player_id) for guest in ill + well), "each of them once"
    with pytest.raises(VoucherExpired):
        day.redeem(late)
    assert [books.unsealed for books in day.engine.verify_seals(SYSTEM)] == [0, 0, 0]
    ill.pop()
    with pytest.raises(ValueError, match="a defect of"):
        day.engine.sweep()
    ill.pop()
    assert _sweep(day) == (0, 1)
    day.books()


def test_when_nobody_can_be_closed_not_everybody_is_tried(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 2)
    monkeypatch.setattr(sweeps, "MOST_FAILURES", 4)
    for _ in range(9):
        day.welcome(1000)
    day.clock.advance(days=30)

    def closing(*_: object) -> bool:
        raise ValueError("a defect")

    monkeypatch.setattr(sweeps.Sweep, "_close", closing)
    with pytest.raises(ExceptionGroup) as failed:
        day.engine.sweep()
    assert len(failed.value.exceptions) == 4


@pytest.mark.parametrize("step", ["_expire", "_idle", "_roll_up_totals", "_roll_up_buckets"])
def test_a_step_that_fails_holds_up_no_other(day: Day, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    for desk in (day.agent, day.stranger):
        day.welcome(1000, desk)
        day.sell(100, desk)
    day.clock.advance(days=30)

    def failing(_: object, binding: Binding, *_more: object) -> Swept:
        raise ValueError(f"a defect of {binding.operator_id}")

    with monkeypatch.context() as harmed:
        harmed.setattr(sweeps.Sweep, step, failing)
        with pytest.raises(ExceptionGroup) as failed:
            day.engine.sweep()
    operators = day.storage.directory.operators()
    reported = [(str(each), each.__notes__) for each in failed.value.exceptions]
    assert reported == [(f"a defect of {each.operator_id}", [f"in a sweep of {each.slug}"]) for each in operators]
    assert [books.unsealed for books in day.engine.verify_seals(SYSTEM)] == [0, 0, 0]
    done = _sweep(day)
    assert done == {"_expire": (2, 0), "_idle": (0, 2)}.get(step, (0, 0))
    day.books()


def test_a_silent_storage_ends_the_sweep(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []

    def fall_silent(_: sweeps.Sweep, binding: Binding, *__: object) -> None:
        steps.append(binding)
        raise StorageSilent("nobody answers")

    monkeypatch.setattr(sweeps.Sweep, "_expire", fall_silent)
    with pytest.raises(StorageSilent):
        day.engine.sweep()
    assert len(steps) == 1
    assert day.engine.check_health().last_sweep_seconds is None


def test_a_step_of_one_operator_has_a_limit(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = []

    def expire(_: sweeps.Sweep, binding: Binding) -> Swept:
        swept.append(binding.operator_id)
        day.clock.advance(seconds=sweeps.STEP_SECONDS / 2)
        return Swept(vouchers_expired=1)

    monkeypatch.setattr(sweeps.Sweep, "_expire", expire)
    assert day.engine.sweep().vouchers_expired == len(swept)
    assert {swept.count(operator_id) for operator_id in swept} == {3}
    assert len({*swept}) > 1


def test_only_a_whole_sweep_is_noted(day: Day) -> None:
    day.engine.sweep(lambda: True)
    assert day.engine.check_health().last_sweep_seconds is None
    day.engine.sweep()
    day.clock.advance(seconds=12)
    assert day.engine.check_health().last_sweep_seconds == 12
    day.clock.advance(seconds=-60)
    assert day.engine.check_health().last_sweep_seconds == 0


def test_it_is_stopped_between_players_as_well(day: Day) -> None:
    for _ in range(3):
        day.welcome(1000)
    day.clock.advance(days=30)
    day.engine.sweep(lambda: bool(day.events(only=T.PLAYER_CLOSED)))
    assert len(day.events(only=T.PLAYER_CLOSED)) == 1


def test_it_stops_between_batches_and_goes_on_the_next_time(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 2)
    for _ in range(5):
        day.sell(10)
    day.clock.advance(days=30)
    asked = iter([False, True, True, True] + [True] * 50)
    swept = day.engine.sweep(lambda: next(asked))
    # The platform and south have nothing due; the first of the others took one batch at the most.
    assert swept.vouchers_expired in {0, 2}
    assert _sweep(day) == (5 - swept.vouchers_expired, 0)
    assert day.engine.sweep(lambda: True) == Swept()
    assert day.wallet(day.agent) == (75, 0, 0, 0)
    day.books()


def test_every_operator_is_swept_each_for_itself(day: Day) -> None:
    for desk in (day.agent, day.sister, day.stranger):
        day.sell(100, desk)
        day.welcome(1000, desk)
    # Vouchers of a suspended tenant expire, but its players are not idle.
    day.engine.set_tenant_status.suspend(day.owner, day.south.tenant_id)
    day.clock.advance(days=30)
    assert _sweep(day) == (3, 2)
    day.engine.set_tenant_status.resume(day.owner, day.south.tenant_id)
    day.clock.advance(days=30)
    assert _sweep(day) == (0, 1)
    for desk in (day.agent, day.sister, day.stranger):
        assert day.wallet(desk) == (1650, 0, 0, 0)
    assert {event.operator_id for event in day.events(only=T.PLAYER_CLOSED)} == {
        day.north.operator_id,
        day.south.operator_id,
    }
    day.books()


def test_two_sweeps_at_once_do_everything_once(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 3)
    guests = [day.welcome(1000) for _ in range(8)]
    for _ in range(20):
        day.sell(10)
    day.spin(guests[0], 100, LOSE)
    day.clock.advance(days=30)
    done: list[Swept] = []
    start = threading.Barrier(4)

    def sweep() -> None:
        start.wait()
        done.append(day.engine.sweep())

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 4
    assert sum(swept.vouchers_expired for swept in done) == 20
    assert sum(swept.players_closed for swept in done) == 8
    assert len(day.events(only=T.VOUCHER_EXPIRED)) == 20
    assert len(day.events(only=T.PLAYER_CLOSED)) == 8
    assert day.wallet(day.agent)[1:3] == (0, 0)
    assert day.balance(day.agent) == 8 * 1500 + 20 * 15 - 100
    day.books()


def test_the_roll_up_changes_no_total(day: Day) -> None:
    guest = day.welcome(1000)
    day.spin(guest, 10, LOSE, times=5)
    before = day.books()
    day.engine.sweep()
    assert day.books() == before
    day.spin(guest, 10, LOSE)
    assert day.wallet(day.agent)[3] == 60
    assert day.engine.sweep().vouchers_expired == 0
    assert day.wallet(day.agent)[3] == 60
    day.books()


@pytest.mark.parametrize("step", ["_roll_up_totals", "_roll_up_buckets"])
def test_it_ends_though_play_goes_on(day: Day, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    guest = day.welcome(1000)
    roll_up, done = getattr(sweeps.Sweep, step), list[Swept]()

    def while_playing(sweep: sweeps.Sweep, binding: Binding) -> Swept:
        if binding.operator_id == day.north.operator_id:
            assert len(done) < 5
            day.spin(guest, 1, LOSE)
        done.append(roll_up(sweep, binding))
        return done[-1]

    monkeypatch.setattr(sweeps.Sweep, step, while_playing)
    day.engine.sweep()
    assert [books.unsealed for books in day.engine.verify_seals(SYSTEM)] == [0, 0, 0]
    day.books()


@pytest.mark.parametrize(
    ("sizes", "taken"),
    [
        ([10_000, 3_000, 100, 99, 7], 4),
        ([100] * 200, 100),
        ([10_000] * 200, 100),
        ([0, 100], 1),
    ],
    ids=["until little is left", "no longer under much play", "no longer of a backlog", "nothing"],
)
@pytest.mark.parametrize("step", ["_roll_up_totals", "_roll_up_buckets"])
def test_it_rolls_up_until_little_is_left(
    day: Day, monkeypatch: pytest.MonkeyPatch, step: str, sizes: list[int], taken: int
) -> None:
    left = {entry.operator_id: list(sizes) for entry in day.storage.directory.operators()}

    def rolling_up(_: sweeps.Sweep, binding: Binding) -> Swept:
        size = left[binding.operator_id].pop(0)
        return Swept(entries_rolled_up=size) if step == "_roll_up_totals" else Swept(events_rolled_up=size)

    monkeypatch.setattr(sweeps.Sweep, step, rolling_up)
    day.engine.sweep()
    assert [len(sizes) - len(rest) for rest in left.values()] == [taken] * 3


def test_it_rolls_up_all_of_a_busy_tenant(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tenants share the limit of a batch, so a batch that is not full may leave many events."""
    monkeypatch.setattr(sweeps, "ROLL_UP_BATCH", 10)
    busy, quiet = day.welcome(1000), day.welcome(1000, day.sister)
    day.spin(busy, 1, LOSE, times=30)
    day.spin(quiet, 1, LOSE)
    day.engine.sweep()
    binding = day.north.head.binding
    with day.storage.begin(binding) as unit:
        assert unit.roll_up.account_totals(1_000) == 0
    with day.storage.begin(binding) as unit:
        assert unit.roll_up.buckets(1_000) == 0
