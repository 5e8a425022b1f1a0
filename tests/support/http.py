"""A day over HTTP: every answer is checked against the OpenAPI document."""

import json
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any, Final
from uuid import UUID

import jsonschema_rs
from attrs import define, field, frozen
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from playtime.adapters.http.api.route import Route
from playtime.adapters.http.app import create_app
from playtime.application.access import SYSTEM
from playtime.application.ports.storage import Storage
from playtime.contracts.doubles import PINS
from playtime.domain.games.fairness import SeedKeys
from playtime.domain.games.game import Game
from playtime.domain.tenancy.staff import Role

from support.day import PASSWORD, Day, Desk, Guest, build_day

API: Final = "/api/v1"
OWNER: Final = "root"
NOWHERE: Final = UUID("01890000-0000-7000-8000-000000000000")

Content = dict[str, Any]

_compile_builder: Final = Rule._compile_builder
_builders: Final[dict[tuple[str, bool], Any]] = {}


def _compile_builder_once(rule: Rule, append_unknown: bool = True) -> Any:  # noqa: ANN401, FBT001, FBT002 - werkzeug's
    """Compile the code that makes addresses of a rule, once in a process: an application has many rules.

    The code gets the rule as a parameter.
    """
    key = (rule.rule, append_unknown)
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


Rule._compile_builder = _compile_builder_once  # type: ignore[method-assign, assignment]


@frozen
class Reply:
    """An answer as it came over the wire."""

    status: int
    body: bytes
    headers: Headers

    @cached_property
    def content(self) -> Content:
        """The body, read as JSON."""
        content: Content = json.loads(self.body)
        return content

    @property
    def document(self) -> str | None:
        """The media type of an answer that is not JSON."""
        media_type = self.headers["Content-Type"].partition(";")[0]
        return None if media_type == "application/json" else media_type

    @property
    def keys(self) -> set[str]:
        """The names of the answer's fields."""
        return set(self.content)

    @property
    def code(self) -> str | None:
        """The code of a failure."""
        return self.content.get("code")

    @property
    def replayed(self) -> bool:
        """Whether the answer says that it was given before."""
        return self.headers.get("Idempotency-Replayed") == "true"

    @property
    def paths(self) -> list[str]:
        """The places of the faults of a malformed request."""
        return [fault["path"] for fault in self.content["faults"]]


class Contract:
    """The OpenAPI document as a check of answers; a field that it does not name is a fault, too."""

    def __init__(self, document: bytes, url_map: Map) -> None:
        self._described = _described(document)
        self._addresses = url_map.bind("localhost")
        self.seen: set[tuple[str, int]] = set()

    def check(self, method: str, path: str, reply: Reply) -> None:
        """Fail unless the reply is one that the document describes."""
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        name, document = self._name_of(method, path), reply.document
        if document is not None:
            assert reply.headers["Content-Type"] == f"{document}; charset=utf-8"
            assert name not in self._described.operations or document in self._described.forms(name, reply.status)
            return
        assert reply.headers["Content-Type"] == "application/json"
        if name is None:
            assert (reply.content["ok"], reply.status) in {(False, 404), (False, 405)}
        elif name in self._described.operations:
            self.seen.add((name, reply.status))
            self._described.validator(name, reply.status).validate(reply.content)

    def _name_of(self, method: str, path: str) -> str | None:
        try:
            name, _ = self._addresses.match(path.partition("?")[0], method)
        except HTTPException:
            return None
        return str(name)


class _Described:
    """The checks of answers that a document describes. Each is made once, for all tests of a process."""

    def __init__(self, document: Content) -> None:
        self._document = document
        self.operations: dict[str | None, Content] = {
            operation["operationId"]: operation
            for methods in document["paths"].values()
            for operation in methods.values()
        }
        for name, schema in document["components"]["schemas"].items():
            if "properties" in schema and name != "Failure":
                schema["additionalProperties"] = False
        self._validators: dict[tuple[str, int], jsonschema_rs.Draft202012Validator] = {}

    def validator(self, name: str, status: int) -> jsonschema_rs.Draft202012Validator:
        """Return the check of an operation's JSON with this status."""
        if (name, status) not in self._validators:
            schema = self.forms(name, status)["application/json"]["schema"]
            whole = {"allOf": [schema], "components": self._document["components"]}
            self._validators[name, status] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return self._validators[name, status]

    def forms(self, name: str | None, status: int) -> Content:
        """Return the media types in which an operation answers with this status."""
        responses = self.operations[name]["responses"]
        assert str(status) in responses, f"{name} is not said to answer {status}"
        forms: Content = responses[str(status)]["content"]
        return forms


