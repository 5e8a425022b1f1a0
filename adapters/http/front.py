"""The way of a request from the WSGI server to its answer: through Flask, or without it."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen
from flask import Flask
from werkzeug import Request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from ...application.analytics.failed_requests import FailedRequest
from ...domain.tenancy.tenants import PLATFORM_ID
from .access_log import AccessLog
from .answering import PlainResponse, respond_error
from .edge import METHODS, NO_METHOD, ON_DATA, Edge, Headers, has_one_host, refusal_of
from .error_tally import ErrorTally
from .request_state import RequestState
from .serving import Endpoint

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

STATE: Final = "playtime.request_state"
"""The key of a request's state in the environment of WSGI."""
REQUEST_ID: Final = "X-Request-Id"
MOST_HOSTS: Final = 256
"""The most names of hosts of which it is known whether Flask takes them."""

_STATUS_LINES: Final = {code: f"{code} {name.upper()}" for code, name in HTTP_STATUS_CODES.items()}


@frozen(eq=False)
class Front:
    """The WSGI application before Flask: gives each request its state, its id and its line in the log.

    It answers requests with a method and path of `lean` itself, if Flask would do no more than call their view.
    Flask answers all others. If a host adds hooks to `app`, Flask answers every request.
    """

    app: Flask
    lean: Mapping[tuple[str, str], Endpoint]
    log: AccessLog
    errors: ErrorTally | None
    edge: Edge = field(factory=Edge)
    _flask: "WSGIApplication" = field(init=False)
    _takes_host: Callable[..., bool] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Remember Flask's own way, whose place this one takes."""
        object.__setattr__(self, "_flask", self.app.wsgi_app)
        object.__setattr__(self, "_takes_host", lru_cache(MOST_HOSTS)(self._binds))

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request as WSGI requires."""
        method = environ["REQUEST_METHOD"]
        state = self.log.begin(method, self.edge.given_id(environ) if "HTTP_X_REQUEST_ID" in environ else None)
        for_origin = self.edge.headers_for(environ) if "HTTP_ORIGIN" in environ else ()
        endpoint = self.lean.get((method, environ.get("PATH_INFO", "")))
        if endpoint is None or not self._is_plain(environ):
            return self._checked(state, environ, start_response, for_origin)
        # Without the request in its own environment, which would be a circle of references.
        request = Request(environ, populate_request=False)
        return self._send(state, endpoint.answer(state, request, {}), start_response, for_origin)

    def _is_plain(self, environ: "WSGIEnvironment") -> bool:
        """Return whether Flask would do no more than call the view."""
        app = self.app
        if app.before_request_funcs or app.after_request_funcs or app.teardown_request_funcs:
            return False
        if app.teardown_appcontext_funcs or app.url_value_preprocessors or "HTTP_UPGRADE" in environ:
            return False
        if "HTTP_EXPECT" in environ:
            return False
        get = environ.get
        return self._takes_host(
            environ["wsgi.url_scheme"], get("HTTP_HOST"), get("SERVER_NAME"), get("SERVER_PORT")
        )

    def _binds(self, scheme: str, host: str | None, server: str | None, port: str | None) -> bool:
        """Return whether Flask takes requests to a host, as the headers and the server name it."""
        if not has_one_host(host):
            return False
        named = {"wsgi.url_scheme": scheme, "HTTP_HOST": host, "SERVER_NAME": server, "SERVER_PORT": port}
        environ = {"REQUEST_METHOD": "GET"} | {key: value for key, value in named.items() if value is not None}
        try:
            self.app.create_url_adapter(self.app.request_class(environ))
        except HTTPException:
            return False
        return True

    def _send(
        self, state: RequestState, response: PlainResponse, start_response: "StartResponse", for_origin: Headers
    ) -> Iterable[bytes]:
        self._end(state, response.status)
        headers, body = [*response.headers, *self.edge.on_all, *for_origin], response.body
        if not isinstance(body, bytes):
            start_response(_STATUS_LINES[response.status], [*headers, (REQUEST_ID, state.request_id)])
            return body
        headers += [("Content-Length", str(len(body))), (REQUEST_ID, state.request_id)]
        start_response(_STATUS_LINES[response.status], headers)
        return [body]

    def _checked(
        self,
        state: RequestState,
        environ: "WSGIEnvironment",
        start_response: "StartResponse",
        for_origin: Headers,
    ) -> Iterable[bytes]:
        """Refuse malformed requests, and answer a browser's question about origins; else let Flask answer."""
        refusal = refusal_of(environ)
        if refusal is not None:
            return self._send(state, respond_error(state, refusal), start_response, for_origin)
        preflight = self.edge.preflight(environ)
        if preflight is not None:
            response = PlainResponse(HTTPStatus.NO_CONTENT, [*ON_DATA, *preflight], ())
            return self._send(state, response, start_response, for_origin)
        if environ["REQUEST_METHOD"] not in METHODS:
            environ["REQUEST_METHOD"] = NO_METHOD
        return self._through_flask(state, environ, start_response, for_origin)

    def _through_flask(
        self,
        state: RequestState,
        environ: "WSGIEnvironment",
        start_response: "StartResponse",
        for_origin: Headers,
    ) -> Iterable[bytes]:
        environ[STATE] = state
        added = *self.edge.on_all, *for_origin, (REQUEST_ID, state.request_id)

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Callable[[bytes], object]:
            self._end(state, int(status[:3]))
            return start_response(status, [*headers, *added], *exc_info)

        return self._flask(environ, start)

    def _end(self, state: RequestState, status: int) -> None:
        self.log.end(state, status)
        if self.errors is not None and state.failed_with is not None:
            self.errors.note(_failed_request(state, state.failed_with))


def _failed_request(state: RequestState, code: str) -> FailedRequest:
    """Return a request as failed with a code. Without a known caller it is the platform's."""
    who = state.who
    operator_id, tenant_id = (PLATFORM_ID, PLATFORM_ID) if who is None else (who.operator_id, who.tenant_id)
    return FailedRequest(operator_id, tenant_id, state.name or "unknown", code)
