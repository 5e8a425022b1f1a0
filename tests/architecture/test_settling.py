"""One place writes: only `settle` adds, saves or commits records in the application layer."""

import ast
from collections.abc import Iterator
from pathlib import Path

from support.tree import ROOT, place, python_files, syntax_of

SETTLE = ROOT / "application/decisions.py"
PORTS = ROOT / "application/ports"
WRITES = {"add", "save", "commit"}


def test_only_settle_writes_and_commits() -> None:
    writing = [
        place(file, node.lineno)
        for file in python_files("application")
        if PORTS not in file.parents
        for node in _writes(file)
        if not (file == SETTLE and _is_in_settle(file, node))
    ]
    assert not writing


def test_settle_is_found_by_this_check() -> None:
    assert {node.attr for node in _writes(SETTLE)} == WRITES


def test_functions_that_decide_get_no_unit_of_work() -> None:
    reading = [
        f"{place(file, node.lineno)} {node.name}"
        for file in python_files("application")
        for node in ast.walk(syntax_of(file))
        if isinstance(node, ast.FunctionDef) and node.name.strip("_").startswith("decide")
        if _units(node)
    ]
    assert not reading


def _writes(file: Path) -> Iterator[ast.Attribute]:
    """Yield each use of `save` or `commit`, and of `add` on a unit of work; other things have an `add` as well."""
    tree = syntax_of(file)
    units = {"unit"} | {name for node in ast.walk(tree) for name in _units(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or node.attr not in WRITES:
            continue
        if node.attr != "add" or (isinstance(node.value, ast.Name) and node.value.id in units):
            yield node


def _units(node: ast.AST) -> set[str]:
    """Return the parameters of a function that are annotated as units of work."""
    if not isinstance(node, ast.FunctionDef):
        return set()
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return {
        argument.arg
        for argument in arguments
        if argument.annotation is not None and "UnitOfWork" in ast.unparse(argument.annotation)
    }


def _is_in_settle(file: Path, node: ast.Attribute) -> bool:
    settle = next(
        found
        for found in ast.walk(syntax_of(file))
        if isinstance(found, ast.FunctionDef) and found.name == "settle"
    )
    return settle.lineno <= node.lineno <= (settle.end_lineno or settle.lineno)
