"""The suite as pytest finds it in an installed package, by `pytest --pyargs playtime.contracts`."""

import pytest

from .fixtures import here, storage, there

__all__ = ["here", "storage", "there"]

if __name__ != "playtime.contracts.conftest":
    # Found by its folder, it would bring along a second copy of the product, with other classes.
    raise pytest.UsageError("run `--pyargs playtime.contracts` of a wheel, tests/contracts in a checkout")


def pytest_configure(config: pytest.Config) -> None:
    """Name the marks of the suite."""
    config.addinivalue_line("markers", "rls: isolation between tenants")
