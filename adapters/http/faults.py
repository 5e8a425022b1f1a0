"""All faults of a body or query at once, each with what would be right, from the request's class.

The decoders stop at the first fault. A refused request is therefore read a second time here, field by field.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Annotated, Any, Final, get_args, get_origin

import attrs
import msgspec
from msgspec import inspect

from ...domain.errors import InvalidInput
from ...domain.tenancy.tenants import is_slug
from .errors import MOST_FAULTS, Fault, bounded, faults_of
from .requests import NO_CONTROLS, NO_CONTROLS_BUT_BLANKS, PRINTABLE_ASCII, FieldRule, wire_name

_LONGEST_NAME_SHOWN: Final = 40
_A_TIME: Final = "must be a time with an offset, such as 2026-03-01T00:00:00Z"
_PLUS: Final = " (write + as %2B)"
_AN_ID: Final = "must be an id, such as 01890a5d-ac96-774b-bcce-b302099a8057"
_OF_TENANTS: Final = frozenset({"tenantId", "parentId", "agentId"})
_A_SLUG: Final = ". This is a slug: GET /api/v1/admin/tenants has the tenantId of each slug"
_PART_OF_ID: Final = re.compile(r"[0-9a-f-]{30,}")
_SYMBOLS: Final = {
    None: "characters",
    NO_CONTROLS: "printable characters",
    NO_CONTROLS_BUT_BLANKS: "printable characters or blanks",
    PRINTABLE_ASCII: "printable ASCII characters",
}
"""The characters of a text, by its pattern."""


def faults_in(body: bytes, kind: type[Any], place: str) -> tuple[Fault, ...]:
    """Return the faults of a JSON text that should be an object of a request class, at most `MOST_FAULTS` and one.

    The text must be valid JSON. A query is checked as the object of its parameters.
    """
    return bounded(list(islice(_object_faults(body, kind, place), MOST_FAULTS + 1)))


def id_fault(name: str, text: str) -> Fault:
    """Return the fault of a text in the place of an id in the path."""
    return Fault(f"path.{name}", _said_of_id(name, text))


def printable(name: str) -> str:
    """Return a caller's text for an error message: shortened, and without invisible characters."""
    shown = name[:_LONGEST_NAME_SHOWN]
    return shown if shown.isprintable() else ascii(shown)


def _object_faults(raw: bytes | msgspec.Raw, kind: type[Any], path: str) -> Iterator[Fault]:
    try:
        content = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError:
        yield Fault(path, "must be an object")
        return
    fields = {wire_name(field.name): field for field in attrs.fields(kind)}
    for name, field in fields.items():
        if name in content:
            yield from _field_faults(content[name], field.type, f"{path}.{name}", name)
        elif field.default is attrs.NOTHING:
            yield Fault(f"{path}.{name}", f"is missing: {_right(field.type)}")
    for name in content:
        if name not in fields:
            known = f"known are: {', '.join(fields)}" if fields else "nothing is"
            yield Fault(f"{path}.{printable(name)}", f"is not known here; {known}")


def _field_faults(raw: msgspec.Raw, kind: Any, path: str, name: str) -> Iterator[Fault]:  # noqa: ANN401 - any type
    row = _row_class(kind)
    if row is not None:
        yield from _rows_faults(raw, kind, row, path)
        return
    try:
        value = msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError:
        yield Fault(path, _wrong_form(_right(kind), raw, path, name))
        return
    rule = _rule_of(kind)
    if rule is not None and value is not None:
        try:
            rule.check(value, name)
        except InvalidInput as error:
            yield from faults_of(error, path.rpartition(".")[0])


def _wrong_form(right: str, raw: msgspec.Raw, path: str, name: str) -> str:
    """Return the right form of a field that has another one, with the hints for its place."""
    if right == _AN_ID:
        return _said_of_id(name, _text_of(raw))
    # In a body a plus sign is a plus sign; in a query it stands for a blank.
    return f"{right}{_PLUS}" if right == _A_TIME and not path.startswith("$") else right


def _rows_faults(raw: msgspec.Raw, kind: Any, row: type[Any], path: str) -> Iterator[Fault]:  # noqa: ANN401 - any type
    """Yield the faults of a list of objects."""
    try:
        rows = msgspec.json.decode(raw, type=list[msgspec.Raw])
    except msgspec.MsgspecError:
        rows = []
    if not _is_within(len(rows), kind):
        yield Fault(path, _right(kind))
        return
    for number, content in enumerate(rows):
        yield from _object_faults(content, row, f"{path}[{number}]")


def _is_within(count: int, kind: Any) -> bool:  # noqa: ANN401 - any type
    bounds = inspect.type_info(kind)
    assert isinstance(bounds, inspect.ListType)
    return (bounds.min_length or 0) <= count and (bounds.max_length is None or count <= bounds.max_length)


def _row_class(kind: Any) -> type[Any] | None:  # noqa: ANN401 - any type
    """Return the request class of a list's objects; None for a field that holds no objects."""
    if get_origin(kind) is Annotated:
        return _row_class(get_args(kind)[0])
    (row, *_) = get_args(kind) if get_origin(kind) is list else (None,)
    return row if row is not None and attrs.has(row) else None


def _rule_of(kind: Any) -> FieldRule | None:  # noqa: ANN401 - any type
    """Return the rule of a field beside its form."""
    if get_origin(kind) is Annotated:
        return next((note for note in get_args(kind)[1:] if isinstance(note, FieldRule)), None)
    return next(filter(None, map(_rule_of, get_args(kind))), None)


def _text_of(raw: msgspec.Raw) -> str:
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.MsgspecError:
        return ""


def _said_of_id(name: str, text: str) -> str:
    is_tenants = name in _OF_TENANTS and is_slug(text) and _PART_OF_ID.fullmatch(text) is None
    return f"{_AN_ID}{_A_SLUG}" if is_tenants else _AN_ID


@cache
def _right(kind: Any) -> str:  # noqa: ANN401 - any type
    """Return the sentence that says what a field must be."""
    return f"must be {_form_of(inspect.type_info(kind))}"


def _form_of(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.Metadata):
        return (kind.extra or {}).get("form") or _form_of(kind.type)
    if isinstance(kind, inspect.UnionType):
        (form,) = (_form_of(part) for part in kind.types if not isinstance(part, inspect.NoneType))
        return form
    return _FORMS[type(kind)](kind)


def _bounds(lowest: int | None, highest: int | None) -> str:
    return f"{lowest or 0} to {highest}"


_FORMS: Final[Mapping[type[inspect.Type], Callable[[Any], str]]] = {
    inspect.StrType: lambda kind: f"{_bounds(kind.min_length, kind.max_length)} {_SYMBOLS[kind.pattern]}",
    inspect.IntType: lambda kind: f"a whole number from {_bounds(kind.ge, kind.le)}",
    inspect.BoolType: lambda _: "true or false",
    inspect.EnumType: lambda kind: f"one of {', '.join(known.value for known in kind.cls)}",
    inspect.LiteralType: lambda kind: f"one of {', '.join(kind.values)}",
    inspect.UUIDType: lambda _: _AN_ID.removeprefix("must be "),
    inspect.DateTimeType: lambda _: _A_TIME.removeprefix("must be "),
    inspect.ListType: lambda kind: f"a list of {_bounds(kind.min_length, kind.max_length)} objects",
    inspect.DictType: lambda _: "an object",
}
"""The words for each kind of field. A request class with a field of another kind fails the tests."""
