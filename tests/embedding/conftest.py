"""A host with Playtime installed from the wheel, and databases for it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from playtime.bootstrap import Settings

from support.postgres.database import TestDatabase, empty_database
from support.tree import ROOT
from support.wheel import Host

SECRET = "5e" * 32


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory, host_environment: Path) -> Host:
    """Make a host that has the examples."""
    host = Host.made(tmp_path_factory.mktemp("embedding"), host_environment)
    for example in (ROOT / "examples").glob("*.py"):
        shutil.copy(example, host.folder)
    return host


@pytest.fixture
def database() -> Iterator[TestDatabase]:
    """Make a database in which nothing is migrated."""
    with empty_database() as database:
        yield database


@pytest.fixture
def playtime_environ(database: TestDatabase, tmp_path: Path) -> dict[str, str]:
    """Return the settings of `playtime` for that database."""
    return {
        "PLAYTIME_HOME": str(tmp_path / "home"),
        "PLAYTIME_DATABASE_URL": database.app_url,
        "PLAYTIME_MIGRATOR_URL": database.migrator_url,
        "PLAYTIME_OWNER_READ_URL": database.owner_read_url,
        "PLAYTIME_JWT_SECRET": SECRET,
        "PLAYTIME_PIN_SECRETS": f"k1={SECRET}",
    }


@pytest.fixture
def settings(playtime_environ: dict[str, str]) -> Settings:
    """Return the same settings for this process."""
    return Settings.from_environ(playtime_environ)
