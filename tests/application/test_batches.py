"""Batches of vouchers: sold whole or not at all, and printed."""

from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from playtime.application.answers import Answer
from playtime.application.errors import Forbidden, IdempotencyKeyReused, NotFound, OutcomeUnknown
from playtime.application.ports.filters import VoucherFilter
from playtime.contracts.doubles import START
from playtime.domain.errors import InvalidInput
from playtime.domain.ledger.events import EventType
from playtime.domain.ledger.wallet import InsufficientFunds
from playtime.domain.tenancy.tenants import TenantCannotIssue
from playtime.domain.vouchers.vouchers import VoucherRedeemed

from support.day import EVERYTHING, Day, Sold, other_pin, sold_batch
from support.simulation import FaultyStorage, FaultyUnit


def _batch(day: Day, count: int, amount: int = 101, key: str | None = None) -> Answer:
    desk = day.agent
    return day.engine.issue_vouchers(desk.cashier, desk.tenant_id, amount_minor=amount, count=count, action_id=key)


def _batch_id(answer: Answer) -> UUID:
    return UUID(answer.content()["batch"]["batchId"])


def test_a_thousand_vouchers_are_one_batch_with_a_movement_each(day: Day) -> None:
    day.fund(day.agent, 151_000)
    answer = _batch(day, 1_000)
    batch, vouchers = answer.content()["batch"], answer.content()["vouchers"]
    assert (batch["count"], batch["amountMinor"], batch["totalCostMinor"]) == (1_000, 101, 151_000)
    assert [voucher["number"] for voucher in vouchers] == list(range(1, 1_001))
    assert {voucher["batchId"] for voucher in vouchers} == {batch["batchId"]}
    assert len({voucher["code"] for voucher in vouchers}) == 1_000
    assert {(v["amountMinor"], v["bonusAmountMinor"], v["totalCostMinor"]) for v in vouchers} == {(101, 50, 151)}
    assert day.wallet(day.agent) == (0, 151_000, 0, 0)
    events = day.events(only=EventType.VOUCHER_ISSUED)
    assert [event.from_balance_minor for event in events] == [151_000 - 151 * at for at in range(1, 1_001)]
    assert [event.action_id for event in events] == [voucher["voucherId"] for voucher in vouchers]
    assert day.redeem(sold_batch(answer)[999]).code is None
    day.books()


def test_a_batch_is_refused_whole_when_one_coin_is_missing(day: Day) -> None:
    day.fund(day.agent, 1_509)
    with pytest.raises(InsufficientFunds) as refused:
        _batch(day, 10)
    assert refused.value.data() == {"balance_minor": 1_509, "required_minor": 1_510}
    assert day.wallet(day.agent) == (1_509, 0, 0, 0)
    assert day.engine.list_vouchers(day.owner, VoucherFilter(), EVERYTHING) == []
    assert day.events(only=EventType.VOUCHER_ISSUED) == []
    day.fund(day.agent, 1)
    assert _batch(day, 10).code is None
    assert day.balance(day.agent) == 0


def test_a_named_batch_is_answered_again_with_its_pins(day: Day) -> None:
    day.fund(day.agent, 10_000)
    first = _batch(day, 5, key="k")
    again = _batch(day, 5, key="k")
    assert (again.body, again.replayed) == (first.body, True)
    for changed in ((6, 101), (5, 102)):
        with pytest.raises(IdempotencyKeyReused):
            _batch(day, *changed, key="k")
    assert day.wallet(day.agent)[1] == 755
    stored = day.stored(day.agent.cashier.binding, day.agent.cashier.staff_id, "k")
    assert all(voucher.pin.encode() not in stored.body for voucher in sold_batch(first))


@pytest.mark.parametrize("count", [0, -1, 1_001, 10**30, True, "2", 1.5, None], ids=repr)
def test_only_one_to_a_thousand_are_sold(day: Day, count: int) -> None:
    day.fund(day.agent, 10_000)
    with pytest.raises(InvalidInput) as refused:
        _batch(day, count)
    assert refused.value.path == "count"


def test_a_code_that_is_taken_draws_the_whole_batch_again(day: Day) -> None:
    day.fund(day.agent, 10_000)
    day.randomness.script(5, 6, 5, 5, 7, 8, 9)
    first = _batch(day, 2)
    second = _batch(day, 2)  # draws 5 twice, is refused, and draws 7 and 8
    third = _batch(day, 2)
    codes = [voucher.code for answer in (first, second, third) for voucher in sold_batch(answer)]
    assert len(set(codes)) == 6
    assert day.wallet(day.agent)[1] == 906
    day.books()


