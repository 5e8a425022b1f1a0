"""A quick check of a running API over HTTP. It is safe on a live one: it moves no coin and creates nothing."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

TIMEOUT_SECONDS: Final = 10

Body = Mapping[str, Any]


@frozen
class Result:
    """The result of one check."""

    name: str
    held: bool
    seen: str

    def __str__(self) -> str:
        """Return the line that the command prints."""
        return f"{'ok  ' if self.held else 'FAIL'} {self.name}: {self.seen}"


@frozen
class _Check:
    name: str
    method: str
    path: str
    status: int
    holds: Callable[[Body], bool]
    body: bytes | None = None


def _is_refusal(body: Body) -> bool:
    return body.get("ok") is False and isinstance(body.get("code"), str)


_NOBODY: Final = b'{"code": "0000-0000-0000-0", "pin": "000000"}'
_CHECKS: Final = (
    _Check("health", "GET", "/api/health", 200, lambda body: body.get("ok") is True),
    _Check("lobby has games", "GET", "/api/v1/games", 200, lambda body: bool(body.get("games"))),
    _Check("describes itself", "GET", "/api/v1/openapi.json", 200, lambda body: "paths" in body),
    _Check("staff log-in is asked for", "GET", "/api/v1/admin/tenants", 401, _is_refusal),
    _Check("player log-in is asked for", "GET", "/api/v1/player/me", 401, _is_refusal),
    _Check("unknown code is refused", "POST", "/api/v1/voucher/redeem", 401, _is_refusal, _NOBODY),
    _Check("malformed is refused", "POST", "/api/v1/player/login", 400, _is_refusal, b"{"),
    _Check("unknown route is refused", "GET", "/api/v1/nothing-here", 404, _is_refusal),
)


def smoke_test(url: str) -> list[Result]:
    """Run each check on the API at `url`; an API that does not answer fails them all."""
    return [_run(url.rstrip("/"), check) for check in _CHECKS]


def _run(url: str, check: _Check) -> Result:
    try:
        status, content = _ask(url, check)
        body = json.loads(content)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Result(check.name, held=False, seen=str(error))
    held = status == check.status and isinstance(body, dict) and check.holds(body)
    return Result(check.name, held=held, seen=f"{check.method} {check.path} -> {status}")


def _ask(url: str, check: _Check) -> tuple[int, bytes]:
    if not url.startswith(("http://", "https://")):
        raise ValueError("the address must start with http:// or https://")
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked
        url + check.path,
        data=check.body,
        method=check.method,
        headers={"Content-Type": "application/json"} if check.body else {},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
