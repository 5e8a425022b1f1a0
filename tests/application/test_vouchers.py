"""The desk: issuing, listing and voiding, with every coin followed."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from playtime.application.access import StaffPrincipal
from playtime.application.errors import Forbidden, NotFound
from playtime.application.ports.filters import Page, VoucherFilter
from playtime.contracts.doubles import START
from playtime.domain.errors import InvalidInput
from playtime.domain.ledger.events import Account, AccountKind, EventType
from playtime.domain.ledger.wallet import InsufficientFunds
from playtime.domain.tenancy.tenants import TenantCannotIssue
from playtime.domain.vouchers.vouchers import MAX_VOUCHER_MINOR, VoucherRedeemed, VoucherVoided

from support.day import EVERYTHING, Day, Desk, sold

T, K = EventType, AccountKind


def _of(desk: Desk) -> VoucherFilter:
    return VoucherFilter(tenant_id=desk.tenant_id)


def _issue(day: Day, desk: Desk, amount: int, who: StaffPrincipal | None = None) -> dict[str, Any]:
    answer = day.engine.issue_voucher(who or desk.cashier, desk.tenant_id, amount_minor=amount)
    voucher: dict[str, Any] = answer.content()["voucher"]
    return voucher


def _void(day: Day, voucher_id: UUID, who: StaffPrincipal) -> dict[str, Any]:
    voucher: dict[str, Any] = day.engine.void_voucher(who, voucher_id).content()["voucher"]
    return voucher


def test_a_voucher_is_paid_up_front_with_its_bonus(day: Day) -> None:
    day.fund(day.agent, 10_000)
    voucher = _issue(day, day.agent, 1001)
    assert list(voucher) == [
        "voucherId",
        "code",
        "pin",
        "amountMinor",
        "bonusAmountMinor",
        "totalCostMinor",
        "expiresAt",
        "batchId",
        "number",
    ]
    assert (voucher["amountMinor"], voucher["bonusAmountMinor"], voucher["totalCostMinor"]) == (1001, 500, 1501)
    assert voucher["expiresAt"] == "2026-03-31T12:00:00.250Z"
    assert voucher["code"][:4] == day.agent.code_symbols
    assert day.wallet(day.agent) == (8499, 1501, 0, 0)
    (event,) = day.events(only=T.VOUCHER_ISSUED)
    agent = day.agent.tenant_id
    assert (event.from_account, event.to_account) == (Account(K.TENANT, agent), Account(K.VOUCHER_POOL, agent))
    assert (event.amount_minor, event.from_balance_minor, event.to_balance_minor) == (1501, 8499, None)
    assert (event.agent_id, event.cashier_id) == (agent, day.agent.cashier.staff_id)
    assert (event.actor_id, event.action_id) == (agent, voucher["voucherId"])
    day.books()


@pytest.mark.parametrize(("credit", "amount"), [(0, 1), (1500, 1001), (2, 2), (149, 100)])
def test_voucher_is_refused_whole_without_amount_plus_bonus(day: Day, credit: int, amount: int) -> None:
    if credit:
        day.fund(day.agent, credit)
    with pytest.raises(InsufficientFunds) as refused:
        _issue(day, day.agent, amount)
    assert refused.value.data() == {"balance_minor": credit, "required_minor": amount + amount // 2}
    assert day.wallet(day.agent) == (credit, 0, 0, 0)
    assert day.engine.list_vouchers(day.agent.head, _of(day.agent)) == []


def test_the_last_coin_can_be_issued(day: Day) -> None:
    day.fund(day.agent, 150)
    _issue(day, day.agent, 100)
    assert day.wallet(day.agent) == (0, 150, 0, 0)


def test_the_largest_voucher_can_be_issued_and_no_larger(day: Day) -> None:
    day.fund(day.agent, 10**12)
    with pytest.raises(InvalidInput) as refused:
        _issue(day, day.agent, MAX_VOUCHER_MINOR + 1)
    assert refused.value.path == "amount_minor"
    voucher = _issue(day, day.agent, MAX_VOUCHER_MINOR)
    assert voucher["totalCostMinor"] == 10**12
    guest = day.guest(day.engine.redeem_voucher(code=voucher["code"], pin=voucher["pin"]))
    assert day.state(guest).balance_minor == MAX_VOUCHER_MINOR
    day.books()


@pytest.mark.parametrize("amount", [0, -1, 1.5, "5", True, 10**30, None], ids=repr)
def test_only_amounts_are_issued(day: Day, amount: int) -> None:
    day.fund(day.agent, 1000)
    with pytest.raises(InvalidInput) as refused:
        _issue(day, day.agent, amount)
    assert refused.value.path == "amount_minor"


def test_only_an_agent_issues(day: Day) -> None:
    day.fund(day.north, 1000)
    with pytest.raises(TenantCannotIssue):
        _issue(day, day.north, 100, day.north.head)
    assert day.balance(day.north) == 1000


def test_who_may_issue_and_void_for_an_agent(day: Day) -> None:
    day.fund(day.agent, 10_000)
    may = [day.agent.head, day.agent.cashier, day.north.head, day.north.cashier]
    may_not = [day.owner, day.agent.analyst, day.north.analyst]
    cannot_see = [day.sister.head, day.sister.cashier, day.south.head, day.stranger.head]
    for who in may:
        voucher = _issue(day, day.agent, 10, who)
        for other, refusal in (
            *((other, Forbidden) for other in may_not),
            *((other, NotFound) for other in cannot_see),
        ):
            with pytest.raises(refusal):
                _void(day, UUID(voucher["voucherId"]), other)
        assert _void(day, UUID(voucher["voucherId"]), who)["status"] == "VOIDED"
    for who in may_not:
        with pytest.raises(Forbidden):
            _issue(day, day.agent, 10, who)
    for who in cannot_see:
        with pytest.raises(NotFound):
            _issue(day, day.agent, 10, who)
    assert day.wallet(day.agent) == (10_000, 0, 0, 0)
    issuers = [event.cashier_id for event in day.events(only=T.VOUCHER_ISSUED)]
    voiders = [event.cashier_id for event in day.events(only=T.VOUCHER_VOIDED)]
    assert issuers == voiders == [who.staff_id for who in may]
    day.books()


def test_voiding_returns_both_parts_to_the_agent(day: Day) -> None:
    day.fund(day.agent, 10_000)
    voucher = _issue(day, day.agent, 1001)
    day.clock.advance(days=1)
    shown = _void(day, UUID(voucher["voucherId"]), day.agent.head)
    assert (shown["status"], shown["closedAt"], shown["playerId"]) == ("VOIDED", "2026-03-02T12:00:00.250Z", None)
    assert "pin" not in shown
    assert day.wallet(day.agent) == (10_000, 0, 0, 0)
    (event,) = day.events(only=T.VOUCHER_VOIDED)
    agent = day.agent.tenant_id
    assert (event.from_account, event.to_account) == (Account(K.VOUCHER_POOL, agent), Account(K.TENANT, agent))
    assert (event.amount_minor, event.from_balance_minor, event.to_balance_minor) == (1501, None, 10_000)
    assert event.cashier_id == day.agent.head.staff_id
    day.books()


def test_a_voucher_is_voided_once_and_not_after_it_was_redeemed(day: Day) -> None:
    voucher, redeemed = day.sell(10), day.sell(1000)
    day.redeem(redeemed)
    _void(day, voucher.voucher_id, day.agent.head)
    before = day.wallet(day.agent)
    with pytest.raises(VoucherVoided):
        _void(day, voucher.voucher_id, day.agent.head)
    with pytest.raises(VoucherRedeemed):
        _void(day, redeemed.voucher_id, day.agent.head)
    assert day.wallet(day.agent) == before
    day.books()


def test_an_overdue_voucher_can_be_voided(day: Day) -> None:
    voucher = day.sell(100)
    day.clock.set(START + timedelta(days=31))
    assert _void(day, voucher.voucher_id, day.agent.head)["status"] == "VOIDED"
    assert day.wallet(day.agent) == (150, 0, 0, 0)


def test_what_is_not_there_is_not_voided(day: Day) -> None:
    with pytest.raises(NotFound):
        _void(day, UUID(int=5), day.agent.head)


def test_a_list_is_newest_first_in_pages_and_never_shows_a_pin(day: Day) -> None:
    day.fund(day.agent, 10_000)
    ids = [_issue(day, day.agent, amount)["voucherId"] for amount in range(1, 8)]
    seen: list[str] = []
    page = Page(limit=3)
    while rows := day.engine.list_vouchers(day.agent.analyst, _of(day.agent), page):
        assert len(rows) <= 3
        seen += [str(row.voucher_id) for row in rows]
        page = Page(limit=3, before=rows[-1].voucher_id)
    assert seen == ids[::-1]
    assert not hasattr(day.engine.list_vouchers(day.agent.head, _of(day.agent))[0], "pin")


def test_everybody_lists_what_they_may_see(day: Day) -> None:
    mine, other, far = day.sell(1), day.sell(2, day.sister), day.sell(3, day.stranger)
    for desk, voucher in ((day.agent, mine), (day.sister, other), (day.stranger, far)):
        for who in (desk.head, desk.cashier, desk.analyst, day.owner):
            rows = day.engine.list_vouchers(who, _of(desk), EVERYTHING)
            assert [row.voucher_id for row in rows] == [voucher.voucher_id]
    for who, desk in (
        (day.agent.head, day.sister),
        (day.agent.head, day.stranger),
        (day.agent.head, day.north),
        (day.north.head, day.stranger),
        (day.south.head, day.agent),
    ):
        with pytest.raises(NotFound):
            day.engine.list_vouchers(who, _of(desk))
    assert [row.voucher_id for row in day.engine.list_vouchers(day.north.head, _of(day.sister))] == [
        other.voucher_id
    ]


def test_a_row_tells_what_became_of_a_voucher(day: Day) -> None:
    voucher = day.sell(1000)
    guest = day.guest(day.redeem(voucher))
    (row,) = day.engine.list_vouchers(day.agent.head, _of(day.agent))
    assert (row.code, row.status, row.player_id) == (voucher.code, "REDEEMED", guest.player_id)
    assert (row.amount_minor, row.bonus_amount_minor, row.total_cost_minor) == (1000, 500, 1500)
    assert (row.issued_by, row.issued_at, row.closed_at) == (day.agent.cashier.staff_id, START, START)


def test_a_code_that_is_taken_is_drawn_again(day: Day) -> None:
    day.fund(day.agent, 1000)
    day.randomness.script(5, 5, 6)
    first, second = (
        sold(day.engine.issue_voucher(day.agent.head, day.agent.tenant_id, amount_minor=1)) for _ in range(2)
    )
    assert first.code != second.code
    assert day.wallet(day.agent) == (998, 2, 0, 0)
    day.books()
