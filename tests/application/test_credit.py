"""Funding: issued, moved and returned, by those who may."""

from collections.abc import Callable
from typing import Any

import pytest

from playtime.application.access import StaffPrincipal
from playtime.application.answers import Answer
from playtime.application.errors import Forbidden, NotFound
from playtime.domain.errors import DomainError, InvalidInput
from playtime.domain.ledger.events import Account, AccountKind, EventType
from playtime.domain.ledger.wallet import InsufficientFunds
from playtime.domain.tenancy.tenants import PLATFORM_ID

from support.day import Day, Desk

T, K = EventType, AccountKind


def _give(day: Day, who: StaffPrincipal, desk: Desk, amount: int = 100, **about: Any) -> Answer:
    return day.engine.give_credit(who, desk.tenant_id, amount_minor=amount, **{"memo": "m"} | about)


def _return(day: Day, who: StaffPrincipal, desk: Desk, amount: int = 100, **about: Any) -> Answer:
    return day.engine.return_credit(who, desk.tenant_id, amount_minor=amount, **{"memo": "m"} | about)


def _refused(
    day: Day, give: Callable[..., Answer], who: StaffPrincipal, desk: Desk, kind: type[DomainError], **about: Any
) -> None:
    written = len(day.events())
    with pytest.raises(kind):
        give(day, who, desk, **about)
    assert len(day.events()) == written
    day.books()


def test_issue_move_and_return_go_the_whole_way_and_back(day: Day) -> None:
    issued = _give(day, day.owner, day.north, 1000, memo="spring")
    moved = _give(day, day.north.head, day.agent, 400)
    assert (day.balance(day.north), day.balance(day.agent)) == (600, 400)
    returned = _return(day, day.agent.head, day.agent, 150)
    taken = _return(day, day.north.head, day.agent, 250)
    paid_back = _return(day, day.north.head, day.north, 700)
    rest = _return(day, day.owner, day.north, 300)
    assert (day.balance(day.north), day.balance(day.agent)) == (0, 0)
    kinds = [answer.content()["transfer"]["kind"] for answer in (issued, moved, returned, taken, paid_back, rest)]
    assert kinds == ["CREDIT_ISSUED", "CREDIT_MOVED"] + ["CREDIT_RETURNED"] * 4
    assert [answer.content()["wallet"]["balanceMinor"] for answer in (issued, moved, returned, taken)] == [
        1000,
        400,
        250,
        0,
    ]
    day.books()


def test_the_answer_and_the_event_of_an_issue(day: Day) -> None:
    answer = _give(day, day.owner, day.north, 1000, memo="Frühling")
    (event,) = day.events(only=T.CREDIT_ISSUED)
    assert answer.content() == {
        "ok": True,
        "transfer": {"transferId": str(event.event_id), "kind": "CREDIT_ISSUED", "amountMinor": 1000},
        "wallet": {"balanceMinor": 1000},
    }
    north = day.north.tenant_id
    assert (event.from_account, event.to_account) == (Account(K.ISSUANCE, north), Account(K.TENANT, north))
    assert (event.from_balance_minor, event.to_balance_minor) == (None, 1000)
    assert (event.operator_id, event.tenant_id) == (north, north)
    assert (event.actor_id, event.cashier_id) == (day.owner.staff_id, day.owner.staff_id)
    assert event.meta == {"memo": "Frühling"}


def test_move_belongs_to_the_lower_tenant_and_has_both_balances(day: Day) -> None:
    _give(day, day.owner, day.north, 1000)
    _give(day, day.north.head, day.agent, 400)
    (event,) = day.events(only=T.CREDIT_MOVED)
    assert event.from_account == Account(K.TENANT, day.north.tenant_id)
    assert event.to_account == Account(K.TENANT, day.agent.tenant_id)
    assert (event.from_balance_minor, event.to_balance_minor) == (600, 400)
    assert (event.operator_id, event.tenant_id) == (day.north.tenant_id, day.agent.tenant_id)


def test_a_return_belongs_to_the_tenant_that_gives(day: Day) -> None:
    day.fund(day.agent, 100)
    _return(day, day.agent.head, day.agent, 60)
    _return(day, day.owner, day.north, 60)
    low, high = day.events(only=T.CREDIT_RETURNED)
    assert (low.tenant_id, high.tenant_id) == (day.agent.tenant_id, day.north.tenant_id)
    assert high.to_account == Account(K.ISSUANCE, day.north.tenant_id)
    assert (high.from_balance_minor, high.to_balance_minor) == (0, None)


