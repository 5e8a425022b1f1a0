"""The way without Flask: every request gets the same answer, log line and count as through Flask."""

import io
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import flask
import pytest
from attrs import field, frozen
from flask import Flask, Response, abort
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from playtime.adapters.http.access_log import AccessLog
from playtime.adapters.http.answering import PlainResponse
from playtime.adapters.http.app import create_app
from playtime.adapters.http.calls import MAX_BODY_BYTES
from playtime.adapters.http.error_tally import ErrorTally
from playtime.adapters.http.front import Front
from playtime.adapters.http.routes import ROUTES
from playtime.adapters.http.serving import Endpoint
from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.analytics.failed_requests import FailedRequest
from playtime.domain.tenancy.staff import Role

from support.http import API, Web, build_web

Environ = dict[str, Any]

LEAN = [route for route in ROUTES if route.is_lean]
PLAYERS = 3


@frozen
class Sent:
    """An answer as it leaves for the server, with what was written about it and read for it."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    line: str
    failed: tuple[FailedRequest, ...]
    read_bytes: int


class Way:
    """An application on a day of its own, asked as a server asks; equal ways give equal answers."""

    def __init__(self, *, is_lean: bool) -> None:
        self.web = build_web(MemoryStorage())
        self.failed: list[FailedRequest] = []
        tally = ErrorTally(lambda _: None, seconds=None)
        tally.note = self.failed.append  # type: ignore[method-assign,assignment] # in order
        self.app = create_app(self.web.day.engine, errors=tally)
        front = cast("Front", self.app.wsgi_app)
        if not is_lean:
            cast("dict[tuple[str, str], Endpoint]", front.lean).clear()
        guests = [self.web.day.welcome(1_000) for _ in range(PLAYERS)]
        staff = self.web.log_in(self.web.day.agent, Role.AGENT)
        refresh = self.web.post("/player/login", {"loginCode": guests[0].login_code, "pin": guests[0].pin})
        ended = self.web.day.welcome(1_000)
        self.web.post("/player/logout", None, ended.token)
        self.tokens = [*(guest.token for guest in guests), staff, ended.token]
        self.tokens += [refresh.content["refreshToken"], refresh.content["token"]]
        self.session = refresh.content["sessionId"]

    def ask(self, environ: Environ, body: bytes, caplog: pytest.LogCaptureFixture) -> Sent:
        """Send a request."""
        stream = io.BytesIO(body)
        started: list[tuple[str, list[tuple[str, str]]]] = []
        caplog.clear()
        self.failed.clear()

        def start(status: str, headers: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
            started.append((status, headers))
            return io.BytesIO().write

        answer = self.app(environ | {"wsgi.input": stream, "wsgi.errors": io.StringIO()}, start)
        sent = b"".join(answer)
        close = getattr(answer, "close", None)
        if close is not None:
            close()
        ((status, headers),) = started
        ids = [value for name, value in headers if name == "X-Request-Id"]
        assert len(ids) == 1
        (line,) = [record.getMessage() for record in caplog.records if record.getMessage().startswith("method=")]
        line = line.replace(ids[0], "ID")
        without_time = " ".join(part for part in line.split(" ") if not part.startswith("duration_ms="))
        others = [(name, value) for name, value in headers if name != "X-Request-Id"]
        return Sent(
            status, others, sent.replace(ids[0].encode(), b"ID"), without_time, tuple(self.failed), stream.tell()
        )


@pytest.fixture(scope="module")
def ways() -> tuple[Way, Way]:
    return Way(is_lean=True), Way(is_lean=False)


PATHS = st.one_of(
    st.sampled_from([route.path for route in LEAN]),
    st.sampled_from(
        [
            "",
            "/",
            "//api/health",
            "/api//health",
            "/api/health/",
            "/API/health",
            "/api/v1/bet/spin/",
            "/api/v1//bet/spin",
            "//api/v1/bet/spin",
            "/api/v1/bet/spin?x=1",
            "/api/v1/bet/sp\xc3\xafn",
            "/api/v1/bet/spin\xff",
            "/api/v1/bet/spin%20",
            "/api/v1/player/me\x00",
            "/api/v1/games",
        ]
    ),
)
METHODS = st.sampled_from(
    ["GET", "POST", "GET", "POST", "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "get", "BREW"]
)
SPINS = st.fixed_dictionaries(
    {
        "stakeMinor": st.sampled_from([1, 1, 1, 100, 1_200, 0, "100"]),
        "gameKey": st.sampled_from(["demo-wheel"] * 4 + ["other"]),
    },
    optional={"actionId": st.sampled_from(["a", "b", "c", ""])},
).map(lambda content: flask.json.dumps(content).encode())
BODIES = st.one_of(
    *[SPINS] * 4,
    st.sampled_from(
        [
            b"",
            b"{}",
            b"[]",
            b'{"stakeMinor":1,"gameKey":"demo-wheel","surprise":1}',
            b'{"stakeMinor":1,"gameKey":"demo-wheel","stakeMinor":1}',
        ]
    ),
    st.binary(max_size=30),
    st.sampled_from([MAX_BODY_BYTES - 1, MAX_BODY_BYTES, MAX_BODY_BYTES + 1, 2 * MAX_BODY_BYTES]).map(
        b'{"stakeMinor":1,"gameKey":"demo-wheel"}'.ljust
    ),
)
LENGTHS = st.sampled_from(["right"] * 5 + [None, "0", "7", "100000", "-1", "x", "", "+7", "99999999999999999999"])
OTHERS: st.SearchStrategy[Environ] = st.fixed_dictionaries(
    {},
    optional={
        "SERVER_NAME": st.sampled_from(["localhost", "localhost", "::1", "b\xe9", "a..b"]),
        "SERVER_PORT": st.sampled_from(["80", "8000", "443", "x"]),
        "wsgi.url_scheme": st.sampled_from(["http", "https"]),
        "HTTP_HOST": st.sampled_from(
            [
                "localhost:8000",
                "127.0.0.1",
                "[::1]:80",
                "a..b",
                "x" * 64 + ".org",
                "bad host",
                "",
                "b\xe9",
                "a:0",
                "a,b",
                None,
            ]
        ),
        "CONTENT_TYPE": st.sampled_from(
            ["application/json", "Application/JSON; charset=utf-8", "text/plain", "", "json", "\xe9", "a/b;;;"]
        ),
        "HTTP_TRANSFER_ENCODING": st.sampled_from(["chunked", "gzip"]),
        "wsgi.input_terminated": st.just(value=True),
        "QUERY_STRING": st.sampled_from(["", "a=1", "a=1&a=2", "%ff", "\xff", "=&&;"]),
        "SCRIPT_NAME": st.sampled_from(["", "/casino", "/\xff"]),
        "REMOTE_ADDR": st.just("127.0.0.1"),
        "HTTP_CONNECTION": st.sampled_from(["keep-alive, Upgrade", "close"]),
        "HTTP_UPGRADE": st.sampled_from(["websocket", "h2c"]),
        "HTTP_IDEMPOTENCY_KEY": st.sampled_from(["k", ""]),
        "HTTP_EXPECT": st.sampled_from(["100-continue", "tea"]),
        "HTTP_ORIGIN": st.just("https://shop.example.com"),
        "HTTP_X_REQUEST_ID": st.just("theirs"),
        "HTTP_X_SESSION_ID": st.sampled_from(["own", "x", ""]),
        "HTTP_COOKIE": st.just("session=x"),
    },
)
AUTHORIZATIONS = st.one_of(
    st.integers(0, PLAYERS + 3).map("Bearer {}".format),
    st.sampled_from(
        [None, "", "Bearer", "Bearer x", "Basic 0", "bearer\t0", "Bearer \xe9", "Bearer " + "x" * 5_000]
    ),
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Environ, bytes]:
    """Return the environment and body of a request; tokens and sessions are put in by their number."""
    route, body = draw(st.sampled_from([*LEAN[::-1], LEAN[-1], LEAN[-1]])), draw(BODIES)
    environ: Environ = {
        "REQUEST_METHOD": route.method,
        "PATH_INFO": route.path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "wsgi.url_scheme": "http",
        "CONTENT_TYPE": "application/json",
        "HTTP_AUTHORIZATION": f"Bearer {draw(st.integers(0, PLAYERS + 3))}",
    }
    # Few at a time: most requests would be refused for the first of many oddities.
    odd = draw(OTHERS | st.just({})) | draw(st.fixed_dictionaries({"REQUEST_METHOD": METHODS}) | st.just({}))
    odd |= draw(st.fixed_dictionaries({"PATH_INFO": PATHS}) | st.just({}))
    odd |= draw(st.fixed_dictionaries({"HTTP_AUTHORIZATION": AUTHORIZATIONS}) | st.just({}))
    chosen = draw(st.sets(st.sampled_from(sorted(odd)), max_size=3)) if odd else set()
    environ |= {name: odd[name] for name in chosen}
    length = draw(LENGTHS)
    if length is not None:
        environ["CONTENT_LENGTH"] = str(len(body)) if length == "right" else length
    return {name: value for name, value in environ.items() if value is not None}, body


def _addressed(environ: Environ, way: Way) -> Environ:
    """Return the environment with the token and session of a way in the place of their numbers."""
    scheme, _, number = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    own = {"HTTP_AUTHORIZATION": f"{scheme} {way.tokens[int(number)]}"} if number.isdecimal() else {}
    if environ.get("HTTP_X_SESSION_ID") == "own":
        own["HTTP_X_SESSION_ID"] = way.session.upper()
    return environ | own


PLAIN: Environ = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/api/health",
    "HTTP_HOST": "localhost",
    "wsgi.url_scheme": "http",
}


@example(asked=(PLAIN, b""))
@example(asked=(PLAIN | {"HTTP_CONNECTION": "Upgrade", "HTTP_UPGRADE": "websocket"}, b""))
@example(asked=(PLAIN | {"HTTP_HOST": "a..b"}, b""))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=500)
@given(asked=requests())
def test_both_ways_give_the_same_answer(
    ways: tuple[Way, Way], caplog: pytest.LogCaptureFixture, asked: tuple[Environ, bytes]
) -> None:
    caplog.set_level(logging.INFO, "playtime.http")
    environ, body = asked
    lean, through_flask = (way.ask(_addressed(environ, way), body, caplog) for way in ways)
    assert lean == through_flask
    event(f"{environ['PATH_INFO'][-8:]!r} {lean.status[:3]}")


def _started(app: Flask) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_app: Flask, **_: object) -> None:
        seen.append(flask.request.path)

    with flask.request_started.connected_to(note, app):
        yield seen


def _call(way: Web, method: str, path: str, token: str | None = None) -> int:
    raw = b'{"stakeMinor":1,"gameKey":"demo-wheel"}' if path.endswith("spin") else b""
    return way.ask(method, path, raw, token=token).status


def test_only_hot_routes_pass_flask_by(web: Web) -> None:
    guest = web.day.welcome(1_000)
    web.day.randomness.script(0)
    asked = [(route.method, route.path) for route in LEAN]
    assert sorted(asked) == [
        ("GET", "/api/health"),
        ("GET", f"{API}/player/me"),
        ("POST", f"{API}/bet/spin"),
        ("POST", f"{API}/player/bonus/ack"),
    ]
    for seen in _started(web.app):
        assert [_call(web, method, path, guest.token) for method, path in asked] == [200] * 4
        assert seen == []
        assert web.app.test_client().head("/api/health").status_code == 200
        assert _call(web, "GET", f"{API}/games") == 200
        assert seen == ["/api/health", f"{API}/games"]


def test_hooks_of_a_host_see_every_request(web: Web) -> None:
    app = create_app(web.day.engine)

    @app.before_request
    def refuse() -> None:
        if "X-Refuse" in flask.request.headers:
            abort(403)

    @app.after_request
    def sign(response: Response) -> Response:
        response.headers["X-Host"] = "seen"
        return response

    client = app.test_client()
    for route in LEAN:
        assert client.open(route.path, method=route.method, headers={"X-Refuse": "1"}).status_code == 400
        assert client.open(route.path, method=route.method).headers["X-Host"] == "seen"


@pytest.mark.parametrize("host", ["localhost", "other"])
def test_trusted_hosts_of_a_host_program_hold(web: Web, host: str) -> None:
    web.app.config["TRUSTED_HOSTS"] = ["localhost"]
    client = web.app.test_client()
    for _ in range(2):
        assert client.get("/api/health", headers={"Host": host}).status_code == (
            200 if host == "localhost" else 400
        )


def test_an_application_below_a_path_answers_hot_routes(web: Web) -> None:
    response = web.app.test_client().get("/api/health", base_url="http://localhost/casino")
    assert response.status_code == 200


@frozen(eq=False)
class _Parts:
    """A body in parts that notes its end."""

    closed: list[None] = field(factory=list)

    def __iter__(self) -> Iterator[bytes]:
        yield from (b"a", b"b")

    def close(self) -> None:
        self.closed.append(None)


def test_a_body_in_parts_is_given_to_the_server_as_it_is() -> None:
    parts, started = _Parts(), []
    app = Flask("lean")
    endpoint = Endpoint.at("/x", "x", lambda *_: PlainResponse(200, [("A", "b")], parts))  # type: ignore[arg-type]
    front = Front(app, {("GET", "/x"): endpoint}, AccessLog(), None)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/x", "HTTP_HOST": "x", "wsgi.url_scheme": "http"}
    answer: Iterable[bytes] = front(environ, lambda status, headers, *_: started.append((status, headers)))  # type: ignore[arg-type]
    ((status, headers),) = started
    assert (status, headers[0], headers[1][0]) == ("200 OK", ("A", "b"), "X-Request-Id")
    assert (b"".join(answer), parts.closed) == (b"ab", [])
    cast("_Parts", answer).close()
    assert parts.closed == [None]
