"""The Flask application of an engine: requests in, use cases called, answers out."""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Flask, Request, Response, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, UnicodeConverter, UUIDConverter

from ...application.access import PlayerPrincipal, StaffPrincipal
from ...application.analytics.failed_requests import FailedRequest
from ...application.answers import Answer
from ...application.engine import Engine
from ...application.wire import encode
from ...domain.errors import DomainError
from ...domain.tenancy.tenants import PLATFORM_ID
from .access_log import log_access
from .answering import respond, respond_defect, respond_document, respond_error, respond_result, respond_unserved
from .api.route import API, Caller, Route, is_id
from .calls import (
    MAX_BODY_BYTES,
    Call,
    body_reader,
    query_reader,
    read_key,
    read_nobody,
    read_optional_player,
    read_player,
    read_staff,
)
from .error_tally import ErrorTally
from .errors import Fault, MalformedAddress, MalformedRequest, bounded
from .faults import id_fault
from .openapi import describe
from .pages.first_page import first_page
from .pages.redeem_page import REDEEM_PATH, SCRIPT_PATH, redeem_page, redeem_script
from .routes import ROUTES

_NAME: Final = "string(maxlength=64)"
_LONGEST_ID: Final = 64
_ID: Final = re.compile(UUIDConverter.regex)
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_READ_CALLER: Final[Mapping[Caller, Callable[..., Any]]] = {
    Caller.ANYBODY: read_nobody,
    Caller.PLAYER_OR_ANYBODY: read_optional_player,
    Caller.PLAYER: read_player,
    Caller.STAFF: read_staff,
}


class _IdConverter(UnicodeConverter):
    """An id in a path as a UUID. Any other text stays a text, and is reported as such."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, maxlength=_LONGEST_ID)

    def to_python(self, value: str) -> UUID | str:
        """Return the id, or the text that is none."""
        return UUID(value) if _ID.fullmatch(value) else value


def create_app(engine: Engine, *, public_url: str | None = None, errors: ErrorTally | None = None) -> Flask:
    """Return an application that serves this engine. Two in one process know nothing of each other.

    `public_url` is the address under which people reach it, as QR codes name it. Without it, sheets are test
    prints: the Host header of a request never decides what is printed.
    `errors` counts the requests that fail, but not the same refusal again; None: nobody does.
    """
    site = None if public_url is None else public_url.rstrip("/")
    app = Flask(__name__, static_folder=None)
    # One more than the limit: a body of untold length is cut off there without a word, and so found out.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES + 1
    # An almost right address is not found; it is not corrected by a redirect.
    app.url_map.merge_slashes = False
    app.url_map.converters["id"] = _IdConverter
    for route in ROUTES:
        _serve(app, route.path, route.method, name=route.name, view=_view(engine, route, site))
    document = encode(describe(ROUTES))
    _serve(app, f"{API}/openapi.json", "GET", name="openapi", view=lambda: respond(document, HTTPStatus.OK))
    _serve_pages(app)
    app.register_error_handler(DomainError, respond_error)
    app.register_error_handler(HTTPException, respond_unserved)
    app.register_error_handler(Exception, respond_defect)
    log_access(app)
    if errors is not None:
        _count_failures(app, errors)
    return app


def _count_failures(app: Flask, errors: ErrorTally) -> None:
    def count(response: Response) -> Response:
        if "failed_with" in g:
            errors.note(_failed_request(g.failed_with))
        return response

    app.after_request(count)


def _failed_request(code: str) -> FailedRequest:
    """Return the current request as failed with a code. Without a known caller it is the platform's."""
    who = g.get("who")
    known = isinstance(who, StaffPrincipal | PlayerPrincipal)
    operator_id, tenant_id = (who.operator_id, who.tenant_id) if known else (PLATFORM_ID, PLATFORM_ID)
    return FailedRequest(operator_id, tenant_id, request.endpoint or "unknown", code)


def _serve(app: Flask, path: str, method: str, *, name: str, view: Callable[..., Response]) -> None:
    rule = _PARAMETER.sub(lambda found: f"<{'id' if is_id(found[1]) else _NAME}:{found[1]}>", path)
    app.add_url_rule(rule, name, view, methods=[method], provide_automatic_options=False)


def _serve_pages(app: Flask) -> None:
    """Serve the pages beside the API: the first page, and the page on which players redeem vouchers."""
    script = redeem_script()

    def redeem() -> Response:
        return respond_document(redeem_page(request.args.get("code", "")))

    first = first_page(API)
    _serve(app, "/", "GET", name="firstPage", view=lambda: respond_document(first))
    _serve(app, REDEEM_PATH, "GET", name="redeemPage", view=redeem)
    _serve(app, SCRIPT_PATH, "GET", name="redeemScript", view=lambda: respond_document(script))


def _view(engine: Engine, route: Route, site: str | None) -> Callable[..., Response]:
    """Return the view of a route; everything that can be made once is made here."""
    read_caller, read_given = _READ_CALLER[route.caller], _reader(route)
    status_for_player = route.status_for_player or route.status

    def view(**parameters: UUID | str) -> Response:
        g.who = who = read_caller(engine.authenticate, request)
        names = {name: value for name, value in parameters.items() if isinstance(value, str)}
        no_ids = [name for name in names if is_id(name)]
        found = [id_fault(name, names[name]) for name in no_ids]
        given = _read_or_note(found, read_given)
        key = _read_or_note(found, read_key) if route.has_key else None
        if no_ids:
            raise MalformedAddress(no_ids[0].removesuffix("Id"), bounded(found))
        if found:
            raise MalformedRequest(bounded(found))
        call = Call(
            who=who,
            given=given,
            ids={name: value for name, value in parameters.items() if isinstance(value, UUID)},
            names=names,
            key=key,
            site=site,
        )
        status = route.status if call.who is None else status_for_player
        result = route.handle(engine, call)
        if isinstance(result, Answer) and result.code is not None and not result.replayed and not route.is_bet:
            g.failed_with = result.code
        return respond_result(result, status)

    return view


def _read_or_note(found: list[Fault], read: Callable[[Request], Any]) -> Any:  # noqa: ANN401 - as the route takes
    """Return a part of the request; if it is malformed, add its faults to those found before, and return None."""
    try:
        return read(request)
    except MalformedRequest as error:
        found += error.faults
        return None


def _reader(route: Route) -> Callable[..., Any]:
    if route.takes is None:
        return lambda _request: None
    return body_reader(route.takes, route.limit_bytes) if route.has_body else query_reader(route.takes)
