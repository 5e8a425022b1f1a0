"""The play pass: what a player's own limits and breaks stand on, for every account that is tied to it.

Players are ephemeral; whoever redeems the next voucher is somebody else. A pass is what stays: an opaque code of
the agent that a player gets, and shows when redeeming. A player who sets a limit without having one gets one
silently, so that there is one mechanism. An account is tied to one pass and never to another.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from attrs import define, evolve, frozen

from ..access.codes import Code
from ..errors import StateRefusal
from ..local_time import Bucket, bucket_start, next_start
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
    """Raised when an account that is tied to one pass is shown another."""

    code: ClassVar[str] = "PLAY_PASS_OF_OTHER"
    text: ClassVar[str] = "This account is tied to another play pass."


@frozen
class Notice:
    """What a player is told once: so much, in percent, of a limit is used."""

    kind: LimitKind
    percent: int


@frozen(kw_only=True)
class PlayPass:
    """A pass of one agent (`tenant_id`) with its limits, its break, and its hours of play, the oldest first.

    `limits` holds those that were ever set. `played_at` is when a round was last played by any account.
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

    def limit(self, kind: LimitKind) -> Limit:
        """Return the limit of a kind, one without an amount where none was set."""
        return next((limit for limit in self.limits if limit.kind is kind), Limit(kind))

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the player was told and has not acknowledged."""
        found = ((limit.kind, limit.notice) for limit in self.limits)
        return tuple(Notice(kind, percent) for kind, percent in found if percent is not None)

    def used(self, kind: LimitKind, now: datetime, timezone: str) -> int:
        """Return what counts against a limit: its window's net loss, which may be negative, or seconds of play."""
        if kind in LOSS_WINDOWS:
            return net_loss_minor(self.hours, now - LOSS_WINDOWS[kind])
        return played_seconds(self.hours, bucket_start(now, Bucket.DAY, timezone))

    # --- what the player decides --------------------------------------------------------------------------

    def set_limit(self, kind: LimitKind, amount: int | None, now: datetime, *, timezone: str) -> "PlayPass":
        """Return the pass with a limit set, or its raise waiting; see Limit.set. Raises InvalidInput."""
        return _marked(self._with(self.limit(kind).set(amount, now)), now, timezone)

    def confirm_raise(self, kind: LimitKind, now: datetime, *, timezone: str) -> "PlayPass":
        """Return the pass with a limit raised. Raises LimitRaiseNotPending, LimitRaiseTooEarly."""
        return _marked(self._with(self.limit(kind).confirm(now)), now, timezone)

    def acknowledge(self) -> "PlayPass":
        """Return the pass with everything that was told as seen."""
        return evolve(self, limits=tuple(limit.acknowledge() for limit in self.limits))

    def exclude(self, exclusion: Exclusion) -> "PlayPass":
        """Return the pass with a break. Raises ExclusionRuns when one runs that ends no earlier."""
        held = exclusion if self.exclusion is None else self.exclusion.followed_by(exclusion)
        return evolve(self, exclusion=held)

    # --- what play comes to -------------------------------------------------------------------------------

    def refuse_excluded(self, now: datetime) -> None:
        """Raise CoolingOff or SelfExcluded while a break runs."""
        if self.exclusion is not None:
            self.exclusion.refuse(now)

    def require_within(self, stake_minor: int, now: datetime, *, active_at: datetime, timezone: str) -> None:
        """Raise OwnLossLimitReached or OwnTimeLimitReached when a stake may not be taken.

        `active_at` is when the account's session was last active before this stake.
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
        """Return the pass with one more round, and the marks that it reached."""
        hours = with_play(self.hours, play, self._seconds_until(play.at, active_at))
        played_at = play.at if self.played_at is None else max(self.played_at, play.at)
        return _marked(evolve(self, hours=hours, played_at=played_at), play.at, timezone)

    def taking_in(self, hours: Sequence[PlayHour]) -> "PlayPass":
        """Return the pass with what an account had played before it was tied."""
        return evolve(self, hours=together(self.hours, hours))

    def told_since(self, before: "PlayPass") -> tuple[Notice, ...]:
        """Return what the player is told now and was not before."""
        known = {limit.kind: limit.told for limit in before.limits}
        return tuple(
            Notice(limit.kind, limit.told) for limit in self.limits if limit.told > known.get(limit.kind, 0)
        )

    def _seconds_until(self, now: datetime, active_at: datetime) -> int:
        """Return the seconds of play that a round at `now` ends: since the last one of any account on the pass.

        So accounts that play side by side count once. Where that is too long ago, play began with the log-in.
        """
        recent = self.played_at is not None and abs(now - self.played_at) < IDLE
        return seconds_between(self.played_at if recent else active_at, now)

    def _with(self, changed: Limit) -> "PlayPass":
        others = (limit for limit in self.limits if limit.kind is not changed.kind)
        return evolve(self, limits=_in_order((changed, *others)))


def _marked(held: PlayPass, now: datetime, timezone: str) -> PlayPass:
    """Return the pass with the mark of each limit for what is used now."""
    return evolve(held, limits=tuple(limit.used(held.used(limit.kind, now, timezone)) for limit in held.limits))


def _in_order(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    places = {kind: place for place, kind in enumerate(LimitKind)}
    return tuple(sorted(limits, key=lambda limit: places[limit.kind]))
