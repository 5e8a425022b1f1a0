"""Results of routes: the content of a list and of a success."""

from collections.abc import Callable, Sequence
from typing import Any

from ....application.answers import Answer, Content
from ....application.ports.filters import Page
from ....application.wire import success, to_wire
from ..calls import cursor_of, row_of
from ..pages.documents import Document
from ..requests import ListQuery

Result = Answer | Content | Document


def listed(name: str, id_field: str, asked: ListQuery, fetch: Callable[[Page], Sequence[Any]]) -> Content:
    """Return a page of a list; one row more than is shown is asked for, to know whether there is a next page."""
    before = None if asked.cursor is None else row_of(asked.cursor)
    rows = fetch(Page(limit=asked.limit + 1, before=before))
    shown = rows[: asked.limit]
    last = cursor_of(getattr(shown[-1], id_field)) if len(rows) > len(shown) else None
    return success(**{name: shown}, next_cursor=last)


def success_of(result: object) -> Content:
    """Return the content of a success that consists of a result's own fields."""
    content: Content = success() | to_wire(result)
    return content
