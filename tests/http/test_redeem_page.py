"""The page where players redeem: what is served. What it does is shown by test_browser.py."""

import re

import pytest

from support.http import Reply, Web


def _get(web: Web, path: str) -> Reply:
    return web.ask("GET", path)


def _prefilled(page: Reply) -> str:
    found = re.search(r'<input id="code"[^>]* value="([^"]*)"', page.body.decode())
    assert found
    return found[1]


@pytest.mark.parametrize("write", [str, str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} "])
def test_the_code_of_the_address_is_filled_in(web: Web, write: object) -> None:
    voucher = web.day.sell(1_000)
    typed = write(voucher.code)  # type: ignore[operator] # a function of a text
    page = _get(web, f"/redeem?code={typed}")
    assert (page.status, page.document) == (200, "text/html")
    assert _prefilled(page) == voucher.code
    assert voucher.pin not in page.body.decode()


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?code=",
        '?code="><script>alert(1)</script>',
        "?code=0000-0000-0000-1",
        "?code=%ff",
        "?code=" + "A" * 5_000,
        "?pin=123456",
        "?pass=0000-0000-0000-0",
        "?code[]=1",
    ],
)
def test_what_is_no_code_is_left_out(web: Web, query: str) -> None:
    page = _get(web, f"/redeem{query}")
    assert (page.status, _prefilled(page)) == (200, "")
    assert page.body == _get(web, "/redeem").body


def test_the_page_runs_its_own_script_and_no_other(web: Web) -> None:
    page = _get(web, "/redeem")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["Referrer-Policy"] == "no-referrer"
    text = page.body.decode()
    assert re.findall(r"<script[^>]*>", text) == ['<script src="redeem.js" defer>']
    assert not re.search(r"https?://|\bon\w+=|<link|<img|url\(|style=", text)
    script = _get(web, "/redeem.js")
    assert (script.status, script.document) == (200, "text/javascript")
    assert not re.search(r"innerHTML|eval\(|document\.write|https?://", script.body.decode())


def test_the_page_can_be_used_by_everybody(web: Web) -> None:
    text = _get(web, "/redeem").body.decode()
    assert '<html lang="en">' in text
    assert re.findall(r'<label for="(\w+)">', text) == ["code", "pin", "pass"]
    assert re.findall(r'<input id="(\w+)"[^>]* required ', text) == ["code", "pin"], "a play pass may be left out"
    assert 'inputmode="numeric" autocomplete="one-time-code"' in text
    assert 'role="alert"' in text
    assert "<noscript>" in text


def test_pages_are_read_only(web: Web) -> None:
    for path in ("/redeem", "/redeem.js"):
        assert web.ask("POST", path).status == 405