@cache
def _described(document: bytes) -> _Described:
    return _Described(json.loads(document))


@define
class Web:
    """A day behind an application, with short names for asking."""

    day: Day
    app: Flask
    contract: Contract
    owner: str = ""
    _tokens: dict[tuple[str, str], str] = field(factory=dict)

    def restart(self, *games: Game) -> None:
        """Start another application on the same storage, which offers these games."""
        self.day.restart(*games)
        self.app = create_app(self.day.engine)

    def get(self, path: str, token: str | None = None, **headers: str) -> Reply:
        """Ask with GET; `path` is below /api/v1."""
        return self.ask("GET", f"{API}{path}", token=token, headers=_named(headers))

    def post(self, path: str, body: object = None, token: str | None = None, **headers: str) -> Reply:
        """Ask with POST and a body of JSON."""
        raw = b"" if body is None else json.dumps(body).encode()
        return self.ask("POST", f"{API}{path}", raw, token=token, headers=_named(headers))

    def send(self, path: str, raw: bytes, token: str | None = None, **headers: str) -> Reply:
        """Ask with POST and a body of exactly these bytes."""
        return self.ask("POST", f"{API}{path}", raw, token=token, headers=_named(headers))

    def ask(
        self,
        method: str,
        path: str,
        raw: bytes = b"",
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        media_type: str = "application/json",
    ) -> Reply:
        """Send a request, and check the answer against the contract."""
        sent = {} if token is None else {"Authorization": f"Bearer {token}"}
        response = self.app.test_client().open(
            path,
            method=method,
            data=raw or None,
            content_type=media_type if raw else None,
            headers=sent | dict(headers or {}),
        )
        reply = Reply(response.status_code, response.data, response.headers)
        self.contract.check(method, path, reply)
        return reply

    def log_in(self, desk: Desk, role: Role) -> str:
        """Return a token of a member of staff; one log-in each."""
        if (desk.slug, role) not in self._tokens:
            who = {"username": f"{desk.slug}-{role}", "password": PASSWORD, "tenant": desk.slug}
            self._tokens[desk.slug, role] = self.post("/staff/login", who).content["token"]
        return self._tokens[desk.slug, role]

    def batch(self, amount_minor: int, count: int, desk: Desk | None = None) -> Content:
        """Fund an agent with the exact cost of a batch, and issue it."""
        desk = desk or self.day.agent
        self.day.fund(desk, count * (amount_minor + amount_minor // 2))
        order = {"amountMinor": amount_minor, "count": count}
        path = f"/voucher/agents/{desk.tenant_id}/vouchers/batch"
        reply = self.post(path, order, self.log_in(desk, Role.AGENT))
        assert reply.status == 201
        return reply.content

    def sheet(self, batch: Content, query: str = "", desk: Desk | None = None) -> Reply:
        """Print a batch."""
        path = f"/voucher/batches/{batch['batch']['batchId']}/sheet{query}"
        return self.post(path, None, self.log_in(desk or self.day.agent, Role.AGENT))

    def spin(self, guest: Guest, stake_minor: int, *tickets: int, action_id: str | None = None) -> Reply:
        """Spin over HTTP with the chosen tickets."""
        self.day.randomness.script(*tickets)
        body: Content = {"stakeMinor": stake_minor, "gameKey": "demo-wheel"}
        if action_id is not None:
            body["actionId"] = action_id
        reply = self.post("/bet/spin", body, guest.token)
        self.day.randomness.script()
        return reply


def build_web(storage: Storage, *, seed: int = 0, public_url: str | None = None, is_fair: bool = False) -> Web:
    """Return a populated day behind an application, its owner logged in.

    Tests choose the tickets of its rounds. With `is_fair` the draws are those of production.
    """
    parts = {"seeds": SeedKeys(PINS.current, PINS.secrets)} if is_fair else {}
    day = build_day(storage, seed=seed, **parts)
    app = create_app(day.engine, public_url=public_url)
    document = app.test_client().get(f"{API}/openapi.json").data
    web = Web(day, app, Contract(document, app.url_map))
    day.engine.create_staff(SYSTEM, username=OWNER, password=PASSWORD, role=Role.OWNER)
    login = web.post("/staff/login", {"username": OWNER, "password": PASSWORD})
    web.owner = login.content["token"]
    return web


def address_of(route: Route, **ids: object) -> str:
    """Return an address of a route: with these ids, and for the rest with that of nothing."""
    return route.path.format(**{name: ids.get(name, NOWHERE) for name in route.path_parameters})


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
