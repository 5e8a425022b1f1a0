"""Refusals: a stable code, its data, and a sentence made of them."""

import inspect
from collections.abc import Iterator

import pytest

import playtime.application.errors as application_errors
from playtime.domain import errors
from playtime.domain.access import codes
from playtime.domain.errors import DomainError
from playtime.domain.games import game as games
from playtime.domain.ledger import wallet
from playtime.domain.tenancy import staff, tenants
from playtime.domain.vouchers import bonuses, vouchers

MODULES = (errors, bonuses, codes, games, staff, tenants, vouchers, wallet, application_errors)


def _refusals() -> Iterator[type[DomainError]]:
    for module in MODULES:
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, DomainError) and kind.__module__ == module.__name__:
                yield kind


@pytest.mark.parametrize("kind", list(_refusals()))
def test_every_refusal_has_a_code_and_a_sentence_of_its_own_data(kind: type[DomainError]) -> None:
    names = [name for name in inspect.signature(kind).parameters if name != "self"]
    refusal = kind(*(f"<{name}>" for name in names))
    assert refusal.data() == {name: f"<{name}>" for name in names}
    assert "{" not in str(refusal)
    assert str(refusal).endswith((".", ">"))
    assert kind.code == kind.code.upper()
    assert kind.__doc__
