"""The reality check: after each hour of a session the player acknowledges its time and net result.

The British technical standards (RTS 13) ask for a pop-up with time and net result, which must be acknowledged
before play continues. The interval of 60 minutes is our own default.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from attrs import define, frozen

from ..errors import StateRefusal
from ..play.sessions import Session

REALITY_CHECK_EVERY: Final = timedelta(minutes=60)


@define
class RealityCheckDue(StateRefusal):
    """Raised when a player spins before acknowledging a due reality check."""

    code: ClassVar[str] = "REALITY_CHECK_DUE"
    text: ClassVar[str] = "{elapsed_seconds} seconds of play: acknowledge the reality check to play on."
    elapsed_seconds: int
    staked_minor: int
    won_minor: int
    net_minor: int


@frozen
class RealityCheck:
    """The result of a session so far, in minor units without bonuses; the net of a loss is negative."""

    due: bool
    due_at: datetime
    elapsed_seconds: int
    staked_minor: int
    won_minor: int
    net_minor: int


def reality_check(session: Session, now: datetime) -> RealityCheck:
    """Return the result of a session and its next check: an hour after the start, or after the last check.

    The sessions that it continues count.
    """
    due_at = (session.checked_at or session.began_at) + REALITY_CHECK_EVERY
    return RealityCheck(
        due=now >= due_at,
        due_at=due_at,
        elapsed_seconds=max(0, (now - session.began_at) // timedelta(seconds=1)),
        staked_minor=session.total_bets_minor,
        won_minor=session.total_wins_minor,
        net_minor=-session.total_loss_minor,
    )


def require_checked(session: Session, now: datetime) -> None:
    """Raise RealityCheckDue while a due check is not acknowledged."""
    check = reality_check(session, now)
    if check.due:
        raise RealityCheckDue(check.elapsed_seconds, check.staked_minor, check.won_minor, check.net_minor)
