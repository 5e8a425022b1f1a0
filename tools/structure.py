"""The command `python -m playtime.tools.structure`, which measures how the product is built.

Without options it compares the measures with the table in docs/architecture.md. `--update` writes the table.
`--sizes` prints the lines of the product (without the contract suite) and the statements per function.

For each package the table counts its modules (a sub-package counts as one), its layers and its imports. An import
is a pair of modules of which one imports the other. Layers are the modules on the longest chain of imports.
"""

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import quantiles
from typing import Final

import grimp

ROOT: Final = Path(__file__).resolve().parents[1]
DOCUMENT: Final = ROOT / "docs" / "architecture.md"
BEGIN: Final = "<!-- structure: begin -->\n"
END: Final = "<!-- structure: end -->\n"
LAYERS: Final = ("domain", "application", "adapters", "contracts")
PRODUCT: Final = ("domain", "application", "adapters")


@dataclass(frozen=True)
class Folder:
    """The measures of one package."""

    package: str
    modules: int
    layers: int
    imports: int


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    if arguments == ["--sizes"]:
        print(sizes())
        return 0
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
    written, after = rest.split(END)
    measured = table(folders())
    if arguments == ["--update"]:
        DOCUMENT.write_text(before + BEGIN + measured + END + after, encoding="utf-8")
        return 0
    if measured != written:
        print("docs/architecture.md: the table is out of date. Run: python -m playtime.tools.structure --update")
        return 1
    return 0


def folders() -> list[Folder]:
    """Measure every package of the product that holds two modules or more."""
    graph = grimp.build_graph("playtime")
    packages = [name for name in sorted(graph.modules) if _in_product(name) and len(graph.find_children(name)) > 1]
    return [_folder(graph, package) for package in packages]


def table(measured: Sequence[Folder]) -> str:
    """Write the measures as a Markdown table."""
    rows = ["| folder | modules | layers | imports |", "|---|---|---|---|"]
    for folder in measured:
        place = folder.package.removeprefix("playtime.").replace(".", "/")
        rows.append(f"| {place} | {folder.modules} | {folder.layers} | {folder.imports} |")
    return "\n".join(rows) + "\n"


def sizes() -> str:
    """Sum up the lines of the product and the statements per function."""
    files = [*ROOT.glob("*.py"), *(file for folder in PRODUCT for file in (ROOT / folder).rglob("*.py"))]
    texts = [file.read_text(encoding="utf-8") for file in files]
    lines = [len(text.splitlines()) for text in texts]
    statements = sorted(_statements(node) for text in texts for node in _functions(ast.parse(text)))
    shares = quantiles(statements, n=10)
    return (
        f"{len(files)} files, {sum(lines)} lines, longest file {max(lines)};"
        f" {len(statements)} functions, statements: median {round(shares[4])}, p90 {round(shares[8])},"
        f" most {statements[-1]}"
    )


def _folder(graph: grimp.ImportGraph, package: str) -> Folder:
    imports = _imports(graph, package)
    depth: dict[str, int] = {}
    for module in TopologicalSorter(imports).static_order():
        depth[module] = 1 + max((depth[imported] for imported in imports[module]), default=0)
    return Folder(package, len(imports), max(depth.values()), sum(map(len, imports.values())))


def _imports(graph: grimp.ImportGraph, package: str) -> Mapping[str, set[str]]:
    """Map each module of a package to its siblings that it imports, itself or by a module below it."""
    owner = {
        below: child for child in graph.find_children(package) for below in (child, *graph.find_descendants(child))
    }
    return {
        child: {
            owner[imported]
            for importer in (child, *graph.find_descendants(child))
            for imported in graph.find_modules_directly_imported_by(importer)
            if owner.get(imported, child) != child
        }
        for child in graph.find_children(package)
    }


def _in_product(module: str) -> bool:
    return any(module == f"playtime.{folder}" or module.startswith(f"playtime.{folder}.") for folder in LAYERS)


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@cache
def _statements(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the statements of a function, without its own line and its docstring."""
    counted = sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1
    return counted - (ast.get_docstring(function) is not None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
