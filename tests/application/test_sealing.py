"""Sealing by the sweep, on every storage: everything once, in batches, operator by operator."""

import time
from datetime import datetime
from functools import partial
from uuid import UUID

import pytest

from playtime.application.access import SYSTEM
from playtime.application.errors import Forbidden
from playtime.application.ledger import sealing
from playtime.application.ledger.sealing import SealedBooks, SealLedger, VerifySeals
from playtime.application.ports.filters import Page
from playtime.application.ports.storage import Storage
from playtime.application.upkeep import sweeps
from playtime.application.upkeep.sweeps import Swept
from playtime.contracts.doubles import SettableClock
from playtime.domain.ledger.recorded_seals import RecordedSeal

from support.day import LOSE, Day

PATIENCE_SECONDS = 20


def _verified(day: Day) -> dict[str, SealedBooks]:
    return {books.slug: books for books in day.engine.verify_seals(SYSTEM)}


def _events(day: Day) -> dict[str, int]:
    return {books.slug: sum(m.count for m in books.movements) for books in day.engine.verify_ledger(SYSTEM)}


def _sealed_whole(day: Day) -> int:
    """Sweep until everything is sealed: what else runs on a server may hold events back for a moment."""
    deadline, sealed = time.monotonic() + PATIENCE_SECONDS, 0
    while time.monotonic() < deadline:
        sealed += day.engine.sweep().events_sealed
        if {slug: books.sealed for slug, books in _verified(day).items()} == _events(day):
            break
        time.sleep(0.01)
    return sealed


def _settled(day: Day) -> dict[str, SealedBooks]:
    """Verify once everything is settled, sealed or not."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        verified = _verified(day)
        if {slug: books.sealed + books.unsealed for slug, books in verified.items()} == _events(day):
            return verified
        time.sleep(0.01)
    raise AssertionError("something holds the events back")


def test_newest_seals_are_given_out_and_found_again(day: Day) -> None:
    for desk in (day.agent, day.stranger):
        day.welcome(1_000, desk)
    assert day.engine.list_seals(day.owner) == []
    _sealed_whole(day)
    newest = {slug: books.last_seal for slug, books in _verified(day).items() if books.last_seal}
    seals = day.engine.list_seals(day.owner)
    assert {seal.slug: (seal.number, seal.hash) for seal in seals} == {
        slug: (seal.number, seal.hash.hex()) for slug, seal in newest.items()
    }
    assert [seal.slug for seal in day.engine.list_seals(day.north.head)] == ["north"]
    assert day.engine.list_seals(day.agent.head) == []
    with pytest.raises(Forbidden):
        day.engine.list_seals(day.agent.cashier)
    first = day.engine.list_seals(day.owner, Page(limit=1))
    assert [*first, *day.engine.list_seals(day.owner, Page(before=first[0].operator_id))] == seals
    recorded = {RecordedSeal.parse(seal.recorded) for seal in seals}
    wrong = {RecordedSeal(seal.slug, seal.number, bytes(32)) for seal in recorded}
    found = [books.found for books in day.engine.verify_seals(SYSTEM, recorded=recorded | wrong)]
    assert frozenset().union(*found) == recorded


def test_the_sweep_seals_every_operator(day: Day) -> None:
    for desk in (day.agent, day.sister, day.stranger):
        day.spin(day.welcome(1_000, desk), 100, LOSE)
    counts = _events(day)
    assert _sealed_whole(day) == sum(counts.values())
    books = _verified(day)
    assert {slug: found.sealed for slug, found in books.items()} == counts
    assert all(found.clean for found in books.values())
    assert books["platform"].last_seal is None
    assert books["north"].last_seal is not None
    assert day.engine.sweep() == Swept()
    assert _verified(day) == books


def test_sweep_seals_in_batches_and_leaves_newer_events(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sealing, sweeps):
        monkeypatch.setattr(module, "SEAL_BATCH", 4)
    day.spin(day.welcome(1_000), 100, LOSE, times=6)
    count = _events(day)["north"]
    assert _sealed_whole(day) == count
    north = _verified(day)["north"]
    assert north.seals >= count // 4
    assert north.clean


def test_one_sweep_seals_more_than_one_batch(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sealing, sweeps):
        monkeypatch.setattr(module, "SEAL_BATCH", 2)
    day.spin(day.welcome(1_000), 100, LOSE, times=6)
    # The newest events may wait on a busy server, the older ones do not.
    day.engine.sweep()
    assert _verified(day)["north"].seals > 2


class SealingClock(SettableClock):
    """A clock that lets another process seal first, between the reading and the writing of a seal."""

    def __init__(self, storage: Storage, operator_id: UUID) -> None:
        super().__init__()
        self.other = partial(SealLedger(storage, SettableClock()), operator_id)
        self.sealed = 0

    def now(self) -> datetime:
        """Return the time, after the other process has sealed."""
        self.sealed += self.other()
        return super().now()


def test_of_two_who_seal_at_once_one_stops(day: Day) -> None:
    day.welcome(1_000)
    clock = SealingClock(day.storage, day.north.operator_id)
    assert SealLedger(day.storage, clock)(day.north.operator_id) == 0
    assert clock.sealed > 0
    north = _verified(day)["north"]
    assert (north.seals, north.sealed, north.clean) == (1, clock.sealed, True)


def test_exactly_the_newest_seals_are_checked(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sealing, sweeps):
        monkeypatch.setattr(module, "SEAL_BATCH", 2)
    day.spin(day.welcome(1_000), 100, LOSE, times=6)
    _sealed_whole(day)
    verify = VerifySeals(day.storage)
    number = _verified(day)["north"].seals
    assert number > 3
    for newest in (1, 2, number - 1, number, number + 1):
        checked = verify.of(day.north.operator_id, "north", newest=newest)
        assert (checked.seals, checked.clean) == (min(newest, number), True)


def test_stopped_sweep_seals_no_more(day: Day) -> None:
    day.welcome(1_000)
    assert day.engine.sweep(lambda: True) == Swept()
    assert _verified(day)["north"].seals == 0


@pytest.mark.parametrize("page", [1, 2, 3, 7])
def test_verification_in_pages_of_any_size_has_the_same_result(
    day: Day, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(sealing, "SEAL_BATCH", 2)
    for _ in range(3):
        day.spin(day.welcome(1_000), 100, LOSE)
        _sealed_whole(day)
    day.spin(day.welcome(1_000), 100, LOSE)
    whole = _settled(day)
    assert whole["north"].clean
    assert (whole["north"].seals > 3, whole["north"].unsealed > 3) == (True, True)
    monkeypatch.setattr(sealing, "PAGE", page)
    assert _verified(day) == whole
