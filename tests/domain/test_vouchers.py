"""Vouchers: the bonus, the life of one, and where it ends."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.errors import InvalidInput
from playtime.domain.money import MAX_AMOUNT_MINOR
from playtime.domain.vouchers.vouchers import (
    MAX_VOUCHER_MINOR,
    VOUCHER_TTL_DAYS,
    Voucher,
    VoucherExpired,
    VoucherNotDue,
    VoucherNotOpen,
    VoucherRedeemed,
    VoucherStatus,
    VoucherVoided,
    bonus_for,
)

from support.models import NOW, PLAYER, make_voucher

S = VoucherStatus
REFUSALS: dict[VoucherStatus, type[VoucherNotOpen]] = {
    S.REDEEMED: VoucherRedeemed,
    S.VOIDED: VoucherVoided,
    S.EXPIRED: VoucherExpired,
}


def _redeem(voucher: Voucher, now: datetime) -> Voucher:
    return voucher.redeem(PLAYER, now)


def _void(voucher: Voucher, now: datetime) -> Voucher:
    return voucher.void(now)


def _expire(voucher: Voucher, now: datetime) -> Voucher:
    return voucher.expire(now)


@pytest.mark.parametrize(
    ("amount", "bonus"),
    [(1, 0), (2, 1), (3, 1), (4, 2), (99, 49), (100, 50), (101, 50), (12_345, 6_172)],
)
def test_the_bonus_is_half_rounded_down(amount: int, bonus: int) -> None:
    assert bonus_for(amount) == bonus
    voucher = make_voucher(amount)
    assert (voucher.amount_minor, voucher.bonus_minor, voucher.total_minor) == (amount, bonus, amount + bonus)


@given(st.integers(1, MAX_VOUCHER_MINOR))
def test_amount_and_bonus_are_one_amount(amount: int) -> None:
    voucher = make_voucher(amount)
    assert voucher.amount_minor - 2 * voucher.bonus_minor in {0, 1}
    assert voucher.total_minor <= MAX_AMOUNT_MINOR


def test_largest_voucher_is_the_largest_accepted_amount() -> None:
    assert make_voucher(MAX_VOUCHER_MINOR).amount_minor == MAX_VOUCHER_MINOR
    with pytest.raises(InvalidInput):
        make_voucher(MAX_VOUCHER_MINOR + 1)


@pytest.mark.parametrize("amount", [0, -1, 1.0, True, "1", None, 10**12 + 1], ids=repr)
def test_voucher_needs_a_valid_amount(amount: int) -> None:
    with pytest.raises(InvalidInput):
        make_voucher(amount)


def test_a_new_voucher_is_open_for_thirty_days() -> None:
    voucher = make_voucher()
    assert VOUCHER_TTL_DAYS == 30
    assert voucher.status is S.ISSUED
    assert voucher.expires_at == NOW + timedelta(days=30)
    assert (voucher.closed_at, voucher.player_id) == (None, None)


def test_voucher_is_redeemable_until_its_expiry() -> None:
    voucher = make_voucher()
    last = voucher.expires_at - timedelta(microseconds=1)
    assert voucher.redeem(PLAYER, last).status is S.REDEEMED
    for late in (voucher.expires_at, voucher.expires_at + timedelta(days=1)):
        with pytest.raises(VoucherExpired) as refused:
            voucher.redeem(PLAYER, late)
        assert refused.value.data() == {"voucher_id": voucher.voucher_id, "status": "EXPIRED"}


def test_redeeming_names_the_player_and_the_moment() -> None:
    redeemed = make_voucher().redeem(PLAYER, NOW)
    assert (redeemed.status, redeemed.player_id, redeemed.closed_at) == (S.REDEEMED, PLAYER, NOW)


def test_voiding_names_the_moment_and_nobody() -> None:
    voided = make_voucher().void(NOW)
    assert (voided.status, voided.player_id, voided.closed_at) == (S.VOIDED, None, NOW)


def test_overdue_voucher_can_be_voided_before_the_sweep() -> None:
    voucher = make_voucher()
    assert voucher.void(voucher.expires_at + timedelta(days=1)).status is S.VOIDED


@pytest.mark.parametrize("act", [_redeem, _void, _expire])
@pytest.mark.parametrize("status", sorted(REFUSALS))
def test_a_closed_voucher_stays_as_it_is(
    status: VoucherStatus, act: Callable[[Voucher, datetime], Voucher]
) -> None:
    closed = evolve(make_voucher(), status=status)
    for now in (NOW, closed.expires_at):
        with pytest.raises(REFUSALS[status]) as refused:
            act(closed, now)
        assert refused.value.code == f"VOUCHER_{status}"
        assert refused.value.status == status


def test_each_closed_status_has_its_own_refusal() -> None:
    assert set(REFUSALS) == set(S) - {S.ISSUED}


def test_voucher_expires_at_its_expiry_not_before() -> None:
    voucher = make_voucher()
    with pytest.raises(VoucherNotDue):
        voucher.expire(voucher.expires_at - timedelta(microseconds=1))
    expired = voucher.expire(voucher.expires_at)
    assert (expired.status, expired.closed_at, expired.player_id) == (S.EXPIRED, voucher.expires_at, None)


def test_prints_are_counted_while_it_is_open() -> None:
    voucher = make_voucher()
    assert [v.prints for v in (voucher, voucher.printed(), voucher.printed().printed())] == [0, 1, 2]
    for status, refusal in REFUSALS.items():
        with pytest.raises(refusal):
            evolve(voucher, status=status).printed()


def test_vouchers_of_a_batch_are_numbered() -> None:
    assert make_voucher().number == 1
    assert (make_voucher(number=7).number, make_voucher().batch_id) == (7, make_voucher(number=7).batch_id)


def test_voucher_is_open_until_just_before_its_expiry() -> None:
    voucher = make_voucher()
    assert voucher.is_open(voucher.expires_at - timedelta(microseconds=1))
    assert not voucher.is_open(voucher.expires_at)
