"""Seals: a chain of hashes over an operator's events, so that nobody can change the past unseen.

Every event has one line, made of everything that is kept of it; the lines are chained in the order of the stream,
and now and then the end of the chain is kept: a seal. docs/audit.md says the same to the byte, for those who check
the books without us, so what is written here can never change: another form would get another number.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any, Final
from uuid import UUID

from attrs import define, evolve, fields, frozen

from .events import LedgerEvent

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
    """The line of an event and its place. It can be of an event that no rule of ours would let be made."""

    line: bytes
    place: Place


# One for all lines: json.dumps would make a new one for each.
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return the one way to write something down: keys sorted, no white space, ASCII."""
    return _ENCODER.encode(content).encode("ascii")


LINED: Final = (
    "action_id",
    "actor_id",
    "agent_id",
    "amount_minor",
    "cashier_id",
    "event_id",
    "event_type",
    "from_balance_minor",
    "from_kind",
    "from_owner_id",
    "game_key",
    "meta",
    "occurred_at",
    "operator_id",
    "player_id",
    "player_seq",
    "provider",
    "region",
    "round_id",
    "session_id",
    "source",
    "tenant_id",
    "to_balance_minor",
    "to_kind",
    "to_owner_id",
)
"""What is in a line: everything that is kept of an event, but for its era and transaction, which are its place."""


def _key(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


_KEYS: Final = {name: _key(name) for name in LINED}

EVENT_KEYS: Final = frozenset(_KEYS.values())
"""The keys of an event's line: all of these and no other."""


def line_of(values: Mapping[str, Any]) -> bytes:
    """Return the line of what is kept of an event, without the line feed at its end."""
    return canonical({key: _plain(values[name]) for name, key in _KEYS.items()})


def event_line(event: LedgerEvent) -> bytes:
    """Return the line of an event."""
    moved = event.transfer
    source, target = (moved.source, moved.target) if moved else (None, None)
    return line_of(
        {
            **{field.name: getattr(event, field.name) for field in fields(LedgerEvent)},
            "amount_minor": event.amount_minor,
            "from_balance_minor": moved.source_balance_minor if moved else None,
            "from_kind": source and source.kind.value,
            "from_owner_id": source and source.owner_id,
            "to_balance_minor": moved.target_balance_minor if moved else None,
            "to_kind": target and target.kind.value,
            "to_owner_id": target and target.owner_id,
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


def next_seal(operator_id: UUID, last: Seal | None, events: Sequence[Placed], now: datetime) -> Seal:
    """Return the seal over the events of an operator that follow what was sealed last."""
    before = GENESIS if last is None else last.hash
    chain = before
    for placed in events:
        chain = chained(chain, digest_of(placed.line))
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

    @classmethod
    def after(cls, seal: Seal) -> "ChainCheck":
        """Return the check of what follows a seal, which is taken at its word."""
        return cls(last=seal, chain=seal.hash)

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


def _plain(value: object) -> object:
    kind = type(value)
    if value is None or kind is str or kind is int:
        return value
    if kind is UUID:
        return str(value)
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, Enum):
        return value.value
    return dict(value) if isinstance(value, Mapping) else value
