"""The writes of a unit of work, and the few statements that carry them out.

All writes go into one statement, with a CTE for each kind of record. Its main query divides by zero if an UPDATE
changed fewer rows than it was given. Row security hides rows instead of refusing them, so that a filtered
UPDATE would seem to succeed. The division aborts the transaction before the COMMIT behind it.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from attrs import define, field, frozen

from ....application.errors import StorageMisuse
from ....application.ports.storage import Record
from ..connection.channel import Row, Statement
from .mapping import Column, Mapped
from .queries import fill
from .tables import RECORDS

_ORDER: Final = {kind: place for place, kind in enumerate(RECORDS)}
_MOST_PARAMETERS: Final = 30_000
"""Parameters of one statement; the protocol ends at 65,535."""
_MET: Final = "(select count(*) from w{}) = {}"


@frozen
class _Part:
    """One CTE, which inserts or updates `count` rows of a table."""

    kind: type[Record]
    count: int
    updates: bool


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
        """Return the statements that write everything: one, unless there are very many records.

        If a table has rows to update and rows to insert, the updates are a statement of their own, which is first.
        A session has to end before the next one of its player begins, and the CTEs of one statement have no order.
        """
        saves = [(kind, True, list(self._saved[kind].values())) for kind in self._by_order(self._saved)]
        adds = [(kind, False, self._added[kind]) for kind in self._by_order(self._added)]
        if self._saved.keys() & self._added.keys():
            return [*_packed(saves), *_packed(adds)]
        return list(_packed([*saves, *adds]))

    @staticmethod
    def _by_order(kinds: Mapping[type[Record], Any]) -> list[type[Record]]:
        return sorted(kinds, key=_ORDER.__getitem__)


def _packed(groups: Sequence[tuple[type[Record], bool, Sequence[Row]]]) -> Iterator[Statement]:
    """Yield statements with as many rows as each can hold."""
    parts: list[_Part] = []
    values: list[Any] = []
    for kind, updates, rows in groups:
        mapped = RECORDS[kind]
        width = len(mapped.updated if updates else mapped.columns)
        left = [mapped.update_of(row) for row in rows] if updates else list(rows)
        while left:
            room = (_MOST_PARAMETERS - len(values)) // width
            if not room:
                yield Statement(_sql(tuple(parts)), values)
                parts, values = [], []
                continue
            parts.append(_Part(kind, len(left[:room]), updates))
            values += chain.from_iterable(left[:room])
            left = left[room:]
    if parts:
        yield Statement(_sql(tuple(parts)), values)


@lru_cache(maxsize=512)
def _sql(parts: tuple[_Part, ...]) -> str:
    """Return the statement that writes these parts and checks the number of updated rows."""
    ctes, checks, used = [], [], 0
    for number, part in enumerate(parts):
        mapped = RECORDS[part.kind]
        columns = mapped.updated if part.updates else mapped.columns
        text = _update(mapped, part.count, used) if part.updates else _insert(mapped, part.count, used)
        ctes.append(f"w{number} as ({text})")
        used += part.count * len(columns)
        if part.updates:
            checks.append(_MET.format(number, part.count))
    result = f"1 / ({' and '.join(checks)})::int" if checks else "1"
    return f"with {', '.join(ctes)} select {result}"


def _insert(mapped: Mapped[Any], count: int, used: int) -> str:
    return fill(
        "insert into $table ($columns) values $rows",
        table=mapped.table.fullname,
        columns=", ".join(column.name for column in mapped.columns),
        rows=_tuples(mapped.columns, count, used),
    )


def _update(mapped: Mapped[Any], count: int, used: int) -> str:
    names = [column.name for column in mapped.updated]
    return fill(
        "update $table as t set $changes from (values $rows) as v ($columns) where $same returning 1",
        table=mapped.table.fullname,
        changes=", ".join(f"{name} = v.{name}" for name in names if name not in mapped.identity),
        rows=_tuples(mapped.updated, count, used),
        columns=", ".join(names),
        same=" and ".join(f"t.{name} = v.{name}" for name in mapped.identity),
    )


def _tuples(columns: Sequence[Column], count: int, used: int) -> str:
    """Return the placeholders of some rows, with their types, which a VALUES list cannot infer."""
    width = len(columns)
    rows = (
        ", ".join(f"${used + row * width + at}::{column.type}" for at, column in enumerate(columns, start=1))
        for row in range(count)
    )
    return ", ".join(f"({row})" for row in rows)


def insert_of(mapped: Mapped[Any], count: int) -> str:
    """Return an INSERT of `count` rows; the caller may append ON CONFLICT."""
    return _insert(mapped, count, 0)
