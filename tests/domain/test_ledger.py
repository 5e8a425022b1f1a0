"""Double entry: which movements there are, what a transfer states, what agrees."""

from typing import Any, Final

import pytest
from attrs.exceptions import FrozenInstanceError

from playtime.domain.errors import InvalidInput
from playtime.domain.ledger.events import (
    HAS_FLOOR_OF_ZERO,
    KEEPS_BALANCE,
    MOVEMENTS,
    Account,
    AccountKind,
    AccountTotal,
    EventSource,
    EventType,
    LedgerEvent,
    Transfer,
)

from support.models import AGENT, NOW, OPERATOR, PLAYER, uid

K, E = AccountKind, EventType

DESIGN: Final[dict[EventType, set[tuple[AccountKind, AccountKind]]]] = {
    E.CREDIT_ISSUED: {(K.ISSUANCE, K.TENANT)},
    E.CREDIT_MOVED: {(K.TENANT, K.TENANT)},
    E.CREDIT_RETURNED: {(K.TENANT, K.TENANT), (K.TENANT, K.ISSUANCE)},
    E.VOUCHER_ISSUED: {(K.TENANT, K.VOUCHER_POOL)},
    E.VOUCHER_REDEEMED: {(K.VOUCHER_POOL, K.PLAYER)},
    E.BONUS_HELD: {(K.VOUCHER_POOL, K.BONUS_POOL)},
    E.VOUCHER_VOIDED: {(K.VOUCHER_POOL, K.TENANT)},
    E.VOUCHER_EXPIRED: {(K.VOUCHER_POOL, K.TENANT)},
    E.BONUS_TRIGGERED: {(K.BONUS_POOL, K.PLAYER)},
    E.BET: {(K.PLAYER, K.HOUSE)},
    E.WIN: {(K.HOUSE, K.PLAYER)},
    E.PLAYER_CLOSED: {(K.PLAYER, K.TENANT)},
    E.BONUS_RETURNED: {(K.BONUS_POOL, K.TENANT)},
}
TELEMETRY: Final = {
    E.LOGIN,
    E.LOGOUT,
    E.BONUS_ACKNOWLEDGED,
    E.ERROR,
    E.SPIN,
    E.DUPLICATE_OF,
    E.EXTERNAL_CONFLICT,
    E.PLAY_PASS_TIED,
    E.LIMIT_SET,
    E.LIMIT_RAISE_ASKED,
    E.LIMIT_RAISED,
    E.LIMIT_NOTIFIED,
    E.LIMIT_ACKNOWLEDGED,
    E.COOL_OFF_TAKEN,
    E.SELF_EXCLUSION_TAKEN,
    E.REALITY_CHECK_ACKNOWLEDGED,
}
WAYS: Final = [(source, target) for source in K for target in K]


def _transfer(source: AccountKind, target: AccountKind, amount_minor: int = 5) -> Transfer:
    return Transfer(
        source=Account(source, uid(11)),
        target=Account(target, uid(12)),
        amount_minor=amount_minor,
        source_balance_minor=0 if source in KEEPS_BALANCE else None,
        target_balance_minor=5 if target in KEEPS_BALANCE else None,
    )


def _event(event_type: EventType, transfer: Transfer | None = None, **about: Any) -> LedgerEvent:
    return LedgerEvent(
        event_id=uid(9),
        operator_id=OPERATOR,
        tenant_id=AGENT,
        occurred_at=NOW,
        event_type=event_type,
        actor_id=PLAYER,
        action_id="a",
        transfer=transfer,
        **about,
    )


def test_table_of_movements_follows_the_design() -> None:
    assert {event_type: set(ways) for event_type, ways in MOVEMENTS.items()} == DESIGN
    assert set(E) - set(MOVEMENTS) == TELEMETRY


