"""Answers on the wire: field names by the one rule of `wire_names`, values in JSON, canonical bytes.

The application stores the bytes of an answer, and a replay sends the same bytes again. The form of an answer is
therefore defined here and not in an outer layer.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, Final, NoReturn, TypeVar
from uuid import UUID

import attrs

from ..domain.access.codes import Code
from ..domain.errors import DomainError
from ..domain.wire_names import camel, camel_keys

T = TypeVar("T", bound=attrs.AttrsInstance)

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)

LEFT_OUT: Final = "left_out"
"""The metadata of a field that is left out of an answer where it is None, rather than sent as null."""


def to_wire(value: object) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Return a value in the types of JSON: an attrs object as an object with the wire names of its fields."""
    writer = _writers.get(type(value)) or _new_writer(type(value))
    return writer(value)


def record_from(kind: type[T], source: object, /, **others: Any) -> T:
    """Return a record with the values of the source's attributes of the same names, and `others` by name."""
    return kind(**{name: getattr(source, name) for name, _ in _fields(kind) if name not in others}, **others)


def encode(content: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of an answer: keys in the given order, no white space, UTF-8."""
    return _ENCODER.encode(content).encode()


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


def _new_writer(kind: type[Any]) -> Callable[[Any], Any]:
    """Keep the function that writes the values of a class. Raises TypeError for one without a form."""
    if attrs.has(kind) and kind is not Code:
        writer = _object_writer(kind)
    else:
        writer = next((writer for base, writer in _WRITERS.items() if issubclass(kind, base)), _refuse)
    _writers[kind] = writer
    return writer


def _refuse(value: object) -> NoReturn:
    message = f"{type(value).__name__} has no form on the wire"
    raise TypeError(message)


def _object_writer(kind: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - an attrs class
    fields, left_out = _fields(kind), _left_out(kind)

    def write(value: object) -> dict[str, Any]:
        content = {key: to_wire(getattr(value, name)) for name, key in fields}
        for key in left_out:
            if content[key] is None:
                del content[key]
        return content

    return write


def _same(value: object) -> Any:  # noqa: ANN401 - as to_wire
    return value


def _moment(value: datetime) -> str:
    # Milliseconds, unless that would cut the moment: a caller may ask with it again.
    digits = "microseconds" if value.microsecond % 1_000 else "milliseconds"
    return value.astimezone(UTC).isoformat(timespec=digits).replace("+00:00", "Z")


def _list(value: Iterable[Any]) -> list[Any]:
    return [to_wire(item) for item in value]


_WRITERS: Final[Mapping[type[Any], Callable[[Any], Any]]] = {
    Enum: lambda value: value.value,
    UUID: str,
    Code: str,
    datetime: _moment,
    Mapping: lambda value: {key: to_wire(item) for key, item in value.items()},
    list: _list,
    tuple: _list,
    frozenset: _list,
    set: _list,
}
"""The functions that write values, by class. A subclass has the first that fits."""

_writers: Final[dict[type[Any], Callable[[Any], Any]]] = dict.fromkeys((str, int, bool, NoneType), _same)
"""The functions that were used before, by class. A constant of the program: classes are few and do not change."""
