"""One declaration for each record: its class, its table and its columns.

The SQL table, record -> row and row -> record derive from it. A new attribute of a record is one more `Column`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Generic, TypeVar, get_args, get_origin
from uuid import UUID

import sqlalchemy
from attrs import evolve, fields, fields_dict, frozen
from sqlalchemy import BigInteger, Boolean, DateTime, Integer, LargeBinary, Numeric, TableClause, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine, UserDefinedType

from ....application.ports.storage import Record
from ..connection.channel import Row

R = TypeVar("R", bound=Record)

SCHEMA: Final = "playtime"


class Xid8(UserDefinedType[int]):
    """A transaction id, which never starts again within a cluster."""

    cache_ok: bool | None = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the type's name."""
        return "XID8"


_TYPES: Final[Mapping[str, TypeEngine[Any]]] = {
    "bigint": BigInteger(),
    "boolean": Boolean(),
    "bytea": LargeBinary(),
    "integer": Integer(),
    "jsonb": JSONB(),
    "numeric": Numeric(),
    "text": Text(),
    "text[]": ARRAY(Text),
    "timestamp with time zone": DateTime(timezone=True),
    "uuid": Uuid(),
    "xid8": Xid8(),
}
"""SQLAlchemy's type by the name in the database."""

_OF_ANNOTATION: Final[Mapping[Any, str]] = {
    UUID: "uuid",
    str: "text",
    int: "bigint",
    bool: "boolean",
    datetime: "timestamp with time zone",
    bytes: "bytea",
    Mapping: "jsonb",
    tuple: "text[]",
}


@frozen
class Column:
    """A column of a record's table. Type and `null` follow from the annotation of the attribute.

    `path` leads from the record to the value, as `pin.key_id`; by default it is the name. `type` is given where
    the annotation does not decide it. `key`: part of the primary key. `changes`: a saved record may have another
    value. `write` and `read` convert between the attribute and a value of the column's type.
    """

    name: str
    path: str = ""
    type: str = ""
    key: bool = False
    changes: bool = False
    write: Callable[[Any], Any] | None = None
    read: Callable[[Any], Any] | None = None
    null: bool = False


@frozen(kw_only=True)
class Group:
    """Attributes that several columns store together, with the conversion to these columns and back."""

    attributes: tuple[str, ...]
    columns: tuple[Column, ...]
    write: Callable[[Any], Row]
    read: Callable[[Row], Mapping[str, Any]]


OWNER: Final = (Column("operator_id", key=True), Column("tenant_id"))
"""The first columns of every table."""
OWN_ROW: Final = (Column("operator_id", key=True), Column("tenant_id", key=True))
"""The first columns of a table with the tenant in its key."""


class Mapped(Generic[R]):
    """The declaration of one class of records, with its table and conversions."""

    def __init__(
        self,
        record: type[R],
        name: str,
        *declared: Column,
        groups: Sequence[Group] = (),
        by_server: Sequence[str] = (),
    ) -> None:
        """Derive table and conversions. `by_server` names the columns that the database alone fills.

        Raises TypeError when an attribute of the class is declared twice or not at all.
        """
        plain = [_resolved(record, one) for one in declared]
        grouped = [_resolved(record, one) for group in groups for one in group.columns]
        attributes = [name for group in groups for name in group.attributes]
        _require_each_once(record, [*(one.path for one in plain), *attributes])
        self.record: Final = record
        self.name: Final = name
        self.columns: Final = (*plain, *grouped)
        self.by_server: Final = tuple(by_server)
        self.table: Final[TableClause] = sqlalchemy.table(
            name, *(sqlalchemy.column(one.name, _TYPES[one.type]) for one in self.columns), schema=SCHEMA
        )
        self.key: Final = tuple(one.name for one in self.columns if one.key)
        # The tenant is part of the identity: a row that changed its tenant is not the row that was read.
        self.identity: Final = tuple(one.name for one in self.columns if one.key or one.name == "tenant_id")
        self.updated: Final = tuple(one for one in self.columns if one.changes or one.name in self.identity)
        self.can_change: Final = len(self.updated) > len(self.identity)
        self.row_of: Final[Callable[[R], Row]] = _row_writer(record, plain, groups)
        self.record_of: Final[Callable[[Row], R]] = _record_reader(record, plain, groups)
        self._updated_at: Final = [at for at, one in enumerate(self.columns) if one in self.updated]
        self._identity_at: Final = [at for at, one in enumerate(self.columns) if one.name in self.identity]

    def select_list(self, alias: str) -> str:
        """Return the columns of a table or alias for a SELECT, in the order of a row."""
        return ", ".join(f"{alias}.{one.name}" for one in self.columns)

    def identity_of(self, row: Row) -> Row:
        """Return the values that tell a row from every other row of its table."""
        return tuple(row[at] for at in self._identity_at)

    def update_of(self, row: Row) -> Row:
        """Return the values of the columns that an update names."""
        return tuple(row[at] for at in self._updated_at)


