"""Records for tests of storages: complete, valid, and new in every test, so that books can be shared."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final, TypeVar
from uuid import UUID

import attrs

from ..application.ports.bindings import AnswerKey, Binding
from ..application.ports.play import PlayerView
from ..application.ports.storage import Record, Storage, UnitOfWork
from ..domain.access.codes import AGENT_SYMBOLS, AGENT_VALUES, symbols_of
from ..domain.ledger.events import Account, AccountKind, EventType, Transfer
from ..domain.play.players import Player
from ..domain.tenancy.tenants import Tenant, TenantKind

T = TypeVar("T")

NOW: Final = datetime(2026, 5, 17, 8, 30, 15, 123_456, tzinfo=UTC)
LATER: Final = NOW + timedelta(hours=1, microseconds=1)
ANYBODY: Final = UUID("00000000-0000-7000-8000-00000000abcd")
"""The user of bindings: for the record alone."""

_SYMBOLS: Final = count(secrets.randbelow(AGENT_VALUES))


def fresh_id() -> UUID:
    """Return a UUIDv7 that was never seen before."""
    millis, low = time.time_ns() // 10**6, secrets.randbits(62)
    return UUID(int=millis << 80 | 7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | low)


def fresh_ids(number: int) -> list[UUID]:
    """Return new ids, the oldest first: those of one millisecond are in no order otherwise."""
    return sorted(fresh_id() for _ in range(number))


def fresh_name(prefix: str) -> str:
    """Return a slug, username or action id that was never seen before."""
    return f"{prefix}-{secrets.token_hex(8)}"


def fresh_symbols() -> str:
    """Return the next four symbols of an agent; they come round again after a million."""
    return symbols_of(next(_SYMBOLS) % AGENT_VALUES, AGENT_SYMBOLS)


def fresh_tenant(kind: TenantKind, operator_id: UUID | None = None, **given: Any) -> Tenant:
    """Return a new tenant; an operator is its own root."""
    tenant_id = fresh_id()
    tenant = Tenant(
        tenant_id=tenant_id,
        operator_id=operator_id or tenant_id,
        kind=kind,
        slug=fresh_name(kind.lower()),
        name=f"A {kind.lower()}",
        created_at=NOW,
        code_symbols=fresh_symbols() if kind is TenantKind.AGENT else None,
    )
    return attrs.evolve(tenant, **given)


def binding_of(tenant: Tenant, role: str = "test") -> Binding:
    """Return the binding through a tenant's eyes."""
    return Binding(operator_id=tenant.operator_id, tenant_id=tenant.tenant_id, role=role, user_id=ANYBODY)


def write(storage: Storage, binding: Binding, *records: Record) -> None:
    """Add records in a unit of their own."""
    with storage.begin(binding) as unit:
        add_and_commit(unit, *records)


def add_and_commit(unit: UnitOfWork, *records: Record) -> None:
    """Write new records with the unit."""
    unit.add(*records)
    unit.commit()


def save_and_commit(unit: UnitOfWork, *records: Record) -> None:
    """Write new states of records with the unit."""
    unit.save(*records)
    unit.commit()


def read(storage: Storage, binding: Binding, reading: Callable[[UnitOfWork], T]) -> T:
    """Read in a unit of its own."""
    with storage.begin(binding) as unit:
        return reading(unit)


def player_view(storage: Storage, binding: Binding, player: Player) -> PlayerView:
    """Return a player that has to be visible."""
    view = read(storage, binding, lambda unit: unit.players.get(player.player_id))
    assert view is not None
    return view


def assert_same(found: object, expected: object) -> None:
    """Assert that two values are equal and of the same types all the way down."""
    assert found == expected
    assert type(found) is type(expected)
    kind: type[Any] = type(expected)
    if attrs.has(kind):
        for part in attrs.fields(kind):
            assert_same(getattr(found, part.name), getattr(expected, part.name))
    elif isinstance(expected, tuple) and isinstance(found, tuple):
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, datetime) and isinstance(found, datetime):
        assert found.utcoffset() == timedelta(0)


def fresh_key() -> AnswerKey:
    """Return a key that no command has used."""
    return AnswerKey(fresh_id(), fresh_name("key"))


def movement(
    event_type: EventType, source: tuple[Account, int | None], target: tuple[Account, int | None], amount: int
) -> dict[str, Any]:
    """Return the fields of a movement. Each side has its balance afterwards, or None without a balance row."""
    transfer = Transfer(
        source=source[0],
        target=target[0],
        amount_minor=amount,
        source_balance_minor=source[1],
        target_balance_minor=target[1],
    )
    return {"event_type": event_type, "transfer": transfer}


def account(kind: AccountKind, owner: Tenant) -> Account:
    """Return a tenant's account."""
    return Account(kind, owner.tenant_id)
