"""Sealing the ledger, and checking the seals against their events."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Final
from uuid import UUID

from attrs import frozen

from ...domain.ledger.recorded_seals import RecordedSeal
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
from ...domain.tenancy.staff import Permission, Role
from ..access import SYSTEM, StaffPrincipal, look, operators_seen, reach
from ..decisions import Decided, Decision, settle
from ..errors import AlreadyExists
from ..ports.audit import Extent
from ..ports.filters import Page
from ..ports.services import Clock
from ..ports.storage import Storage, UnitOfWork
from ..ports.tenancy import DirectoryEntry
from ..transactions import transact

SEAL_BATCH: Final = 2_000
"""The most events under one seal."""

PAGE: Final = 2_000
"""The most events, and the most seals, that are in memory at once."""


@frozen
class SealLedger:
    """Seals the settled events after the last seal, one bounded batch at a time and outside of any request.

    Two processes that seal at once make seals with the same number. Only one of the seals is stored, and the other
    process stops. An interrupted run stores either the whole seal or nothing.
    """

    storage: Storage
    clock: Clock

    def __call__(self, operator_id: UUID) -> int:
        """Seal the next batch of an operator's events, and return their number."""

        def work(unit: UnitOfWork) -> int:
            extent = unit.stream.extent(operator_id)
            events = unit.stream.events(operator_id, extent.sealed, extent.last, SEAL_BATCH)
            decision = decide_seal(operator_id, extent, events, self.clock.now())
            try:
                settle(unit, decision)
            except AlreadyExists:
                # Another process has sealed these events and continues with the rest.
                return 0
            return decision.outcome()

        return transact(self.storage, SYSTEM.binding_at(operator_id), work)


def decide_seal(operator_id: UUID, extent: Extent, events: Sequence[Placed], now: datetime) -> Decision[int]:
    """Decide to seal events, and return their number."""
    seal = next_seal(operator_id, extent.last_seal, events, now) if events else None
    return Decided(len(events), added=(seal,))


@frozen
class SealedBooks:
    """The result of checking an operator's seals against its events.

    `found` are those of the given recorded seals that are in the chain.
    """

    operator_id: UUID
    slug: str
    seals: int
    sealed: int
    unsealed: int
    last_seal: Seal | None
    broken_seals: tuple[SealBreak, ...]
    found: frozenset[RecordedSeal] = frozenset()

    @property
    def clean(self) -> bool:
        """Whether every seal holds."""
        return not self.broken_seals


def sealed_books(
    operator_id: UUID,
    slug: str,
    check: ChainCheck,
    *,
    broken: Sequence[SealBreak],
    found: AbstractSet[RecordedSeal],
) -> SealedBooks:
    """Return the result of a finished check."""
    return SealedBooks(
        operator_id,
        slug,
        check.seals,
        check.sealed,
        check.unsealed,
        check.last,
        tuple(broken),
        frozenset(found),
    )


@frozen
class VerifySeals:
    """Recomputes the seals of operators from the stored events."""

    storage: Storage

    def __call__(
        self,
        principal: StaffPrincipal,
        operator_id: UUID | None = None,
        *,
        recorded: AbstractSet[RecordedSeal] = frozenset(),
    ) -> Iterator[SealedBooks]:
        """Return the results for one operator, or for every one that the principal sees, as they are computed.

        The memory in use does not grow with the ledger. Raises NotFound for an operator that the principal does
        not see, and Forbidden for an agent's staff.
        """
        operators = operators_seen(self.storage.directory, principal, operator_id)
        return (self.of(entry.operator_id, entry.slug, recorded=recorded) for entry in operators)

    def of(
        self,
        operator_id: UUID,
        slug: str,
        *,
        principal: StaffPrincipal | None = None,
        newest: int | None = None,
        recorded: AbstractSet[RecordedSeal] = frozenset(),
    ) -> SealedBooks:
        """Check all seals of one operator, or the newest, against the events that a principal sees."""
        walk = StreamWalk.of(self.storage, operator_id, principal)
        position, check = StreamPosition(), ChainCheck()
        broken, found = list[SealBreak](), set[RecordedSeal]()
        before = walk.seal_before(newest)
        if before is not None:
            number, seal = before
            position, check = StreamPosition(seal.last, seal.number), ChainCheck.after(seal)
            if seal.number != number:
                broken.append(SealBreak(seal.number, SealFault.MISSING, seal.last.event_id))
        for stretch in walk.stretches(position):
            for item in stretch.items:
                broken += walked(check, item)
                if isinstance(item, Seal):
                    found |= {RecordedSeal.of(slug, item)} & recorded
        return sealed_books(operator_id, slug, check, broken=broken, found=found)


def walked(check: ChainCheck, item: Placed | Seal) -> Iterator[SealBreak]:
    """Add the next item of a stream to a check, and yield the faults if it is a seal."""
    if isinstance(item, Seal):
        yield from check.close(item)
    else:
        check.add(digest_of(item.line))


