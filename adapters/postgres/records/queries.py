"""Queries, compiled once: a request uses no SQLAlchemy.

Simple queries are built with SQLAlchemy Core. Larger ones are written as SQL with two kinds of places. `$name` is
a part of the text, which `fill` puts in; `:name` is a parameter.

Every query exists twice: bound, with the operator in its WHERE (a second guard, and better plans), and unbound,
for the platform owner's reads.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from string import Template
from typing import Any, Final, Literal

from attrs import frozen
from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ClauseElement,
    ColumnElement,
    Dialect,
    FromClause,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import psycopg

from ..connection.channel import Statement
from .mapping import Mapped

DIALECT: Final[Dialect] = psycopg.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call] # untyped there


@frozen
class Query:
    """Compiled SQL and the names of its parameters, in order."""

    sql: str
    names: tuple[str, ...]

    def __call__(self, **values: Any) -> Statement:
        """Return the statement with these values."""
        return Statement(self.sql, [values[name] for name in self.names])


def compiled(statement: ClauseElement) -> Query:
    """Compile a statement whose parameters are all named."""
    result = statement.compile(dialect=DIALECT)
    return Query(str(result), tuple(getattr(result, "positiontup", None) or ()))


def fill(sql: str, **parts: str) -> str:
    """Put parts into the places `$name` of a text; other places stay open for a later step.

    A part is SQL of the program, never a value from outside: a value is a parameter.
    """
    return Template(sql).safe_substitute(parts)


@lru_cache(maxsize=512)
def query_of(sql: str) -> Query:
    """Compile SQL with parameters `:name`. No place `$name` may be open."""
    assert not Template(sql).get_identifiers(), Template(sql).get_identifiers()
    return compiled(text(sql))


@lru_cache(maxsize=64)
def scoped(sql: str, *, bound: bool, **parts: str) -> Query:
    """Compile SQL with the place `$and_operator`: the rows of the bound operator, or of all operators."""
    return query_of(fill(sql, and_operator="and operator_id = :operator_id" if bound else "", **parts))


def param(column: ColumnElement[Any], name: str | None = None) -> BindParameter[Any]:
    """Return a parameter of a column's name and type."""
    return bindparam(name or column.name, type_=column.type)


def literal(text: str) -> ColumnElement[str]:
    """Return a constant of ours as part of the text, so that partial indexes match in every plan."""
    assert text.isidentifier()
    return literal_column(f"'{text}'")


def scope(table: FromClause, *, bound: bool) -> list[ColumnElement[bool]]:
    """Return the condition that a bound query has on each table it names."""
    return [table.c.operator_id == param(table.c.operator_id)] if bound else []


def matching(table: FromClause, names: Sequence[str]) -> list[ColumnElement[bool]]:
    """Return the conditions that columns equal the parameters of their names."""
    return [table.c[name] == param(table.c[name]) for name in names]


LIMIT: Final = bindparam("limit", type_=BigInteger)


def locked(statement: Select[Any]) -> Select[Any]:
    """Lock the rows against changes, not against references to them."""
    return statement.with_for_update(key_share=True)


@cache
def rows_by(mapped: Mapped[Any], *names: str, bound: bool, lock: bool = False) -> Query:
    """Return the query for the rows in which some columns have given values."""
    table = mapped.table
    statement = select(*table.c).where(*scope(table, bound=bound), *matching(table, names))
    return compiled(locked(statement) if lock else statement)


@cache
def rows_of(mapped: Mapped[Any], name: str, *, bound: bool) -> Query:
    """Return the query that locks the rows in which a column has one of many values, in the column's order."""
    table = mapped.table
    wanted = bindparam("wanted", type_=ARRAY(Uuid))
    statement = select(*table.c).where(*scope(table, bound=bound), table.c[name] == wanted.any_())
    return compiled(locked(statement.order_by(table.c[name])))


How = Literal["is", "since", "until", "ends", "has"]
"""Comparisons of a column: with the parameter of its name, or with `since`, `until`, `ends` or `has`.

`has` is for a column of several values.
"""

Only = tuple[str, How]


def newest(mapped: Mapped[Any], only: Sequence[Only], *, bound: bool, before: bool) -> Select[Any]:
    """Select the newest rows by id, older than the parameter `before` if asked for, at most `limit`."""
    table, key = mapped.table, mapped.key[-1]
    conditions = [*scope(table, bound=bound), *(_compared(table.c[name], how) for name, how in only)]
    if before:
        conditions.append(table.c[key] < param(table.c[key], "before"))
    return select(*table.c).where(*conditions).order_by(table.c[key].desc()).limit(LIMIT)


def _compared(column: ColumnElement[Any], how: How) -> ColumnElement[bool]:
    match how:
        case "is":
            return column == param(column)
        case "since":
            return column >= param(column, "since")
        case "until":
            return column < param(column, "until")
        case "has":
            return bindparam("has", type_=Text) == any_(column)
        case "ends":
            return func.right(column, func.char_length(param(column, "ends"))) == param(column, "ends")


@cache
def page_of(mapped: Mapped[Any], *only: Only, bound: bool, before: bool) -> Query:
    """Return the query for part of a list, newest first."""
    return compiled(newest(mapped, only, bound=bound, before=before))


def asked_for(*wanted: tuple[str, How, object]) -> tuple[list[Only], dict[str, object]]:
    """Return the conditions of a filter and the values of their parameters; None is any value."""
    given = [(name, how, value) for name, how, value in wanted if value is not None]
    values = {name if how == "is" else how: value for name, how, value in given}
    return [(name, how) for name, how, _ in given], values