def test_who_sells_a_batch(day: Day) -> None:
    day.fund(day.agent, 10_000)
    sell, tenant_id = day.engine.issue_vouchers, day.agent.tenant_id
    for who in (day.owner, day.agent.analyst):
        with pytest.raises(Forbidden):
            sell(who, tenant_id, amount_minor=1, count=1)
    for who in (day.sister.head, day.stranger.head):
        with pytest.raises(NotFound):
            sell(who, tenant_id, amount_minor=1, count=1)
    with pytest.raises(TenantCannotIssue):
        sell(day.north.head, day.north.tenant_id, amount_minor=1, count=1)
    assert sell(day.north.cashier, tenant_id, amount_minor=1, count=1).code is None


def test_sheet_shows_open_vouchers_and_a_reprint_says_duplicate(day: Day) -> None:
    day.fund(day.agent, 10_000)
    answer = _batch(day, 4)
    batch: list[Sold] = sold_batch(answer)
    sheet = day.engine.print_sheet(day.agent.cashier, _batch_id(answer))
    assert (sheet.agent_name, sheet.count, sheet.batch_id) == ("North-A", 4, _batch_id(answer))
    assert [(s.number, s.code, s.pin) for s in sheet.slips] == [
        (at, voucher.code, voucher.pin) for at, voucher in enumerate(batch, 1)
    ]
    assert [s.is_duplicate for s in sheet.slips] == [False] * 4
    assert {(s.amount_minor, s.bonus_minor) for s in sheet.slips} == {(101, 50)}
    day.redeem(batch[0])
    day.engine.void_voucher(day.agent.head, batch[1].voucher_id)
    again = day.engine.print_sheet(day.north.head, _batch_id(answer))
    assert [(s.number, s.is_duplicate) for s in again.slips] == [(3, True), (4, True)]
    assert again.count == 4
    rows = day.engine.list_vouchers(day.agent.analyst, VoucherFilter(tenant_id=day.agent.tenant_id))
    assert {row.number: row.prints for row in rows} == {1: 1, 2: 1, 3: 2, 4: 2}


class _CommitsInSilence(FaultyUnit):
    def commit(self) -> None:
        self.inner.commit()
        raise OutcomeUnknown("the line went dead")


def test_a_print_that_was_lost_makes_the_next_one_a_duplicate(day: Day) -> None:
    day.fund(day.agent, 1_000)
    batch_id = _batch_id(_batch(day, 1))
    faulty: Any = FaultyStorage(day.storage, _CommitsInSilence)
    with pytest.raises(OutcomeUnknown):
        evolve(day.engine.print_sheet, storage=faulty)(day.agent.cashier, batch_id)
    (slip,) = day.engine.print_sheet(day.agent.cashier, batch_id).slips
    assert slip.is_duplicate


def test_who_prints_a_sheet(day: Day) -> None:
    day.fund(day.agent, 1_000)
    batch_id = _batch_id(_batch(day, 2))
    for who in (day.owner, day.agent.analyst):
        with pytest.raises(Forbidden):
            day.engine.print_sheet(who, batch_id)
    for who in (day.sister.head, day.stranger.head):
        with pytest.raises(NotFound):
            day.engine.print_sheet(who, batch_id)
    with pytest.raises(NotFound):
        day.engine.print_sheet(day.agent.head, UUID(int=3))
    assert not day.engine.print_sheet(day.agent.head, batch_id).slips[0].is_duplicate


def test_a_voucher_sold_alone_is_a_batch_of_one(day: Day) -> None:
    voucher = day.sell(500)
    (row,) = day.engine.list_vouchers(day.agent.head, VoucherFilter())
    assert (row.number, row.prints) == (1, 0)
    sheet = day.engine.print_sheet(day.agent.head, row.batch_id)
    assert (sheet.count, sheet.slips[0].pin, sheet.slips[0].expires_at) == (1, voucher.pin, row.expires_at)
    assert row.issued_at == START
    day.redeem(voucher)
    with pytest.raises(VoucherRedeemed):
        day.redeem(voucher)
    assert other_pin(voucher.pin) != voucher.pin
    assert day.engine.print_sheet(day.agent.head, row.batch_id).slips == []
