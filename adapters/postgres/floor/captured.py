"""The rows that a spin writes, read from the database after it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from attrs import frozen

from ..records.mapping import Mapped
from ..records.queries import fill
from ..records.tables import RECORDS

Values = Mapping[str, str | None]
"""The values of a row in the server's text format, by column."""


@frozen
class CapturedRow:
    """A row that a spin inserted, or changed: then with its values before."""

    mapped: Mapped[Any]
    values: Values
    before: Values | None = None

    @property
    def changed(self) -> list[str]:
        """The columns with another value than before."""
        before = self.before or {}
        return [name for name, value in self.values.items() if before.get(name) != value]


@frozen
class CapturedSpin:
    """The rows of one spin. A table comes after the tables that it refers to."""

    rows: tuple[CapturedRow, ...]

    @property
    def inserted(self) -> list[CapturedRow]:
        """The new rows."""
        return [row for row in self.rows if row.before is None]

    @property
    def updated(self) -> list[CapturedRow]:
        """The changed rows."""
        return [row for row in self.rows if row.before is not None]

    @property
    def size(self) -> int:
        """The bytes of all new values as text."""
        return sum(len(value or "") for row in self.inserted for value in row.values.values())


def capture(url: str, play: Callable[[], object]) -> CapturedSpin:
    """Play a spin, and read the rows that it wrote. Nobody else may write meanwhile."""
    with _moment(url) as (before, first), psycopg.connect(url, autocommit=True) as now:
        play()
        rows = [row for mapped in RECORDS.values() for row in _rows_since(now, before, mapped, first)]
    return CapturedSpin(tuple(rows))


@contextmanager
def _moment(url: str) -> Iterator[tuple[psycopg.Connection[Any], int]]:
    """Open a view of the present rows. Also gives the id of the first transaction that it does not see."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield connection, next_transaction(connection)


def next_transaction(connection: psycopg.Connection[Any]) -> int:
    """Return the id of the first transaction that has not begun."""
    row = connection.execute("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()
    assert row is not None
    return int(row[0])


def _rows_since(
    now: psycopg.Connection[Any], before: psycopg.Connection[Any], mapped: Mapped[Any], first: int
) -> Iterator[CapturedRow]:
    names = [column.name for column in mapped.columns]
    text = fill(
        "select $columns from $table where xmin::text::bigint >= %(first)s",
        columns=", ".join(f"{name}::text" for name in names),
        table=mapped.table.fullname,
    )
    for row in now.execute(text.encode(), {"first": first}):
        values = dict(zip(names, row, strict=True))
        yield CapturedRow(mapped, values, _same_row(before, mapped, values))


def _same_row(before: psycopg.Connection[Any], mapped: Mapped[Any], values: Values) -> Values | None:
    """Return the values that a row had before. None: it is new."""
    if not mapped.can_change:
        return None
    names = [column.name for column in mapped.columns]
    text = fill(
        "select $columns from $table where $same",
        columns=", ".join(f"{name}::text" for name in names),
        table=mapped.table.fullname,
        same=" and ".join(f"{name}::text = %({name})s" for name in mapped.identity),
    )
    row = before.execute(text.encode(), {name: values[name] for name in mapped.identity}).fetchone()
    return None if row is None else dict(zip(names, row, strict=True))
