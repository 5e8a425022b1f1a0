"""Any order of commands keeps the invariants, and both storages end in the same state."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from playtime.adapters.simulation.books import check_books, check_history
from playtime.application.ports.storage import Storage

from support.dumps import dump
from support.modelled_day import Above, ModelledDay, build_modelled_day
from support.storages import open_empty

which = st.integers(0, 5)
sums = st.one_of(st.integers(1, 400), st.sampled_from([1, 2, 3, 99, 100, 101, 200, 5000]), st.integers(1, 20_000))
stakes = st.one_of(st.integers(0, 300), st.sampled_from([0, 1, 50, 99, 100, 101]), st.integers(1, 150_000))
draws = st.one_of(st.just(0), st.integers(0, 9999), st.sampled_from([5894, 5895, 7945, 9445, 9999]))
mostly = st.sampled_from([True, True, True, False])
nearly = st.sampled_from([True] * 11 + [False])
limits = st.one_of(st.integers(-2, 300), st.sampled_from([0, 1, 100, 10**12, 10**12 + 1]), st.integers(0, 5000))
waits = st.sampled_from([1, 4, 5, 29, 30, 60, 24 * 60 - 1, 24 * 60, 31 * 24 * 60])


class Machine(RuleBasedStateMachine):
    """Every rule is a command; it is sent in each of the worlds, which have the same seeds."""

    def __init__(self, *storages: Storage, counted: list[int]) -> None:
        super().__init__()
        self.worlds = [build_modelled_day(storage) for storage in storages]
        self.counted = counted
        counted.append(0)
        # Something to begin with, so that few steps are spent on being poor or alone.
        for at in (0, 0, 1, 2, 3, 4):
            self.each(ModelledDay.give, at, 5000, named=False)
        for at, amount in enumerate((120, 1000, 102, 301, 2, 3000)):
            self.each(ModelledDay.sell, at, amount, named=True)
        for at in range(4):
            self.each(ModelledDay.redeem, at, right=True, named=True)
        counted[-1] = 0

    def each(self, command: Callable[..., None], *args: Any, **about: Any) -> None:
        """Send a command in each world."""
        self.counted[-1] += 1
        for world in self.worlds:
            command(world, *args, **about)

    @rule(at=which, amount=sums, named=mostly)
    def give(self, at: int, amount: int, *, named: bool) -> None:
        self.each(ModelledDay.give, at, amount, named=named)

    @rule(at=which, amount=sums, own=st.booleans(), named=mostly)
    def give_back(self, at: int, amount: int, *, own: bool, named: bool) -> None:
        self.each(ModelledDay.give_back, at, amount, own=own, named=named)

    @rule(at=which, amount=sums, named=mostly)
    def sell(self, at: int, amount: int, *, named: bool) -> None:
        self.each(ModelledDay.sell, at, amount, named=named)

    @rule(at=st.integers(0, 30), named=mostly)
    def void(self, at: int, *, named: bool) -> None:
        self.each(ModelledDay.void, at, named=named)

    @rule(at=st.integers(0, 30), right=nearly, named=mostly)
    def redeem(self, at: int, *, right: bool, named: bool) -> None:
        self.each(ModelledDay.redeem, at, right=right, named=named)

    @rule(at=st.integers(0, 30), who=which, right=nearly, named=mostly)
    def top_up(self, at: int, who: int, *, right: bool, named: bool) -> None:
        self.each(ModelledDay.top_up, at, who, right=right, named=named)

    @rule(who=which, stake=stakes, ticket=draws, leave=st.booleans(), named=mostly)
    def spin(self, who: int, stake: int, ticket: int, *, leave: bool, named: bool) -> None:
        self.each(ModelledDay.spin, who, stake, ticket, leave=leave, named=named)

    @rule(who=which, stake=stakes, ticket=draws, leave=st.booleans())
    def play_on(self, who: int, stake: int, ticket: int, *, leave: bool) -> None:
        self.each(ModelledDay.acknowledge, who)
        self.each(ModelledDay.check_reality, who)
        self.each(ModelledDay.spin, who, stake, ticket, leave=leave, named=True)

    @rule(who=which)
    def acknowledge(self, who: int) -> None:
        self.each(ModelledDay.acknowledge, who)

    @rule(who=which)
    def check_reality(self, who: int) -> None:
        self.each(ModelledDay.check_reality, who)

    @rule(who=which, right=nearly)
    def login(self, who: int, *, right: bool) -> None:
        self.each(ModelledDay.login, who, right=right)

    @rule(who=which)
    def login_often(self, who: int) -> None:
        """Log in with the right PIN more often than wrong attempts would be looked at."""
        for _ in range(6):
            self.each(ModelledDay.login, who, right=True)

    @rule(who=which, left=st.sampled_from([0, 1, 50, 99, 100, 101]))
    def play_down(self, who: int, left: int) -> None:
        self.each(ModelledDay.acknowledge, who)
        self.each(ModelledDay.check_reality, who)
        self.each(ModelledDay.spin, who, left, 0, leave=True, named=True)

    @rule(who=which, amount=limits, above=st.sampled_from(Above))
    def limit(self, who: int, amount: int, above: Above) -> None:
        self.each(ModelledDay.limit_loss, who, amount, above)

    @rule(who=which, room=st.integers(0, 300), seldom=st.integers(0, 5))
    def limit_week(self, who: int, room: int, *, seldom: int) -> None:
        """Limit the loss of seven days, and stake one more. Seldom: such a player plays nothing for days."""
        if seldom:
            return
        self.each(ModelledDay.acknowledge, who)
        self.each(ModelledDay.check_reality, who)
        self.each(ModelledDay.limit_week, who, room)
        self.each(ModelledDay.spin, who, room + 1, 0, leave=False, named=True)

    @rule(who=which, room=st.integers(0, 300), ticket=draws, past=st.booleans())
    def play_to_limit(self, who: int, room: int, ticket: int, *, past: bool) -> None:
        """Stake the rest of a limit, or one more; try to raise it, and play on."""
        self.each(ModelledDay.acknowledge, who)
        self.each(ModelledDay.check_reality, who)
        self.each(ModelledDay.limit_loss, who, room, Above.LOST)
        self.each(ModelledDay.play_to_limit, who, ticket, past=past)
        self.each(ModelledDay.limit_loss, who, 1, Above.LIMIT)
        self.each(ModelledDay.acknowledge, who)
        self.each(ModelledDay.spin, who, 1, ticket, leave=False, named=True)

    @rule(at=which, amount=sums, count=st.integers(1, 4), named=mostly)
    def sell_batch(self, at: int, amount: int, count: int, *, named: bool) -> None:
        self.each(ModelledDay.sell_batch, at, amount, count, named=named)

    @rule(who=which)
    def logout(self, who: int) -> None:
        self.each(ModelledDay.logout, who)

    @rule(who=which, again=st.booleans())
    def refresh(self, who: int, *, again: bool) -> None:
        self.each(ModelledDay.refresh, who, again=again)

    @rule(who=which, named=mostly)
    def close(self, who: int, *, named: bool) -> None:
        self.each(ModelledDay.close, who, named=named)

    @rule(days=st.sampled_from([0, 0, 0, 29, 30]))
    def sweep(self, days: int) -> None:
        self.each(ModelledDay.wait, days * 24 * 60)
        self.each(ModelledDay.sweep)

    @rule(at=which, back=mostly)
    def suspend(self, at: int, *, back: bool) -> None:
        self.each(ModelledDay.suspend, at, back=back)

    @rule(at=which, amount=sums, who=which)
    def sell_and_top_up(self, at: int, amount: int, who: int) -> None:
        self.each(ModelledDay.sell, at, amount, named=True)
        self.each(ModelledDay.top_up, -1, who, right=True, named=True)

    @rule(at=which, amount=sums)
    def sell_and_redeem(self, at: int, amount: int) -> None:
        self.each(ModelledDay.sell, at, amount, named=True)
        self.each(ModelledDay.redeem, -1, right=True, named=True)

    @rule(at=which, locks=st.integers(1, 3), in_person=st.booleans(), early=st.booleans())
    def lock_out(self, at: int, locks: int, *, in_person: bool, early: bool) -> None:
        """Send wrong PINs until the lock, wait for its end or nearly so, repeat; then send the right PIN."""
        for _ in range(locks):
            for _ in range(5):
                if in_person:
                    self.each(ModelledDay.login, at, right=False)
                else:
                    self.each(ModelledDay.redeem, at, right=False, named=True)
            self.each(ModelledDay.wait_for_edge, 0, early=early)
        if in_person:
            self.each(ModelledDay.login, at, right=True)
        else:
            self.each(ModelledDay.redeem, at, right=True, named=True)

    @rule(at=which, early=st.booleans())
    def wait_for_edge(self, at: int, *, early: bool) -> None:
        self.each(ModelledDay.wait_for_edge, at, early=early)

    @rule(minutes=waits)
    def wait(self, minutes: int) -> None:
        self.each(ModelledDay.wait, minutes)

    @rule(at=st.integers(0, 100), changed=st.booleans())
    def again(self, at: int, *, changed: bool) -> None:
        self.each(ModelledDay.again, at, changed=changed)

    @invariant()
    def holds(self) -> None:
        for world in self.worlds:
            check_books(world.day.storage, world.model)

    def teardown(self) -> None:
        """Check that all storages give equal answers, and that the sessions agree with the ledger."""
        if len(self.worlds) > 1:
            first, *others = [dump(world) for world in self.worlds]
            for other in others:
                for name, content in first.items():
                    assert other[name] == content, name
        for world in self.worlds:
            check_history(world.day.storage, world.model, world.day.engine)
            world.day.storage.close()


MINUTES: Final = 20
"""The limit of a test that computes for two minutes: for what hangs, not for a busy machine."""


def _run(storages: tuple[str, ...], *, examples: int, steps: int, fresh: bool = False) -> None:
    """Run the machine and check the number of commands. With `fresh` each run tries other orders."""
    counted: list[int] = []
    run_state_machine_as_test(
        lambda: Machine(*map(open_empty, storages), counted=counted),  # type: ignore[arg-type] # made by a call
        settings=settings(max_examples=examples, stateful_step_count=steps, derandomize=not fresh),
    )
    assert len(counted) >= examples
    assert sum(counted) >= examples * steps


@pytest.mark.timeout(MINUTES * 60)
def test_any_order_of_commands_keeps_the_invariants() -> None:
    _run(("memory",), examples=500, steps=50)


@pytest.mark.timeout(MINUTES * 60)
def test_postgres_keeps_them_too_and_ends_in_the_state_of_memory() -> None:
    _run(("memory", "postgres"), examples=40, steps=40)


@pytest.mark.slow
@pytest.mark.timeout(MINUTES * 60)
def test_orders_that_were_never_tried_before_keep_the_invariants() -> None:
    _run(("memory", "postgres"), examples=60, steps=60, fresh=True)
