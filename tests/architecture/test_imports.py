"""Import rules: the contracts of pyproject.toml run with the other tests."""

import subprocess
import sys
from pathlib import Path

from support.tree import LAYERS, ROOT, imports_of, place, product_files, python_files

PURE_MODULES = {
    "abc",
    "attr",
    "attrs",
    "base64",
    "bisect",
    "collections",
    "contextlib",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "hmac",
    "itertools",
    "json",
    "math",
    "operator",
    "re",
    "statistics",
    "string",
    "types",
    "typing",
    "unicodedata",
    "uuid",
    "zoneinfo",
}


def test_import_contracts_hold() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_domain_imports_only_attrs_and_pure_standard_modules() -> None:
    strangers = [
        f"{place(file, line)} imports {name}"
        for file in python_files("domain")
        for line, level, name in imports_of(file)
        if level == 0 and name.partition(".")[0] not in PURE_MODULES
    ]
    assert not strangers


def test_inside_the_product_imports_are_relative() -> None:
    own = {"playtime", *LAYERS, "bootstrap"}
    absolute = [
        f"{place(file, line)} imports {name}"
        for file in product_files()
        for line, level, name in imports_of(file)
        if level == 0 and name.partition(".")[0] in own
    ]
    assert not absolute


def test_tests_and_hosts_say_playtime() -> None:
    bare = [
        f"{place(file, line)} imports {name}"
        for folder in ("tests", "examples")
        for file in python_files(folder)
        for line, level, name in imports_of(file)
        if level > 0 or name.partition(".")[0] in {*LAYERS, "bootstrap"}
    ]
    assert not bare


def test_importing_playtime_imports_nothing_else() -> None:
    """A host loads and starts only the parts that it uses."""
    program = "import sys, playtime\nprint(*(name for name in sys.modules if name.startswith('playtime.')))\n"
    seen = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT.parent, capture_output=True, text=True, check=True
    )
    assert seen.stdout.split() == []


def test_a_server_loads_no_simulator_demo_or_bench() -> None:
    program = (
        "import sys, playtime.bootstrap, playtime.adapters.cli.commands.serving\n"
        "print(*(name for name in sys.modules if name.startswith('playtime.adapters.')))\n"
    )
    seen = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT.parent, capture_output=True, text=True, check=True
    )
    folders = {name.split(".")[2] for name in seen.stdout.split()}
    assert "cli" in folders
    assert not folders & {"bench", "demo", "simulation"}


def test_an_engine_on_memory_loads_no_database_and_no_server() -> None:
    program = (
        "import sys\nfrom playtime import Settings, open_engine\n"
        "with open_engine(Settings(storage='memory')): print(*sys.modules)\n"
    )
    seen = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT.parent, capture_output=True, text=True, check=True
    )
    assert "playtime.adapters.memory.storage" in seen.stdout.split()
    assert not {"flask", "granian", "psycopg", "sqlalchemy"} & set(seen.stdout.split())


def test_the_help_of_the_command_loads_no_engine() -> None:
    program = (
        "import sys\nfrom playtime.__main__ import main\nsys.argv = ['playtime', '--help']\n"
        "try: main()\nexcept SystemExit: print(*sys.modules)\n"
    )
    seen = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT.parent, capture_output=True, text=True, check=True
    )
    *shown, modules = seen.stdout.splitlines()
    assert "  serve      Serve the HTTP API until stopped." in shown
    loaded = set(modules.split())
    assert {name for name in loaded if name.startswith("playtime.")} == {
        "playtime.__main__",
        "playtime.adapters",
        "playtime.adapters.cli",
        "playtime.adapters.cli.main",
    }
    assert not {"attr", "attrs", "dependency_injector", "flask", "psycopg", "sqlalchemy"} & loaded
