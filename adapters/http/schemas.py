"""JSON schemas of requests and answers, taken from the very types that are decoded and put on the wire."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from inspect import cleandoc
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import attrs
import msgspec

from ...application.wire import LEFT_OUT
from ...domain.access.codes import Code
from ...domain.wire_names import camel, camel_in
from .api.route import Route, Shape
from .errors import Fault

Schema = dict[str, Any]

_REF: Final = "#/components/schemas/{name}"
_PLAIN: Final[Mapping[Any, Any]] = {Code: str, datetime: Annotated[datetime, msgspec.Meta(tz=True)]}
"""The types that the wire format encodes differently from msgspec's default."""
_NONE: Final = re.compile(r"\bNone\b")
_FAILURE: Final = {
    "type": "object",
    "required": ["ok", "code", "message"],
    "properties": {
        "ok": {"const": False},
        "code": {"type": "string"},
        "message": {"type": "string"},
        "faults": {"type": "array", "items": {"$ref": _REF.format(name=Fault.__name__)}},
    },
}


def answer_name(route: Route) -> str:
    """Return the name of the schema of a route's success."""
    return f"{route.name[0].upper()}{route.name[1:]}Answer"


def reference(name: str) -> Schema:
    """Return a reference to a named schema."""
    return {"$ref": _REF.format(name=name)}


def components_of(routes: Sequence[Route]) -> dict[str, Schema]:
    """Return the schemas of every request and answer by name."""
    requests = {route.takes for route in routes if route.takes is not None}
    structs: dict[type[Any], type[Any]] = {}
    answers = [_answer_struct(route, route.gives, structs) for route in routes if route.gives is not None]
    _, found = msgspec.json.schema_components([*requests, *answers, _on_wire(Fault, structs)], ref_template=_REF)
    components: dict[str, Schema] = dict(found)
    # With what lies in them: what is not known is refused there as well.
    _, asked = msgspec.json.schema_components(requests, ref_template=_REF)
    for name, schema in asked.items():
        if "properties" in schema:
            components[name]["additionalProperties"] = False
    for route in routes:
        if route.gives is None:
            continue
        components[answer_name(route)]["properties"]["ok"] = {"const": True}
    for schema in components.values():
        if "description" in schema:
            schema["description"] = wire_text(schema["description"])
    return components | {"Failure": _FAILURE}


def wire_text(docstring: str) -> str:
    """Return a docstring as a text about the wire format: its names, null for None, no indentation."""
    return _NONE.sub("null", camel_in(cleandoc(docstring)))


def _answer_struct(route: Route, gives: Shape, structs: dict[type[Any], type[Any]]) -> type[Any]:
    fields = [("ok", bool), *((name, _on_wire(kind, structs)) for name, kind in gives.items())]
    optional = [
        (name, Union[_on_wire(kind, structs), msgspec.UnsetType], msgspec.UNSET)  # noqa: UP007 - as below
        for name, kind in route.may_give.items()
    ]
    return msgspec.defstruct(answer_name(route), [*fields, *optional], rename=camel)


def _on_wire(kind: Any, structs: dict[type[Any], type[Any]]) -> Any:  # noqa: ANN401 - types, of any form
    """Return the type that has the schema of what `wire.to_wire` makes of a value of type `kind`."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if attrs.has(kind):
        return _struct_of(kind, structs)
    arguments = tuple(_on_wire(argument, structs) for argument in get_args(kind))
    if not arguments:
        return kind
    if isinstance(kind, UnionType):
        return Union[arguments]  # noqa: UP007 - made of what is only known here
    origin: Any = get_origin(kind)
    return {Mapping: dict, Sequence: list}.get(origin, origin)[arguments]


def _field_of(field: Any, structs: dict[type[Any], type[Any]]) -> tuple[Any, ...]:  # noqa: ANN401 - attrs' own
    """Return a field of a struct; one that is left out where it is None has no null."""
    if not field.metadata.get(LEFT_OUT):
        return field.name, _on_wire(field.type, structs)
    (kind,) = (kind for kind in get_args(field.type) if kind is not type(None))
    return field.name, Union[_on_wire(kind, structs), msgspec.UnsetType], msgspec.UNSET  # noqa: UP007 - as below


def _struct_of(cls: type[Any], structs: dict[type[Any], type[Any]]) -> type[Any]:
    if cls not in structs:
        fields = [_field_of(field, structs) for field in attrs.fields(attrs.resolve_types(cls))]
        structs[cls] = msgspec.defstruct(
            cls.__name__,
            fields,
            rename=camel,
            namespace={"__doc__": cls.__doc__},
        )
    return structs[cls]
