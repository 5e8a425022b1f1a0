"""The play pass: a player's own limits and exclusion, for every account that is tied to it.

Players are ephemeral: the next voucher makes another player. The pass lasts. It is an opaque code of the agent
that a player gets, and shows when redeeming. A player who sets a limit without a pass gets one automatically, so
there is one mechanism. An account is tied to one pass for ever.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from attrs import define, evolve, frozen

from ..access.codes import Code
from ..errors import StateRefusal
from ..local_time import Bucket, bucket_start, next_start
from ..periods import Span
from .exclusions import Exclusion
from .limits import LOSS_WINDOWS, Limit, LimitKind, OwnLossLimitReached, OwnTimeLimitReached
from .play_hours import (
    IDLE,
    PlayHour,
    Turn,
    net_loss_minor,
    played_seconds,
    seconds_between,
    together,
    with_play,
)


@define
class PlayPassOfOther(StateRefusal):
    """Raised when another pass is shown for an account that is tied to one."""

    code: ClassVar[str] = "PLAY_PASS_OF_OTHER"
    text: ClassVar[str] = "This account is tied to another play pass."


@frozen
class Notice:
    """A notice to the player: `percent` of a limit is used."""

    kind: LimitKind
    percent: int


@frozen(kw_only=True)
class PlayPass:
    """A pass of one agent (`tenant_id`) with its limits, its exclusion, and its hours of play, oldest first.

    `limits` has the limits that were ever set. `played_at` is the time of the last round of any account.
    `exclusion` is the last one, and `past_exclusions` are the times of those before it.
    """

    pass_id: UUID
    operator_id: UUID
    tenant_id: UUID
    code: Code
    created_at: datetime
    limits: tuple[Limit, ...] = ()
    exclusion: Exclusion | None = None
    hours: tuple[PlayHour, ...] = ()
    played_at: datetime | None = None
    past_exclusions: tuple[Span, ...] = ()

    def limit(self, kind: LimitKind) -> Limit:
        """Return the limit of a kind; without an amount if it was never set."""
        return next((limit for limit in self.limits if limit.kind is kind), Limit(kind))

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The notices that are not acknowledged yet."""
        found = ((limit.kind, limit.notice) for limit in self.limits)
        return tuple(Notice(kind, percent) for kind, percent in found if percent is not None)

    def used(self, kind: LimitKind, now: datetime, timezone: str) -> int:
        """Return the use of a limit: the window's net loss, which may be negative, or seconds of play."""
        if kind in LOSS_WINDOWS:
            return net_loss_minor(self.hours, now - LOSS_WINDOWS[kind])
        return played_seconds(self.hours, bucket_start(now, Bucket.DAY, timezone))

    # --- decisions of the player --------------------------------------------------------------------------

    def set_limit(self, kind: LimitKind, amount: int | None, now: datetime, *, timezone: str) -> "PlayPass":
        """Return the pass with a limit set, or its raise pending; see Limit.set. Raises InvalidInput."""
        return _with_notices(self._with(self.limit(kind).set(amount, now)), now, timezone)

    def confirm_raise(self, kind: LimitKind, now: datetime, *, timezone: str) -> "PlayPass":
        """Return the pass with a raise confirmed. Raises LimitRaiseNotPending, LimitRaiseTooEarly."""
        return _with_notices(self._with(self.limit(kind).confirm(now)), now, timezone)

    def acknowledge(self) -> "PlayPass":
        """Return the pass with all notices acknowledged."""
        return evolve(self, limits=tuple(limit.acknowledge() for limit in self.limits))

    def exclude(self, exclusion: Exclusion) -> "PlayPass":
        """Return the pass with an exclusion. Raises ExclusionRuns if the current one ends no earlier."""
        if self.exclusion is None or not self.exclusion.runs(exclusion.since):
            return evolve(self, exclusion=exclusion, past_exclusions=self.exclusions)
        return evolve(self, exclusion=self.exclusion.followed_by(exclusion))

    @property
    def exclusions(self) -> tuple[Span, ...]:
        """The times of all exclusions."""
        last = () if self.exclusion is None else (Span(self.exclusion.since, self.exclusion.until),)
        return (*self.past_exclusions, *last)

    # --- play --------------------------------------------------------------------------------------------

    def is_excluded(self, now: datetime) -> bool:
        """Return whether an exclusion runs."""
        return self.exclusion is not None and self.exclusion.runs(now)

    def refuse_excluded(self, now: datetime) -> None:
        """Raise CoolingOff or SelfExcluded during an exclusion."""
        if self.exclusion is not None:
            self.exclusion.refuse(now)

    def require_within(self, stake_minor: int, now: datetime, *, active_at: datetime, timezone: str) -> None:
        """Raise OwnLossLimitReached or OwnTimeLimitReached if a limit forbids the stake.

        `active_at` is the last activity of the account's session before this stake.
        """
        for limit in self.limits:
            if limit.amount is None:
                continue
            used = self.used(limit.kind, now, timezone)
            if limit.kind in LOSS_WINDOWS:
                if used + stake_minor > limit.amount:
                    raise OwnLossLimitReached(limit.kind, limit.amount, used, stake_minor)
                continue
            played = used + self._seconds_until(now, active_at)
            if limit.full is not None and played >= limit.full:
                tomorrow = next_start(now, Bucket.DAY, timezone)
                raise OwnTimeLimitReached(limit.kind, limit.amount, played, tomorrow)

    def played(self, play: Turn, *, active_at: datetime, timezone: str) -> "PlayPass":
        """Return the pass with another round, and the notices that it causes."""
        hours = with_play(self.hours, play, self._seconds_until(play.at, active_at))
        played_at = play.at if self.played_at is None else max(self.played_at, play.at)
        return _with_notices(evolve(self, hours=hours, played_at=played_at), play.at, timezone)

    def taking_in(self, hours: Sequence[PlayHour]) -> "PlayPass":
        """Return the pass with the earlier play of an account that is tied to it now."""
        return evolve(self, hours=together(self.hours, hours))

    def notices_since(self, before: "PlayPass") -> tuple[Notice, ...]:
        """Return the notices that the earlier state of the pass did not have."""
        known = {limit.kind: limit.notified for limit in before.limits}
        return tuple(
            Notice(limit.kind, limit.notified)
            for limit in self.limits
            if limit.notified > known.get(limit.kind, 0)
        )

    def _seconds_until(self, now: datetime, active_at: datetime) -> int:
        """Return the seconds of play that end with a round at `now`: since the last round of any account.

        Accounts that play at the same time therefore count once. After too long a pause, play began with the
        login.
        """
        recent = self.played_at is not None and abs(now - self.played_at) < IDLE
        return seconds_between(self.played_at if recent else active_at, now)

    def _with(self, changed: Limit) -> "PlayPass":
        others = (limit for limit in self.limits if limit.kind is not changed.kind)
        return evolve(self, limits=_in_order((changed, *others)))


def _with_notices(play_pass: PlayPass, now: datetime, timezone: str) -> PlayPass:
    """Return the pass with the notices for the use of each limit at `now`."""
    used = (limit.with_use(play_pass.used(limit.kind, now, timezone)) for limit in play_pass.limits)
    return evolve(play_pass, limits=tuple(used))


def _in_order(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    places = {kind: place for place, kind in enumerate(LimitKind)}
    return tuple(sorted(limits, key=lambda limit: places[limit.kind]))
