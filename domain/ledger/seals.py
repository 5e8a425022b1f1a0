"""Seals: a chain of hashes over an operator's events, which makes later changes visible.

Every event has one line, made of all its stored fields. The lines are chained in the order of the stream. A seal
stores the end of the chain from time to time. docs/audit.md defines the same bytes, for checks without Playtime.
The form below can therefore never change: another form would get another name.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any, Final
from uuid import UUID

from attrs import define, evolve, fields, frozen

from ..wire_names import camel, camel_keys
from .events import LedgerEvent

FORM: Final = "playtime-ledger-1"
"""The name of this form of lines and chain."""

GENESIS: Final = bytes(32)
"""The start of every chain."""


@frozen(order=True)
class Place:
    """The place of an event in its operator's stream; no event is added before a settled place.

    `era` counts the restores of the books into another database cluster, where transaction numbers start again.
    """

    era: int
    xact_id: int
    event_id: UUID


START: Final = Place(0, 0, UUID(int=0))
"""The place before all events."""


@frozen
class Placed:
    """The line of an event, with its place. The event may be one that our rules would refuse."""

    line: bytes
    place: Place


# Shared by all lines: json.dumps would make a new encoder for each.
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return the canonical JSON of a content: sorted keys, no white space, ASCII."""
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
"""The fields of a line: all stored fields of an event except era and transaction, which are its place."""


_KEYS: Final = {name: camel(name) for name in LINED}

SEAL_NAMES: Final = (
    "event_count",
    "first_event_id",
    "last_event_id",
    "number",
    "operator_id",
    "previous_hash",
    "sealed_at",
)
"""The fields of a seal's own line."""

EVENT_KEYS: Final = frozenset(_KEYS.values())
"""The keys of an event's line, all of which are required."""


def line_of(values: Mapping[str, Any]) -> bytes:
    """Return the line of an event's stored fields, without the line feed."""
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
    """Return the chain after another line."""
    return hashlib.sha256(before + digest).digest()


@frozen(kw_only=True)
class Seal:
    """The stored end of a chain over `event_count` events from `first` to `last`, after the seal before it.

    It belongs to the operator of its events; `number` counts an operator's seals from 1. The last line of the
    chain is the seal's own header, without its hash.
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
        """The header of the seal: all its fields except the hash."""
        content = {
            "event_count": self.event_count,
            "first_event_id": str(self.first.event_id),
            "last_event_id": str(self.last.event_id),
            "number": self.number,
            "operator_id": str(self.operator_id),
            "previous_hash": self.previous_hash.hex(),
            "sealed_at": moment_text(self.sealed_at),
        }
        return camel_keys(content)


def next_seal(operator_id: UUID, last: Seal | None, events: Sequence[Placed], now: datetime) -> Seal:
    """Return the seal over an operator's events after the last seal."""
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
    """The fault of a seal."""

    MISSING = "a seal before it is missing"
    PREVIOUS = "it does not follow the seal before it"
    EVENTS = "the events are not those that were sealed"


@frozen
class SealBreak:
    """A seal with a fault."""

    number: int
    fault: SealFault
    last_event_id: UUID


@define
class ChainCheck:
    """Checks seals against their events, in one pass over both in the order of the stream."""

    seals: int = 0
    sealed: int = 0
    unsealed: int = 0
    last: Seal | None = None
    _chain: bytes = GENESIS

    @classmethod
    def after(cls, seal: Seal) -> "ChainCheck":
        """Return a check that starts after a seal, which is trusted."""
        return cls(last=seal, chain=seal.hash)

    def add(self, digest: bytes) -> None:
        """Add the next event by the digest of its line."""
        self._chain = chained(self._chain, digest)
        self.unsealed += 1

    def close(self, seal: Seal) -> Iterator[SealBreak]:
        """Add the next seal, and yield its faults."""
        number, before = (0, GENESIS) if self.last is None else (self.last.number, self.last.hash)
        matches = chained(self._chain, digest_of(canonical(seal.head))) == seal.hash
        faults = {
            SealFault.MISSING: seal.number == number + 1,
            SealFault.PREVIOUS: seal.previous_hash == before,
            SealFault.EVENTS: matches and seal.event_count == self.unsealed,
        }
        self.seals += 1
        self.sealed += self.unsealed
        self.unsealed = 0
        # The next seals are checked from the stored hash of this one, to report one fault once.
        self.last, self._chain = seal, seal.hash
        for fault, is_right in faults.items():
            if not is_right:
                yield SealBreak(seal.number, fault, seal.last.event_id)


def moment_text(moment: datetime) -> str:
    """Return a moment in UTC with microseconds, such as 2026-03-01T12:00:00.250000Z."""
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
