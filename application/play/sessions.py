"""Opening, resuming and renewing a player's session, and the tokens that go with it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import frozen

from ...domain.ledger.events import EventType
from ...domain.play.players import Player
from ...domain.play.sessions import Session, SessionEnd
from ..decisions import Moment
from ..journal import PlayerJournal
from ..ports.services import Claims, Tokens


@frozen
class Opened:
    """The session that a login opens or resumes, the idle session that it ends, and the one that it continues."""

    session: Session
    resumed: bool
    ended: Session | None = None
    continued: Session | None = None


def open_session(present: Session | None, last: Session | None, player: Player, at: Moment) -> Opened:
    """Resume the player's open session while it is not idle, else open a new one.

    A new one continues the last one, which may have ended in any way a short time ago.
    """
    if present is not None and present.resumable(at.now):
        return Opened(present, resumed=True)
    ended = None if present is None else _ended(present, at.now)
    session, last = new_session(player, at), ended or last
    if last is None or not last.is_continued(at.now):
        return Opened(session, resumed=False, ended=ended)
    return Opened(session.continuing(last), resumed=False, ended=ended, continued=last)


def _ended(present: Session, now: datetime) -> Session:
    """Return a session that a login does not resume as ended."""
    return present.end(now, SessionEnd.IDLE if present.is_idle(now) else SessionEnd.EXPIRED)


def new_session(player: Player, at: Moment) -> Session:
    """Return a session that starts with the player's present balance."""
    return Session(
        session_id=at.new_id(),
        operator_id=player.operator_id,
        tenant_id=player.tenant_id,
        player_id=player.player_id,
        started_at=at.now,
        last_active_at=at.now,
        start_balance_minor=player.wallet.balance_minor,
        end_balance_minor=player.wallet.balance_minor,
    )


def note_login(journal: PlayerJournal, opened: Opened, *, action_id: str) -> None:
    """Note the login, and the end of the idle session."""
    if opened.ended is not None:
        journal.session_id = opened.ended.session_id
        note_end(journal, opened.ended)
    journal.session_id = opened.session.session_id
    meta = {"resumed": opened.resumed} | _continuation(opened)
    journal.note(EventType.LOGIN, action_id=action_id, meta=meta)


def _continuation(opened: Opened) -> dict[str, Any]:
    """Return the values that a session takes over from the last one, as the ledger has them."""
    if opened.continued is None:
        return {}
    session = opened.session
    limit = {} if session.loss_limit_minor is None else {"loss_limit_minor": session.loss_limit_minor}
    return limit | {
        "continued_session_id": str(opened.continued.session_id),
        "earlier_bets_minor": session.earlier_bets_minor,
        "earlier_wins_minor": session.earlier_wins_minor,
        "play_began_at": session.began_at.isoformat(),
    }


def note_end(journal: PlayerJournal, ended: Session) -> None:
    """Note the end of a session, which happens once."""
    journal.note(
        EventType.LOGOUT,
        action_id=f"end:{ended.session_id}",
        meta={"reason": ended.end_reason, "session_id": str(ended.session_id)},
    )


@frozen
class TokenPair:
    """The access token of a session and the refresh token that gets the next one."""

    token: str
    refresh_token: str


def token_hints(player: Player, session_id: UUID, *, generation: int, now: datetime) -> dict[str, Any]:
    """Return the hints from which a replay derives a player's tokens again."""
    return {
        "player_id": str(player.player_id),
        "operator_id": str(player.operator_id),
        "tenant_id": str(player.tenant_id),
        "session_id": str(session_id),
        "refresh_generation": generation,
        "issued_at": now.isoformat(),
    }


def hinted_tokens(tokens: Tokens, hints: dict[str, Any]) -> TokenPair:
    """Return the tokens that are derived from hints."""
    access = Claims(
        kind="player",
        use="access",
        subject_id=UUID(hints["player_id"]),
        session_id=UUID(hints["session_id"]),
        operator_id=UUID(hints["operator_id"]),
        tenant_id=UUID(hints["tenant_id"]),
        issued_at=datetime.fromisoformat(hints["issued_at"]),
        generation=hints["refresh_generation"],
    )
    return TokenPair(tokens.issue(access), tokens.issue(access.for_refresh()))
