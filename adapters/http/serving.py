"""Serving a route: a request is read, given a place, carried out and answered, whichever way it came."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

import attrs
from attrs import evolve, frozen
from werkzeug import Request
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import ClosingIterator

from ...application.access import UNKNOWN, Origin, StaffPrincipal
from ...application.answers import Answer
from ...application.engine import Engine
from ...domain.errors import DomainError
from .answering import PlainResponse, respond_defect, respond_error, respond_result, respond_unserved
from .api.route import Caller, Route, is_id
from .calls import (
    Call,
    body_reader,
    caller_of,
    query_reader,
    read_key,
    read_nobody,
    read_optional_player,
    read_player,
    read_staff,
    refuse_key,
)
from .errors import Fault, MalformedAddress, MalformedRequest, bounded
from .faults import id_fault
from .lanes import Kind, Lanes, SharedWork
from .request_state import RequestState
from .requests import ListFormat, wire_name

Parameters = Mapping[str, UUID | str]
"""The values of a path's parameters. An id that has not the form of one is a text."""
Handle = Callable[[RequestState, Request, Parameters], PlainResponse]

_NAME: Final = "string(maxlength=64)"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_READ_CALLER: Final[Mapping[Caller, Callable[..., Any]]] = {
    Caller.ANYBODY: read_nobody,
    Caller.PLAYER_OR_ANYBODY: read_optional_player,
    Caller.PLAYER: read_player,
    Caller.STAFF: read_staff,
}


@frozen
class Endpoint:
    """A route or page as it is served: its name, its URL rule in Flask's form, and the function that answers."""

    name: str
    rule: str
    handle: Handle

    @classmethod
    def at(cls, path: str, name: str, handle: Handle) -> "Endpoint":
        """Return the endpoint of a path, whose parameters are in braces."""
        rule = _PARAMETER.sub(lambda found: f"<{'id' if is_id(found[1]) else _NAME}:{found[1]}>", path)
        return cls(name, rule, handle)

    def answer(self, state: RequestState, request: Request, parameters: Parameters) -> PlainResponse:
        """Answer a request. An error is an answer, too."""
        state.name, state.rule = self.name, self.rule
        try:
            try:
                return self.handle(state, request, parameters)
            except DomainError as error:
                return respond_error(state, error)
            except HTTPException as error:
                return respond_unserved(state, request, error)
        except Exception as error:  # noqa: BLE001 - a defect of ours, whatever it is
            return respond_defect(state, error)


@frozen
class Service:
    """The parts that all routes of an application share."""

    engine: Engine
    long_reads: Engine
    lanes: Lanes
    site: str | None
    shared: SharedWork

    def engine_of(self, kind: Kind | None) -> Engine:
        """Return the engine of a lane; long reads have connections of their own."""
        return self.long_reads if kind is Kind.LONG else self.engine


def endpoint_of(service: Service, route: Route) -> Endpoint:
    """Return the endpoint of a route; everything that can be made once is made here."""
    read_caller, read_given = _READ_CALLER[route.caller], _reader(route)

    def handle(state: RequestState, request: Request, parameters: Parameters) -> PlainResponse:
        state.who = who = read_caller(service.engine.authenticate, request)
        origin = None if route.caller is Caller.PLAYER else Origin(request.remote_addr, state.request_id)
        call = _read_call(
            service, route, read_given, who=who, request=request, parameters=parameters, origin=origin
        )
        given = call.given if isinstance(call, Call) else None
        kind = route.kind_of(given)
        place = service.lanes.enter(kind, caller_of(who, given), is_verified=who is not None)
        is_sent_in_parts = False
        try:
            engine = service.engine_of(kind)
            if isinstance(who, StaffPrincipal):
                call = _checked(engine, state, who, call, is_changing_password=route.is_before_change)
            if isinstance(call, DomainError):
                raise call
            response = _answer(state, engine, route, call)
            if not isinstance(response.body, bytes):
                service.lanes.begin_download()
                response.body = ClosingIterator(response.body, place.leave)
                is_sent_in_parts = True
        finally:
            if not is_sent_in_parts:
                place.leave()
        return response

    return Endpoint.at(route.path, route.name, handle)


def _checked(
    engine: Engine,
    state: RequestState,
    who: StaffPrincipal,
    call: Call[Any, Any] | DomainError,
    *,
    is_changing_password: bool,
) -> Call[Any, Any] | DomainError:
    """Check the session of staff, and return the call with the member's name and origin.

    Use cases check the sessions of players. Raises InvalidToken, TenantSuspended, PasswordChangeRequired.
    """
    state.who = None
    active = engine.authenticate.active(who, is_changing_password=is_changing_password)
    state.who = who
    if isinstance(call, DomainError):
        return call
    return evolve(call, who=evolve(active, origin=call.origin))


def _answer(state: RequestState, engine: Engine, route: Route, call: Call[Any, Any]) -> PlainResponse:
    status = route.status if call.who is None else route.status_for_player or route.status
    result = route.handle(engine, call)
    if route.documents and isinstance(call.who, StaffPrincipal):
        _note_export(engine, route, call)
    if isinstance(result, Answer) and result.code is not None and not result.replayed and not route.is_bet:
        state.failed_with = result.code
    return respond_result(state, result, status)


def _note_export(engine: Engine, route: Route, call: Call[StaffPrincipal, Any]) -> None:
    """Write into the audit trail that staff export a list or report."""
    if getattr(call.given, "format", None) is ListFormat.CSV:
        asked = {wire_name(name): value for name, value in attrs.asdict(call.given).items() if value is not None}
        engine.note_export(call.who, route.name, {**call.names, **call.ids, **asked})


def _read_call(
    service: Service,
    route: Route,
    read_given: Callable[[Request], Any],
    *,
    who: Any,  # noqa: ANN401 - as the route takes
    request: Request,
    parameters: Parameters,
    origin: Origin | None,
) -> Call[Any, Any] | DomainError:
    """Read and check a request. Returns its refusal if it is malformed, with all its faults."""
    names = {name: value for name, value in parameters.items() if isinstance(value, str)}
    no_ids = [name for name in names if is_id(name)]
    found = [id_fault(name, names[name]) for name in no_ids]
    try:
        given = _read_or_note(found, read_given, request)
    except DomainError as refusal:
        return refusal
    key = _read_or_note(found, read_key, request) if route.has_key else None
    if route.is_bet and not route.has_key:
        _read_or_note(found, refuse_key, request)
    if no_ids:
        return MalformedAddress(no_ids[0].removesuffix("Id"), bounded(found))
    if found:
        return MalformedRequest(bounded(found))
    return Call(
        who=who,
        given=given,
        ids={name: value for name, value in parameters.items() if isinstance(value, UUID)},
        names=names,
        key=key,
        site=service.site,
        shared=service.shared,
        origin=origin or UNKNOWN,
    )


def _read_or_note(found: list[Fault], read: Callable[[Request], Any], request: Request) -> Any:  # noqa: ANN401 - as the route takes
    """Return a part of the request; if it is malformed, add its faults to those found before, and return None."""
    try:
        return read(request)
    except MalformedRequest as error:
        found += error.faults
        return None


def _reader(route: Route) -> Callable[[Request], Any]:
    if route.takes is None:
        return lambda _request: None
    return body_reader(route.takes, route.limit_bytes) if route.has_body else query_reader(route.takes)
