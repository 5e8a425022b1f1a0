"""One line for each request: method, route, status, duration, request id.

The line names the route's template, never the path or query that came: those may hold anything. Bodies and
headers, and with them PINs, passwords, tokens and codes, reach no log at all.
"""

import logging
import os
import time
from itertools import count
from typing import Final

from flask import Flask, Response, g, request

_LOG: Final = logging.getLogger("playtime.http")
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


def log_access(app: Flask) -> None:
    """Give each request of an application an id, and write its line when it was answered."""
    # Unique among processes and restarts, without asking for randomness: which process, since when, which one.
    process = f"{os.getpid():x}-{time.monotonic_ns():x}"
    numbers = count(1)

    def note_arrival() -> None:
        g.arrived = time.perf_counter()
        g.request_id = f"{process}-{next(numbers)}"

    def write_line(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        if _LOG.isEnabledFor(logging.INFO):
            _LOG.info(
                "method=%s route=%s status=%d duration_ms=%.2f request_id=%s",
                request.method if request.method in _METHODS else "-",
                "-" if request.url_rule is None else request.url_rule.rule,
                response.status_code,
                (time.perf_counter() - g.arrived) * 1000,
                g.request_id,
            )
        return response

    app.before_request(note_arrival)
    app.after_request(write_line)
