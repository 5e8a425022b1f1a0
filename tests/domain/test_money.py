"""Amounts: whole, positive, bounded; and wallets with a floor."""

from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.errors import InvalidInput
from playtime.domain.ledger.wallet import InsufficientFunds, Wallet
from playtime.domain.money import MAX_AMOUNT_MINOR, MINOR_PER_FUN, amounts_of, checked_amount

from support.models import amounts


class Five(IntEnum):
    FIVE = 5


def test_a_fun_is_100_minor_units_and_the_limit_is_10_to_the_12() -> None:
    assert MINOR_PER_FUN == 100
    assert MAX_AMOUNT_MINOR == 1_000_000_000_000


@pytest.mark.parametrize("amount", [1, 2, 99, 100, 10**12 - 1, 10**12])
def test_whole_positive_amounts_pass_as_they_are(amount: int) -> None:
    assert checked_amount(amount) is amount


@pytest.mark.parametrize("amount", [0, -1, -(10**12), 10**12 + 1, 10**30, -(10**30)])
def test_amounts_out_of_range_are_refused(amount: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_amount(amount, "stake_minor")
    assert refused.value.path == "stake_minor"
    assert refused.value.code == "INVALID_INPUT"


@pytest.mark.parametrize(
    "amount",
    [
        1.0,
        1.5,
        1e9,
        float("nan"),
        float("inf"),
        True,
        False,
        "5",
        "",
        b"5",
        None,
        [1],
        {"amountMinor": 1},
        Decimal(5),
        Fraction(5),
        Five.FIVE,
        complex(5),
    ],
    ids=repr,
)
def test_amount_that_is_not_an_int_is_refused(amount: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_amount(amount)
    assert refused.value.path == "amount_minor"


@given(amounts, amounts)
def test_debit_reverses_a_credit(balance: int, amount: int) -> None:
    wallet = Wallet(balance)
    assert wallet.credit(amount).balance_minor == balance + amount
    assert wallet.credit(amount).debit(amount) == wallet


@given(st.integers(-1000, 1000), st.integers(0, 1000), st.integers(1, 3000))
def test_debit_is_accepted_exactly_down_to_the_floor(balance: int, line: int, amount: int) -> None:
    wallet = Wallet(max(balance, -line), floor_minor=-line)
    affordable = wallet.balance_minor - amount >= -line
    if affordable:
        left = wallet.debit(amount)
        assert left.balance_minor == wallet.balance_minor - amount
        assert left.floor_minor == -line
    else:
        with pytest.raises(InsufficientFunds) as refused:
            wallet.debit(amount)
        assert refused.value.data() == {"balance_minor": wallet.balance_minor, "required_minor": amount}


def test_the_last_unit_can_be_spent_but_not_one_more() -> None:
    assert Wallet(100).debit(100).balance_minor == 0
    with pytest.raises(InsufficientFunds) as refused:
        Wallet(100).debit(101)
    assert refused.value.code == "INSUFFICIENT_FUNDS"
    assert str(refused.value) == "101 minor units are needed, but the balance is 100."


@pytest.mark.parametrize("amount", [0, -1, 10**12 + 1])
def test_a_wallet_moves_amounts_only(amount: int) -> None:
    with pytest.raises(InvalidInput):
        Wallet(10).credit(amount)
    with pytest.raises(InvalidInput):
        Wallet(10**13).debit(amount)


def test_a_balance_may_exceed_the_largest_amount() -> None:
    assert Wallet(10**12).credit(10**12).balance_minor == 2 * 10**12


@given(st.one_of(st.integers(0, 3), st.integers(0, 20 * MAX_AMOUNT_MINOR)))
def test_a_sum_is_made_of_the_fewest_amounts(total: int) -> None:
    parts = list(amounts_of(total))
    assert sum(parts) == total
    assert all(checked_amount(part) for part in parts)
    assert parts == sorted(parts, reverse=True)
    assert len(parts) == -(-total // MAX_AMOUNT_MINOR)
