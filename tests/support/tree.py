"""The source tree as the architecture tests see it."""

import ast
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("domain", "application", "adapters", "contracts")
TESTS = ROOT / "tests"


def product_files() -> list[Path]:
    """Return every Python file that is shipped."""
    return sorted([*ROOT.glob("*.py"), *(file for layer in LAYERS for file in python_files(layer))])


def python_files(folder: str) -> Iterator[Path]:
    """Yield the Python files below a folder of the root."""
    return (ROOT / folder).rglob("*.py")


def all_python_files() -> list[Path]:
    """Return the files of the product, its tests and its tools."""
    return [*product_files(), *sorted([*TESTS.rglob("*.py"), *python_files("tools")])]


@cache
def syntax_of(file: Path) -> ast.Module:
    """Return a file's syntax tree, read as the oldest Python that we support reads it."""
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file), feature_version=(3, 11))


def imports_of(file: Path) -> Iterator[tuple[int, int, str]]:
    """Yield line, level (0: absolute, 1: `.`, 2: `..`) and dotted name of each import in a file."""
    for node in ast.walk(syntax_of(file)):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, 0, name.name
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                yield (
                    node.lineno,
                    node.level,
                    ".".join(part for part in (node.module, name.name) if part),
                )


def place(file: Path, line: int | None = None) -> str:
    """Name a file, or a line of it, as a person looks it up."""
    name = file.relative_to(ROOT).as_posix()
    return name if line is None else f"{name}:{line}"


def source_files() -> list[Path]:
    """Return all files that git keeps or would keep; where git is missing, the Python ones."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return all_python_files()
    listed = subprocess.run(
        [git, "-c", f"safe.directory={ROOT}", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    named = [ROOT / os.fsdecode(name) for name in listed.split(b"\0") if name]
    return sorted(file for file in named if file.is_file())
