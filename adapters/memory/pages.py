"""Lists of what a unit sees, newest id first."""

from collections.abc import Callable, Iterator
from datetime import datetime
from heapq import merge
from typing import TypeVar, cast
from uuid import UUID

from .books import ALL, Books
from .tables import Owned, Table
from .transaction import View

R = TypeVar("R", bound=Owned)


def newest(
    view: View, of: Callable[[Books], Table[R]], before: UUID | None, tenant_id: UUID | None = None
) -> Iterator[R]:
    """Yield the visible rows of a table older than `before`; of one tenant, or of all that are seen (None)."""
    only = tenant_id or view.tenant_id
    group = ("all", ALL) if only is None else ("tenant", only)
    return newest_of(view, of, before, group)


def is_within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    """Return whether a moment is in [since, until); None leaves that end open."""
    return (since is None or at >= since) and (until is None or at < until)


def newest_of(
    view: View, of: Callable[[Books], Table[R]], before: UUID | None, group: tuple[str, object]
) -> Iterator[R]:
    """Yield the visible rows of a group older than `before`."""
    tables = [of(books) for books in view.books()]
    parts = [table.newest(*group, before) for table in tables]
    if len(parts) == 1:
        rows = parts[0]
    elif parts:
        identity = tables[0].identity
        rows = merge(*parts, key=lambda row: cast("UUID", identity(row)), reverse=True)
    else:
        rows = iter(())
    return (row for row in rows if view.sees(row))
