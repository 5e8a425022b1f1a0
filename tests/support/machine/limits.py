"""The commands of the stateful machine that concern a session's loss limit, and what the ledger says of it."""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from uuid import UUID

from attrs import define, field

from playtime.application.ports.filters import LedgerFilter, Page
from playtime.application.ports.storage import Storage
from playtime.domain.ledger.events import EventType, LedgerEvent

from support.machine.model import LARGEST, OUT, said

if TYPE_CHECKING:
    from support.machine.world import World

AT_ONCE: Final = 12


@define
class LossBook:
    """What each session has lost and may lose, as the ledger alone tells it: read on after each step."""

    losses: Counter[UUID] = field(factory=Counter)
    limits: dict[UUID, int] = field(factory=dict)
    bets: int = 0
    newest: UUID | None = None

    def read_on(self, storage: Storage) -> None:
        """Take in what is new, and hold each accepted bet against the limit that was in force then."""
        for event in reversed(list(self._since(storage))):
            self.newest = event.event_id
            if event.session_id is not None:
                self._take_in(event.session_id, event)

    def _take_in(self, session_id: UUID, event: LedgerEvent) -> None:
        if event.event_type is EventType.LIMIT_SET:
            limit = event.meta["lossLimitMinor"]
            assert limit < self.limits.get(session_id, LARGEST + 1), "a limit only ever gets lower"
            self.limits[session_id] = limit
        if event.transfer is None:
            return
        amount = event.transfer.amount_minor
        if event.event_type is EventType.BET:
            self.bets += 1
            self.losses[session_id] += amount
            limit = self.limits.get(session_id, LARGEST)
            assert self.losses[session_id] <= limit, "a bet was accepted past the limit"
        elif event.event_type is EventType.WIN:
            self.losses[session_id] -= amount

    def _since(self, storage: Storage) -> Iterator[LedgerEvent]:
        """Return what was not read yet, the newest first."""
        page = Page(limit=AT_ONCE)
        with storage.begin_owner_read() as unit:
            while events := unit.ledger.page(LedgerFilter(), page):
                for event in events:
                    if event.event_id == self.newest:
                        return
                    yield event
                page = Page(limit=AT_ONCE, before=events[-1].event_id)


class Above(StrEnum):
    """What a new limit is told from: from nothing, from what was lost, or from the limit that is set."""

    NOTHING = "nothing"
    LOST = "lost"
    LIMIT = "limit"


def limit_loss(world: "World", who: int, amount: int, above: Above) -> None:
    """Set, lower or try to raise a session's loss limit: to so much above something."""
    if not world.punters:
        return
    punter = world.punters[who % len(world.punters)]
    limit = amount + {Above.NOTHING: 0, Above.LOST: punter.lost, Above.LIMIT: punter.loss_limit or 0}[above]
    expected = None if punter.is_in else OUT
    if punter.is_in and not 0 <= limit <= LARGEST:
        expected = "INVALID_INPUT"
    elif punter.is_in and punter.loss_limit is not None and limit > punter.loss_limit:
        expected = "LOSS_LIMIT_LOCKED"
    answer, refused = said(lambda: world.day.engine.set_loss_limit(punter.guest.principal, loss_limit_minor=limit))
    world.said.append(answer or refused)
    assert refused[0] == (expected or "")
    if answer is not None:
        assert (answer.loss_limit_cents, answer.locked) == (limit, True)
        if limit != punter.loss_limit:
            punter.seen_at = world.now
        punter.loss_limit = limit


def play_to_limit(world: "World", who: int, ticket: int, *, past: bool) -> None:
    """Stake what the session may still lose, or one more."""
    if not world.punters:
        return
    punter = world.punters[who % len(world.punters)]
    if punter.loss_limit is not None:
        world.spin(who, punter.loss_limit - punter.lost + past, ticket, leave=False, named=True)
