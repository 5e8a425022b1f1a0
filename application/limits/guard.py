"""What a player's own limits and breaks say to an operation on a locked player.

A break refuses log-in, redemption and play; a limit refuses the stake that could pass it, before it is taken. A
win is always credited: it is counted and asked about nothing. No outcome depends on any of this.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from ...domain.access.codes import RANDOM_VALUES, make_code
from ...domain.ledger.events import EventType
from ...domain.limits.play_hours import DAYS_KEPT, HOUR, Turn, hours_of
from ...domain.limits.play_passes import Notice, PlayPass
from ...domain.limits.reality_checks import require_checked
from ...domain.local_time import DEFAULT_TIMEZONE
from ..journal import PlayerJournal
from ..ports.play import LockedPlayer
from ..ports.services import Ids, Randomness
from ..ports.storage import UnitOfWork

HISTORY: Final = timedelta(days=DAYS_KEPT) + HOUR
"""How far back the rounds of an account are looked at when it is tied to a pass."""


def tenant_timezone(unit: UnitOfWork, tenant_id: UUID) -> str:
    """Return the timezone of a tenant's days, as it is set now. A limit on time counts these days."""
    settings = unit.safety.settings(tenant_id)
    return DEFAULT_TIMEZONE if settings is None else settings.timezone


def seat_timezone(seat: LockedPlayer) -> str:
    """Return the timezone for a player who has a pass; it was read together with the pass."""
    return seat.pass_timezone or DEFAULT_TIMEZONE


def refuse_excluded(held: PlayPass | None, now: datetime) -> None:
    """Raise CoolingOff or SelfExcluded while a break runs."""
    if held is not None:
        held.refuse_excluded(now)


def require_allowed(seat: LockedPlayer, stake_minor: int, now: datetime) -> None:
    """Raise when a stake may not be taken now.

    CoolingOff or SelfExcluded while a break runs, RealityCheckDue while one was not acknowledged,
    OwnLossLimitReached or OwnTimeLimitReached where the stake could pass a limit.
    """
    held, session = seat.play_pass, seat.session
    refuse_excluded(held, now)
    if session is not None:
        require_checked(session, now)
    if held is not None:
        active_at = now if session is None else session.last_active_at
        held.require_within(stake_minor, now, active_at=active_at, timezone=seat_timezone(seat))


def count_play(seat: LockedPlayer, play: Turn, journal: PlayerJournal) -> tuple[PlayPass | None, Sequence[Notice]]:
    """Return the player's pass with a round counted, and what the player is told by it, which is also noted."""
    held = seat.play_pass
    if held is None:
        return None, ()
    active_at = play.at if seat.session is None else seat.session.last_active_at
    counted = held.played(play, active_at=active_at, timezone=seat_timezone(seat))
    told = counted.told_since(held)
    note_told(journal, told)
    return counted, told


def note_told(journal: PlayerJournal, told: Sequence[Notice]) -> None:
    """Write down what a player is told."""
    for notice in told:
        meta = {"kind": notice.kind, "percent": notice.percent}
        journal.note(EventType.LIMIT_TOLD, action_id=str(journal.ids.new()), meta=meta)


def notices_of(told: Sequence[Notice]) -> dict[str, Any]:
    """Return what an answer says of limits: nothing where there is nothing to say."""
    return {"limit_notices": told} if told else {}


def history_of(unit: UnitOfWork, held: PlayPass, seat: LockedPlayer, now: datetime) -> PlayPass:
    """Return a pass with what a player has played before being tied to it."""
    return held.taking_in(hours_of(unit.passes.plays(seat.player.player_id, now - HISTORY)))


def pass_of(unit: UnitOfWork, seat: LockedPlayer, now: datetime, *, ids: Ids, randomness: Randomness) -> PlayPass:
    """Return the pass of a locked player; one who has none gets one, with the play of the last days counted."""
    if seat.play_pass is not None:
        return seat.play_pass
    player = seat.player
    made = PlayPass(
        pass_id=ids.new(),
        operator_id=player.operator_id,
        tenant_id=player.tenant_id,
        code=make_code(player.login_code.agent_symbols, randomness.below(RANDOM_VALUES)),
        created_at=now,
    )
    return history_of(unit, made, seat, now)


def note_tied(journal: PlayerJournal, held: PlayPass) -> None:
    """Write down that a player was tied to a pass, which happens once."""
    journal.note(EventType.PLAY_PASS_TIED, action_id=str(held.pass_id), meta={"passId": str(held.pass_id)})


def seat_journal(seat: LockedPlayer, ids: Ids, now: datetime) -> PlayerJournal:
    """Return a journal for what a locked player decides."""
    session_id = None if seat.session is None else seat.session.session_id
    return PlayerJournal(ids=ids, now=now, player=seat.player, session_id=session_id)


def keep_pass(unit: UnitOfWork, seat: LockedPlayer, changed: PlayPass, journal: PlayerJournal) -> None:
    """Gather a decision of a locked player: the pass, new or changed, the player, and the events; and commit."""
    (unit.add if seat.play_pass is None else unit.save)(changed)
    unit.save(seat.player.tied(changed.pass_id).active(journal.now, last_seq=journal.last_seq))
    unit.add(*journal.events)
    unit.commit()
