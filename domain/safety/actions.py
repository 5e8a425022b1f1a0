"""Safety actions: the consequences of a risk score, their enforcement, and the loss limit of a session.

A NUDGE is a message, a COOLDOWN asks for a pause, a STOP asks for the end of play. They are advice unless the
tenant enforces them. Enforcement `cooldown` makes pauses binding; `stop` makes pauses and stops binding. Both
apply to the player in every session.
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
from ..periods import Span
from ..play.sessions import Session
from ..wire_names import camel_keys
from .policy import DEFAULT_POLICY, RiskPolicy
from .risk import Band, Risk

NUDGE_EVERY: Final = timedelta(minutes=5)
COOLDOWN_EVERY: Final = timedelta(minutes=10)
LADDER_HOURS: Final = 24
LADDER_SECONDS: Final = (90, 5 * 60, 15 * 60, 60 * 60)
"""The length of a cooldown, by the number of cooldowns in the 24 hours before; the last value repeats."""


class ActionType(StrEnum):
    """The consequence of a risk."""

    NUDGE = "NUDGE"
    COOLDOWN = "COOLDOWN"
    STOP = "STOP"


class ActionCause(StrEnum):
    """The cause of an action: a client's event, the score of a spin, or the session's loss limit."""

    EVENT = "EVENT"
    SPIN = "SPIN"
    LOSS_LIMIT = "LOSS_LIMIT"


class Enforcement(StrEnum):
    """The enforced part of a tenant's safety actions: nothing, pauses, or pauses and stops."""

    OFF = "off"
    COOLDOWN = "cooldown"
    STOP = "stop"


ACTION_OF_BAND: Final[Mapping[Band, ActionType]] = {
    Band.ELEVATED: ActionType.NUDGE,
    Band.TILT_RISK: ActionType.COOLDOWN,
    Band.STOP: ActionType.STOP,
}
"""The action of each band; CALM has none."""


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
        """Whether each spin is scored, and pauses are binding."""
        return self.enforce is not Enforcement.OFF


@frozen(kw_only=True)
class SafetyAction:
    """A stored action: its type, its time, and the figures that caused it.

    `pause_seconds` is the length of the pause. A COOLDOWN has one; a STOP has one if only pauses are enforced.
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

    def keeps_away(self, settings: SafetySettings) -> Span | None:
        """Return the time in which the action keeps its player from play; None if it does not."""
        if self.pause_seconds is not None:
            return Span(self.acted_at, self.acted_at + timedelta(seconds=self.pause_seconds))
        if self.action_type is ActionType.STOP and settings.enforce is Enforcement.STOP:
            return Span(self.acted_at, next_start(self.acted_at, Bucket.DAY, settings.timezone))
        return None


@frozen
class Pause:
    """A pause: its start and its length in seconds."""

    since: datetime
    seconds: int

    @property
    def until(self) -> datetime:
        """The end of the pause."""
        return self.since + timedelta(seconds=self.seconds)


@frozen(kw_only=True)
class PastActions:
    """A player's earlier actions: the last NUDGE, the last STOP, and the pauses of the last 24 hours."""

    nudged_at: datetime | None = None
    stopped_at: datetime | None = None
    pauses: tuple[Pause, ...] = ()

    def paused_until(self, now: datetime) -> datetime | None:
        """Return the end of the current pause; None without one."""
        ends = [pause.until for pause in self.pauses if pause.since <= now < pause.until]
        return max(ends, default=None)

    def stopped_until(self, now: datetime, timezone: str) -> datetime | None:
        """Return the start of the day after the last STOP; None if that day has begun."""
        if self.stopped_at is None:
            return None
        until = next_start(self.stopped_at, Bucket.DAY, timezone)
        return until if now < until else None

    def blocked_until(self, now: datetime, settings: SafetySettings) -> datetime | None:
        """Return the end of the enforced pause or stop; None if play is allowed."""
        ends = [self.paused_until(now)] if settings.is_enforced else []
        if settings.enforce is Enforcement.STOP:
            ends.append(self.stopped_until(now, settings.timezone))
        return max((end for end in ends if end is not None), default=None)

    def last_enforced_at(self, settings: SafetySettings) -> datetime | None:
        """Return the time of the last enforced action. Spins before it are not scored again."""
        moments = [pause.since for pause in self.pauses] if settings.is_enforced else []
        if settings.enforce is Enforcement.STOP and self.stopped_at is not None:
            moments.append(self.stopped_at)
        return max(moments, default=None)

    def next_pause_seconds(self, now: datetime) -> int:
        """Return the length of a pause that starts now; each pause in the 24 hours before makes it longer."""
        since = now - timedelta(hours=LADDER_HOURS)
        step = sum(pause.since > since for pause in self.pauses)
        return LADDER_SECONDS[min(step, len(LADDER_SECONDS) - 1)]

    def action_for(self, band: Band, now: datetime) -> ActionType | None:
        """Return the action for a band now; None if the band has none, or had it a short time ago."""
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
    """The action in a loss-limit refusal: play should end."""

    action_type: ActionType = ActionType.STOP


