"""The OpenAPI document: it describes every route, it is what happens, and no request that it leads to is a 5xx."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.schemas import BaseSchema

from playtime.adapters.http.api.route import Caller, Route, is_id
from playtime.adapters.http.errors import status_of
from playtime.adapters.http.pages.redeem_page import REDEEM_PATH, SCRIPT_PATH
from playtime.adapters.http.routes import ROUTES
from playtime.domain.tenancy.staff import Role

from support.http import API, Web

EXAMPLES: Final = 40
GAME_KEY: Final = "<string(maxlength=64):gameKey>"


def _rule_of(parameter: re.Match[str]) -> str:
    """Return a parameter of a path in the form that a rule has."""
    kind = "id" if is_id(parameter[1]) else "string(maxlength=64)"
    return f"<{kind}:{parameter[1]}>"


def test_the_document_and_the_rules_name_the_same_routes(web: Web) -> None:
    document = web.get("/openapi.json").content
    described = {
        (method.upper(), re.sub(r"{(\w+)}", _rule_of, path))
        for path, methods in document["paths"].items()
        for method in methods
    }
    served = {
        (method, rule.rule)
        for rule in web.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }
    # The document itself, and pages for people.
    assert served - described == {("GET", path) for path in ("/", f"{API}/openapi.json", REDEEM_PATH, SCRIPT_PATH)}
    assert not described - served


def test_the_document_is_openapi_3_1(web: Web) -> None:
    document = web.get("/openapi.json").content
    assert document["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(document).validate()


def test_every_request_in_the_document_is_closed(web: Web) -> None:
    """A field with an unknown name is refused, at any depth of a request."""
    document = web.get("/openapi.json").content
    schemas, asked = document["components"]["schemas"], set[str]()
    bodies = [way.get("requestBody") for ways in document["paths"].values() for way in ways.values()]
    while bodies:
        names = set(re.findall(r"schemas/(\w+)", str(bodies))) - asked
        asked |= names
        bodies = [schemas[name] for name in names]
    objects = {name for name in asked if "properties" in schemas[name]}
    assert objects >= {"SpinRequest", "EventsReport", "ExternalEventRequest"}
    assert {name for name in objects if schemas[name].get("additionalProperties") is not False} == set()


def _texts(content: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield each summary and description below an object of the document, with its place."""
    if isinstance(content, list):
        for part in content:
            yield from _texts(part, place)
    elif isinstance(content, dict):
        for name, part in content.items():
            if name in {"summary", "description"} and isinstance(part, str):
                yield f"{place}/{name}", part
            yield from _texts(part, f"{place}/{name}")


def test_texts_of_the_document_speak_of_the_wire(web: Web) -> None:
    # They come from docstrings, which have the names of Python and its line ends.
    texts = list(_texts(web.get("/openapi.json").content))
    assert any("`totalCostMinor`" in text for _, text in texts)
    python = re.compile(r"[a-z0-9]_[a-z0-9]|\bNone\b|\n ")
    assert {place: text for place, text in texts if python.search(text)} == {}
    assert [text for place, text in texts if place.endswith("/summary") and "\n" in text] == []


def test_the_document_is_the_same_each_time(web: Web) -> None:
    assert web.get("/openapi.json").body == web.get("/openapi.json").body


@pytest.mark.parametrize(
    ("route", "mode"),
    [
        pytest.param(route, mode, id=f"{route.name}-{mode.name.lower()}")
        for route in ROUTES
        for mode in GenerationMode
        # What takes nothing cannot be asked wrongly.
        if mode is GenerationMode.POSITIVE or route.takes or route.path_parameters or route.caller is Caller.PLAYER
    ],
)
def test_generated_requests_get_answers_as_described(web: Web, route: Route, mode: GenerationMode) -> None:
    headers, ids = _headers(web, route), _ids(web)
    schema = _schema(web.get("/openapi.json").body)
    schema.app = web.app
    cases = schema[route.path][route.method].as_strategy(generation_mode=mode)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=cases, at_home=st.booleans())
    def hold(case: Case[Any], *, at_home: bool) -> None:
        if at_home and mode is GenerationMode.POSITIVE:
            _bring_home(case, ids)
        case.call_and_validate(headers=headers, excluded_checks=_excluded(route, case))

    hold()
    web.day.books()


@cache
def _schema(document: bytes) -> BaseSchema:
    """Read the document. All tests have the same, and reading it takes longer than many of them."""
    return schemathesis.openapi.from_dict(json.loads(document))


def _headers(web: Web, route: Route) -> dict[str, str]:
    """Return a token that is good for the route."""
    if route.caller is Caller.STAFF:
        token = web.owner if "/admin/" in route.path else web.log_in(web.day.agent, Role.AGENT)
    elif route.caller is Caller.PLAYER:
        token = web.day.welcome(10**9).token
    else:
        return {}
    return {"Authorization": f"Bearer {token}"}


def _session_id(web: Web) -> str:
    rows = web.get("/staff/sessions", web.log_in(web.day.agent, Role.ANALYST)).content["sessions"]
    return str(rows[0]["sessionId"])


def _ids(web: Web) -> Mapping[str, str]:
    """Return ids of what is there."""
    web.day.fund(web.day.agent, 10**12)
    return {
        "tenantId": str(web.day.agent.tenant_id),
        "voucherId": str(web.day.sell(1_000).voucher_id),
        "playerId": str(web.day.welcome(1_000).player_id),
        "staffId": str(web.day.agent.analyst.staff_id),
        "sessionId": _session_id(web),
        "gameKey": "demo-wheel",
        "batchId": web.batch(100, 3)["batch"]["batchId"],
        "link": web.spin(web.day.welcome(1_000), 1).content["result"]["proof"]["link"],
    }


def _bring_home(case: Case[Any], ids: Mapping[str, str]) -> None:
    """Make a generated request mean something that is there."""
    for name in case.path_parameters:
        case.path_parameters[name] = ids[name]
    for name in set(case.query) & set(ids):
        case.query[name] = ids[name]
    body: Any = case.body
    if isinstance(body, dict) and "gameKey" in body:
        stake = {"stakeMinor": int(body["stakeMinor"]) % 1_000 + 1} if "stakeMinor" in body else {}
        case.body = body | {"gameKey": "demo-wheel"} | stake


def _excluded(route: Route, case: Case[Any]) -> list[Any]:
    """Return the checks that do not hold for a request.

    A schema cannot say that 1.0 is refused as a whole number. It cannot state all rules for a name, a slug or the
    symbols of a code among blanks, or the state of a voucher. An unknown parameter that is an empty list leaves
    no trace in the address.
    """
    body: Any = case.body
    names = []
    floats = isinstance(body, dict) and any(isinstance(value, float) for value in body.values())
    if (
        floats
        or "codeEnds" in case.query
        or {status_of(error) for error in route.refusals} & {HTTPStatus.BAD_REQUEST, HTTPStatus.GONE}
    ):
        names.append("positive_data_acceptance")
    if [] in case.query.values():
        names.append("negative_data_rejection")
    load_all_checks()
    return [CHECKS.get_one(name) for name in names]
