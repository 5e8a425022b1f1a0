"""How records are kept: a row holds a record's columns in the order of its table."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from attrs import field, frozen
from sqlalchemy import Column, Table

from ....application.ports.storage import Record
from ..connection.channel import Row
from .tables import kept_columns

R = TypeVar("R", bound=Record)


@frozen(eq=False)
class Kept(Generic[R]):
    """How one kind of record is kept. `changing` are the columns that a saved record can differ in."""

    table: Table
    row_of: Callable[[R], Row]
    record_of: Callable[[Row], R]
    changing: frozenset[str] = frozenset()
    columns: tuple[Column[Any], ...] = field(init=False)
    identity: tuple[str, ...] = field(init=False)
    updated: tuple[Column[Any], ...] = field(init=False)
    _updated_at: tuple[int, ...] = field(init=False)
    _identity_at: tuple[int, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Work out once which columns are written, and which of them an update names."""
        columns = tuple(kept_columns(self.table))
        names = [column.name for column in columns]
        # The tenant is part of what is looked for: a row that changed hands is not the row that was read.
        identity = tuple(name for name in names if name == "tenant_id" or self.table.c[name].primary_key)
        updated_at = tuple(at for at, name in enumerate(names) if name in identity or name in self.changing)
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "identity", identity)
        object.__setattr__(self, "updated", tuple(columns[at] for at in updated_at))
        object.__setattr__(self, "_updated_at", updated_at)
        object.__setattr__(self, "_identity_at", tuple(names.index(name) for name in identity))

    def identity_of(self, row: Row) -> Row:
        """Return what tells this row from every other of its table."""
        return tuple(row[at] for at in self._identity_at)

    def update_of(self, row: Row) -> Row:
        """Return the values of the columns that an update names."""
        return tuple(row[at] for at in self._updated_at)
