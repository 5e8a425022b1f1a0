"""The same command under the same name gets the same bytes, on each storage."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from playtime.domain.tenancy.staff import Role

from support.day import DOUBLE, LOSE
from support.http import Reply, Web


def test_a_spin_is_played_once_and_answered_alike(any_web: Web) -> None:
    web = any_web
    guest = web.day.welcome(1_000)
    first = web.spin(guest, 100, DOUBLE, action_id="a")
    assert (first.status, first.replayed) == (200, False)
    after = web.day.events()
    for _ in range(3):
        again = web.spin(guest, 100, action_id="a")
        assert (again.status, again.body, again.replayed) == (200, first.body, True)
    changed = web.spin(guest, 101, action_id="a")
    assert (changed.status, changed.code, changed.replayed) == (422, "IDEMPOTENCY_KEY_REUSED", False)
    assert web.day.events() == after


def test_a_stored_refusal_stays_one_after_a_top_up(any_web: Web) -> None:
    web = any_web
    guest = web.day.welcome(1_000)
    refused = web.spin(guest, 5_000, action_id="too much")
    assert (refused.status, refused.code) == (409, "INSUFFICIENT_FUNDS")
    assert refused.content["balanceMinor"] == 1_000
    voucher = web.day.sell(10_000)
    topped = web.post("/voucher/redeem", {"code": voucher.code, "pin": voucher.pin}, guest.token)
    assert topped.content["player"]["balanceMinor"] == 11_000
    again = web.spin(guest, 5_000, action_id="too much")
    assert (again.status, again.body, again.replayed) == (409, refused.body, True)
    assert web.spin(guest, 5_000, LOSE, action_id="once more").status == 200


def test_a_voucher_is_issued_once_and_its_pin_shown_for_a_day(any_web: Web) -> None:
    web, desk = any_web, any_web.day.agent
    web.day.fund(desk, 10_000)
    path, token = f"/voucher/agents/{desk.tenant_id}/vouchers", web.log_in(desk, Role.CASHIER)
    first = web.post(path, {"amountMinor": 1_000}, token, Idempotency_Key="k")
    again = web.post(path, {"amountMinor": 1_000}, token, Idempotency_Key="k")
    assert (again.status, again.body, again.replayed) == (201, first.body, True)
    assert web.post(path, {"amountMinor": 1_001}, token, Idempotency_Key="k").status == 422
    other = web.post(path, {"amountMinor": 1_000}, token, Idempotency_Key="l")
    assert other.content["voucher"]["voucherId"] != first.content["voucher"]["voucherId"]
    web.day.clock.advance(hours=24)
    web._tokens.clear()
    late = web.post(path, {"amountMinor": 1_000}, web.log_in(desk, Role.CASHIER), Idempotency_Key="k")
    assert (late.status, late.code) == (409, "REPLAY_SECRET_EXPIRED")
    assert len(web.get(path, web.log_in(desk, Role.CASHIER)).content["vouchers"]) == 2


@pytest.mark.parametrize("key", [None, "the same"])
def test_redemptions_at_once_get_the_replay_or_a_409(any_web: Web, key: str | None) -> None:
    voucher, headers = any_web.day.sell(1_000), {} if key is None else {"Idempotency_Key": key}
    gate, body = Barrier(20), {"code": voucher.code, "pin": voucher.pin}

    def redeem(_: int) -> Reply:
        gate.wait()
        return any_web.post("/voucher/redeem", body, **headers)

    with ThreadPoolExecutor(20) as threads:
        replies = list(threads.map(redeem, range(20)))
    counts = Counter((reply.status, reply.code, reply.replayed) for reply in replies)
    others = (409, "VOUCHER_REDEEMED", False) if key is None else (201, None, True)
    assert counts == {(201, None, False): 1, others: 19}
    assert key is None or len({reply.body for reply in replies}) == 1


def test_a_redemption_is_answered_alike(any_web: Web) -> None:
    web = any_web
    voucher = web.day.sell(1_000)
    body = {"code": voucher.code, "pin": voucher.pin}
    first = web.post("/voucher/redeem", body, Idempotency_Key="k")
    again = web.post("/voucher/redeem", body, Idempotency_Key="k")
    assert (again.status, again.body, again.replayed) == (201, first.body, True)
    other = web.post("/voucher/redeem", body, Idempotency_Key="l")
    assert (other.status, other.code, other.replayed) == (409, "VOUCHER_REDEEMED", False)
    assert web.post("/voucher/redeem", body, Idempotency_Key="l").replayed
    unnamed = web.post("/voucher/redeem", body)
    assert (unnamed.status, unnamed.replayed) == (409, False)


def test_a_voucher_that_is_gone_stays_gone_in_replays(web: Web) -> None:
    voucher, token = web.day.sell(1_000), web.log_in(web.day.agent, Role.AGENT)
    path = f"/voucher/{voucher.voucher_id}/void"
    voided = web.post(path, None, token, Idempotency_Key="k")
    again = web.post(path, {}, token, Idempotency_Key="k")
    assert (again.status, again.body, again.replayed) == (200, voided.body, True)
    body = {"code": voucher.code, "pin": voucher.pin}
    for replayed in (False, True):
        reply = web.post("/voucher/redeem", body, Idempotency_Key="k")
        assert (reply.status, reply.code, reply.replayed) == (410, "VOUCHER_VOIDED", replayed)


@pytest.mark.parametrize("way", ["credit", "credit/return"])
def test_credit_is_moved_once(web: Web, way: str) -> None:
    desk = web.day.agent
    web.day.fund(desk, 1_000)
    web.day.fund(web.day.north, 1_000)
    path, token = f"/admin/tenants/{desk.tenant_id}/{way}", web.log_in(web.day.north, Role.OPERATOR)
    order = {"amountMinor": 100, "memo": "once"}
    first = web.post(path, order, token, Idempotency_Key="k")
    assert web.post(path, order, token, Idempotency_Key="k").body == first.body
    assert web.post(path, order | {"memo": "twice"}, token, Idempotency_Key="k").status == 422
    assert web.day.balance(desk) == (1_100 if way == "credit" else 900)


def test_the_order_of_fields_does_not_make_another_command(web: Web) -> None:
    guest = web.day.welcome(1_000)
    web.day.randomness.script(LOSE)
    first = web.send("/bet/spin", b'{"stakeMinor":1,"gameKey":"demo-wheel","actionId":"a"}', guest.token)
    again = web.send("/bet/spin", b'{ "actionId":"a", "gameKey":"demo-wheel", "stakeMinor":1 }', guest.token)
    assert (again.body, again.replayed) == (first.body, True)


def test_a_malformed_request_is_not_remembered(web: Web) -> None:
    guest = web.day.welcome(1_000)
    assert web.spin(guest, 0, action_id="a").status == 400
    assert web.spin(guest, 1, LOSE, action_id="a").status == 200
