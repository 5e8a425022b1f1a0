"""The one rule between names in Python and names on the wire: snake_case here, camelCase there.

Domain and application spell names in snake_case alone. Published forms, such as answers, ledger lines and game
files, get their names by this rule where they are written or read.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

_NAME_IN_TEXT: Final = re.compile(r"(?<![A-Za-z0-9_])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![A-Za-z0-9_])")


@cache
def camel(name: str) -> str:
    """Return a snake_case name in camelCase."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def camel_keys(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with its keys in camelCase; the values stay as they are."""
    return {camel(name): value for name, value in content.items()}


def named(content: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the fields of a published object under their names in Python. Raises KeyError."""
    return {name: content[camel(name)] for name in names}


def camel_in(text: str) -> str:
    """Return a text, such as an error's path, with each snake_case name in it in camelCase."""
    return _NAME_IN_TEXT.sub(lambda found: camel(found[0]), text)
