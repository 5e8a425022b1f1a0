"""Every refusal by its status, and the one table that says so."""

import pkgutil
from collections.abc import Iterator
from http import HTTPStatus
from importlib import import_module

import pytest

import playtime.application
import playtime.domain
from playtime.adapters.http.errors import STATUS_OF_ERROR, InternalError, is_defect, status_of, status_of_code
from playtime.application.errors import IsolationViolation, StorageError, StorageMisuse
from playtime.domain.errors import DomainError, StateRefusal
from playtime.domain.tenancy.staff import Role

from support.day import LOSE, PASSWORD, other_pin
from support.http import NOWHERE, Web

BASES = {DomainError}
DEFECTS = {InternalError, StorageError, IsolationViolation, StorageMisuse}


def _errors(base: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    yield base
    for error in base.__subclasses__():
        yield from _errors(error)


def _every_error() -> set[type[DomainError]]:
    for package in (playtime.domain, playtime.application):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    return {error for error in _errors() if error.__module__.startswith("playtime.")}


def test_every_error_has_a_place_in_the_table() -> None:
    unplaced = [error for error in _every_error() - BASES if not STATUS_OF_ERROR.keys() & set(error.__mro__)]
    assert not unplaced


def test_nothing_but_a_defect_is_a_500() -> None:
    assert {error for error in _every_error() - BASES if is_defect(error)} == DEFECTS


def test_stored_refusal_has_the_status_of_its_first_answer() -> None:
    for error in _errors(StateRefusal):
        assert status_of_code(error.code) is status_of(error)


def test_a_code_has_one_status() -> None:
    statuses: dict[str, set[HTTPStatus]] = {}
    for error in _every_error() - BASES - DEFECTS:
        statuses.setdefault(error.code, set()).add(status_of(error))
    assert not {code: found for code, found in statuses.items() if len(found) > 1 and code != StorageError.code}


@pytest.mark.parametrize(
    ("tenant", "role", "path", "body", "status", "code"),
    [
        ("agent", "agent", "/voucher/agents/{agent}/vouchers", {"amountMinor": 5}, 409, "INSUFFICIENT_FUNDS"),
        ("north", "operator", "/voucher/agents/{north}/vouchers", {"amountMinor": 5}, 409, "TENANT_CANNOT_ISSUE"),
        ("agent", "agent", f"/voucher/agents/{NOWHERE}/vouchers", {"amountMinor": 5}, 404, "NOT_FOUND"),
        ("agent", "agent", f"/voucher/{NOWHERE}/void", {}, 404, "NOT_FOUND"),
        (
            "agent",
            "agent",
            "/admin/tenants/{agent}/credit/return",
            {"amountMinor": 5, "memo": "x"},
            409,
            "INSUFFICIENT_FUNDS",
        ),
        (
            "north",
            "operator",
            "/admin/tenants",
            {"slug": "north-a", "name": "x", "kind": "AGENT"},
            409,
            "SLUG_TAKEN",
        ),
        (
            "agent",
            "agent",
            "/admin/staff",
            {"username": "north-a-agent", "password": PASSWORD, "role": "agent"},
            409,
            "USERNAME_TAKEN",
        ),
        (
            "agent",
            "agent",
            "/admin/staff",
            {"username": "zoe", "password": PASSWORD, "role": "operator"},
            409,
            "ROLE_NOT_OF_TENANT",
        ),
        (
            "agent",
            "agent",
            "/admin/staff",
            {"username": "zoe", "password": PASSWORD, "role": "agent", "tenantId": str(NOWHERE)},
            404,
            "NOT_FOUND",
        ),
    ],
)
def test_refusals_of_the_desk(
    web: Web, tenant: str, role: str, path: str, body: object, status: int, code: str
) -> None:
    token, before = web.log_in(getattr(web.day, tenant), Role(role)), web.day.events()
    names = {name: getattr(web.day, name).tenant_id for name in ("north", "agent")}
    reply = web.post(path.format(**names), body, token)
    assert (reply.status, reply.code) == (status, code)
    assert web.day.events() == before


def test_refusals_of_a_spin(web: Web) -> None:
    guest = web.day.welcome(1_000)
    for body, status, code in (
        ({"stakeMinor": 1, "gameKey": "no-such"}, 404, "NOT_FOUND"),
        ({"stakeMinor": 100_001, "gameKey": "demo-wheel"}, 400, "STAKE_OUT_OF_RANGE"),
        ({"stakeMinor": 1_001, "gameKey": "demo-wheel"}, 409, "INSUFFICIENT_FUNDS"),
    ):
        reply = web.post("/bet/spin", body, guest.token)
        assert (reply.status, reply.code) == (status, code)
    assert web.post("/bet/spin", {"stakeMinor": 100_001, "gameKey": "demo-wheel"}, guest.token).paths == [
        "$.stakeMinor"
    ]
    web.spin(guest, 1_000, LOSE)
    reply = web.spin(guest, 1)
    assert (reply.status, reply.code, reply.content["bonusMinor"]) == (409, "BONUS_ACK_REQUIRED", 500)


def test_vouchers_state_is_shown_only_after_the_right_pin(web: Web) -> None:
    redeemed, voided, expired = (web.day.sell(100) for _ in range(3))
    web.day.redeem(redeemed)
    web.day.engine.void_voucher(web.day.agent.head, voided.voucher_id)
    answered = []
    for voucher in (redeemed, voided):
        wrong = web.post("/voucher/redeem", {"code": voucher.code, "pin": other_pin(voucher.pin)})
        assert (wrong.status, wrong.code) == (401, "INVALID_CREDENTIALS")
        right = web.post("/voucher/redeem", {"code": voucher.code, "pin": voucher.pin})
        answered.append((right.status, right.code))
    web.day.clock.advance(days=30)
    late = web.post("/voucher/redeem", {"code": expired.code, "pin": expired.pin})
    assert [*answered, (late.status, late.code)] == [
        (409, "VOUCHER_REDEEMED"),
        (410, "VOUCHER_VOIDED"),
        (410, "VOUCHER_EXPIRED"),
    ]


def test_a_voucher_of_another_agent_tops_nobody_up(web: Web) -> None:
    guest, voucher = web.day.welcome(1_000), web.day.sell(100, web.day.sister)
    body = {"code": voucher.code, "pin": voucher.pin}
    reply = web.post("/voucher/redeem", body, guest.token)
    assert (reply.status, reply.code) == (403, "VOUCHER_OF_OTHER_AGENT")
    assert web.post("/voucher/redeem", body).status == 201


def test_wrong_unknown_and_locked_look_alike(web: Web) -> None:
    voucher, guest = web.day.sell(100), web.day.welcome(100)
    for path, good, wrong, unknown in (
        (
            "/voucher/redeem",
            {"code": voucher.code, "pin": voucher.pin},
            {"code": voucher.code, "pin": other_pin(voucher.pin)},
            {"code": "0000-0000-0000-0", "pin": "123456"},
        ),
        (
            "/player/login",
            {"loginCode": guest.login_code, "pin": guest.pin},
            {"loginCode": guest.login_code, "pin": other_pin(guest.pin)},
            {"loginCode": "0000-0000-0000-0", "pin": "123456"},
        ),
        (
            "/staff/login",
            {"username": "north-a-agent", "password": PASSWORD, "tenant": "north-a"},
            {"username": "north-a-agent", "password": "wrong", "tenant": "north-a"},
            {"username": "nobody", "password": PASSWORD, "tenant": "nowhere"},
        ),
    ):
        replies = [web.post(path, wrong) for _ in range(5)]
        replies += [web.post(path, good), web.post(path, unknown)]
        assert {(reply.status, reply.body, reply.headers["WWW-Authenticate"]) for reply in replies} == {
            (401, replies[0].body, "Bearer")
        }
        web.day.clock.advance(minutes=5)
        assert web.post(path, good).status in {200, 201}
