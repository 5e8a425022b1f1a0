"""The player's own limits and exclusions, as an operation on a locked player has to observe them.

An exclusion refuses login, redemption and play. A limit refuses the stake that could pass it, before it is taken.
A win is always credited. Nothing here changes an outcome.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from ...domain.ledger.events import EventType
from ...domain.limits.play_hours import DAYS_STORED, HOUR, Turn, hours_of
from ...domain.limits.play_passes import Notice, PlayPass
from ...domain.limits.reality_checks import require_checked
from ...domain.local_time import DEFAULT_TIMEZONE
from ...domain.play.sessions import Session
from ..decisions import Decided
from ..journal import PlayerJournal
from ..ports.play import LockedPlayer
from ..ports.storage import UnitOfWork

T = TypeVar("T")

HISTORY: Final = timedelta(days=DAYS_STORED) + HOUR
"""The time over which the rounds of an account are counted when it is tied to a pass."""


def tenant_timezone(unit: UnitOfWork, tenant_id: UUID) -> str:
    """Read the timezone of a tenant: limits on time count its days."""
    settings = unit.safety.settings(tenant_id)
    return DEFAULT_TIMEZONE if settings is None else settings.timezone


def pass_timezone(locked: LockedPlayer) -> str:
    """Return the timezone that was read with the pass of a locked player."""
    return locked.pass_timezone or DEFAULT_TIMEZONE


def count_history(unit: UnitOfWork, play_pass: PlayPass, player_id: UUID, now: datetime) -> PlayPass:
    """Read the recent rounds of a player who is tied now, and return the pass with them counted."""
    return play_pass.taking_in(hours_of(unit.passes.plays(player_id, now - HISTORY)))


def refuse_excluded(play_pass: PlayPass | None, now: datetime) -> None:
    """Raise CoolingOff or SelfExcluded while an exclusion runs."""
    if play_pass is not None:
        play_pass.refuse_excluded(now)


def require_allowed(locked: LockedPlayer, session: Session, stake_minor: int, now: datetime) -> None:
    """Raise when a stake may not be taken now.

    Raises CoolingOff or SelfExcluded while an exclusion runs, and RealityCheckDue until a due check is
    acknowledged. Raises OwnLossLimitReached or OwnTimeLimitReached if the stake could pass a limit.
    """
    refuse_excluded(locked.play_pass, now)
    require_checked(session, now)
    if locked.play_pass is not None:
        active_at, timezone = session.last_active_at, pass_timezone(locked)
        locked.play_pass.require_within(stake_minor, now, active_at=active_at, timezone=timezone)


def count_play(
    locked: LockedPlayer, session: Session, play: Turn, journal: PlayerJournal
) -> tuple[PlayPass | None, Sequence[Notice]]:
    """Return the player's pass with a round counted, and the notices that are due now, which are noted."""
    before = locked.play_pass
    if before is None:
        return None, ()
    counted = before.played(play, active_at=session.last_active_at, timezone=pass_timezone(locked))
    notices = counted.notices_since(before)
    note_notices(journal, notices)
    return counted, notices


def note_notices(journal: PlayerJournal, notices: Sequence[Notice]) -> None:
    """Note the notices that a player gets."""
    for notice in notices:
        meta = {"kind": notice.kind, "percent": notice.percent}
        journal.note(EventType.LIMIT_NOTIFIED, action_id=str(journal.at.new_id()), meta=meta)


def notices_of(notices: Sequence[Notice]) -> dict[str, Any]:
    """Return the field of an answer for notices; none if there are no notices."""
    return {"limit_notices": notices} if notices else {}


def note_tied(journal: PlayerJournal, play_pass: PlayPass) -> None:
    """Note that a player was tied to a pass, which happens once."""
    pass_id = str(play_pass.pass_id)
    journal.note(EventType.PLAY_PASS_TIED, action_id=pass_id, meta={"pass_id": pass_id})


def pass_decision(result: T, locked: LockedPlayer, changed: PlayPass, journal: PlayerJournal) -> Decided[T]:
    """Return the decision of a locked player on a pass, new or changed: it writes pass, player and events."""
    player = locked.player.tied(changed.pass_id).active(journal.at.now, last_seq=journal.last_seq)
    if locked.play_pass is None:
        return Decided(result, added=(changed, *journal.events), saved=(player,))
    return Decided(result, added=journal.events, saved=(changed, player))
