"""Answers that are documents and not JSON: pages for people, tables for spreadsheets."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Final

from attrs import frozen

CSV: Final = "text/csv"
HTML: Final = "text/html"
JAVASCRIPT: Final = "text/javascript"


@frozen(kw_only=True)
class Document:
    """A document in UTF-8, whole or in parts that are sent as they are made.

    `cut_short` ends a document that stopped too early: it must not look complete.
    """

    media_type: str
    body: bytes | Iterator[bytes]
    cut_short: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def page(body: str, policy: str, *others: tuple[str, str]) -> Document:
    """Return a page for people, under a Content-Security-Policy of its own, with other headers."""
    headers = (*others, ("Content-Security-Policy", f"{policy}; frame-ancestors 'none'"))
    return Document(media_type=HTML, body=body.encode(), headers=headers)


def policy_of(**directives: str) -> str:
    """Return a Content-Security-Policy that allows these and nothing else: `style_src` is `style-src`."""
    allowed = [f"{name.replace('_', '-')} {value}" for name, value in directives.items()]
    return "; ".join(["default-src 'none'", *allowed, "base-uri 'none'", "form-action 'none'"])


def hash_of(text: str) -> str:
    """Return the hash of an inline style, as a Content-Security-Policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