def test_what_is_not_there_is_not_moved_or_returned(day: Day) -> None:
    day.fund(day.agent, 100)
    for give, who, desk in (
        (_give, day.north.head, day.agent),
        (_return, day.agent.head, day.agent),
        (_return, day.north.head, day.agent),
        (_return, day.north.head, day.north),
        (_return, day.owner, day.north),
    ):
        _refused(day, give, who, desk, InsufficientFunds, amount=101)
    _return(day, day.agent.head, day.agent, 100)
    assert day.balance(day.north) == 100


def test_the_owner_neither_moves_to_an_agent_nor_takes_from_one(day: Day) -> None:
    day.fund(day.agent, 1000)
    _refused(day, _give, day.owner, day.agent, Forbidden)
    _refused(day, _return, day.owner, day.agent, Forbidden)


def test_an_operator_neither_issues_to_itself_nor_to_another(day: Day) -> None:
    _refused(day, _give, day.north.head, day.north, Forbidden)
    _refused(day, _give, day.north.head, day.south, NotFound)


def test_an_agent_gives_nothing_and_returns_only_its_own(day: Day) -> None:
    for desk in (day.north, day.agent, day.sister, day.stranger):
        day.fund(desk, 1000)
    agent = day.agent.head
    for desk in (day.north, day.agent, day.sister, day.stranger):
        _refused(day, _give, agent, desk, Forbidden)
    for desk in (day.north, day.sister, day.stranger, day.south):
        _refused(day, _return, agent, desk, NotFound)
    _return(day, agent, day.agent)


def test_another_operators_tenants_are_not_there(day: Day) -> None:
    day.fund(day.stranger, 1000)
    for desk in (day.south, day.stranger):
        _refused(day, _give, day.north.head, desk, NotFound)
        _refused(day, _return, day.north.head, desk, NotFound)


@pytest.mark.parametrize("people", ["cashier", "analyst"])
def test_cashiers_and_analysts_move_no_credit(day: Day, people: str) -> None:
    for own in (day.north, day.agent):
        who = getattr(own, people)
        for desk in (day.north, day.agent, day.stranger):
            _refused(day, _give, who, desk, Forbidden)
            _refused(day, _return, who, desk, Forbidden)


def test_the_platform_has_no_wallet(day: Day) -> None:
    for use_case in (day.engine.give_credit, day.engine.return_credit):
        with pytest.raises(Forbidden):
            use_case(day.owner, PLATFORM_ID, amount_minor=1, memo="m")
        with pytest.raises((Forbidden, NotFound)):
            use_case(day.north.head, PLATFORM_ID, amount_minor=1, memo="m")


@pytest.mark.parametrize("amount", [0, -1, 1.5, "5", True, 10**12 + 1, 10**30, None], ids=repr)
def test_only_amounts_are_moved(day: Day, amount: int) -> None:
    _refused(day, _give, day.owner, day.north, InvalidInput, amount=amount)
    _refused(day, _return, day.owner, day.north, InvalidInput, amount=amount)


def test_the_largest_amount_can_be_issued_again_and_again(day: Day) -> None:
    for _ in range(3):
        _give(day, day.owner, day.north, 10**12)
    assert day.balance(day.north) == 3 * 10**12
    day.books()


@pytest.mark.parametrize("memo", ["", " ", "\u3000 ", "x" * 201, "a\nb", "a\0b", "\ud800", "\u202e"])
def test_a_memo_is_printable_and_not_empty(day: Day, memo: str) -> None:
    _refused(day, _give, day.owner, day.north, InvalidInput, memo=memo)


def test_longest_memo_is_accepted(day: Day) -> None:
    _give(day, day.owner, day.north, 1, memo="x" * 200)
    assert day.events()[-1].meta == {"memo": "x" * 200}


def test_missing_permission_is_refused_before_all_other_checks(day: Day) -> None:
    with pytest.raises(Forbidden):
        day.engine.give_credit(day.agent.analyst, day.agent.tenant_id, amount_minor=-1, memo="")
