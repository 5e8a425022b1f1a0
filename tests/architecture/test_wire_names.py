"""Wire names: domain and application spell names in snake_case, and one module makes camelCase of them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.tree import ROOT

CORE = ("domain", "application")
RULE = Path("domain/wire_names.py")
"""The module of the rule itself, whose docstrings name both forms."""

CAMEL = re.compile(r"(?<![A-Za-z0-9_])[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+(?![A-Za-z0-9_])")
"""A whole word that begins with a small letter and has a capital in it."""


def camel_names(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and word of each camelCase name in a string: literals, parts of f-strings, docstrings."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from ((node.lineno, name) for name in CAMEL.findall(node.value))


@pytest.mark.parametrize("layer", CORE)
def test_core_spells_no_wire_name(layer: str) -> None:
    paths = [path for path in (ROOT / layer).rglob("*.py") if path.relative_to(ROOT) != RULE]
    assert paths
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in paths
        for line, name in camel_names(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('x = "amountMinor"', ["amountMinor"]),
        ('x = f"{a}.stakeMinor[{b}]"', ["stakeMinor"]),
        ('def f():\n    """Return `playerId`."""', ["playerId"]),
        ('x = "must be at most maxMinor"', ["maxMinor"]),
        ('x = {"p90Seconds": 1}', ["p90Seconds"]),
        ('x = "stake_minor LOSS_STREAK SHA-256 FUN PostgreSQL a.b rtp"', []),
        ("amountMinor = 1", []),
    ],
)
def test_what_counts_as_a_wire_name(source: str, names: list[str]) -> None:
    assert [name for _, name in camel_names(source)] == names
