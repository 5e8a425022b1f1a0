"""The check of an exported file, line by line: what each line may be, and that no line is gone."""

from typing import Any
from uuid import UUID

import pytest

from playtime.application.ledger.export_check import check_lines
from playtime.domain.ledger.events import EventType, LedgerEvent
from playtime.domain.ledger.seals import FORM, Place, Placed, Seal, canonical, event_line, next_seal

from support.models import AGENT, NOW, OPERATOR, PLAYER, uid

OTHER = uid(88)


def event(number: int, operator_id: UUID = OPERATOR) -> bytes:
    return event_line(
        LedgerEvent(
            event_id=UUID(int=number),
            operator_id=operator_id,
            tenant_id=AGENT,
            occurred_at=NOW,
            event_type=EventType.LOGIN,
            actor_id=PLAYER,
            action_id=str(number),
        )
    )


def export(tenant: str | None = None) -> bytes:
    return canonical({"export": {"exportedAt": "2026-03-01T12:00:00Z", "form": FORM, "tenant": tenant}})


def operator(operator_id: UUID = OPERATOR, slug: str = "north") -> bytes:
    return canonical({"operator": {"operatorId": str(operator_id), "slug": slug}})


def end(events: int, seals: int = 0) -> bytes:
    return canonical({"end": {"events": events, "seals": seals}})


def sealed(*lines: bytes) -> bytes:
    placed = [Placed(line, Place(0, at, UUID(int=at))) for at, line in enumerate(lines, start=1)]
    return shown(next_seal(OPERATOR, None, placed, NOW))


def shown(seal: Seal, **changes: Any) -> bytes:
    return canonical({"seal": seal.head | {"hash": seal.hash.hex()} | changes})


ONE, TWO = event(1), event(2)


def test_whole_file_is_clean() -> None:
    assert check_lines([export(), operator(), ONE, TWO, end(2)]).clean
    assert check_lines([export(), operator(), ONE, sealed(ONE), TWO, operator(OTHER, "south"), end(2, 1)]).clean


@pytest.mark.parametrize(
    "lines",
    [
        [export(), operator(), ONE, end(2)],
        [export(), operator(), ONE, TWO, end(1)],
        [export(), operator(), ONE, sealed(ONE), end(1, 0)],
        [export(), operator(), ONE, end(1, 1)],
        [export(), operator(), ONE, TWO],
        [export(), operator(), ONE, end(1), TWO],
        [export(), ONE, end(1)],
        [operator(), ONE, end(1)],
        [export(), operator(), operator(OTHER), end(0)],
        [export(), operator(), operator(slug="south"), end(0)],
        [export(), operator(OTHER), ONE, end(1)],
        [export(), operator(OTHER), ONE, sealed(ONE), end(1, 1)],
        [export(), operator(), TWO, sealed(ONE), end(1, 1)],
        [export(), operator(), canonical({"digest": "0" * 64}), end(1)],
        [export("north"), operator(), canonical({"digest": "0" * 64}), end(1)],
        [export("north-a"), operator(), canonical({"digest": "0" * 62}), end(1)],
    ],
    ids=[
        "an event is gone",
        "an event too many",
        "a seal too many",
        "a seal is gone",
        "no end",
        "an event after the end",
        "no operator",
        "no beginning",
        "two operators of one slug",
        "one operator twice",
        "an event of another operator",
        "a seal of another operator",
        "a changed event",
        "a digest in an export of everything",
        "a digest in an operator's own export",
        "a short digest",
    ],
)
def test_each_fault_of_a_file_is_found(lines: list[bytes]) -> None:
    assert not check_lines(lines).clean


def test_agents_export_has_digests_of_events_of_others() -> None:
    checked = check_lines([export("north-a"), operator(), ONE, canonical({"digest": "0" * 64}), end(2)])
    assert (checked.clean, checked.digests) == (True, 1)
