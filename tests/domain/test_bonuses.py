"""The bonus trigger: at or below 1.00 FUN, whole, oldest first, once."""

from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given

from playtime.domain.ledger.wallet import Wallet
from playtime.domain.vouchers.bonuses import (
    TRIGGER_AT_MINOR,
    Bonus,
    BonusAckRequired,
    BonusNotPending,
    BonusStatus,
    BonusTrigger,
    oldest_first,
    require_acknowledged,
    total_minor,
)

from support.models import NOW, balances, bonus_lists, make_bonus

S = BonusStatus


def _settle(balance_minor: int, *bonuses: Bonus) -> tuple[int, list[Bonus]]:
    wallet, paid = BonusTrigger().settle(Wallet(balance_minor), bonuses, NOW)
    return wallet.balance_minor, list(paid)


@pytest.mark.parametrize("balance", [100, 99, 50, 1, 0])
def test_bonus_triggers_at_threshold_and_below(balance: int) -> None:
    left, paid = _settle(balance, make_bonus(5000))
    assert left == balance + 5000
    assert [(bonus.amount_minor, bonus.status, bonus.triggered_at) for bonus in paid] == [(5000, S.TRIGGERED, NOW)]


@pytest.mark.parametrize("balance", [101, 102, 5000, 10**12])
def test_bonus_does_not_trigger_above_threshold(balance: int) -> None:
    assert _settle(balance, make_bonus(5000)) == (balance, [])


def test_threshold_is_100_minor_units() -> None:
    assert TRIGGER_AT_MINOR == 100
    assert BonusTrigger() == BonusTrigger(threshold_minor=100)


@pytest.mark.parametrize("status", [S.TRIGGERED, S.ACKNOWLEDGED, S.RETURNED])
def test_only_a_pending_bonus_is_paid(status: BonusStatus) -> None:
    bonus = make_bonus(500, status=status)
    assert _settle(0, bonus) == (0, [])
    with pytest.raises(BonusNotPending) as refused:
        bonus.trigger(NOW)
    assert refused.value.status == status


def test_bonus_triggers_once() -> None:
    left, paid = _settle(50, make_bonus(10))
    assert left == 60
    assert _settle(left, *paid) == (60, [])


def test_oldest_bonus_is_paid_first() -> None:
    old, young = make_bonus(500, 1), make_bonus(700, 2)
    left, paid = _settle(100, young, old)
    assert left == 600
    assert [bonus.bonus_id for bonus in paid] == [old.bonus_id]


def test_bonuses_of_the_same_time_are_ordered_by_id() -> None:
    one, two, three = (make_bonus(200, number, held_at=NOW) for number in (1, 2, 3))
    assert oldest_first([three, one, two], S.PENDING) == [one, two, three]


def test_age_decides_before_the_id() -> None:
    early = make_bonus(200, 9, held_at=NOW - timedelta(seconds=1))
    late = make_bonus(200, 1, held_at=NOW)
    assert oldest_first([late, early], S.PENDING) == [early, late]


def test_two_bonuses_are_paid_at_50() -> None:
    left, paid = _settle(50, make_bonus(1, 1), make_bonus(5000, 2))
    assert left == 5051
    assert [bonus.amount_minor for bonus in paid] == [1, 5000]


@pytest.mark.parametrize(("first", "paid_count"), [(50, 2), (51, 1)])
def test_payment_stops_above_the_threshold(first: int, paid_count: int) -> None:
    """50 + 50 is 100, which is not above; 50 + 51 is."""
    _, paid = _settle(50, make_bonus(first, 1), make_bonus(7, 2))
    assert len(paid) == paid_count


@given(balances, bonus_lists())
def test_pending_bonus_implies_a_balance_above_the_threshold(balance: int, bonuses: list[Bonus]) -> None:
    left, paid = _settle(balance, *bonuses)
    known = {bonus.bonus_id: bonus for bonus in bonuses} | {bonus.bonus_id: bonus for bonus in paid}
    assert left == balance + sum(bonus.amount_minor for bonus in paid)
    assert left > 100 or total_minor(known.values(), S.PENDING) == 0
    # What was paid is the oldest part of what was pending, and none of it needlessly.
    pending = oldest_first(bonuses, S.PENDING)
    assert [bonus.bonus_id for bonus in paid] == [bonus.bonus_id for bonus in pending[: len(paid)]]
    assert not paid or left - paid[-1].amount_minor <= 100
    assert _settle(left, *known.values()) == (left, [])


def test_only_a_paid_bonus_can_be_acknowledged_and_only_once() -> None:
    paid = make_bonus(5).trigger(NOW)
    seen = paid.acknowledge(NOW + timedelta(seconds=1))
    assert (seen.status, seen.acknowledged_at) == (S.ACKNOWLEDGED, NOW + timedelta(seconds=1))
    for status in (S.PENDING, S.ACKNOWLEDGED, S.RETURNED):
        with pytest.raises(BonusNotPending):
            evolve(paid, status=status).acknowledge(NOW)


def test_play_waits_for_the_acknowledgement_of_what_was_paid() -> None:
    bonuses = [make_bonus(3, 1, status=S.TRIGGERED), make_bonus(4, 2, status=S.TRIGGERED), make_bonus(5, 3)]
    with pytest.raises(BonusAckRequired) as refused:
        require_acknowledged(bonuses)
    assert refused.value.data() == {"bonus_minor": 7}
    require_acknowledged(
        [make_bonus(1), make_bonus(2, 2, status=S.ACKNOWLEDGED), make_bonus(3, 3, status=S.RETURNED)]
    )
    require_acknowledged([])


def test_a_held_bonus_goes_back_to_the_agent_once() -> None:
    returned = make_bonus(5).return_to_agent()
    assert (returned.status, returned.triggered_at, returned.amount_minor) == (S.RETURNED, None, 5)
    for status in (S.TRIGGERED, S.ACKNOWLEDGED, S.RETURNED):
        with pytest.raises(BonusNotPending) as refused:
            make_bonus(5, status=status).return_to_agent()
        assert refused.value.status == status
