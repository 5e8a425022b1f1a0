"""Routes: URL rule, request, answer and refusals of each, in one row of a table."""

from collections.abc import Callable, Mapping
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

import attrs
from attrs import field, frozen

from ....application.engine import Engine
from ....application.errors import (
    Forbidden,
    IdempotencyKeyReused,
    InvalidToken,
    NotFound,
    StorageUnavailable,
    Unauthorized,
)
from ....domain.errors import DomainError
from ..calls import MAX_BODY_BYTES
from ..errors import BodyTooLarge, MalformedRequest, UnsupportedMediaType
from . import results as handlers

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


@frozen(kw_only=True)
class Route:
    """One route.

    - `takes` is the class of the body, or of the query for a GET and if `takes_query` is true.
    - `gives` are the fields of a JSON answer; `may_give` are the optional ones.
    - `documents` are further media types of the answer; the only ones if `gives` is None.
    - `refusals` are this route's own; `every_refusal` adds those of the other columns. Stored refusals count as
    refused
      bets if the route `is_bet`, else as errors.
    """

    method: str
    path: str
    name: str
    handle: Callable[[Engine, Any], handlers.Result]
    gives: Shape | None
    may_give: Shape = field(factory=dict)
    documents: tuple[str, ...] = ()
    caller: Caller = Caller.STAFF
    takes: type[Any] | None = None
    takes_query: bool = False
    status: HTTPStatus = HTTPStatus.OK
    status_for_player: HTTPStatus | None = None
    has_key: bool = False
    may_replay: bool = False
    is_bet: bool = False
    refusals: Refusals = ()
    limit_bytes: int = MAX_BODY_BYTES

    @property
    def has_body(self) -> bool:
        """Whether `takes` is read from a body."""
        return self.takes is not None and self.method != "GET" and not self.takes_query

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
                (self.has_body, (BodyTooLarge, UnsupportedMediaType)),
                (self.caller in _KNOWN, (Unauthorized, InvalidToken, Forbidden)),
                (self.caller is Caller.PLAYER_OR_ANYBODY, (InvalidToken, Forbidden)),
                (bool(self.path_parameters), (NotFound,)),
                (self.has_key, (IdempotencyKeyReused,)),
                (True, (StorageUnavailable,)),
            )
            if condition
            for error in errors
        )


def is_id(parameter: str) -> bool:
    """Return whether a path parameter is an id; the others are names."""
    return parameter.endswith("Id")


_KNOWN: Final = (Caller.PLAYER, Caller.STAFF)


def fields_of(result: type[Any]) -> Shape:
    """Return the fields of an answer that consists of a result's own."""
    return {field.name: field.type for field in attrs.fields(attrs.resolve_types(result))}


def rows_of(name: str, row: Any) -> Shape:  # noqa: ANN401 - a type, whichever
    """Return the fields of an answer that is a page of a list."""
    return {name: list[row], "next_cursor": str | None}


CREATED: Final = HTTPStatus.CREATED
