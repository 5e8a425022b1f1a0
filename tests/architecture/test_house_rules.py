"""The house rules that no linter knows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.tree import (
    LAYERS,
    ROOT,
    all_python_files,
    place,
    product_files,
    python_files,
    source_files,
    syntax_of,
)

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
MAX_README_LINES = 15
MACHINERY_NAME = re.compile(r"I[A-Z][a-z]\w*|Abstract\w*|\w+(Impl|Manager|DTO)")
VAGUE_FILE = re.compile(r"(utils?|helpers?|common|misc)\.py")
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:home|Users|root|work|mnt)/[\w.]|file:/{2,3}\w")
INDEX_ADDRESS = re.compile(
    r"https?://[\w.-]*(?:pypi|pythonhosted)\."
    r"|--(?:extra-|default-)?(?:index|index-url|find-links)[ =]\S"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_files_are_whole_ideas_of_a_readable_size() -> None:
    too_long = [
        f"{place(file)} has {lines} lines"
        for file in all_python_files()
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > MAX_FILE_LINES
    ]
    assert not too_long


def test_functions_fit_a_screen() -> None:
    too_long = [
        f"{place(file, function.lineno)} {function.name} has {lines} lines"
        for file in all_python_files()
        for function in _functions(syntax_of(file))
        if (lines := _lines(function)) > MAX_FUNCTION_LINES
    ]
    assert not too_long


def test_names_are_the_fields_own() -> None:
    """No `I...`, `Abstract...`, `...Impl`, `...Manager`; no file named after nothing."""
    machinery = [
        f"{place(file, node.lineno)} {node.name}"
        for file in product_files()
        for node in ast.walk(syntax_of(file))
        if isinstance(node, ast.ClassDef) and MACHINERY_NAME.fullmatch(node.name)
    ]
    vague = [place(file) for file in product_files() if VAGUE_FILE.fullmatch(file.name)]
    assert not machinery + vague


def test_a_port_says_what_it_guarantees() -> None:
    silent = [
        f"{place(file, node.lineno)} {port.name}.{node.name}"
        for file in python_files("application")
        for port in ast.walk(syntax_of(file))
        if isinstance(port, ast.ClassDef) and _is_protocol(port)
        for node in port.body
        if isinstance(node, Function) and not node.name.startswith("_")
        if not ast.get_docstring(node)
    ]
    assert not silent


@pytest.mark.parametrize("folder", [*LAYERS, "docs", "examples", "tests", "tools"])
def test_top_folder_has_a_short_readme(folder: str) -> None:
    readme = ROOT / folder / "README.md"
    assert len(readme.read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES


def test_the_core_has_no_floats() -> None:
    """Money is whole minor units and odds are fractions."""
    floats = [
        place(file, node.lineno)
        for file in [*python_files("domain"), *python_files("application")]
        for node in ast.walk(syntax_of(file))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Call) and _name(node.func) == "float")
    ]
    assert not floats


def test_no_file_names_a_machine_or_a_package_index() -> None:
    leaks = [
        f"{place(file, number)} {found.group()}"
        for file in source_files()
        for number, line in _text_lines(file)
        if (found := MACHINE_PATH.search(line) or INDEX_ADDRESS.search(line))
    ]
    assert not leaks


def _functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _is_protocol(node: ast.ClassDef) -> bool:
    return "Protocol" in {_name(base.value if isinstance(base, ast.Subscript) else base) for base in node.bases}


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _text_lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return iter(())
    return enumerate(text.splitlines(), start=1)
