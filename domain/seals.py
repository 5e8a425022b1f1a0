"""Seals: a chain of hashes over an operator's events, so that nobody can change the past unseen.

Every event has one line, made of everything that is kept of it; the lines are chained in the order of the stream,
and now and then the end of the chain is kept: a seal. docs/audit.md says the same to the byte, for those who check
the books without us, so what is written here can never change: another form would get another number.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from attrs import define, evolve, frozen

from .ledger import LedgerEvent

FORM: Final = "playtime-ledger-1"
"""The name of this form of lines and chain."""

GENESIS: Final = bytes(32)
"""Where every chain begins."""


@frozen(order=True)
class Place:
    """Where an event stands in its operator's stream: nothing is ever added before a place that is settled.

    `era` counts how often the books were restored into another database cluster, where transactions are numbered
    anew.
    """

    era: int
    xact_id: int
    event_id: UUID


START: Final = Place(0, 0, UUID(int=0))
"""Before every event."""


@frozen
class Placed:
    """An event and its place."""

    event: LedgerEvent
    place: Place


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return the one way to write something down: keys sorted, no white space, ASCII."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def event_line(event: LedgerEvent) -> bytes:
    """Return the line of an event, without the line feed at its end."""
    moved = event.transfer
    sides: dict[str, Any] = {
        "fromBalanceMinor": moved.source_balance_minor if moved else None,
        "fromKind": moved.source.kind.value if moved else None,
        "fromOwnerId": _text(moved.source.owner_id) if moved else None,
        "toBalanceMinor": moved.target_balance_minor if moved else None,
        "toKind": moved.target.kind.value if moved else None,
        "toOwnerId": _text(moved.target.owner_id) if moved else None,
    }
    return canonical(
        sides
        | {
            "actionId": event.action_id,
            "actorId": _text(event.actor_id),
            "agentId": _text(event.agent_id),
            "amountMinor": event.amount_minor,
            "cashierId": _text(event.cashier_id),
            "eventId": _text(event.event_id),
            "eventType": event.event_type.value,
            "gameKey": event.game_key,
            "meta": dict(event.meta),
            "occurredAt": moment_text(event.occurred_at),
            "operatorId": _text(event.operator_id),
            "playerId": _text(event.player_id),
            "playerSeq": event.player_seq,
            "provider": event.provider,
            "region": event.region,
            "roundId": _text(event.round_id),
            "sessionId": _text(event.session_id),
            "source": event.source.value,
            "tenantId": _text(event.tenant_id),
        }
    )


def digest_of(line: bytes) -> bytes:
    """Return the SHA-256 of a line."""
    return hashlib.sha256(line).digest()


def chained(before: bytes, digest: bytes) -> bytes:
    """Return the chain with one more line."""
    return hashlib.sha256(before + digest).digest()


@frozen(kw_only=True)
class Seal:
    """The end of a chain, kept: over `event_count` events from `first` to `last`, after the seal before it.

    It belongs to the operator itself, whose events it is over; `number` counts an operator's seals from 1. What it
    says of itself, its hash apart, is chained as the last of its lines.
    """

    operator_id: UUID
    tenant_id: UUID
    number: int
    first: Place
    last: Place
    event_count: int
    previous_hash: bytes
    hash: bytes
    sealed_at: datetime

    @property
    def head(self) -> dict[str, Any]:
        """What the seal says of itself."""
        return {
            "eventCount": self.event_count,
            "firstEventId": str(self.first.event_id),
            "lastEventId": str(self.last.event_id),
            "number": self.number,
            "operatorId": str(self.operator_id),
            "previousHash": self.previous_hash.hex(),
            "sealedAt": moment_text(self.sealed_at),
        }


def next_seal(last: Seal | None, events: Sequence[Placed], now: datetime) -> Seal:
    """Return the seal over the events that follow what was sealed last."""
    before = GENESIS if last is None else last.hash
    chain = before
    for placed in events:
        chain = chained(chain, digest_of(event_line(placed.event)))
    operator_id = events[0].event.operator_id
    seal = Seal(
        operator_id=operator_id,
        tenant_id=operator_id,
        number=1 if last is None else last.number + 1,
        first=events[0].place,
        last=events[-1].place,
        event_count=len(events),
        previous_hash=before,
        hash=GENESIS,
        sealed_at=now,
    )
    return evolve(seal, hash=chained(chain, digest_of(canonical(seal.head))))


class SealFault(StrEnum):
    """What can be wrong with a seal."""

    MISSING = "a seal before it is missing"
    PREVIOUS = "it does not follow the seal before it"
    EVENTS = "the events are not those that were sealed"


@frozen
class SealBreak:
    """A seal that does not hold."""

    number: int
    fault: SealFault
    last_event_id: UUID


@define
class ChainCheck:
    """Holds seals against the events before them, in one pass over both in the order of the stream."""

    seals: int = 0
    sealed: int = 0
    unsealed: int = 0
    last: Seal | None = None
    _chain: bytes = GENESIS

    def add(self, digest: bytes) -> None:
        """Take in the next event by the digest of its line."""
        self._chain = chained(self._chain, digest)
        self.unsealed += 1

    def close(self, seal: Seal) -> Iterator[SealBreak]:
        """Take in the next seal, and yield what is wrong with it."""
        number, before = (0, GENESIS) if self.last is None else (self.last.number, self.last.hash)
        held = chained(self._chain, digest_of(canonical(seal.head))) == seal.hash
        faults = {
            SealFault.MISSING: seal.number == number + 1,
            SealFault.PREVIOUS: seal.previous_hash == before,
            SealFault.EVENTS: held and seal.event_count == self.unsealed,
        }
        self.seals += 1
        self.sealed += self.unsealed
        self.unsealed = 0
        # What follows is held against what this seal says, so that one break is not one of all that come after it.
        self.last, self._chain = seal, seal.hash
        for fault, holds in faults.items():
            if not holds:
                yield SealBreak(seal.number, fault, seal.last.event_id)


def moment_text(moment: datetime) -> str:
    """Return a moment in UTC with its microseconds, as in 2026-03-01T12:00:00.250000Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
