"""What follows from a player's risk: a word, a pause, the end of play; and a limit that the player sets.

A NUDGE says something, a COOLDOWN asks for a pause, a STOP for the end of play. All of it is advice unless the
tenant enforces it: then a pause, and with `stop` the end of play as well, holds for the player, whatever session
is open.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Final
from uuid import UUID

from attrs import Factory, define, evolve, field, frozen

from ..errors import InvalidInput, StateRefusal
from ..local_time import DEFAULT_TIMEZONE, Bucket, next_start
from ..money import MAX_AMOUNT_MINOR
from ..play.sessions import Session
from .policy import DEFAULT_POLICY, RiskPolicy
from .risk import Band, Risk

NUDGE_EVERY: Final = timedelta(minutes=5)
COOLDOWN_EVERY: Final = timedelta(minutes=10)
LADDER_HOURS: Final = 24
LADDER_SECONDS: Final = (90, 5 * 60, 15 * 60, 60 * 60)
"""How long a cooldown is, by how many there were in the 24 hours before it; the last one is the longest."""


class ActionType(StrEnum):
    """What is done about a risk."""

    NUDGE = "NUDGE"
    COOLDOWN = "COOLDOWN"
    STOP = "STOP"


class ActionCause(StrEnum):
    """What led to an action: an event that a client reported, a spin that scored itself, or the player's limit."""

    EVENT = "EVENT"
    SPIN = "SPIN"
    LOSS_LIMIT = "LOSS_LIMIT"


class Enforcement(StrEnum):
    """What of a tenant's safety actions is enforced: nothing, pauses, or pauses and stops."""

    OFF = "off"
    COOLDOWN = "cooldown"
    STOP = "stop"


ACTION_OF_BAND: Final[Mapping[Band, ActionType]] = {
    Band.ELEVATED: ActionType.NUDGE,
    Band.TILT_RISK: ActionType.COOLDOWN,
    Band.STOP: ActionType.STOP,
}
"""What each band leads to; CALM leads to nothing."""


@frozen(kw_only=True)
class SafetySettings:
    """A tenant's settings of player protection. `timezone` decides when a new day begins."""

    operator_id: UUID
    tenant_id: UUID
    enforce: Enforcement = Enforcement.OFF
    timezone: str = DEFAULT_TIMEZONE
    policy: RiskPolicy = DEFAULT_POLICY
    changed_by: UUID | None = None
    changed_at: datetime | None = None

    @property
    def is_enforced(self) -> bool:
        """Whether spins score themselves, and pauses are held to."""
        return self.enforce is not Enforcement.OFF


@frozen(kw_only=True)
class SafetyAction:
    """An action as it is kept: what was done, when, and the figures that led to it.

    `pause_seconds` is how long play pauses: of a COOLDOWN, and of a STOP where only pauses are enforced.
    """

    action_id: UUID
    operator_id: UUID
    tenant_id: UUID
    player_id: UUID
    session_id: UUID
    acted_at: datetime
    action_type: ActionType
    cause: ActionCause
    score: int | None = None
    band: Band | None = None
    reasons: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default=Factory(dict))
    pause_seconds: int | None = None
    game_key: str | None = None
    event_type: str | None = None


@frozen
class Pause:
    """A pause that was given: since when, and for how long."""

    since: datetime
    seconds: int

    @property
    def until(self) -> datetime:
        """When it is over."""
        return self.since + timedelta(seconds=self.seconds)


@frozen(kw_only=True)
class PastActions:
    """What was done about a player before: the last NUDGE, the last STOP, and the pauses of the last 24 hours."""

    nudged_at: datetime | None = None
    stopped_at: datetime | None = None
    pauses: tuple[Pause, ...] = ()

    def paused_until(self, now: datetime) -> datetime | None:
        """Return when the pause that runs is over; None when none does."""
        ends = [pause.until for pause in self.pauses if pause.since <= now < pause.until]
        return max(ends, default=None)

    def stopped_until(self, now: datetime, timezone: str) -> datetime | None:
        """Return the beginning of the day after that of the last STOP; None when it is past."""
        if self.stopped_at is None:
            return None
        until = next_start(self.stopped_at, Bucket.DAY, timezone)
        return until if now < until else None

    def held_until(self, now: datetime, settings: SafetySettings) -> datetime | None:
        """Return until when play is held up by what the tenant enforces; None when it is not."""
        ends = [self.paused_until(now)] if settings.is_enforced else []
        if settings.enforce is Enforcement.STOP:
            ends.append(self.stopped_until(now, settings.timezone))
        return max((end for end in ends if end is not None), default=None)

    def acted_on_at(self, settings: SafetySettings) -> datetime | None:
        """Return the moment up to which play was acted on by what the tenant enforces.

        A pause that was held to starts play anew: the spins before it are not counted a second time.
        """
        moments = [pause.since for pause in self.pauses] if settings.is_enforced else []
        if settings.enforce is Enforcement.STOP and self.stopped_at is not None:
            moments.append(self.stopped_at)
        return max(moments, default=None)

    def next_pause_seconds(self, now: datetime) -> int:
        """Return how long a pause that is given now is: longer for each within the 24 hours before."""
        since = now - timedelta(hours=LADDER_HOURS)
        step = sum(pause.since > since for pause in self.pauses)
        return LADDER_SECONDS[min(step, len(LADDER_SECONDS) - 1)]

    def action_for(self, band: Band, now: datetime) -> ActionType | None:
        """Return what is to be done about a band now; None for nothing, or nothing again so soon."""
        action_type = ACTION_OF_BAND.get(band)
        if action_type is ActionType.NUDGE and _is_soon(self.nudged_at, now, NUDGE_EVERY):
            return None
        last_pause = max((pause.since for pause in self.pauses), default=None)
        if action_type is ActionType.COOLDOWN and _is_soon(last_pause, now, COOLDOWN_EVERY):
            return None
        return action_type


