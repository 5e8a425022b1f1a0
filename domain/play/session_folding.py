"""What the ledger says of a player's sessions: the same figures that are kept live, derived again from the events.

A live snapshot is written with each round, in the round's own transaction; folding the events of a player in the
order of `player_seq` has to come to the same. Events of games that run elsewhere are reported beside and not here.
"""

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

from attrs import define, evolve, field, fields

from ..ledger.events import AccountKind, EventSource, EventType, LedgerEvent
from .sessions import Session, SessionEnd

_ACTIVE: Final = frozenset({EventType.LOGIN, EventType.BET, EventType.VOUCHER_REDEEMED})
"""The events that are acts of the player; what else is written in a session keeps it no longer awake."""

LOSS_LIMIT: Final = "lossLimitMinor"
"""What tells a session's loss limit from a player's own limits, which sessions know nothing of."""

NOT_IN_THE_LEDGER: Final = ("refresh_generation", "checked_at")
"""What a session keeps that is no part of its snapshot, and that no event tells."""


@define
class SessionFold:
    """The sessions of one player as far as the events were taken in. `through` is the last event's number."""

    sessions: dict[UUID, Session] = field(factory=dict)
    through: int = 0
    _balance_minor: int = 0

    def take(self, events: Iterable[LedgerEvent]) -> None:
        """Take in more of the player's events, in the order of `player_seq`."""
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
            # The voucher that makes a player is written before the log-in that opens its session.
            if event.event_type is EventType.LOGIN:
                self.sessions[event.session_id] = self._opened(event, event.session_id)
            return
        self.sessions[event.session_id] = self._after(session, event)

    def _opened(self, event: LedgerEvent, session_id: UUID) -> Session:
        assert event.player_id is not None
        return Session(
            session_id=session_id,
            operator_id=event.operator_id,
            tenant_id=event.tenant_id,
            player_id=event.player_id,
            started_at=event.occurred_at,
            last_active_at=event.occurred_at,
            start_balance_minor=self._balance_minor,
            end_balance_minor=self._balance_minor,
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


def differing(kept: Session, derived: Session) -> Mapping[str, tuple[object, object]]:
    """Return the fields of a snapshot that are kept otherwise than the ledger has them: as kept, as derived."""
    told = (part.name for part in fields(Session) if part.name not in NOT_IN_THE_LEDGER)
    pairs = {name: (getattr(kept, name), getattr(derived, name)) for name in told}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def corrected(kept: Session, derived: Session) -> Session:
    """Return the session as the ledger has it, with what the ledger does not tell as it was kept."""
    return evolve(derived, refresh_generation=kept.refresh_generation, checked_at=kept.checked_at)


def _ended(session: Session, event: LedgerEvent) -> Session:
    reason = SessionEnd(event.meta["reason"])
    if reason is SessionEnd.PLAYER_CLOSED:
        session = session.active(event.occurred_at, balance_minor=0)
    return session.end(event.occurred_at, reason)


def _player_balance(event: LedgerEvent) -> int | None:
    """Return the player's balance after an event that states one."""
    transfer = event.transfer
    if transfer is None:
        return None
    if transfer.source.kind is AccountKind.PLAYER:
        return transfer.source_balance_minor
    return transfer.target_balance_minor if transfer.target.kind is AccountKind.PLAYER else None
