"""Five thousand commands on memory and on PostgreSQL, and on each of them with and without a neighbour."""

import hashlib
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any, Final

import pytest

from playtime.adapters.simulation.books import check_books, check_history
from playtime.application.access import SYSTEM, StaffPrincipal
from playtime.application.ports.filters import LedgerFilter, Page, PlayerFilter, VoucherFilter

from support.day import Day, Desk, build_day
from support.dumps import dump
from support.modelled_day import ModelledDay, build_modelled_day, said
from support.storages import STORAGES, open_empty

COMMANDS: Final = 5_000
OWN_COMMANDS: Final = 400

pytestmark = pytest.mark.timeout(15 * 60)
"""Each test takes up to a minute of processor time. The limit is for what hangs, not for a busy machine."""


def _draw(random: Random) -> Callable[[ModelledDay], None]:
    """Draw a command that can be sent in more than one world."""
    at, named, right = random.randrange(40), random.random() < 0.8, random.random() < 0.93
    amount = random.choice((1, 2, 99, 100, 101, 300, 1000, 5000))
    ticket, leave = random.randrange(10_000), random.random() < 0.1
    newest, who = -1 - at % 6, -1 - at % 7

    def sweep(world: ModelledDay) -> None:
        world.wait(at * 60 * 5)
        world.sweep()

    def spin(world: ModelledDay) -> None:
        if right:
            world.check_reality(who)
        world.spin(who, amount // 3, ticket, leave=leave, named=named)

    weighted: list[tuple[int, Callable[[ModelledDay], None]]] = [
        (6, lambda world: world.give(at, amount, named=named)),
        (2, lambda world: world.give_back(at, amount, own=right, named=named)),
        (6, lambda world: world.sell(at, amount, named=named)),
        (2, lambda world: world.sell_batch(at, amount, 1 + at % 5, named=named)),
        (3, lambda world: world.void(at, named=named)),
        (10, lambda world: world.redeem(newest, right=right, named=named)),
        (10, lambda world: world.top_up(newest, who, right=right, named=named)),
        (30, spin),
        (12, lambda world: world.acknowledge(who)),
        (6, lambda world: world.login(who, right=right)),
        (2, lambda world: world.logout(who)),
        (3, lambda world: world.refresh(who, again=not right)),
        (1, lambda world: world.close(who, named=named)),
        (1, lambda world: world.suspend(at, back=right)),
        (1, sweep),
        (8, lambda world: world.again(newest, changed=not right)),
    ]
    (_, command) = random.choices(weighted, [weight for weight, _ in weighted])[0]
    return command


def test_memory_and_postgres_agree_after_the_same_5_000_commands() -> None:
    worlds = [build_modelled_day(open_empty(name)) for name in STORAGES]
    random = Random(5_000)
    for number in range(COMMANDS):
        command = _draw(random)
        for world in worlds:
            command(world)
        if number % 250 == 0:
            for world in worlds:
                check_books(world.day.storage, world.model)
    memory, postgres = (dump(world) for world in worlds)
    assert sum(len(rounds) for rounds in memory["rounds"]) > COMMANDS / 20
    for name, content in memory.items():
        assert postgres[name] == content, name
    for world in worlds:
        check_history(world.day.storage, world.model, world.day.engine)
        world.day.storage.close()


class Own:
    """The staff and players of one operator, with a record of everything that they see."""

    def __init__(self, day: Day, operator: Desk, desks: list[Desk], seed: int) -> None:
        self.day, self.operator, self.desks = day, operator, desks
        self.random = Random(seed)
        self.sold: list[Any] = []
        self.guests: list[Any] = []
        self.seen = hashlib.sha256()
        self.count = 0

    def observe(self, call: Callable[[], object]) -> Any:  # noqa: ANN401 - what the call gives
        """Call, and write down what was seen, to the byte."""
        result, refused = said(call)
        body = getattr(result, "body", None)
        self.seen.update(repr((body or result, refused)).encode())
        return result

    def work(self) -> None:
        """Do one thing, and look at a list."""
        self.count += 1
        day, random, desk = self.day, self.random, self.random.choice(self.desks)
        key, amount = f"key {self.count}", random.choice((2, 100, 301, 1000))
        what = random.randrange(8)
        if what == 0:
            give = day.engine.give_credit
            self.observe(lambda: give(day.owner, desk.operator_id, amount_minor=9_000, memo="m", action_id=key))
            self.observe(
                lambda: give(self.operator.head, desk.tenant_id, amount_minor=8_000, memo="m", action_id=key)
            )
        elif what == 1:
            issue = day.engine.issue_vouchers
            answer = self.observe(
                lambda: issue(desk.cashier, desk.tenant_id, amount_minor=amount, count=2, action_id=key)
            )
            if answer is not None and answer.code is None:
                self.sold += answer.content()["vouchers"]
        elif what in {2, 3} and self.sold:
            voucher = self.sold.pop(random.randrange(len(self.sold)))
            redeem = day.engine.redeem_voucher
            answer = self.observe(lambda: redeem(code=voucher["code"], pin=voucher["pin"], action_id=key))
            if answer is not None and answer.code is None:
                self.guests.append(day.guest(answer))
        elif self.guests:
            guest = random.choice(self.guests)
            if what == 4:
                self.observe(lambda: day.engine.close_player(self.operator.head, guest.player_id, action_id=key))
            else:
                self.observe(lambda: day.acknowledge(guest))
                day.randomness.script(random.randrange(10_000))
                spin = day.engine.spin
                self.observe(
                    lambda: spin(guest.principal, stake_minor=amount, game_key="demo-wheel", action_id=key)
                )
                day.randomness.script()
        self.look(random.choice([self.operator.head, desk.head, desk.analyst]), desk)

    def look(self, who: StaffPrincipal, desk: Desk) -> None:
        """Look at everything that can be listed."""
        engine, page = self.day.engine, Page(limit=7)
        self.observe(lambda: engine.list_ledger(who, LedgerFilter(), page))
        self.observe(lambda: engine.list_vouchers(who, VoucherFilter(), page))
        self.observe(lambda: engine.list_players(who, PlayerFilter(), page))
        self.observe(lambda: engine.list_tenants(who, page))
        self.observe(lambda: engine.list_staff(who, None, page))
        self.observe(lambda: engine.read_wallet(who, desk.tenant_id))
        self.observe(lambda: engine.verify_ledger(SYSTEM, self.operator.operator_id))


@cache
def _observed(name: str, *, with_neighbour: bool) -> str:
    """Return all observations of north. Its ids and codes do not depend on requests of others in between."""
    storage = open_empty(name)
    day = build_day(storage)
    north = Own(day, day.north, [day.agent, day.sister], 1)
    south = Own(day, day.south, [day.stranger], 2)
    ids, draws = day.engine.spin.ids, day.randomness
    order = Random(3)
    for _ in range(OWN_COMMANDS):
        north.work()
        if with_neighbour:
            # What the engine is made of is set back: the neighbour must be seen in nothing else.
            saved = (ids._count, draws._rest._random.getstate(), day.clock.now())  # type: ignore[attr-defined] # inner state
            for _ in range(order.randrange(3)):
                south.work()
            day.clock.advance(days=order.choice((0, 0, 0, 3)))
            day.engine.set_tenant_status.suspend(day.owner, day.south.tenant_id)
            day.engine.set_tenant_status.resume(day.owner, day.south.tenant_id)
            ids._count = saved[0]  # type: ignore[attr-defined] # inner state
            draws._rest._random.setstate(saved[1])
            day.clock.set(saved[2])
        day.clock.advance(seconds=1)
    assert len(north.guests) > 20
    storage.close()
    return north.seen.hexdigest()


@pytest.mark.parametrize("name", STORAGES)
def test_an_operators_actions_never_change_anothers_observations(name: str) -> None:
    assert _observed(name, with_neighbour=True) == _observed(name, with_neighbour=False)


def test_both_storages_show_an_operator_the_same() -> None:
    assert len({_observed(name, with_neighbour=True) for name in STORAGES}) == 1
