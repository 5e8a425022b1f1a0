"""A command that is named is answered once, and then given the same answer for ever."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from attrs import frozen

from playtime.application.answers import Answer
from playtime.application.errors import IdempotencyKeyReused, ReplaySecretExpired
from playtime.application.ports.bindings import Binding
from playtime.contracts.doubles import PINS, build_engine
from playtime.domain.access.pins import PinKeys
from playtime.domain.errors import InvalidInput
from playtime.domain.ledger.wallet import InsufficientFunds
from playtime.domain.vouchers.vouchers import VoucherRedeemed

from support.day import LOSE, SUNRISE, Day, Guest, sold


@frozen
class Case:
    """A command that can be sent again, the same or changed, and whose answer is stored somewhere."""

    send: Callable[[str | None], Answer]
    change: Callable[[str | None], Answer]
    binding: Binding
    actor_id: UUID
    secrets: Callable[[dict[str, Any]], list[str]] = lambda _: []


def _issue_credit(day: Day) -> Case:
    def send(key: str | None, amount: int = 500) -> Answer:
        return day.engine.give_credit(day.owner, day.north.tenant_id, amount_minor=amount, memo="m", action_id=key)

    binding = day.owner.binding_at(day.north.operator_id)
    return Case(send, lambda key: send(key, 501), binding, day.owner.staff_id)


def _move_credit(day: Day) -> Case:
    day.fund(day.north, 1000)

    def send(key: str | None, memo: str = "m") -> Answer:
        return day.engine.give_credit(
            day.north.head, day.agent.tenant_id, amount_minor=300, memo=memo, action_id=key
        )

    return Case(send, lambda key: send(key, "n"), day.north.head.binding, day.north.head.staff_id)


def _return_credit(day: Day) -> Case:
    day.fund(day.agent, 1000)

    def send(key: str | None, amount: int = 300) -> Answer:
        return day.engine.return_credit(
            day.agent.head, day.agent.tenant_id, amount_minor=amount, memo="m", action_id=key
        )

    return Case(send, lambda key: send(key, 299), day.agent.head.binding, day.agent.head.staff_id)


def _issue_voucher(day: Day) -> Case:
    day.fund(day.agent, 1000)

    def send(key: str | None, amount: int = 300) -> Answer:
        return day.engine.issue_voucher(day.agent.cashier, day.agent.tenant_id, amount_minor=amount, action_id=key)

    return Case(
        send,
        lambda key: send(key, 301),
        day.agent.cashier.binding,
        day.agent.cashier.staff_id,
        lambda content: [content["voucher"]["pin"]],
    )


def _void_voucher(day: Day) -> Case:
    one, other = day.sell(100), day.sell(100)

    def send(key: str | None, voucher_id: UUID = one.voucher_id) -> Answer:
        return day.engine.void_voucher(day.agent.cashier, voucher_id, action_id=key)

    return Case(
        send,
        lambda key: send(key, other.voucher_id),
        day.agent.cashier.binding,
        day.agent.cashier.staff_id,
    )


def _top_up(day: Day) -> Case:
    guest, one, other = day.welcome(1000), day.sell(100), day.sell(100)
    return Case(
        lambda key: day.redeem(one, guest, key),
        lambda key: day.redeem(other, guest, key),
        guest.principal.binding,
        guest.player_id,
        lambda content: [content["token"], content["refreshToken"]],
    )


def _spin(day: Day) -> Case:
    guest = day.welcome(1000)
    return Case(
        lambda key: day.spin(guest, 100, key=key),
        lambda key: day.spin(guest, 99, key=key),
        guest.principal.binding,
        guest.player_id,
    )


CASES = [_issue_credit, _move_credit, _return_credit, _issue_voucher, _void_voucher, _top_up, _spin]
every_case = pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__.strip("_"))


def _state(day: Day) -> tuple[Any, ...]:
    desks = (day.north, day.agent)
    return (len(day.events()), *(day.wallet(desk) for desk in desks))


@every_case
def test_replay_returns_same_bytes_and_changes_nothing(day: Day, make: Callable[[Day], Case]) -> None:
    case = make(day)
    first = case.send("key-1")
    after = _state(day)
    assert (first.code, first.replayed) == (None, False)
    for hours in (0, 1, 22):
        day.clock.advance(hours=hours)
        again = case.send("key-1")
        assert (again.body, again.code, again.replayed) == (first.body, None, True)
    assert _state(day) == after
    day.books()


@every_case
def test_a_changed_command_under_the_same_key_is_refused(day: Day, make: Callable[[Day], Case]) -> None:
    case = make(day)
    first = case.send("key-1")
    after = _state(day)
    for _ in range(2):
        with pytest.raises(IdempotencyKeyReused) as refused:
            case.change("key-1")
        assert refused.value.action_id == "key-1"
    assert case.send("key-1").body == first.body
    assert _state(day) == after
    # Under a key of its own it is another command.
    assert case.change("key-2").code is None
    day.books()


@every_case
def test_without_a_key_every_call_is_a_new_one(day: Day, make: Callable[[Day], Case]) -> None:
    case = make(day)
    if make in {_void_voucher, _top_up}:
        case.send(None)
        with pytest.raises(Exception, match="The voucher is"):
            case.send(None)
    else:
        assert case.send(None).content() != case.send(None).content()
    day.books()


@every_case
def test_what_is_stored_holds_no_pin_and_no_token(day: Day, make: Callable[[Day], Case]) -> None:
    case = make(day)
    answer = case.send("key-1")
    stored = day.stored(case.binding, case.actor_id, "key-1")
    recorded = stored.body.decode() + json.dumps(dict(stored.hints))
    shown = case.secrets(answer.content())
    assert all(shown)
    for secret in shown:
        assert secret not in recorded
    if shown:
        assert stored.hints
        assert answer.body != stored.body
    else:
        assert (answer.body, dict(stored.hints)) == (stored.body, {})


@pytest.mark.parametrize("make", [_issue_voucher, _top_up], ids=["issue_voucher", "top_up"])
def test_secrets_are_shown_again_for_a_day_and_then_no_more(day: Day, make: Callable[[Day], Case]) -> None:
    case = make(day)
    first = case.send("key-1")
    day.clock.advance(hours=24, microseconds=-1)
    assert case.send("key-1").body == first.body
    day.clock.advance(microseconds=1)
    for _ in range(2):
        with pytest.raises(ReplaySecretExpired):
            case.send("key-1")
    with pytest.raises(IdempotencyKeyReused):
        case.change("key-1")
    day.books()


def test_redemption_replays_with_pin_and_tokens_for_a_day(day: Day) -> None:
    voucher = day.sell(1000)
    first = day.redeem(voucher, key="key-1")
    guest = day.guest(first)
    day.clock.advance(hours=23)
    again = day.redeem(voucher, key="key-1")
    assert (again.body, again.replayed) == (first.body, True)
    assert len(day.engine.list_players(day.owner)) == 1
    stored = day.stored(guest.principal.binding, voucher.voucher_id, "key-1")
    recorded = stored.body.decode() + json.dumps(dict(stored.hints))
    for secret in (guest.pin, guest.token, guest.refresh_token, voucher.pin):
        assert secret not in recorded
    day.clock.advance(hours=1)
    with pytest.raises(ReplaySecretExpired):
        day.redeem(voucher, key="key-1")
    # Another key is another command, and the voucher is gone.
    assert day.redeem(voucher, key="key-2").code == "VOUCHER_REDEEMED"
    with pytest.raises(VoucherRedeemed):
        day.redeem(voucher)


def test_a_secret_that_was_retired_is_not_shown_again(day: Day) -> None:
    day.fund(day.agent, 1000)
    issue: dict[str, Any] = {"amount_minor": 100, "action_id": "key-1"}
    day.engine.issue_voucher(day.agent.cashier, day.agent.tenant_id, **issue)
    voucher = day.sell(100)
    retired = PinKeys(current="test-2", secrets={"test-2": b"the next secret"})
    engine = build_engine(day.storage, seed=9, clock=day.clock, pins=retired)
    with pytest.raises(ReplaySecretExpired):
        engine.issue_voucher(day.agent.cashier, day.agent.tenant_id, **issue)
    with pytest.raises(Exception, match="These credentials are not right"):
        engine.redeem_voucher(code=voucher.code, pin=voucher.pin)
    rotated = PinKeys(current="test-2", secrets={"test-2": b"the next secret", **PINS.secrets})
    engine = build_engine(day.storage, seed=9, clock=day.clock, pins=rotated)
    assert engine.redeem_voucher(code=voucher.code, pin=voucher.pin).code is None


def test_a_refusal_for_lack_of_money_stays_one_after_a_top_up(day: Day) -> None:
    guest = day.welcome(150)
    refused = day.spin(guest, 151, SUNRISE, key="big")
    assert refused.content() == {
        "ok": False,
        "code": "INSUFFICIENT_FUNDS",
        "message": "151 minor units are needed, but the balance is 150.",
        "balanceMinor": 150,
        "requiredMinor": 151,
    }
    assert refused.code == "INSUFFICIENT_FUNDS"
    day.redeem(day.sell(1000), guest)
    again = day.spin(guest, 151, key="big")
    assert (again.body, again.code, again.replayed) == (refused.body, refused.code, True)
    assert day.state(guest).balance_minor == 1150
    assert day.spin(guest, 151, LOSE, key="big-2").code is None
    day.books()


def test_refusal_for_lack_of_an_acknowledgement_stays_refused(day: Day) -> None:
    guest = day.welcome(100)
    refused = day.spin(guest, 10, SUNRISE, key="early")
    assert refused.code == "BONUS_ACK_REQUIRED"
    day.acknowledge(guest)
    assert day.spin(guest, 10, key="early").body == refused.body
    assert day.spin(guest, 10, LOSE, key="late").code is None


def test_refusals_of_staff_are_stored_as_well(day: Day) -> None:
    calls: list[Callable[[str | None], Answer]] = [
        lambda key: day.engine.issue_voucher(
            day.agent.cashier, day.agent.tenant_id, amount_minor=100, action_id=key
        ),
        lambda key: day.engine.give_credit(
            day.north.head, day.agent.tenant_id, amount_minor=100, memo="m", action_id=key
        ),
        lambda key: day.engine.return_credit(
            day.agent.head, day.agent.tenant_id, amount_minor=100, memo="m", action_id=key
        ),
    ]
    refusals = [call("poor") for call in calls]
    assert [refusal.code for refusal in refusals] == ["INSUFFICIENT_FUNDS"] * 3
    for call in calls:
        with pytest.raises(InsufficientFunds):
            call(None)
    day.fund(day.agent, 1000)
    day.fund(day.north, 1000)
    before = _state(day)
    for call, refusal in zip(calls, refusals, strict=True):
        again = call("poor")
        assert (again.body, again.code, again.replayed) == (refusal.body, refusal.code, True)
    assert _state(day) == before
    assert all(call("rich").code is None for call in calls)


def test_redeemed_voucher_is_refused_forever_under_its_key(day: Day) -> None:
    guest, voucher = day.welcome(1000), day.sell(100)
    day.engine.void_voucher(day.agent.head, voucher.voucher_id)
    refused = day.redeem(voucher, guest, "key-1")
    assert (refused.code, refused.content()["status"]) == ("VOUCHER_VOIDED", "VOIDED")
    assert day.redeem(voucher, guest, "key-1").body == refused.body
    void = day.engine.void_voucher(day.agent.head, voucher.voucher_id, action_id="key-1")
    assert void.code == "VOUCHER_VOIDED"


def test_a_key_belongs_to_its_own_caller(day: Day) -> None:
    one, other = day.welcome(1000), day.welcome(1000)
    results = [day.spin(guest, 10, LOSE, key="same") for guest in (one, other)]
    assert results[0].content()["result"]["roundId"] != results[1].content()["result"]["roundId"]
    day.fund(day.agent, 1000)
    for who in (day.agent.head, day.agent.cashier, day.north.cashier):
        day.engine.issue_voucher(who, day.agent.tenant_id, amount_minor=100, action_id="same")
    assert day.wallet(day.agent)[:2] == (550, 450)
    day.books()


def test_one_key_names_one_command_of_a_caller_of_any_kind(day: Day) -> None:
    day.fund(day.agent, 10_000)
    head, agent_id = day.agent.head, day.agent.tenant_id
    voucher = sold(day.engine.issue_voucher(head, agent_id, amount_minor=10))
    calls: list[Callable[[str], Answer]] = [
        lambda key: day.engine.return_credit(head, agent_id, amount_minor=10, memo="m", action_id=key),
        lambda key: day.engine.issue_voucher(head, agent_id, amount_minor=10, action_id=key),
        lambda key: day.engine.void_voucher(head, voucher.voucher_id, action_id=key),
    ]
    for number, call in enumerate(calls):
        first = call(f"key-{number}")
        for other in calls:
            if other is call:
                assert other(f"key-{number}").body == first.body
            else:
                with pytest.raises(IdempotencyKeyReused):
                    other(f"key-{number}")
    day.books()


def test_a_spin_and_a_top_up_of_one_player_share_their_keys(day: Day) -> None:
    guest, voucher = day.welcome(1000), day.sell(100)
    day.spin(guest, 10, LOSE, key="key-1")
    with pytest.raises(IdempotencyKeyReused):
        day.redeem(voucher, guest, "key-1")
    day.redeem(voucher, guest, "key-2")
    with pytest.raises(IdempotencyKeyReused):
        day.spin(guest, 10, key="key-2")


def test_an_answer_outlives_the_session_it_was_given_in(day: Day) -> None:
    guest = day.welcome(1000)
    first = day.spin(guest, 10, LOSE, key="key-1")
    day.clock.advance(minutes=45)
    login = day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    back = Guest(
        day.engine.authenticate.player(login.token), guest.login_code, guest.pin, login.token, login.refresh_token
    )
    assert day.spin(back, 10, key="key-1").body == first.body
    day.clock.advance(days=4000)
    assert day.spin(back, 10, key="key-1").body == first.body


@pytest.mark.parametrize("key", ["", "x" * 129, "a\nb", "\0", "é", "\ud800", "a\x7f"])
def test_a_key_is_printable_ascii(day: Day, key: str) -> None:
    guest = day.welcome(1000)
    calls: list[Callable[[], Answer]] = [
        lambda: day.spin(guest, 10, key=key),
        lambda: day.redeem(day.sell(100), guest, key),
        lambda: day.engine.issue_voucher(day.agent.cashier, day.agent.tenant_id, amount_minor=1, action_id=key),
        lambda: day.engine.void_voucher(day.agent.cashier, guest.player_id, action_id=key),
        lambda: day.engine.give_credit(day.owner, day.north.tenant_id, amount_minor=1, memo="m", action_id=key),
    ]
    for call in calls:
        with pytest.raises(InvalidInput):
            call()
    assert day.state(guest).balance_minor == 1000


@pytest.mark.parametrize("key", ["x" * 128, "~", " ", "%", "' OR 1=1"])
def test_any_printable_key_will_do(day: Day, key: str) -> None:
    guest = day.welcome(1000)
    first = day.spin(guest, 10, LOSE, key=key)
    assert day.spin(guest, 10, key=key).body == first.body
    assert first.content()["result"]["actionId"] == key


def test_an_unnamed_spin_tells_the_name_it_was_given(day: Day) -> None:
    guest = day.welcome(1000)
    first = day.spin(guest, 10, LOSE)
    name = first.content()["result"]["actionId"]
    assert day.spin(guest, 10, key=name).body == first.body


def test_refusal_of_a_malformed_request_is_not_stored(day: Day) -> None:
    guest = day.welcome(1000)
    with pytest.raises(InvalidInput):
        day.spin(guest, 0, key="key-1")
    assert day.spin(guest, 10, LOSE, key="key-1").code is None


def test_the_stored_name_is_a_fact_for_a_day_and_more(day: Day) -> None:
    guest = day.welcome(1000)
    day.spin(guest, 10, LOSE, key="key-1")
    stored = day.stored(guest.principal.binding, guest.player_id, "key-1")
    assert (stored.tenant_id, stored.operator_id) == (day.agent.tenant_id, day.north.operator_id)
    assert day.clock.now() - stored.created_at == timedelta()
    assert len(stored.digest) == 32
