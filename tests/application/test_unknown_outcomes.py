"""A command whose outcome is unknown: the error has the id under which it is carried out only once."""

from collections.abc import Callable
from typing import Any

import pytest

from playtime.application.answers import Answer
from playtime.application.errors import OutcomeUnknown
from playtime.application.ports.bindings import Binding, StoredAnswer
from playtime.application.ports.storage import Record
from playtime.domain.errors import StateRefusal
from playtime.domain.ledger.wallet import InsufficientFunds

from support.day import Day
from support.simulation import FaultyUnit

Send = Callable[[str | None], Answer]


def _issue_credit(day: Day) -> Send:
    tenant_id = day.north.tenant_id
    return lambda key: day.engine.give_credit(day.owner, tenant_id, amount_minor=5, memo="m", action_id=key)


def _move_credit(day: Day) -> Send:
    day.fund(day.north, 1_000)
    who, tenant_id = day.north.head, day.agent.tenant_id
    return lambda key: day.engine.give_credit(who, tenant_id, amount_minor=5, memo="m", action_id=key)


def _return_credit(day: Day) -> Send:
    day.fund(day.agent, 1_000)
    who, tenant_id = day.agent.head, day.agent.tenant_id
    return lambda key: day.engine.return_credit(who, tenant_id, amount_minor=5, memo="m", action_id=key)


def _issue_voucher(day: Day) -> Send:
    day.fund(day.agent, 1_000)
    who, tenant_id = day.agent.cashier, day.agent.tenant_id
    return lambda key: day.engine.issue_voucher(who, tenant_id, amount_minor=300, action_id=key)


def _issue_batch(day: Day) -> Send:
    day.fund(day.agent, 1_000)
    who, tenant_id = day.agent.cashier, day.agent.tenant_id
    return lambda key: day.engine.issue_vouchers(who, tenant_id, amount_minor=100, count=3, action_id=key)


def _void_voucher(day: Day) -> Send:
    voucher_id = day.sell(100).voucher_id
    return lambda key: day.engine.void_voucher(day.agent.cashier, voucher_id, action_id=key)


def _redeem(day: Day) -> Send:
    voucher = day.sell(1_000)
    return lambda key: day.redeem(voucher, key=key)


def _top_up(day: Day) -> Send:
    guest, voucher = day.welcome(1_000), day.sell(100)
    return lambda key: day.redeem(voucher, guest, key)


def _spin(day: Day) -> Send:
    guest = day.welcome(1_000)
    return lambda key: day.spin(guest, 100, key=key)


def _rotate_seed(day: Day) -> Send:
    guest = day.welcome(1_000)
    return lambda key: day.engine.rotate_seed(guest.principal, action_id=key)


def _close_player(day: Day) -> Send:
    guest = day.welcome(1_000)
    return lambda key: day.engine.close_player(day.agent.head, guest.player_id, action_id=key)


every_command = pytest.mark.parametrize(
    "make",
    [
        _issue_credit,
        _move_credit,
        _return_credit,
        _issue_voucher,
        _issue_batch,
        _void_voucher,
        _redeem,
        _top_up,
        _spin,
        _rotate_seed,
        _close_player,
    ],
    ids=lambda make: make.__name__.strip("_"),
)


class LosesCommits(FaultyUnit):
    """A unit that does not commit a command, and does not say so."""

    has_answer = False

    def add(self, *records: Record) -> None:
        self.has_answer = any(isinstance(record, StoredAnswer) for record in records)
        self.inner.add(*records)

    def commit(self) -> None:
        if self.has_answer:
            raise OutcomeUnknown("the line went dead")
        self.inner.commit()


class LosesAnswers(LosesCommits):
    """A unit that commits a command, and does not say so."""

    def commit(self) -> None:
        self.inner.commit()
        if self.has_answer:
            raise OutcomeUnknown("the line went dead")


def _state(day: Day) -> tuple[Any, ...]:
    return (len(day.events()), *(day.wallet(desk) for desk in (day.north, day.agent)))


@every_command
@pytest.mark.parametrize("key", [None, "key-1"])
@pytest.mark.parametrize("unit", [LosesAnswers, LosesCommits])
def test_command_is_carried_out_once_under_the_id_of_the_error(
    day: Day,
    make: Callable[[Day], Send],
    key: str | None,
    unit: type[FaultyUnit],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send, begin, storage = make(day), day.storage.begin, day.storage
    before = _state(day)

    def begin_faulty(binding: Binding) -> Any:  # noqa: ANN401 - a unit of work
        return unit(begin(binding), storage, binding)

    monkeypatch.setattr(storage, "begin", begin_faulty)
    with pytest.raises(OutcomeUnknown) as unknown:
        send(key)
    monkeypatch.undo()
    action_id = unknown.value.action_id
    assert action_id is not None
    assert key in {None, action_id}
    is_done = unit is LosesAnswers
    after = _state(day)
    assert (after != before) is (is_done and make is not _rotate_seed)
    first = send(action_id)
    assert (first.code, first.replayed) == (None, is_done)
    if is_done:
        assert _state(day) == after
    again = send(action_id)
    assert (again.body, again.replayed) == (first.body, True)
    day.books()


def test_refusal_without_a_name_is_raised_and_not_stored(day: Day) -> None:
    """Nobody knows the name that the engine made, so an answer would be stored in vain."""
    who, tenant_id = day.agent.cashier, day.agent.tenant_id
    with pytest.raises(InsufficientFunds) as refused:
        day.engine.issue_voucher(who, tenant_id, amount_minor=300)
    assert isinstance(refused.value, StateRefusal)
    named = day.engine.issue_voucher(who, tenant_id, amount_minor=300, action_id="key-1")
    assert named.code == "INSUFFICIENT_FUNDS"
