"""Sealing the ledger, and holding the seals against the events they are over."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from attrs import frozen

from ...domain.ledger.seals import (
    START,
    ChainCheck,
    Place,
    Placed,
    Seal,
    SealBreak,
    SealFault,
    digest_of,
    next_seal,
)
from ...domain.tenancy.staff import Role
from ..access import SYSTEM, StaffPrincipal, look
from ..decisions import Decided, Decision, settle
from ..errors import AlreadyExists
from ..ports.audit import Extent
from ..ports.services import Clock
from ..ports.storage import Storage, UnitOfWork
from ..transactions import transact

SEAL_BATCH: Final = 2_000
"""Events under one seal at the most."""

PAGE: Final = 2_000
"""Events and seals that are in memory at once, at the most."""


@frozen
class SealLedger:
    """Seals what is settled and not sealed yet, one bounded batch at a time, off the way of any request.

    Two that seal at once find the same events; their seals have the same number, so that only one of them is kept
    and the other leaves the work to who was faster. Ended in the middle, a seal is there or it is not.
    """

    storage: Storage
    clock: Clock

    def __call__(self, operator_id: UUID) -> int:
        """Seal the next batch of an operator's events, and return how many they were."""

        def work(unit: UnitOfWork) -> int:
            extent = unit.stream.extent(operator_id)
            events = unit.stream.events(operator_id, extent.sealed, extent.last, SEAL_BATCH)
            decision = decide_seal(operator_id, extent, events, self.clock.now())
            try:
                settle(unit, decision)
            except AlreadyExists:
                # Not run again: another process has sealed these events, and goes on with the rest.
                return 0
            return decision.outcome()

        return transact(self.storage, SYSTEM.binding_at(operator_id), work)


def decide_seal(operator_id: UUID, extent: Extent, events: Sequence[Placed], now: datetime) -> Decision[int]:
    """Decide to seal events, and return their number."""
    seal = next_seal(operator_id, extent.last_seal, events, now) if events else None
    return Decided(len(events), added=(seal,))


@frozen
class SealedBooks:
    """What holding an operator's seals against its events came to."""

    operator_id: UUID
    slug: str
    seals: int
    sealed: int
    unsealed: int
    last_seal: Seal | None
    breaks: tuple[SealBreak, ...]

    @property
    def clean(self) -> bool:
        """Whether every seal holds."""
        return not self.breaks


@frozen
class VerifySeals:
    """Holds the seals of every operator against the events they are over, as they are now."""

    storage: Storage

    def __call__(self, operator_id: UUID | None = None) -> Iterator[SealedBooks]:
        """Yield what comes of it, operator by operator. What is in memory does not grow with the ledger."""
        for entry in self.storage.directory.operators():
            if operator_id in (None, entry.operator_id):
                yield self.of(entry.operator_id, entry.slug)

    def of(
        self,
        operator_id: UUID,
        slug: str,
        *,
        principal: StaffPrincipal | None = None,
        newest: int | None = None,
    ) -> SealedBooks:
        """Hold the seals of one operator, or the newest of them, against its events, through somebody's eyes."""
        walk = StreamWalk.of(self.storage, operator_id, principal)
        mark, check, breaks = Mark(), ChainCheck(), list[SealBreak]()
        before = walk.seal_before(newest)
        if before is not None:
            number, seal = before
            mark, check = Mark(seal.last, seal.number), ChainCheck.after(seal)
            if seal.number != number:
                breaks.append(SealBreak(seal.number, SealFault.MISSING, seal.last.event_id))
        for stretch in walk.stretches(mark):
            for item in stretch.items:
                breaks += walked(check, item)
        return SealedBooks(operator_id, slug, check.seals, check.sealed, check.unsealed, check.last, tuple(breaks))


def walked(check: ChainCheck, item: Placed | Seal) -> Iterator[SealBreak]:
    """Take the next item of a stream in, and yield what is wrong with it if it is a seal."""
    if isinstance(item, Seal):
        yield from check.close(item)
    else:
        check.add(digest_of(item.line))


@frozen
class Mark:
    """How far a walk has come: the last event and the last seal that it has passed."""

    place: Place = START
    seal: int = 0


@frozen
class Stretch:
    """Some events and seals of a stream, and where it goes on after them."""

    items: tuple[Placed | Seal, ...]
    mark: Mark


@frozen
class StreamWalk:
    """One pass over an operator's stream as far as it was settled when the walk began.

    Every stretch is read in a unit of its own: a walk over a large ledger holds nothing up.
    """

    storage: Storage
    operator_id: UUID
    principal: StaffPrincipal
    extent: Extent
    last_seal: int

    @classmethod
    def of(cls, storage: Storage, operator_id: UUID, principal: StaffPrincipal | None = None) -> "StreamWalk":
        """Return the walk over all that is settled now, through somebody's eyes, or the operator's own."""
        principal = principal or SYSTEM.acting_as(Role.OPERATOR, operator_id, operator_id)
        extent = look(storage, principal, lambda unit: unit.stream.extent(operator_id))
        number = 0 if extent.last_seal is None else extent.last_seal.number
        return cls(storage, operator_id, principal, extent, number)

    def seal_before(self, newest: int | None) -> tuple[int, Seal] | None:
        """Return the number of the seal before the newest so many, and the first seal that there is from it on.

        None where there are no more than these.
        """
        last = self.extent.last_seal
        if newest is None or last is None or last.number <= newest:
            return None
        number = last.number - newest
        seals = look(self.storage, self.principal, lambda unit: unit.stream.seals(self.operator_id, number - 1, 1))
        return number, seals[0]

    def stretches(self, mark: Mark = Mark()) -> Iterator[Stretch]:
        """Yield the stream after a mark, seals behind the events they are over."""
        while True:
            stretch = look(self.storage, self.principal, partial(self._stretch, mark=mark))
            if stretch.mark == mark:
                return
            yield stretch
            mark = stretch.mark

    def _stretch(self, unit: UnitOfWork, mark: Mark) -> Stretch:
        events = unit.stream.events(self.operator_id, mark.place, self.extent.last, PAGE)
        end = events[-1].place if len(events) == PAGE else None
        found = unit.stream.seals(self.operator_id, mark.seal, PAGE)
        seals = [seal for seal in found if seal.number <= self.last_seal and (end is None or seal.last <= end)]
        if len(seals) == PAGE:
            # More seals than there is room for: the events behind the last of them have to wait.
            events = [placed for placed in events if placed.place <= seals[-1].last]
        items = tuple(_merged(events, seals))
        return Stretch(
            items,
            Mark(events[-1].place if events else mark.place, seals[-1].number if seals else mark.seal),
        )


def _merged(events: Sequence[Placed], seals: Sequence[Seal]) -> Iterator[Placed | Seal]:
    """Yield both in order, a seal as soon as the events it is over have passed."""
    waiting = iter(seals)
    seal = next(waiting, None)
    for placed in events:
        while seal is not None and seal.last < placed.place:
            yield seal
            seal = next(waiting, None)
        yield placed
    while seal is not None:
        yield seal
        seal = next(waiting, None)
