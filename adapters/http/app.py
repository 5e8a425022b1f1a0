"""The Flask application of an engine: requests in, use cases called, answers out."""

import re
from functools import cache, partial
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, UnicodeConverter, UUIDConverter

from ...application.engine import Engine
from ...application.ports.services import Clock
from ...application.wire import encode
from .access_log import AccessLog
from .answering import PlainResponse, respond, respond_defect, respond_document, respond_unserved
from .api.route import API
from .edge import Edge
from .error_tally import ErrorTally
from .front import STATE, Front
from .lanes import AUDIT_SECONDS, Lanes, Remembered, SharedWork
from .openapi import describe
from .pages.first_page import first_page
from .pages.redeem_page import REDEEM_PATH, SCRIPT_PATH, redeem_page, redeem_script
from .pages.security_contact import SECURITY_PATH, security_contact
from .readiness import Readiness
from .request_state import RequestState
from .routes import ROUTES
from .serving import Endpoint, Handle, Service, endpoint_of

_LONGEST_ID: Final = 64
_ID: Final = re.compile(UUIDConverter.regex)


class _IdConverter(UnicodeConverter):
    """An id in a path as a UUID. Any other text stays a text, and is reported as such."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, maxlength=_LONGEST_ID)

    def to_python(self, value: str) -> UUID | str:
        """Return the id, or the text that is none."""
        return UUID(value) if _ID.fullmatch(value) else value


def create_app(
    engine: Engine,
    *,
    public_url: str | None = None,
    errors: ErrorTally | None = None,
    lanes: Lanes | None = None,
    long_reads: Engine | None = None,
    edge: Edge | None = None,
    readiness: Readiness | None = None,
) -> Flask:
    """Return an application that serves this engine. Two in one process know nothing of each other.

    `public_url` is the address under which people reach it, as QR codes name it. Without it, sheets are test
    prints: the Host header of a request never decides what is printed.
    `errors` counts the requests that fail, but not the same refusal again; None: nobody does.
    `lanes` bound the requests under way; None: nobody does. `long_reads` is the engine of the long lane, if it has
    connections of its own. `edge` is what surrounds the application; None: no proxy, no other site, no TLS.
    `readiness` has the checks of `/health/ready`; None: it checks the storage and the sweeps only.
    """
    site = None if public_url is None else public_url.rstrip("/")
    app = Flask(__name__, static_folder=None)
    # An almost right address is not found; it is not corrected by a redirect.
    app.url_map.merge_slashes = False
    app.url_map.converters["id"] = _IdConverter
    lanes = lanes or Lanes.unbounded()
    shared = SharedWork(Remembered(AUDIT_SECONDS, lanes.exclusive), readiness=readiness or Readiness())
    service = Service(engine, long_reads or engine, lanes, site, shared)
    lean: dict[tuple[str, str], Endpoint] = {}
    for route in ROUTES:
        endpoint = endpoint_of(service, route)
        _serve(app, route.method, endpoint)
        if route.is_lean:
            lean[route.method, route.path] = endpoint
    _serve_page(app, f"{API}/openapi.json", "openapi", lambda *_: respond(_described(), HTTPStatus.OK))
    _serve_pages(app)
    if edge is not None and edge.contact is not None:
        handle = partial(_answer_contact, engine.check_health.clock, edge.contact)
        _serve_page(app, SECURITY_PATH, "securityContact", handle)
    app.register_error_handler(HTTPException, _unserved)
    app.register_error_handler(Exception, _defect)
    app.wsgi_app = Front(app, lean, AccessLog(), errors, edge or Edge())  # type: ignore[method-assign] # as Flask documents it
    return app


@cache
def _described() -> bytes:
    """Return the description of the API. It is made at the first request for it, since that takes long."""
    return encode(describe(ROUTES))


def _serve(app: Flask, method: str, endpoint: Endpoint) -> None:
    def view(**parameters: UUID | str) -> Response:
        return _sent(endpoint.answer(_state(), request, parameters))

    app.add_url_rule(endpoint.rule, endpoint.name, view, methods=[method], provide_automatic_options=False)


def _serve_page(app: Flask, path: str, name: str, handle: Handle) -> None:
    _serve(app, "GET", Endpoint.at(path, name, handle))


def _serve_pages(app: Flask) -> None:
    """Serve the pages beside the API: the first page, and the page on which players redeem vouchers."""
    first, script = first_page(API), redeem_script()
    _serve_page(app, "/", "firstPage", lambda state, *_: respond_document(state, first))
    _serve_page(
        app,
        REDEEM_PATH,
        "redeemPage",
        lambda state, request, _: respond_document(state, redeem_page(request.args.get("code", ""))),
    )
    _serve_page(app, SCRIPT_PATH, "redeemScript", lambda state, *_: respond_document(state, script))


def _answer_contact(clock: Clock, contact: str, state: RequestState, *_: object) -> PlainResponse:
    return respond_document(state, security_contact(contact, clock.now()))


def _state() -> RequestState:
    state: RequestState = request.environ[STATE]
    return state


def _unserved(error: HTTPException) -> Response:
    return _sent(respond_unserved(_state(), request, error))


def _defect(error: Exception) -> Response:
    return _sent(respond_defect(_state(), error))


def _sent(response: PlainResponse) -> Response:
    return Response(response.body, response.status, response.headers)
