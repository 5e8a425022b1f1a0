"""The suite as pytest finds it in an installed package, by `pytest --pyargs playtime.contracts`."""

import pytest

from .fixtures import here, storage, there

__all__ = ["here", "storage", "there"]

if __name__ != "playtime.contracts.conftest":
    # Collected by its folder, this module would import a second copy of the product, with other classes.
    raise pytest.UsageError("run `--pyargs playtime.contracts` of a wheel, tests/contracts in a checkout")


def pytest_configure(config: pytest.Config) -> None:
    """Register the pytest markers of the suite."""
    config.addinivalue_line("markers", "rls: isolation between tenants")
