"""Calls of the web application in this process, from the bytes of requests."""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import field, frozen

from ....application.errors import SetupError
from .requests import ACTION, CODE, PIN, Workload, action_ids

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def environ_of(request: str) -> dict[str, Any]:
    """Return the WSGI environment of a request."""
    head, _, body = request.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body.encode()),
    }
    for line in lines:
        name, _, value = line.partition(": ")
        key = name.upper().replace("-", "_")
        environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
    return environ


@frozen
class WsgiCaller:
    """Calls an application with the requests of a workload, one after another."""

    app: WsgiApp
    workload: Workload
    _actions: Iterator[str] = field(factory=action_ids, init=False)
    _requests: Iterator[str] = field(init=False)

    @_requests.default
    def _in_turn(self) -> Iterator[str]:
        while True:
            yield from self.workload.requests

    def __call__(self) -> None:
        """Carry out one operation. Raises SetupError if it is refused."""
        answer = self._answer_to(next(self._requests).replace(ACTION, next(self._actions)))
        if self.workload.follow:
            voucher = json.loads(answer)["voucher"]
            self._answer_to(self.workload.follow.replace(CODE, voucher["code"]).replace(PIN, voucher["pin"]))

    def _answer_to(self, request: str) -> bytes:
        statuses: list[str] = []
        body = b"".join(self.app(environ_of(request), lambda status, *_: statuses.append(status)))
        if not statuses[0].startswith("2"):
            raise SetupError(f"{request.split(' HTTP', maxsplit=1)[0]} was refused: {statuses[0]} {body.decode()}")
        return body