@define
class LossLimitLocked(StateRefusal):
    """Raised when a change would raise a session's loss limit; it may only be lowered."""

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
    """Raised when a player spins during an enforced pause. `retry_after` is in seconds."""

    code: ClassVar[str] = "COOLDOWN_ACTIVE"
    text: ClassVar[str] = "Play is paused: you can play again in {retry_after} seconds."
    retry_after: int


@define
class PlayStopped(StateRefusal):
    """Raised when a player spins after an enforced STOP. `retry_after` is in seconds."""

    code: ClassVar[str] = "PLAY_STOPPED"
    text: ClassVar[str] = "Play has ended for today."
    retry_after: int


@define
class TenantHasNoPlayers(StateRefusal):
    """Raised for safety settings of a tenant that is not an agent and so has no players."""

    code: ClassVar[str] = "TENANT_HAS_NO_PLAYERS"
    text: ClassVar[str] = "Only agents have players; this tenant is of kind {kind}."
    kind: str


def require_not_blocked(past: PastActions, settings: SafetySettings, now: datetime) -> None:
    """Raise CooldownActive or PlayStopped during an enforced pause or stop."""
    until = past.blocked_until(now, settings)
    if until is None:
        return
    # Rounded up, so that a retry after exactly this time is allowed.
    seconds = -(-(until - now) // timedelta(seconds=1))
    if settings.enforce is Enforcement.STOP and past.stopped_until(now, settings.timezone) is not None:
        raise PlayStopped(seconds)
    raise CooldownActive(seconds)


def require_loss_within(session: Session, stake_minor: int) -> None:
    """Raise LossLimitReached if the loss of the whole stake would exceed the session's loss limit."""
    limit = session.loss_limit_minor
    if limit is not None and session.total_loss_minor + stake_minor > limit:
        raise LossLimitReached


def with_loss_limit(session: Session, limit_minor: int) -> Session:
    """Return the session with a loss limit, set or lowered. Raises LossLimitLocked, InvalidInput."""
    if type(limit_minor) is not int or not 0 <= limit_minor <= MAX_AMOUNT_MINOR:
        raise InvalidInput("loss_limit_minor", f"must be a whole number from 0 to {MAX_AMOUNT_MINOR}")
    current = session.loss_limit_minor
    if current is not None and limit_minor > current:
        raise LossLimitLocked(current)
    return evolve(session, loss_limit_minor=limit_minor)


def pause_seconds_of(
    action_type: ActionType, past: PastActions, settings: SafetySettings, now: datetime
) -> int | None:
    """Return the length of an action's pause; None if it has none.

    If only pauses are enforced, a STOP is a pause, because it must not do less than a COOLDOWN.
    """
    is_pause = action_type is ActionType.COOLDOWN
    if action_type is ActionType.STOP:
        is_pause = settings.enforce is Enforcement.COOLDOWN
    return past.next_pause_seconds(now) if is_pause else None


def evidence_of(risk: Risk) -> dict[str, Any]:
    """Return the figures of a risk, as an action stores them."""
    return {reason: camel_keys(figures) for reason, figures in risk.evidence.items()}
