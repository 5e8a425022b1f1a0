"""The writes of a unit of work, and the few statements that carry them out.

All writes go into one statement, with a CTE for each kind of record. If there are several rows, a parameter has
all values of a column, so that any number of rows has the same text. The main query divides by zero if an UPDATE
changed fewer rows than it was given. Row security hides rows instead of refusing them, so that a filtered UPDATE
would seem to succeed. The division aborts the transaction before the COMMIT behind it.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from attrs import define, field, frozen

from ....application.errors import StorageMisuse
from ....application.ports.storage import Record
from ..connection.channel import Row, Statement
from .mapping import Column
from .queries import fill
from .tables import RECORDS

_ORDER: Final = {kind: place for place, kind in enumerate(RECORDS)}
_ONE: Final = "(select count(*) from w{}) = 1"
_UPDATE_ONE: Final = "update $table as t set $changes from $rows where $met returning 1"
_UPDATE_LOCKED: Final = """update $table as u set $changes from (
    select v.*, found.place from $rows cross join lateral (
        select t.ctid as place from $table as t where $met offset 0
    ) as found
) as v where u.ctid = v.place returning 1"""
_ALL: Final = "(select count(*) from w{}) = cardinality(${})"


@frozen
class _Part:
    """One CTE, which inserts or updates rows of a table."""

    kind: type[Record]
    updates: bool
    is_one: bool

    @property
    def columns(self) -> Sequence[Column]:
        """The columns that are written."""
        mapped = RECORDS[self.kind]
        return mapped.updated if self.updates else mapped.columns


_Group = tuple[_Part, Sequence[Row]]
"""A part with the values to write, row by row."""


def _group(kind: type[Record], rows: Collection[Row], *, updates: bool) -> _Group:
    values = [RECORDS[kind].update_of(row) for row in rows] if updates else [*rows]
    return _Part(kind, updates, is_one=len(values) == 1), values


@define
class Writes:
    """The records that one unit of work adds and saves."""

    _added: dict[type[Record], list[Row]] = field(factory=dict, init=False)
    _saved: dict[type[Record], dict[Row, Row]] = field(factory=dict, init=False)

    def add(self, record: Record) -> None:
        """Gather a new record."""
        self._added.setdefault(type(record), []).append(RECORDS[type(record)].row_of(record))

    def save(self, record: Record) -> None:
        """Gather the new state of a record; it replaces the state of a record that this unit added."""
        kind, mapped = type(record), RECORDS[type(record)]
        if not mapped.can_change:
            raise StorageMisuse(f"a {kind.__name__} is never saved, only added")
        row = mapped.row_of(record)
        identity = mapped.identity_of(row)
        added = self._added.get(kind, [])
        for at, other in enumerate(added):
            if mapped.identity_of(other) == identity:
                added[at] = row
                return
        self._saved.setdefault(kind, {})[identity] = row

    def statements(self) -> list[Statement]:
        """Return the statements that write everything: one, or two.

        If a table has rows to update and rows to insert, the updates are a statement of their own, which is first.
        A session has to end before the next one of its player begins, and the CTEs of one statement have no order.
        """
        saves = [_group(kind, self._saved[kind].values(), updates=True) for kind in self._by_order(self._saved)]
        adds = [_group(kind, self._added[kind], updates=False) for kind in self._by_order(self._added)]
        groups = [saves, adds] if self._saved.keys() & self._added.keys() else [saves + adds]
        return [_statement(group) for group in groups if group]

    def witness(self, xact_id: str) -> Statement | None:
        """Return a query for one of the written rows, which finds it if this transaction wrote it last.

        All values that were written are compared: another transaction that was given the same id may have written
        the same row. A row that nobody changes afterwards is preferred. None: nothing is written.
        """
        added = [_group(kind, rows[:1], updates=False) for kind, rows in self._added.items()]
        saved = [_group(kind, [*rows.values()][:1], updates=True) for kind, rows in self._saved.items()]
        if not (added or saved):
            return None
        part, (row,) = min([*added, *saved], key=lambda written: RECORDS[written[0].kind].can_change)
        return Statement(_witness_sql(part), (*row, xact_id))

    @staticmethod
    def _by_order(kinds: Mapping[type[Record], Any]) -> list[type[Record]]:
        return sorted(kinds, key=_ORDER.__getitem__)


def _statement(groups: Sequence[_Group]) -> Statement:
    """Return the statement that writes all rows of these parts."""
    values: list[Any] = []
    for part, rows in groups:
        values += rows[0] if part.is_one else map(list, zip(*rows, strict=True))
    return Statement(_sql(tuple(part for part, _ in groups)), values)


def _witness_sql(part: _Part) -> str:
    columns, identity = part.columns, RECORDS[part.kind].identity
    return fill(
        "select 1 from $table where $met and xmin = $xact::xid8::xid",
        table=RECORDS[part.kind].table.fullname,
        met=" and ".join(
            f"{column.name} {'=' if column.name in identity else 'is not distinct from'} ${at}::{column.type}"
            for at, column in enumerate(columns, 1)
        ),
        xact=f"${len(columns) + 1}",
    )


@lru_cache(maxsize=512)
def _sql(parts: tuple[_Part, ...]) -> str:
    """Return the statement that writes these parts and checks the number of updated rows."""
    ctes, checks, used = [], [], 0
    for number, part in enumerate(parts):
        text = _update(part, used) if part.updates else _insert(part, used)
        ctes.append(f"w{number} as ({text})")
        if part.updates:
            checks.append(_ONE.format(number) if part.is_one else _ALL.format(number, used + 1))
        used += len(part.columns)
    result = f"1 / ({' and '.join(checks)})::int" if checks else "1"
    return f"with {', '.join(ctes)} select {result}"


def _insert(part: _Part, used: int) -> str:
    return fill(
        "insert into $table ($columns) select $values from $rows",
        table=RECORDS[part.kind].table.fullname,
        columns=_names(part),
        values=", ".join(map(_value, part.columns)),
        rows=_rows(part, used),
    )


def _update(part: _Part, used: int) -> str:
    """Return the UPDATE of one row, or of several rows that are locked.

    The planner takes an operator that is newer than its statistics to have no rows, and would read all of them. So
    several rows are looked up by key one after another, and updated where they were
    found. Only a locked row is still there.
    """
    mapped = RECORDS[part.kind]
    changing = (column for column in part.columns if column.name not in mapped.identity)
    return fill(
        _UPDATE_ONE if part.is_one else _UPDATE_LOCKED,
        table=mapped.table.fullname,
        changes=", ".join(f"{column.name} = {_value(column)}" for column in changing),
        rows=_rows(part, used),
        met=" and ".join(f"t.{name} = v.{name}" for name in mapped.identity),
    )


def _rows(part: _Part, used: int) -> str:
    """Return the rows that the parameters make, from the one after `used` on."""
    given = enumerate(part.columns, used + 1)
    if part.is_one:
        values = ", ".join(f"${at}::{column.type}" for at, column in given)
        return f"(values ({values})) as v ({_names(part)})"
    arrays = ", ".join(f"${at}::{_element(column)}[]" for at, column in given)
    return f"unnest({arrays}) as v ({_names(part)})"


def _names(part: _Part) -> str:
    return ", ".join(column.name for column in part.columns)


def _element(column: Column) -> str:
    """Return the type of a column's value in a parameter: an array in an array would lose its bounds."""
    return "text" if column.type.endswith("[]") else column.type


def _value(column: Column) -> str:
    return f"v.{column.name}::{column.type}" if column.type.endswith("[]") else f"v.{column.name}"
