"""The OpenAPI 3.1 document, assembled from the table of routes."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import groupby
from typing import Any, Final

from ...application.answers import LONGEST_ACTION_ID
from ...domain.access.codes import LONGEST_TYPED
from ...domain.errors import DomainError
from .answering import JSON, REPLAYED
from .api.analytics import GAME_KEY
from .api.route import Caller, Route, is_id
from .errors import HEADERS_OF_STATUS, RETRY_AFTER, status_of, tells_when
from .requests import PRINTABLE_ASCII, wire_name
from .schemas import Schema, answer_name, components_of, reference, wire_text

_SECURITY: Final[Mapping[Caller, Sequence[Mapping[str, Sequence[str]]]]] = {
    Caller.ANYBODY: [],
    Caller.PLAYER_OR_ANYBODY: [{}, {"playerToken": []}],
    Caller.PLAYER: [{"playerToken": []}],
    Caller.STAFF: [{"staffToken": []}],
}
PLAYERS: Final = (Caller.PLAYER, Caller.PLAYER_OR_ANYBODY)

_KEY: Final[Schema] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Names the command within its actor: the same key and command get the same answer again.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_ACTION_ID,
        "pattern": PRINTABLE_ASCII,
    },
}
_ID: Final[Schema] = {"type": "string", "format": "uuid"}
_NAME: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_TYPED,
    "pattern": GAME_KEY,
}
_SESSION: Final[Schema] = {
    "name": "X-Session-Id",
    "in": "header",
    "required": False,
    "description": "The session that is meant; it has to be the token's own.",
    "schema": _ID,
}


def describe(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the document of a table of routes."""
    components = components_of(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, components)
    for query in {route.takes for route in routes if route.takes and not route.has_body}:
        del components[query.__name__]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Playtime",
            "version": "1",
            "description": "A fun-coin casino engine. Amounts are whole minor units: 100 are 1.00 FUN.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer"} for name in ("staffToken", "playerToken")
            },
        },
    }


def _operation(route: Route, components: Mapping[str, Schema]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        **_description(route),
        "security": _SECURITY[route.caller],
        "parameters": _parameters(route, components),
        "responses": _successes(route) | _failures(route),
    }
    if route.takes is not None and route.has_body:
        operation["requestBody"] = {
            "required": bool(components[route.takes.__name__]["properties"]),
            "content": {JSON: {"schema": reference(route.takes.__name__)}},
        }
    return operation


def _description(route: Route) -> Schema:
    """Return the first paragraph of a handler's docstring as summary, and the others as description."""
    summary, _, rest = wire_text(route.handle.__doc__ or "").partition("\n\n")
    return {"summary": " ".join(summary.split())} | ({"description": rest} if rest else {})


def _parameters(route: Route, components: Mapping[str, Schema]) -> list[Schema]:
    parameters: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": _ID if is_id(name) else _NAME}
        for name in route.path_parameters
    ]
    if route.takes is not None and not route.has_body:
        properties = components[route.takes.__name__]["properties"]
        parameters += [
            {"name": wire_name(name), "in": "query", "required": False, "schema": _given(schema)}
            for name, schema in properties.items()
        ]
    if route.has_key:
        parameters.append(_KEY)
    if route.caller in PLAYERS:
        parameters.append(_SESSION)
    return parameters


def _given(schema: Schema) -> Schema:
    """Return the schema of a query parameter where it is given: leaving it out is its only null."""
    forms = [form for form in schema.get("anyOf", ()) if form != {"type": "null"}]
    return forms[0] if forms else schema


def _successes(route: Route) -> dict[str, Any]:
    forms: dict[str, Any] = {kind: {"schema": {"type": "string"}} for kind in route.documents}
    if route.gives is not None:
        forms = {JSON: {"schema": reference(answer_name(route))}} | forms
    response: dict[str, Any] = {"description": "Done.", "content": forms}
    if route.may_replay:
        response["headers"] = {REPLAYED: _header("Sent with `true` when the answer was given before.")}
    statuses = (route.status, route.status_for_player, route.status_for_part)
    return {str(status.value): response for status in statuses if status is not None}


def _failures(route: Route) -> dict[str, Any]:
    refusals = sorted(set(route.every_refusal), key=lambda error: (status_of(error), error.code))
    return {
        str(status.value): _failure(status, list(errors)) for status, errors in groupby(refusals, key=status_of)
    }


def _failure(status: HTTPStatus, errors: Sequence[type[DomainError]]) -> dict[str, Any]:
    codes = sorted({error.code for error in errors})
    schema = {"allOf": [reference("Failure"), {"properties": {"code": {"enum": codes}}}]}
    headers = {name: _header("") for name in HEADERS_OF_STATUS.get(status, {})}
    if any(tells_when(error) for error in errors):
        headers |= {RETRY_AFTER: _header("Where the answer says after how many seconds play goes on.")}
    return {
        "description": f"{status.phrase}: {', '.join(codes)}.",
        "content": {JSON: {"schema": schema}},
    } | ({"headers": headers} if headers else {})


def _header(description: str) -> Schema:
    return {"description": description, "schema": {"type": "string"}}
