"""Routes: URL rule, request, answer and refusals of each, in one row of a table."""

from collections.abc import Callable, Mapping
from enum import Enum
from http import HTTPStatus
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

import attrs
from attrs import field, frozen

from ....application.access import PlayerPrincipal, StaffPrincipal
from ....application.engine import Engine
from ....application.errors import (
    Forbidden,
    IdempotencyKeyReused,
    InvalidToken,
    NotFound,
    OutcomeUnknown,
    PasswordChangeRequired,
    StorageUnavailable,
    TenantSuspended,
    TokenExpired,
    Unauthorized,
)
from ....domain.errors import DomainError
from ....domain.wire_names import camel
from ..calls import MAX_BODY_BYTES
from ..errors import (
    BodyTooLarge,
    Busy,
    MalformedRequest,
    RequestTimeout,
    TooManyAtOnce,
    UnsupportedMediaType,
)
from ..lanes import Kind
from ..requests import ListFormat
from .results import Result

Refusals = tuple[type[DomainError], ...]
Shape = Mapping[str, Any]
"""The fields of a success beside `ok`: their names in Python, and the types they are put on the wire from."""

API: Final = "/api/v1"


class Caller(Enum):
    """The kind of token that a route needs."""

    ANYBODY = "nobody's"
    PLAYER_OR_ANYBODY = "nobody's, or a player's"
    PLAYER = "a player's"
    STAFF = "a member of staff's"


@frozen
class Route:
    """One route, named after its handler.

    - The handler's annotation of its call decides `caller` and `takes`.
    - `takes` is the class of the body, or of the query for a GET and if `takes_query` is true.
    - `gives` are the fields of a JSON answer; `may_give` are the optional ones.
    - `documents` are further media types of the answer; the only ones if `gives` is None.
    - `status_for_part` is the status of a success of which a part needs attention.
    - `refusals` are this route's own; `every_refusal` adds those of the other columns. Stored refusals count as
      refused bets if the route `is_bet`, else as errors.
    - `is_long` marks long work, as does CSV; `kind_of` returns the kind of work of a request.
    - `is_before_change` marks a route for staff who have to change their password first.
    - `is_login` marks the login of staff, which has a lane of its own.
    - `is_lean` marks a route that is called so often that it is answered without Flask. Its path is a constant.
    """

    method: str
    path: str
    handle: Callable[[Engine, Any], Result]
    gives: Shape | None
    may_give: Shape = field(factory=dict)
    documents: tuple[str, ...] = ()
    takes_query: bool = False
    status: HTTPStatus = HTTPStatus.OK
    status_for_player: HTTPStatus | None = None
    status_for_part: HTTPStatus | None = None
    has_key: bool = False
    may_replay: bool = False
    is_bet: bool = False
    is_long: bool = False
    is_lean: bool = False
    is_before_change: bool = False
    is_login: bool = False
    refusals: Refusals = ()
    limit_bytes: int = MAX_BODY_BYTES
    name: str = field(init=False)
    caller: Caller = field(init=False)
    takes: type[Any] | None = field(init=False)

    @name.default
    def _handler_name(self) -> str:
        return camel(self.handle.__name__)

    @caller.default
    def _handler_caller(self) -> Caller:
        return _CALLERS[_annotations_of(self.handle)[0]]

    @takes.default
    def _handler_takes(self) -> type[Any] | None:
        given = _annotations_of(self.handle)[1]
        return None if given is NoneType else given

    @property
    def has_body(self) -> bool:
        """Whether `takes` is read from a body."""
        return self.takes is not None and self.method != "GET" and not self.takes_query

    @property
    def kind(self) -> Kind | None:
        """The kind of work of a request that asks for JSON. Health has none: it always finds a thread."""
        if self.is_long or self.is_bet:
            return Kind.LONG if self.is_long else Kind.BETS
        if self.is_login:
            return Kind.LOGINS
        return _KINDS[self.caller] if self.path.startswith(API) else None

    def kind_of(self, given: object) -> Kind | None:
        """Return the kind of work of a request with this body or query."""
        return Kind.LONG if getattr(given, "format", None) is ListFormat.CSV else self.kind

    @property
    def path_parameters(self) -> list[str]:
        """The names of the ids, and of what else stands for something, in the path."""
        parts = (part for part in self.path.split("/") if part.startswith("{"))
        return [part.strip("{}") for part in parts]

    @property
    def every_refusal(self) -> Refusals:
        """All errors this route can answer with."""
        return self.refusals + tuple(
            error
            for condition, errors in (
                (self.takes is not None or self.has_key, (MalformedRequest,)),
                (self.has_body, (BodyTooLarge, RequestTimeout, TooManyAtOnce, UnsupportedMediaType)),
                (self.caller in _KNOWN, (Unauthorized, InvalidToken, TokenExpired, TenantSuspended, Forbidden)),
                (self.caller is Caller.STAFF and not self.is_before_change, (PasswordChangeRequired,)),
                (self.caller is Caller.PLAYER_OR_ANYBODY, (InvalidToken, TokenExpired, Forbidden)),
                (bool(self.path_parameters), (NotFound,)),
                (self.has_key, (IdempotencyKeyReused,)),
                (self.kind is not None, (Busy,)),
                (self.caller is not Caller.ANYBODY, (TooManyAtOnce,)),
                (self.method != "GET", (OutcomeUnknown,)),
                (True, (StorageUnavailable,)),
            )
            if condition
            for error in errors
        )


def is_id(parameter: str) -> bool:
    """Return whether a path parameter is an id; the others are names."""
    return parameter.endswith("Id")


def _annotations_of(handle: Callable[[Engine, Any], Result]) -> tuple[Any, Any]:
    """Return the caller's and the request's class in the annotation of a handler's call."""
    _, call, *_ = get_type_hints(handle).values()
    who, given = get_args(call)
    return who, given


_KINDS: Final[Mapping[Caller, Kind]] = {
    Caller.ANYBODY: Kind.PUBLIC,
    Caller.PLAYER_OR_ANYBODY: Kind.PUBLIC,
    Caller.PLAYER: Kind.PLAY,
    Caller.STAFF: Kind.DESK,
}
_KNOWN: Final = (Caller.PLAYER, Caller.STAFF)
_CALLERS: Final[Mapping[Any, Caller]] = {
    NoneType: Caller.ANYBODY,
    PlayerPrincipal | None: Caller.PLAYER_OR_ANYBODY,
    PlayerPrincipal: Caller.PLAYER,
    StaffPrincipal: Caller.STAFF,
}


def fields_of(result: type[Any]) -> Shape:
    """Return the fields of an answer that consists of a result's own."""
    return {field.name: field.type for field in attrs.fields(attrs.resolve_types(result))}


def rows_of(name: str, row: Any) -> Shape:  # noqa: ANN401 - a type, whichever
    """Return the fields of an answer that is a page of a list."""
    return {name: list[row], "next_cursor": str | None}


CREATED: Final = HTTPStatus.CREATED
