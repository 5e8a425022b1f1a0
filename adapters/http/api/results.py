"""Results of routes: the content of a list and of a success."""

from typing import Any

from attrs import frozen

from ....application.answers import Answer, Content
from ....application.ports.filters import Page
from ....application.wire import success, to_wire
from ..calls import cursor_of, row_of
from ..pages.documents import Document
from ..pages.tables import Fetch, table
from ..requests import LedgerQuery, ListFormat, ListQuery, VouchersQuery


@frozen
class MultiStatus:
    """A success of which a part needs attention: its status is 207."""

    content: Content


Result = Answer | Content | Document | MultiStatus


def listed(name: str, id_field: str, asked: ListQuery, fetch: Fetch) -> Content:
    """Return a page of a list; one row more than is shown is asked for, to know whether there is a next page."""
    before = None if asked.cursor is None else row_of(asked.cursor)
    rows = fetch(Page(limit=asked.limit + 1, before=before))
    shown = rows[: asked.limit]
    last = cursor_of(getattr(shown[-1], id_field)) if len(rows) > len(shown) else None
    return success(**{name: shown}, next_cursor=last)


def listed_or_table(
    name: str, id_field: str, asked: VouchersQuery | LedgerQuery, fetch: Fetch, *, row: type[Any], file: str
) -> Result:
    """Return a page of a list as JSON, or a file of all rows that match as CSV: as the query's format says."""
    if asked.format is ListFormat.CSV:
        return table(file, row, id_field=id_field, fetch=fetch, excel=asked.excel)
    return listed(name, id_field, asked, fetch)


def success_of(result: object) -> Content:
    """Return the content of a success that consists of a result's own fields."""
    content: Content = success() | to_wire(result)
    return content
