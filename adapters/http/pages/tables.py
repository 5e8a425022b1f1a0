"""Lists as CSV (RFC 4180, UTF-8): every matching row, read page by page and sent as it is read.

A text that a spreadsheet would take for a formula gets an apostrophe in front. Numbers do not, even if they are
texts on the wire. A spreadsheet of another locale splits lines at `;` or tabs, and may drop blanks and invisible
characters. So each part of a text counts, from its first visible character on.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, get_args
from unicodedata import category, normalize

import attrs

from ....application.ports.filters import Page
from ....application.wire import to_wire
from ....domain.ledger.metrics import METRICS
from ....domain.wire_names import camel
from .documents import CSV, Document

ROWS_AT_ONCE: Final = 500
_CUT_SHORT: Final = b"INCOMPLETE: the service failed before the last row was read. Ask again.\r\n"
_BOM: Final = b"\xef\xbb\xbf"
"""The byte order mark, by which Excel reads a file as UTF-8."""
_FORMULA: Final = frozenset("=+-@\u2212")
"""The beginnings of formulas, once wide and small forms, such as that of U+FF1D, are made plain."""
_SEPARATORS: Final = re.compile("([;\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029])")
"""The ends of cells in another locale. A comma is not one: a text with it is quoted."""
_HARMLESS: Final = re.compile(r"[^=+\-@\u0080-\U0010ffff]*")
_DROPPED: Final = ("C", "Z", "M")
"""Categories of Unicode that may be dropped in front: controls, invisible characters, blanks and marks."""
_BLANK: Final = frozenset('"\u115f\u1160\u2800')
"""More that may be dropped: quotes, and fillers of Hangul and Braille, which Unicode does not count as blanks."""
_FIGURES: Final = frozenset(camel(metric.name) for metric in METRICS)
_DECIMAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
"""A figure that is a number; an `exact` change may be a fraction, which a spreadsheet would work out."""

Fetch = Callable[[Page], Sequence[Any]]


def table(name: str, row: type[Any], *, id_field: str, fetch: Fetch, excel: bool = False) -> Document:
    """Return the document of all rows that `fetch` gives, newest first.

    The first page is read at once: what is refused is refused before anything is sent.
    """
    first = fetch(Page(limit=ROWS_AT_ONCE))
    columns = _columns(row)
    disposition = ("Content-Disposition", f'attachment; filename="{name}.csv"')
    body = _written(columns, _pages(first, id_field, fetch), excel=excel)
    return Document(media_type=CSV, body=body, cut_short=_CUT_SHORT, headers=(disposition,))


def whole_table(name: str, row: type[Any], rows: Sequence[Any], *, excel: bool = False) -> Document:
    """Return the document of rows that are all there."""
    disposition = ("Content-Disposition", f'attachment; filename="{name}.csv"')
    body = b"".join(_written(_columns(row), [rows], excel=excel))
    return Document(media_type=CSV, body=body, headers=(disposition,))


def _pages(rows: Sequence[Any], id_field: str, fetch: Fetch) -> Iterator[Sequence[Any]]:
    while rows:
        yield rows
        if len(rows) < ROWS_AT_ONCE:
            return
        rows = fetch(Page(limit=ROWS_AT_ONCE, before=getattr(rows[-1], id_field)))


def _written(
    columns: Sequence[tuple[str, ...]], pages: Iterable[Sequence[Any]], *, excel: bool
) -> Iterator[bytes]:
    yield (_BOM if excel else b"") + _lines([[".".join(column) for column in columns]])
    for rows in pages:
        yield _lines(_cells(to_wire(row), columns) for row in rows)


def _lines(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _columns(row: type[Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of a row's cells, as JSON names them: a record within a record has columns of its own."""
    columns: list[tuple[str, ...]] = []
    for field in attrs.fields(attrs.resolve_types(row)):
        path = (*above, camel(field.name))
        inner = next((kind for kind in (field.type, *get_args(field.type)) if attrs.has(kind)), None)
        columns += [path] if inner is None else _columns(inner, path)
    return columns


def _cells(content: Mapping[str, Any], columns: Sequence[tuple[str, ...]]) -> list[Any]:
    return [_cell(_at(content, column), column[-1]) for column in columns]


def _at(content: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 - JSON has no narrower type
    for name in path:
        content = None if content is None else content[name]
    return content


def _cell(value: Any, name: str) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, dict | list):
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False) if value else None
    if isinstance(value, bool):
        return json.dumps(value)
    if not isinstance(value, str) or (name in _FIGURES and _DECIMAL.fullmatch(value) is not None):
        return value
    return _neutral(value)


def _neutral(text: str) -> str:
    """Return a text of which no part is a formula to a spreadsheet, whichever its separator is."""
    if _HARMLESS.fullmatch(text):
        return text
    parts = _SEPARATORS.split(text)
    return "".join(f"'{part}" if _is_formula(part) else part for part in parts)


def _is_formula(part: str) -> bool:
    plain = (symbol for symbol in normalize("NFKC", part) if category(symbol)[0] not in _DROPPED)
    return next((symbol for symbol in plain if symbol not in _BLANK), "") in _FORMULA
