"""The storage itself: whether it answers, and its end."""

from collections.abc import Callable

import pytest

from ..application.errors import StorageUnavailable
from ..application.ports.storage import Storage
from .house import House
from .records import read, write


def test_an_open_storage_answers(storage: Storage) -> None:
    storage.check()
    storage.check()


def test_it_can_be_closed_again_and_does_not_answer_any_more(open_storage: Callable[[], Storage]) -> None:
    another = open_storage()
    another.check()
    another.close()
    another.close()
    with pytest.raises(StorageUnavailable):
        another.check()


def test_closing_one_leaves_the_others_alone(
    storage: Storage, here: House, open_storage: Callable[[], Storage]
) -> None:
    another = open_storage()
    house = House.built(another)
    write(another, house.as_agent, house.voucher())
    another.close()
    storage.check()
    assert read(storage, here.as_agent, lambda unit: unit.tenants.get(here.agent.tenant_id)) == here.agent


def test_what_is_begun_and_never_used_holds_nothing(storage: Storage, here: House) -> None:
    begun = [storage.begin(here.as_agent) for _ in range(200)]
    assert read(storage, here.as_agent, lambda unit: unit.tenants.get(here.agent.tenant_id)) == here.agent
    assert len(begun) == 200