def test_kinds_of_accounts_follow_the_design() -> None:
    assert {kind.value for kind in K} == {
        "ISSUANCE",
        "TENANT",
        "VOUCHER_POOL",
        "BONUS_POOL",
        "PLAYER",
        "HOUSE",
        "JACKPOT",
    }
    assert {K.TENANT, K.PLAYER, K.JACKPOT} == KEEPS_BALANCE
    assert {K.VOUCHER_POOL, K.BONUS_POOL, K.PLAYER, K.JACKPOT} == HAS_FLOOR_OF_ZERO


@pytest.mark.parametrize("event_type", E)
def test_movement_uses_its_own_kinds_of_account_only(event_type: EventType) -> None:
    for source, target in WAYS:
        transfer = _transfer(source, target)
        if (source, target) in DESIGN.get(event_type, set()):
            assert _event(event_type, transfer).amount_minor == 5
        else:
            with pytest.raises(InvalidInput):
                _event(event_type, transfer)


@pytest.mark.parametrize("event_type", sorted(DESIGN))
def test_a_movement_without_a_transfer_is_refused(event_type: EventType) -> None:
    with pytest.raises(InvalidInput) as refused:
        _event(event_type)
    assert refused.value.path == "transfer"


@pytest.mark.parametrize("event_type", sorted(TELEMETRY))
def test_telemetry_moves_nothing(event_type: EventType) -> None:
    assert _event(event_type).amount_minor == 0


def test_external_event_moves_no_account() -> None:
    assert _event(E.BET, source=EventSource.EXTERNAL).amount_minor == 0
    with pytest.raises(InvalidInput):
        _event(E.BET, _transfer(K.PLAYER, K.HOUSE), source=EventSource.EXTERNAL)


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_transfer_has_balances_of_accounts_with_a_row_only(source: AccountKind, target: AccountKind) -> None:
    for stated_source in (None, 7):
        for stated_target in (None, 7):
            sides: dict[str, Any] = {
                "source": Account(source, uid(11)),
                "target": Account(target, uid(12)),
                "source_balance_minor": stated_source,
                "target_balance_minor": stated_target,
            }
            right = (source in KEEPS_BALANCE) == (stated_source is not None)
            right = right and (target in KEEPS_BALANCE) == (stated_target is not None)
            if right:
                assert Transfer(amount_minor=1, **sides).amount_minor == 1
            else:
                with pytest.raises(InvalidInput):
                    Transfer(amount_minor=1, **sides)


@pytest.mark.parametrize("amount", [0, -1, 10**12 + 1, True, 1.0, "1", None], ids=repr)
def test_a_transfer_takes_a_positive_amount(amount: int) -> None:
    with pytest.raises(InvalidInput):
        _transfer(K.TENANT, K.TENANT, amount)


def test_a_transfer_needs_two_accounts() -> None:
    own = Account(K.TENANT, AGENT)
    with pytest.raises(InvalidInput) as refused:
        Transfer(source=own, target=own, amount_minor=1, source_balance_minor=1, target_balance_minor=1)
    assert refused.value.path == "target"


def test_an_event_cannot_be_changed() -> None:
    event = _event(E.LOGIN)
    with pytest.raises(FrozenInstanceError):
        event.tenant_id = uid(1)  # type: ignore[misc] # it is frozen


@pytest.mark.parametrize(
    ("entries", "stated", "floor", "agrees"),
    [
        (5, 5, 0, True),
        (0, 0, 0, True),
        (-5, None, None, True),
        (-5, -5, -5, True),
        (5, 6, 0, False),
        (0, 1, None, False),
        (-1, -1, 0, False),
        (-1, None, 0, False),
        (-6, -6, -5, False),
    ],
)
def test_account_agrees_if_entries_balance_and_floor_do(
    entries: int, stated: int | None, floor: int | None, *, agrees: bool
) -> None:
    assert AccountTotal(Account(K.TENANT, AGENT), entries, stated, floor).agrees is agrees


def test_only_external_events_have_an_amount_without_transfer() -> None:
    reported = _event(E.BET, source=EventSource.EXTERNAL, reported_minor=5)
    assert (reported.amount_minor, reported.transfer) == (5, None)
    with pytest.raises(InvalidInput, match="only external events"):
        _event(E.LOGIN, reported_minor=5)
