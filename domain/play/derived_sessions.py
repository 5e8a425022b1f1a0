"""Sessions derived from the ledger: the same figures as the live snapshots.

A live snapshot is written in the transaction of each round. The events of a player, in the order of `player_seq`,
must give the same snapshots. External events have no part in it: they are reported beside sessions.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from attrs import define, evolve, field, fields

from ..ledger.events import AccountKind, EventSource, EventType, LedgerEvent
from ..wire_names import camel
from .sessions import Session, SessionEnd

_ACTIVE: Final = frozenset({EventType.LOGIN, EventType.BET, EventType.VOUCHER_REDEEMED})
"""The events that count as activity of the player; other events of a session do not extend it."""

LOSS_LIMIT: Final = camel("loss_limit_minor")
"""The key that tells the loss limit of a session from a player's own limits, which are not part of sessions."""

EARLIER_BETS: Final = camel("earlier_bets_minor")
EARLIER_WINS: Final = camel("earlier_wins_minor")
PLAY_BEGAN: Final = camel("play_began_at")
"""The keys of the values that a session takes over from the one that it continues."""

NOT_IN_THE_LEDGER: Final = ("refresh_generation", "refreshed_at", "checked_at")
"""The fields of a session that no event has."""


@define
class DerivedSessions:
    """The sessions of one player, derived from the events so far. `through` is the number of the last event."""

    sessions: dict[UUID, Session] = field(factory=dict)
    through: int = 0
    _balance_minor: int = 0

    def take(self, events: Iterable[LedgerEvent]) -> None:
        """Add further events of the player, in the order of `player_seq`."""
        for event in events:
            self.through = event.player_seq or self.through
            if event.source is EventSource.PLAYTIME:
                self._take(event)

    def _take(self, event: LedgerEvent) -> None:
        balance_minor = _player_balance(event)
        if balance_minor is not None:
            self._balance_minor = balance_minor
        if event.session_id is None:
            return
        session = self.sessions.get(event.session_id)
        if session is None:
            # The voucher that creates a player is written before the login that opens the session.
            if event.event_type is EventType.LOGIN:
                self.sessions[event.session_id] = self._opened(event, event.session_id)
            return
        self.sessions[event.session_id] = self._after(session, event)

    def _opened(self, event: LedgerEvent, session_id: UUID) -> Session:
        assert event.player_id is not None
        began = event.meta.get(PLAY_BEGAN)
        return Session(
            session_id=session_id,
            operator_id=event.operator_id,
            tenant_id=event.tenant_id,
            player_id=event.player_id,
            started_at=event.occurred_at,
            last_active_at=event.occurred_at,
            start_balance_minor=self._balance_minor,
            end_balance_minor=self._balance_minor,
            loss_limit_minor=event.meta.get(LOSS_LIMIT),
            earlier_bets_minor=event.meta.get(EARLIER_BETS, 0),
            earlier_wins_minor=event.meta.get(EARLIER_WINS, 0),
            play_began_at=None if began is None else datetime.fromisoformat(began),
        )

    def _after(self, session: Session, event: LedgerEvent) -> Session:
        kind = event.event_type
        if kind in _ACTIVE:
            session = session.active(event.occurred_at, balance_minor=self._balance_minor)
        elif _player_balance(event) is not None:
            session = evolve(session, end_balance_minor=self._balance_minor)
        if kind is EventType.BET:
            return evolve(
                session,
                spins=session.spins + 1,
                bets_minor=session.bets_minor + event.amount_minor,
                games=tuple(sorted({*session.games, *filter(None, (event.game_key,))})),
            )
        if kind is EventType.WIN:
            return evolve(session, wins_minor=session.wins_minor + event.amount_minor)
        if kind is EventType.LOGOUT:
            return _ended(session, event)
        if kind is EventType.LIMIT_SET and LOSS_LIMIT in event.meta:
            return evolve(session, loss_limit_minor=event.meta[LOSS_LIMIT])
        return session


def differing(stored: Session, derived: Session) -> Mapping[str, tuple[object, object]]:
    """Return the fields that differ, each as the pair of the stored and the derived value."""
    names = (part.name for part in fields(Session) if part.name not in NOT_IN_THE_LEDGER)
    pairs = {name: (getattr(stored, name), getattr(derived, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def corrected(stored: Session, derived: Session) -> Session:
    """Return the derived session, with the stored values of the fields that no event has."""
    return evolve(derived, **{name: getattr(stored, name) for name in NOT_IN_THE_LEDGER})


def _ended(session: Session, event: LedgerEvent) -> Session:
    reason = SessionEnd(event.meta["reason"])
    if reason is SessionEnd.PLAYER_CLOSED:
        session = session.active(event.occurred_at, balance_minor=0)
    return session.end(event.occurred_at, reason)


def _player_balance(event: LedgerEvent) -> int | None:
    """Return the player's balance after an event, if the event has it."""
    transfer = event.transfer
    if transfer is None:
        return None
    if transfer.source.kind is AccountKind.PLAYER:
        return transfer.source_balance_minor
    return transfer.target_balance_minor if transfer.target.kind is AccountKind.PLAYER else None
