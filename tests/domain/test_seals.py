"""Seals: the line of an event to the byte, and a chain in which no change goes unseen."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import attrs
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.ledger.events import Account, AccountKind, EventSource, EventType, LedgerEvent, Transfer
from playtime.domain.ledger.seals import (
    GENESIS,
    ChainCheck,
    Place,
    Placed,
    Seal,
    SealFault,
    canonical,
    chained,
    digest_of,
    event_line,
    next_seal,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
OPERATOR, AGENT, PLAYER = UUID(int=1), UUID(int=2), UUID(int=3)


def event(number: int = 9, **given: Any) -> LedgerEvent:
    """Return a bet."""
    bet = Transfer(
        source=Account(AccountKind.PLAYER, PLAYER),
        target=Account(AccountKind.HOUSE, AGENT),
        amount_minor=100,
        source_balance_minor=900,
    )
    made: dict[str, Any] = {
        "event_id": UUID(int=number),
        "operator_id": OPERATOR,
        "tenant_id": AGENT,
        "occurred_at": NOW,
        "event_type": EventType.BET,
        "actor_id": PLAYER,
        "action_id": 'a "first" spin',
        "transfer": bet,
        "player_id": PLAYER,
        "player_seq": 7,
        "region": "Kärnten",
        "meta": {"b": [1, None], "a": True},
    }
    return LedgerEvent(**(made | given))


def test_the_line_of_an_event_to_the_byte() -> None:
    assert event_line(event()) == (
        b'{"actionId":"a \\"first\\" spin","actorId":"00000000-0000-0000-0000-000000000003","agentId":null,'
        b'"amountMinor":100,"cashierId":null,"eventId":"00000000-0000-0000-0000-000000000009","eventType":"BET",'
        b'"fromBalanceMinor":900,"fromKind":"PLAYER","fromOwnerId":"00000000-0000-0000-0000-000000000003",'
        b'"gameKey":null,"meta":{"a":true,"b":[1,null]},"occurredAt":"2026-03-01T12:00:00.250000Z",'
        b'"operatorId":"00000000-0000-0000-0000-000000000001","playerId":"00000000-0000-0000-0000-000000000003",'
        b'"playerSeq":7,"provider":null,"region":"K\\u00e4rnten","roundId":null,"sessionId":null,'
        b'"source":"PLAYTIME","tenantId":"00000000-0000-0000-0000-000000000002","toBalanceMinor":null,'
        b'"toKind":"HOUSE","toOwnerId":"00000000-0000-0000-0000-000000000002"}'
    )


def test_an_event_that_moves_nothing_says_so() -> None:
    line = json.loads(event_line(event(event_type=EventType.LOGIN, transfer=None)))
    assert line["amountMinor"] == 0
    assert {line[name] for name in line if name.startswith(("from", "to"))} == {None}


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(hours=5, minutes=45), timedelta(hours=-8)])
def test_moment_is_the_same_in_every_timezone(offset: timedelta) -> None:
    assert event_line(event(occurred_at=NOW.astimezone(timezone(offset)))) == event_line(event())


OTHER: dict[str, Any] = {
    "event_id": UUID(int=10),
    "operator_id": UUID(int=10),
    "tenant_id": UUID(int=10),
    "occurred_at": NOW + timedelta(microseconds=1),
    "actor_id": UUID(int=10),
    "action_id": "another",
    "player_id": None,
    "player_seq": 8,
    "session_id": UUID(int=10),
    "round_id": UUID(int=10),
    "agent_id": UUID(int=10),
    "cashier_id": UUID(int=10),
    "game_key": "demo-wheel",
    "provider": "playtime",
    "region": None,
    "meta": {"a": True, "b": [1]},
}


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(LedgerEvent)])
def test_every_field_of_an_event_is_in_its_line(name: str) -> None:
    """A new field must be part of the line, or its changes stay unseen."""
    moved = event().transfer
    assert moved is not None
    telemetry = event(event_type=EventType.LOGIN, transfer=None)
    several = {
        "event_type": [telemetry, evolve(telemetry, event_type=EventType.LOGOUT)],
        "source": [telemetry, evolve(telemetry, source=EventSource.EXTERNAL)],
        "reported_minor": [
            evolve(telemetry, source=EventSource.EXTERNAL),
            evolve(telemetry, source=EventSource.EXTERNAL, reported_minor=1),
        ],
        "transfer": [
            event(),
            event(transfer=evolve(moved, amount_minor=101)),
            event(transfer=evolve(moved, source_balance_minor=901)),
            event(transfer=evolve(moved, source=Account(AccountKind.PLAYER, UUID(int=10)))),
            event(transfer=evolve(moved, target=Account(AccountKind.HOUSE, UUID(int=10)))),
        ],
    }
    changed = several[name] if name in several else [event(), event(**{name: OTHER[name]})]
    assert len({event_line(one) for one in changed}) == len(changed)


def test_a_chain_to_the_byte() -> None:
    """The chain of docs/audit.md, calculated by hand."""
    events = _placed(2)
    seal = next_seal(OPERATOR, None, events, NOW)
    chain = bytes(32)
    for placed in events:
        chain = hashlib.sha256(chain + hashlib.sha256(placed.line).digest()).digest()
    head = (
        b'{"eventCount":2,"firstEventId":"00000000-0000-0000-0000-000000000001",'
        b'"lastEventId":"00000000-0000-0000-0000-000000000002","number":1,'
        b'"operatorId":"00000000-0000-0000-0000-000000000001",'
        b'"previousHash":"0000000000000000000000000000000000000000000000000000000000000000",'
        b'"sealedAt":"2026-03-01T12:00:00.250000Z"}'
    )
    assert canonical(seal.head) == head
    assert seal.hash == hashlib.sha256(chain + hashlib.sha256(head).digest()).digest()
    assert (seal.number, seal.event_count, seal.previous_hash, seal.tenant_id) == (1, 2, GENESIS, OPERATOR)
    assert (seal.first, seal.last) == (events[0].place, events[1].place)


Items = list[Placed | Seal]


def _placed(count: int) -> list[Placed]:
    return [
        Placed(event_line(event(number)), Place(0, number, UUID(int=number))) for number in range(1, count + 1)
    ]


def _sealed(*sizes: int) -> Items:
    """Return a stream with a seal after every so many events."""
    left, items, last = _placed(sum(sizes)), Items(), None
    for size in sizes:
        batch, left = left[:size], left[size:]
        last = next_seal(OPERATOR, last, batch, NOW)
        items += [*batch, last]
    return items


def _faults(items: Sequence[Placed | Seal]) -> list[tuple[int, SealFault]]:
    check, faults = ChainCheck(), list[tuple[int, SealFault]]()
    for item in items:
        if isinstance(item, Seal):
            faults += [(broken.number, broken.fault) for broken in check.close(item)]
        else:
            check.add(digest_of(item.line))
    return faults


@given(sizes=st.lists(st.integers(1, 4), max_size=5), tail=st.integers(0, 3))
def test_unchanged_events_have_no_fault(sizes: list[int], tail: int) -> None:
    items = [*_sealed(*sizes), *_placed(tail)]
    assert _faults(items) == []
    check = ChainCheck()
    for item in items:
        list(check.close(item)) if isinstance(item, Seal) else check.add(digest_of(item.line))
    assert (check.seals, check.sealed, check.unsealed) == (len(sizes), sum(sizes), tail)


@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=5), data=st.data())
def test_every_change_of_the_events_is_found(sizes: list[int], data: st.DataObject) -> None:
    items = _sealed(*sizes)
    events = [at for at, item in enumerate(items) if isinstance(item, Placed)]
    at = data.draw(st.sampled_from(events))
    changed = items[at]
    assert isinstance(changed, Placed)
    other = Placed(changed.line.replace(b'"BET"', b'"WIN"'), changed.place)
    harms: dict[str, Items] = {
        "changed": [*items[:at], other, *items[at + 1 :]],
        "removed": [*items[:at], *items[at + 1 :]],
        "added": [*items[:at], other, *items[at:]],
    }
    if at + 1 < len(items):
        harms["moved"] = [*items[:at], items[at + 1], items[at], *items[at + 2 :]]
    for harmed in harms.values():
        assert any(fault is SealFault.EVENTS for _, fault in _faults(harmed))


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (lambda s: evolve(s, event_count=3), [(2, SealFault.EVENTS)]),
        (lambda s: evolve(s, sealed_at=NOW + timedelta(seconds=1)), [(2, SealFault.EVENTS)]),
        (lambda s: evolve(s, hash=bytes(32)), [(2, "E"), (3, "P"), (3, "E")]),
        (lambda s: evolve(s, previous_hash=bytes(32)), [(2, "P"), (2, "E")]),
        (lambda s: evolve(s, number=7), [(7, "M"), (7, "E"), (3, "M")]),
        (lambda s: evolve(s, first=Place(0, 0, UUID(int=77))), [(2, "E")]),
        (lambda s: evolve(s, last=Place(0, 0, UUID(int=77))), [(2, "E")]),
    ],
)
def test_every_change_of_a_seal_is_found(harm: Callable[[Seal], Seal], found: list[tuple[int, str]]) -> None:
    named = {"M": SealFault.MISSING, "P": SealFault.PREVIOUS, "E": SealFault.EVENTS}
    items = _sealed(2, 2, 2)
    items[5] = harm(items[5])  # type: ignore[arg-type]  # the second seal
    assert _faults(items) == [(number, named.get(fault, fault)) for number, fault in found]


def test_removal_of_a_seal_is_found() -> None:
    items = _sealed(2, 2, 2)
    assert _faults([*items[:5], *items[6:]]) == [
        (3, SealFault.MISSING),
        (3, SealFault.PREVIOUS),
        (3, SealFault.EVENTS),
    ]


def test_seal_that_states_another_number_of_events_is_broken() -> None:
    events = _placed(3)
    seal = next_seal(OPERATOR, None, events, NOW)
    # Somebody who changes the number can also make the hash again.
    claimed = evolve(seal, event_count=2)
    chain = GENESIS
    for placed in events:
        chain = chained(chain, digest_of(placed.line))
    claimed = evolve(claimed, hash=chained(chain, digest_of(canonical(claimed.head))))
    check = ChainCheck()
    for placed in events:
        check.add(digest_of(placed.line))
    assert [found.fault for found in check.close(claimed)] == [SealFault.EVENTS]
