"""A table: rows by key, the unique keys that a database would hold, and ids in order for lists."""

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from attrs import define, field, frozen


class Owned(Protocol):
    """The fields of every row: the operator of its books, and its tenant."""

    @property
    def operator_id(self) -> UUID:
        """The isolation root."""

    @property
    def tenant_id(self) -> UUID:
        """The tenant that owns the row."""


R = TypeVar("R", bound=Owned)
KeyOf = Callable[[R], Hashable]
"""Reads a key off a row; None means that the row has no such key."""


@define
class _Unique(Generic[R]):
    """A unique key: at most one row of each value."""

    key_of: KeyOf[R]
    holders: dict[Hashable, Hashable] = field(init=False, factory=dict)

    def is_free_for(self, changes: Mapping[Hashable, R]) -> bool:
        """Return whether the key stays unique when all changes are made at once."""
        claimed: set[Hashable] = set()
        for identity, row in changes.items():
            value = self.key_of(row)
            if value is None:
                continue
            holder = self.holders.get(value, identity)
            leaves = holder in changes and self.key_of(changes[holder]) != value
            if value in claimed or (holder != identity and not leaves):
                return False
            claimed.add(value)
        return True


@frozen
class _Group(Generic[R]):
    """Ids of the rows that share a value, in order."""

    key_of: KeyOf[R]
    ids: dict[Hashable, list[UUID]] = field(init=False, factory=dict)

    def move(self, identity: UUID, old: Hashable, new: Hashable) -> None:
        """Move an id from one list to another; None means without a list."""
        if old is not None:
            ids = self.ids[old]
            del ids[bisect_left(ids, identity)]
        if new is not None:
            ids = self.ids.setdefault(new, [])
            if not ids or ids[-1] < identity:
                ids.append(identity)
            else:
                insort(ids, identity)


class Table(Generic[R]):
    """Rows of one kind in one operator's books.

    `unique` and `grouped` name the keys of the table. A unique value has one row. The value of a group has the ids
    of all of its rows; groups are for tables with UUIDs as identities.
    """

    def __init__(
        self,
        name: str,
        identity: KeyOf[R],
        *,
        unique: Mapping[str, KeyOf[R]] | None = None,
        grouped: Mapping[str, KeyOf[R]] | None = None,
    ) -> None:
        self.name = name
        self.identity = identity
        self.rows: dict[Hashable, R] = {}
        self._unique = {key: _Unique(key_of) for key, key_of in (unique or {}).items()}
        self._groups = {key: _Group(key_of) for key, key_of in (grouped or {}).items()}

    def by(self, key: str, value: Hashable) -> R | None:
        """Return the row of a unique value."""
        identity = self._unique[key].holders.get(value)
        return None if identity is None else self.rows[identity]

    def ids(self, group: str, value: Hashable) -> Sequence[UUID]:
        """Return the ids of a group, oldest first."""
        return self._groups[group].ids.get(value, ())

    def newest(self, group: str, value: Hashable, before: UUID | None = None) -> Iterator[R]:
        """Yield the rows of a group older than `before`, newest first."""
        ids = self.ids(group, value)
        end = len(ids) if before is None else bisect_left(ids, before)
        return (self.rows[ids[at]] for at in range(end - 1, -1, -1))

    def taken_key(self, changes: Mapping[Hashable, R]) -> str | None:
        """Return the name of a unique key that the changes would break, None when there is none."""
        for name, unique in self._unique.items():
            if not unique.is_free_for(changes):
                return f"{self.name} {name}"
        return None

    def put(self, changes: Mapping[Hashable, R]) -> None:
        """Make changes that were found free; keys that are given up in them may be taken in them."""
        for unique in self._unique.values():
            for identity in changes.keys() & self.rows.keys():
                unique.holders.pop(unique.key_of(self.rows[identity]), None)
            for identity, row in changes.items():
                if (value := unique.key_of(row)) is not None:
                    unique.holders[value] = identity
        for identity, row in changes.items():
            self._regroup(identity, row)
            self.rows[identity] = row

    def _regroup(self, identity: Any, row: R) -> None:  # noqa: ANN401 - a UUID where there are groups
        present = self.rows.get(identity)
        for group in self._groups.values():
            old = None if present is None else group.key_of(present)
            new = group.key_of(row)
            if old != new:
                group.move(identity, old, new)
