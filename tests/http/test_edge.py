"""The edge of the application: headers, other sites, trusted proxies, and requests that no route may see."""

import re
from datetime import datetime, timedelta

import pytest
from flask import Flask

from playtime.adapters.http.app import create_app
from playtime.adapters.http.edge import Edge
from playtime.adapters.memory.storage import MemoryStorage
from playtime.contracts.doubles import SettableClock, build_engine

from support.http import API, Web

SHOP = "https://shop.example.com"
RANDOM_ID = re.compile(r"[0-9a-f]{24}")
ON_ALL = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LEAN, BY_FLASK = "/api/health", f"{API}/games"


def _app(**edge: object) -> Flask:
    return create_app(build_engine(MemoryStorage()), edge=Edge(**edge))  # type: ignore[arg-type] # named values


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", LEAN, 200),
        ("GET", BY_FLASK, 200),
        ("GET", f"{API}/openapi.json", 200),
        ("GET", "/", 200),
        ("GET", "/redeem", 200),
        ("GET", "/redeem.js", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", LEAN, 405),
        ("POST", f"{API}/bet/spin", 401),
    ],
)
def test_every_answer_has_the_headers_of_safety(web: Web, method: str, path: str, status: int) -> None:
    reply = web.ask(method, path)
    assert reply.status == status
    assert {name: reply.headers[name] for name in ON_ALL} == ON_ALL
    assert "camera=()" in reply.headers["Permissions-Policy"]
    (policy,) = reply.headers.getlist("Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not [name for name, _ in reply.headers if name.startswith("Access-Control")]
    assert "Strict-Transport-Security" not in reply.headers


@pytest.mark.parametrize("path", [LEAN, BY_FLASK, "/"])
def test_strict_transport_is_asked_for_behind_tls(path: str) -> None:
    headers = _app(is_secure=True).test_client().get(path).headers
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.parametrize("path", [LEAN, BY_FLASK])
@pytest.mark.parametrize("method", ["get", "Get", "BREW", "GET "])
def test_methods_are_matched_exactly(path: str, method: str) -> None:
    response = _app().test_client().open(path, environ_overrides={"REQUEST_METHOD": method})
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", [LEAN, BY_FLASK])
@pytest.mark.parametrize("host", ["", "a,b", "localhost,localhost", "localhost, "])
def test_exactly_one_host_is_accepted(path: str, host: str) -> None:
    response = _app().test_client().get(path, environ_overrides={"HTTP_HOST": host})
    assert response.status_code == 400
    assert response.json is not None
    assert response.json["faults"] == [{"path": "header.Host", "message": "must be sent exactly once"}]


@pytest.mark.parametrize("path", [LEAN, BY_FLASK])
@pytest.mark.parametrize(
    ("expected", "status"), [("100-continue", 200), ("100-Continue", 200), ("tea", 417), ("", 417)]
)
def test_expectations_but_100_continue_are_refused(path: str, expected: str, status: int) -> None:
    response = _app().test_client().get(path, headers={"Expect": expected})
    assert response.status_code == status
    assert (response.json or {}).get("code") == ("EXPECTATION_FAILED" if status == 417 else None)


def test_request_ids_are_random(web: Web) -> None:
    ids = [web.ask("GET", path).headers["X-Request-Id"] for path in (LEAN, BY_FLASK) * 10]
    assert all(map(RANDOM_ID.fullmatch, ids))
    assert len({identifier[:8] for identifier in ids}) > 15, "no part of it is a counter or a process"


@pytest.mark.parametrize("path", [LEAN, BY_FLASK])
@pytest.mark.parametrize(
    ("address", "given", "is_taken"),
    [
        ("10.1.2.3", "proxy-7.a_b", True),
        ("::ffff:10.1.2.3", "proxy-7", True),
        ("2001:db8::1", "proxy-7", True),
        ("192.0.2.1", "proxy-7", False),
        ("2001:db8::2", "proxy-7", False),
        ("", "proxy-7", False),
        ("unix", "proxy-7", False),
        ("10.1.2.3", "a b", False),
        ("10.1.2.3", "a\nb", False),
        ("10.1.2.3", "a,b", False),
        ("10.1.2.3", "", False),
        ("10.1.2.3", "a" * 65, False),
    ],
)
def test_request_id_is_taken_from_trusted_proxies_only(
    path: str,
    address: str,
    given: str,
    is_taken: bool,  # noqa: FBT001 - a column of the table
) -> None:
    app = _app(proxies=("10.0.0.0/8", "2001:db8::1/128"))
    sent = {"REMOTE_ADDR": address, "HTTP_X_REQUEST_ID": given}
    found = app.test_client().get(path, environ_overrides=sent).headers["X-Request-Id"]
    assert found == given if is_taken else RANDOM_ID.fullmatch(found)


def test_request_id_of_nobody_is_taken_without_proxies(web: Web) -> None:
    found = web.ask("GET", LEAN, headers={"X-Request-Id": "mine"}).headers["X-Request-Id"]
    assert RANDOM_ID.fullmatch(found)


@pytest.mark.parametrize("path", [LEAN, BY_FLASK, "/nowhere"])
def test_other_sites_may_read_nothing_unless_listed(path: str) -> None:
    client = _app(origins=frozenset({SHOP})).test_client()
    allowed, other = (
        client.get(path, headers={"Origin": origin}) for origin in (SHOP, "https://evil.example.com")
    )
    assert allowed.headers["Access-Control-Allow-Origin"] == SHOP
    assert "Retry-After" in allowed.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in allowed.headers
    assert "Access-Control-Allow-Origin" not in other.headers
    assert allowed.headers["Vary"] == other.headers["Vary"] == client.get(path).headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    ("origins", "origin", "status"),
    [({SHOP}, SHOP, 204), ({SHOP}, "https://evil.example.com", 405), ({SHOP}, "null", 405), (set(), SHOP, 405)],
)
def test_preflight_is_answered_for_listed_origins(origins: set[str], origin: str, status: int) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    response = _app(origins=frozenset(origins)).test_client().options(f"{API}/bet/spin", headers=headers)
    assert response.status_code == status
    if status == 204:
        assert response.data == b""
        assert "POST" in response.headers["Access-Control-Allow-Methods"]
        assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
        assert "Content-Length" not in response.headers
    else:
        assert "Access-Control-Allow-Origin" not in response.headers


def test_options_without_a_question_is_405() -> None:
    client = _app(origins=frozenset({SHOP})).test_client()
    assert client.options(LEAN, headers={"Origin": SHOP}).status_code == 405


def test_security_contact_is_served_if_configured(web: Web) -> None:
    path = "/.well-known/security.txt"
    assert web.ask("GET", path).status == 404
    response = _app(contact="mailto:security@example.com").test_client().get(path)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    lines = dict(line.split(": ", 1) for line in response.text.splitlines())
    assert list(lines) == ["Contact", "Expires", "Preferred-Languages"]
    assert lines["Contact"] == "mailto:security@example.com"
    left = datetime.fromisoformat(lines["Expires"]) - SettableClock().now()
    assert timedelta(days=179) < left <= timedelta(days=180)
