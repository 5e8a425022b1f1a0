"""Answers on the wire: field names by the one rule of `wire_names`, values in JSON, canonical bytes.

The application stores the bytes of an answer, and a replay sends the same bytes again. The form of an answer is
therefore defined here and not in an outer layer.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, Final, TypeVar
from uuid import UUID

import attrs

from ..domain.access.codes import Code
from ..domain.errors import DomainError
from ..domain.wire_names import camel, camel_keys

T = TypeVar("T", bound=attrs.AttrsInstance)

LEFT_OUT: Final = "left_out"
"""The metadata of a field that is left out of an answer where it is None, rather than sent as null."""


def to_wire(value: object) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Return a value in the types of JSON: an attrs object as an object with the wire names of its fields."""
    if value is None or type(value) in {str, int, bool}:
        return value
    kind: type[Any] = type(value)
    if attrs.has(kind) and kind is not Code:
        content = {key: to_wire(getattr(value, name)) for name, key in _fields(kind)}
        for key in _left_out(kind):
            if content[key] is None:
                del content[key]
        return content
    return _plain(value)


def record_from(kind: type[T], source: object, /, **others: Any) -> T:
    """Return a record with the values of the source's attributes of the same names, and `others` by name."""
    return kind(**{name: getattr(source, name) for name, _ in _fields(kind) if name not in others}, **others)


def encode(content: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of an answer: keys in the given order, no white space, UTF-8."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def success(**content: Any) -> dict[str, Any]:
    """Return the content of a successful answer."""
    return {"ok": True, **camel_keys(to_wire(content))}


def id_in(content: Mapping[str, Any], field: "attrs.Attribute[UUID]") -> UUID:
    """Return the id that the content of an answer has in the place of a record's field."""
    return UUID(content[camel(field.name)])


def failure(error: DomainError) -> dict[str, Any]:
    """Return the content of a refusal: code, sentence, and the figures behind it."""
    return {"ok": False, "code": error.code, "message": str(error), **camel_keys(to_wire(error.data()))}


@cache
def _fields(cls: type[Any]) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, camel(field.name)) for field in attrs.fields(cls))


@cache
def _left_out(cls: type[Any]) -> tuple[str, ...]:
    return tuple(camel(field.name) for field in attrs.fields(cls) if field.metadata.get(LEFT_OUT))


def _plain(value: object) -> Any:  # noqa: ANN401 - as to_wire
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID | Code):
        return str(value)
    if isinstance(value, datetime):
        # Milliseconds, unless that would cut the moment: a caller may ask with it again.
        digits = "microseconds" if value.microsecond % 1_000 else "milliseconds"
        return value.astimezone(UTC).isoformat(timespec=digits).replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {key: to_wire(item) for key, item in value.items()}
    if isinstance(value, list | tuple | frozenset | set):
        return [to_wire(item) for item in value]
    message = f"{type(value).__name__} has no form on the wire"
    raise TypeError(message)
