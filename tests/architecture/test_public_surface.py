"""The public surface: hosts find everything in `playtime`, and importing it loads no framework."""

import ast
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any, Protocol

import pytest

import playtime
from playtime import DomainError, public

from support.tree import ROOT, imports_of, place, python_files

FRAMEWORKS = ("click", "dependency_injector", "flask", "granian", "jinja2", "psycopg", "sqlalchemy", "werkzeug")
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PRIVATE = ("domain", "application", "adapters")
SURFACE = sorted(name for name in vars(public) if not name.startswith("_"))


def _modules(package: str) -> Iterator[Any]:
    root = import_module(package)
    for module in pkgutil.walk_packages(root.__path__, f"{package}."):
        yield import_module(module.name)


def _classes(package: str) -> set[type[Any]]:
    return {
        found
        for module in _modules(package)
        for found in vars(module).values()
        if inspect.isclass(found) and found.__module__ == module.__name__ and not found.__name__.startswith("_")
    }


def test_hosts_import_from_playtime_alone() -> None:
    examples = [
        f"{place(file, line)} imports {name}"
        for file in python_files("examples")
        for line, _, name in imports_of(file)
        if name.startswith("playtime.") and name.split(".")[1] not in SURFACE
    ]
    documents = [
        f"{document} imports {node.module}"
        for document in ("README.md", "docs/embedding.md")
        for block in PYTHON_BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("playtime.")
    ]
    assert not examples + documents


def test_surface_belongs_to_the_name_playtime() -> None:
    """Under another name, pytest names it after the folder, the package would load the product a second time."""
    spec = spec_from_file_location("another-name", ROOT / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert not [name for name in SURFACE if hasattr(module, name)]
    assert not [name for name in sys.modules if name.startswith("another-name")]


def test_surface_loads_no_framework() -> None:
    program = f"import sys\nfrom playtime import {', '.join(SURFACE)}\nprint(*sys.modules)\n"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT.parent, capture_output=True, text=True, check=True
    )
    assert not {*ran.stdout.split()} & {*FRAMEWORKS}


@pytest.mark.parametrize("package", ["playtime.domain", "playtime.application"])
def test_surface_has_every_error_of_the_core(package: str) -> None:
    errors = {found.__name__ for found in _classes(package) if issubclass(found, DomainError)}
    assert errors - {*SURFACE} == set()


def test_surface_has_every_port_and_its_values() -> None:
    ports = _classes("playtime.application.ports")
    assert any(issubclass(port, Protocol) for port in ports)
    assert {port.__name__ for port in ports} - {*SURFACE} == set()


def test_surface_is_what_playtime_gives() -> None:
    assert all(getattr(playtime, name) is getattr(public, name) for name in SURFACE)
    with pytest.raises(AttributeError):
        playtime.no_such_name  # type: ignore[attr-defined]  # noqa: B018 - the look-up is what fails


@pytest.mark.parametrize("package", PRIVATE)
def test_other_packages_are_marked_private(package: str) -> None:
    assert "Private: hosts import from `playtime`." in (import_module(f"playtime.{package}").__doc__ or "")
