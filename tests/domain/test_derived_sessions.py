"""Sessions derived from the ledger: which events extend one, and which have no part in it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from playtime.domain.ledger.events import Account, AccountKind, EventSource, EventType, LedgerEvent, Transfer
from playtime.domain.play.derived_sessions import DerivedSessions
from playtime.domain.play.sessions import Session

from support.models import AGENT, NOW, OPERATOR, PLAYER, uid

SESSION = uid(77)
OWN, HOUSE = Account(AccountKind.PLAYER, PLAYER), Account(AccountKind.HOUSE, AGENT)
POOL = Account(AccountKind.VOUCHER_POOL, AGENT)


def event(event_type: EventType, seq: int, at: datetime = NOW, **about: Any) -> LedgerEvent:
    return LedgerEvent(
        event_id=UUID(int=seq),
        operator_id=OPERATOR,
        tenant_id=AGENT,
        occurred_at=at,
        event_type=event_type,
        actor_id=PLAYER,
        action_id=str(seq),
        player_id=PLAYER,
        player_seq=seq,
        session_id=SESSION,
        **about,
    )


def derived(*events: LedgerEvent) -> Session:
    sessions = DerivedSessions()
    sessions.take([event(EventType.LOGIN, 1), *events])
    return sessions.sessions[SESSION]


def moved(source: Account, target: Account, amount_minor: int, balance_minor: int) -> Transfer:
    paid = source == OWN
    return Transfer(
        source=source,
        target=target,
        amount_minor=amount_minor,
        source_balance_minor=balance_minor if paid else None,
        target_balance_minor=None if paid else balance_minor,
    )


def test_top_up_and_bet_extend_a_session() -> None:
    later = NOW + timedelta(minutes=10)
    for transfer, event_type in (
        (moved(POOL, OWN, 500, 500), EventType.VOUCHER_REDEEMED),
        (moved(OWN, HOUSE, 100, 400), EventType.BET),
    ):
        session = derived(event(event_type, 2, later, transfer=transfer, game_key="g"))
        assert session.last_active_at == later
        balance = transfer.target_balance_minor if event_type is not EventType.BET else 400
        assert session.end_balance_minor == balance


def test_notes_do_not_extend_a_session() -> None:
    session = derived(event(EventType.BONUS_ACKNOWLEDGED, 2, NOW + timedelta(minutes=10)))
    assert session.last_active_at == NOW


def test_external_events_have_no_part_in_a_session() -> None:
    bet = event(
        EventType.BET,
        2,
        NOW + timedelta(minutes=10),
        source=EventSource.EXTERNAL,
        reported_minor=100,
        game_key="far-wheel",
    )
    assert derived(bet) == derived()