@frozen
class SealRecord:
    """A seal as it is given out. `recorded` is the text that `playtime ledger verify --seal` takes."""

    operator_id: UUID
    slug: str
    number: int
    hash: str
    event_count: int
    last_event_id: UUID
    sealed_at: datetime
    recorded: str


@frozen
class ListSeals:
    """Gives out the newest seal of each operator, to be written down in another place."""

    storage: Storage

    def __call__(self, principal: StaffPrincipal, page: Page = Page()) -> list[SealRecord]:
        """Return newest seals, newest operator first. An agent sees none. Raises Forbidden."""
        return list(islice(self.newest(principal, page.before), page.limit))

    def newest(self, principal: StaffPrincipal, before: UUID | None = None) -> Iterator[SealRecord]:
        """Yield the newest seal of each operator that has one. Raises Forbidden."""
        principal.require(Permission.READ_LEDGER)
        for entry in reversed(self.storage.directory.operators()):
            is_seen = principal.role is Role.OWNER or entry.operator_id == principal.operator_id
            if is_seen and (before is None or entry.operator_id < before):
                extent = transact(self.storage, reach(principal, entry), partial(_extent_of, entry.operator_id))
                if extent.last_seal is not None:
                    yield seal_record(entry, extent.last_seal)


def seal_record(entry: DirectoryEntry, seal: Seal) -> SealRecord:
    """Return a seal as it is given out."""
    return SealRecord(
        operator_id=entry.operator_id,
        slug=entry.slug,
        number=seal.number,
        hash=seal.hash.hex(),
        event_count=seal.event_count,
        last_event_id=seal.last.event_id,
        sealed_at=seal.sealed_at,
        recorded=str(RecordedSeal.of(entry.slug, seal)),
    )


def _extent_of(operator_id: UUID, unit: UnitOfWork) -> Extent:
    return unit.stream.extent(operator_id)


@frozen
class StreamPosition:
    """The last event and the last seal that a walk has passed."""

    place: Place = START
    seal: int = 0


@frozen
class Stretch:
    """Some events and seals of a stream, and the position after them."""

    items: tuple[Placed | Seal, ...]
    after: StreamPosition


@frozen
class StreamWalk:
    """One pass over the part of an operator's stream that was settled at the start of the walk.

    Every stretch is read in a unit of its own, so that a walk over a large ledger never holds locks for long.
    """

    storage: Storage
    operator_id: UUID
    principal: StaffPrincipal
    extent: Extent
    last_seal: int

    @classmethod
    def of(cls, storage: Storage, operator_id: UUID, principal: StaffPrincipal | None = None) -> "StreamWalk":
        """Return the walk over all settled events, as the principal or by default the operator sees them."""
        principal = principal or SYSTEM.acting_as(Role.OPERATOR, operator_id, operator_id)
        extent = look(storage, principal, lambda unit: unit.stream.extent(operator_id))
        number = 0 if extent.last_seal is None else extent.last_seal.number
        return cls(storage, operator_id, principal, extent, number)

    def seal_before(self, newest: int | None) -> tuple[int, Seal] | None:
        """Return the number of the seal before the newest ones, and the first existing seal from that number on.

        Return None if there are no more seals than the newest ones.
        """
        last = self.extent.last_seal
        if newest is None or last is None or last.number <= newest:
            return None
        number = last.number - newest
        seals = look(self.storage, self.principal, lambda unit: unit.stream.seals(self.operator_id, number - 1, 1))
        return number, seals[0]

    def stretches(self, position: StreamPosition = StreamPosition()) -> Iterator[Stretch]:
        """Yield the stream after a position. A seal follows its events."""
        while True:
            stretch = look(self.storage, self.principal, partial(self._stretch, position=position))
            if stretch.after == position:
                return
            yield stretch
            position = stretch.after

    def _stretch(self, unit: UnitOfWork, position: StreamPosition) -> Stretch:
        events = unit.stream.events(self.operator_id, position.place, self.extent.last, PAGE)
        end = events[-1].place if len(events) == PAGE else None
        found = unit.stream.seals(self.operator_id, position.seal, PAGE)
        seals = [seal for seal in found if seal.number <= self.last_seal and (end is None or seal.last <= end)]
        if len(seals) == PAGE:
            # There may be more seals: the events after the last read seal belong to the next stretch.
            events = [placed for placed in events if placed.place <= seals[-1].last]
        items = tuple(_merged(events, seals))
        return Stretch(
            items,
            StreamPosition(
                events[-1].place if events else position.place, seals[-1].number if seals else position.seal
            ),
        )


def _merged(events: Sequence[Placed], seals: Sequence[Seal]) -> Iterator[Placed | Seal]:
    """Yield both in order, each seal directly after its events."""
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
