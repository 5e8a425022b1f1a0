"""Passwords over HTTP: changed by staff themselves, and reset by a manager."""

from typing import Final

import pytest

from playtime.application.errors import PasswordsBusy
from playtime.contracts.doubles import QuickPasswords
from playtime.domain.tenancy.staff import Role

from support.day import PASSWORD
from support.http import Content, Reply, Web

NEXT: Final = "another good sentence"
CASHIER: Final = {"username": "north-a-cashier", "tenant": "north-a"}


def _log_in(web: Web, password: str = PASSWORD) -> Content:
    reply = web.post("/staff/login", CASHIER | {"password": password})
    assert reply.status == 200
    return reply.content


def _change(web: Web, token: str, old: str = PASSWORD, new: str = NEXT) -> Reply:
    return web.post("/staff/password", {"oldPassword": old, "newPassword": new}, token)


def test_staff_change_their_own_password(any_web: Web) -> None:
    web = any_web
    own, other = _log_in(web), _log_in(web)
    changed = _change(web, own["token"])
    assert (changed.status, changed.content["staff"]["mustChangePassword"]) == (200, False)
    assert web.get("/admin/players", own["token"]).status == 200
    assert web.get("/admin/players", other["token"]).code == "INVALID_TOKEN"
    assert web.post("/staff/login", CASHIER | {"password": PASSWORD}).code == "INVALID_CREDENTIALS"
    _log_in(web, NEXT)


def test_reset_password_has_to_be_changed_first(any_web: Web) -> None:
    web = any_web
    head = web.log_in(web.day.agent, Role.AGENT)
    path = f"/admin/staff/{web.day.agent.cashier.staff_id}/password"
    reset = web.post(path, {"password": NEXT}, head)
    assert (reset.status, reset.content["staff"]["mustChangePassword"]) == (200, True)
    login = _log_in(web, NEXT)
    assert login["staff"]["mustChangePassword"]
    refused = web.get("/admin/players", login["token"])
    assert (refused.status, refused.code) == (403, "PASSWORD_CHANGE_REQUIRED")
    assert _change(web, login["token"], NEXT, "a third good sentence").status == 200
    assert web.get("/admin/players", login["token"]).status == 200
    assert web.post("/staff/logout", {}, login["token"]).status == 200


def test_staff_who_must_change_may_log_out(web: Web) -> None:
    web.day.engine.reset_password(web.day.agent.head, web.day.agent.cashier.staff_id, password=NEXT)
    assert web.post("/staff/logout", {}, _log_in(web, NEXT)["token"]).status == 200


def test_refusals_name_the_field(web: Web) -> None:
    token = _log_in(web)["token"]
    wrong = _change(web, token, old="not the password")
    assert (wrong.status, wrong.code) == (401, "INVALID_CREDENTIALS")
    for new in ("short", PASSWORD, "Playtime for ever"):
        reply = _change(web, token, new=new)
        assert (reply.status, reply.code, reply.paths) == (400, "PASSWORD_REFUSED", ["$.newPassword"])
    own = web.post(f"/admin/staff/{web.day.agent.head.staff_id}/password", {"password": NEXT}, token)
    assert (own.status, own.code) == (403, "FORBIDDEN")


class _Busy(QuickPasswords):
    """Passwords of a process in which too many wait."""

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Raise PasswordsBusy."""
        raise PasswordsBusy


def test_login_that_does_not_fit_is_refused_and_not_counted(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(QuickPasswords, "verify", _Busy.verify)
        for _ in range(6):
            reply = web.post("/staff/login", CASHIER | {"password": PASSWORD})
            assert (reply.status, reply.code, reply.headers["Retry-After"]) == (503, "PASSWORDS_BUSY", "1")
    _log_in(web)