def _is_soon(before: datetime | None, now: datetime, every: timedelta) -> bool:
    return before is not None and now - before < every


@frozen
class StopAction:
    """The action of a refusal: nothing but that play should end."""

    action_type: ActionType = ActionType.STOP


@define
class LossLimitLocked(StateRefusal):
    """Raised when a session's loss limit is to be raised: it may be lowered only."""

    code: ClassVar[str] = "LOSS_LIMIT_LOCKED"
    text: ClassVar[str] = "The loss limit of this session is {loss_limit_cents}; it can be lowered, never raised."
    loss_limit_cents: int


@define
class LossLimitReached(StateRefusal):
    """Raised when a stake could take a session's net loss past its limit."""

    code: ClassVar[str] = "LOSS_LIMIT_REACHED"
    text: ClassVar[str] = "This stake could take the session past its loss limit."
    action: StopAction = StopAction()


@define
class CooldownActive(StateRefusal):
    """Raised when a player spins while a pause runs that the tenant enforces. `retry_after` in seconds."""

    code: ClassVar[str] = "COOLDOWN_ACTIVE"
    text: ClassVar[str] = "A break is running: play goes on in {retry_after} seconds."
    retry_after: int


@define
class PlayStopped(StateRefusal):
    """Raised when a player spins after a STOP that the tenant enforces. `retry_after` in seconds."""

    code: ClassVar[str] = "PLAY_STOPPED"
    text: ClassVar[str] = "Play has ended for today."
    retry_after: int


@define
class TenantHasNoPlayers(StateRefusal):
    """Raised when safety settings are asked of a tenant that is not an agent, and so has no players."""

    code: ClassVar[str] = "TENANT_HAS_NO_PLAYERS"
    text: ClassVar[str] = "Only agents have players; this tenant is of kind {kind}."
    kind: str


def require_not_held(past: PastActions, settings: SafetySettings, now: datetime) -> None:
    """Raise CooldownActive or PlayStopped while play is held up by what the tenant enforces."""
    until = past.held_until(now, settings)
    if until is None:
        return
    # Rounded up: whoever comes back then is not told to wait again.
    seconds = -(-(until - now) // timedelta(seconds=1))
    if settings.enforce is Enforcement.STOP and past.stopped_until(now, settings.timezone) is not None:
        raise PlayStopped(seconds)
    raise CooldownActive(seconds)


def require_loss_within(session: Session, stake_minor: int) -> None:
    """Raise LossLimitReached unless the whole stake could be lost and the session stay within its limit."""
    limit = session.loss_limit_minor
    if limit is not None and session.net_loss_minor + stake_minor > limit:
        raise LossLimitReached


def limit_loss(session: Session, limit_minor: int) -> Session:
    """Return the session with a loss limit: set, or lowered. Raises LossLimitLocked, InvalidInput."""
    if type(limit_minor) is not int or not 0 <= limit_minor <= MAX_AMOUNT_MINOR:
        raise InvalidInput("lossLimitCents", f"must be a whole number from 0 to {MAX_AMOUNT_MINOR}")
    present = session.loss_limit_minor
    if present is not None and limit_minor > present:
        raise LossLimitLocked(present)
    return evolve(session, loss_limit_minor=limit_minor)


def pause_seconds_of(
    action_type: ActionType, past: PastActions, settings: SafetySettings, now: datetime
) -> int | None:
    """Return how long an action pauses play. Where pauses alone are enforced a STOP is one: it cannot be less."""
    is_pause = action_type is ActionType.COOLDOWN
    if action_type is ActionType.STOP:
        is_pause = settings.enforce is Enforcement.COOLDOWN
    return past.next_pause_seconds(now) if is_pause else None


def evidence_of(risk: Risk) -> dict[str, Any]:
    """Return the figures behind a risk as they are kept."""
    return {reason: dict(figures) for reason, figures in risk.evidence.items()}
