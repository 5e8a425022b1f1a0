"""Statements whose parameters have names: `:name` in the text, wherever and as often as it is needed."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from .channel import Statement

_NAME: Final = re.compile(r"(?<!:):([a-z_]+)")


def named(text: str, values: Mapping[str, Any]) -> Statement:
    """Return the statement with those of the values that its text names."""
    sql, names = _numbered(text)
    return Statement(sql, [values[name] for name in names])


@lru_cache(maxsize=512)
def _numbered(text: str) -> tuple[str, tuple[str, ...]]:
    names: dict[str, int] = {}
    sql = _NAME.sub(lambda found: f"${names.setdefault(found[1], len(names) + 1)}", text)
    return sql, tuple(names)