def _resolved(record: type[Any], column: Column) -> Column:
    """Return a column with all that follows from its annotation."""
    path = column.path or column.name
    hint, is_optional = _annotation(record, path)
    return evolve(
        column,
        path=path,
        type=column.type or ("jsonb" if column.write else _OF_ANNOTATION[str if _is_enum(hint) else hint]),
        null=is_optional,
        read=column.read or _reader(hint, is_optional=is_optional),
    )


def _annotation(record: type[Any], path: str) -> tuple[Any, bool]:
    """Return the type at the end of a path, and whether the value may be missing on the way there."""
    hint: Any = record
    is_optional = False
    for name in path.split("."):
        hint = fields_dict(hint)[name].type
        if isinstance(hint, UnionType):
            is_optional |= NoneType in get_args(hint)
            (hint,) = (one for one in get_args(hint) if one is not NoneType)
    return get_origin(hint) or hint, is_optional


def _is_enum(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, Enum)


def _reader(hint: Callable[[Any], Any], *, is_optional: bool) -> Callable[[Any], Any] | None:
    """Return the conversion from a column's value to an attribute's, None if they are the same."""
    if not (_is_enum(hint) or hint is tuple):
        return None
    return (lambda value: None if value is None else hint(value)) if is_optional else hint


def _require_each_once(record: type[Any], paths: Sequence[str]) -> None:
    twice = {path for path, count in Counter(paths).items() if count > 1}
    declared = {path.split(".")[0] for path in paths}
    missing = {one.name for one in fields(record) if one.init} - declared
    if twice or missing:
        raise TypeError(f"{record.__name__}: declared twice {sorted(twice)}, not declared {sorted(missing)}")


def _row_writer(record: type[Any], plain: Sequence[Column], groups: Sequence[Group]) -> Callable[[Any], Row]:
    functions: dict[str, Any] = {}
    values = []
    for column in plain:
        value = f"one.{column.path}"
        if column.write:
            functions[f"write_{column.name}"] = column.write
            value = f"write_{column.name}({value})"
        elif _is_enum(_annotation(record, column.path)[0]) and not column.null:
            # The text is faster to encode than the member.
            value += ".value"
        values.append(value)
    for number, group in enumerate(groups):
        functions[f"write_{number}"] = group.write
        values.append(f"*write_{number}(one)")
    return _function("one", f"({', '.join(values)},)", functions)


def _record_reader(record: type[R], plain: Sequence[Column], groups: Sequence[Group]) -> Callable[[Row], R]:
    functions: dict[str, Any] = {"record": record}
    attributes: dict[str, list[str]] = {}
    for at, column in enumerate(plain):
        value = f"row[{at}]"
        if column.read:
            functions[f"read_{at}"] = column.read
            value = f"read_{at}({value})"
        attribute, _, inner = column.path.partition(".")
        attributes.setdefault(attribute, []).append(f"{inner}={value}" if inner else value)
    arguments = []
    for attribute, values in attributes.items():
        kind, _ = _annotation(record, attribute)
        functions[f"make_{attribute}"] = kind
        is_object = values[0].partition("=")[0].isidentifier()
        value = f"make_{attribute}({', '.join(values)})" if is_object else values[0]
        arguments.append(f"{attribute}={value}")
    at = len(plain)
    for number, group in enumerate(groups):
        functions[f"read_group_{number}"] = group.read
        arguments.append(f"**read_group_{number}(row[{at}:{at + len(group.columns)}])")
        at += len(group.columns)
    return _function("row", f"record({', '.join(arguments)})", functions)


def _function(argument: str, expression: str, functions: dict[str, Any]) -> Callable[[Any], Any]:
    """Return a function of one expression: twice as fast as one that interprets the declaration on each call."""
    made: Callable[[Any], Any] = eval(f"lambda {argument}: {expression}", functions)  # noqa: S307 - of declarations
    return made
