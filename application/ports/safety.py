"""Ports of player protection: the recent play of a session, settings and actions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

from attrs import frozen

from ...domain.safety.actions import LADDER_HOURS, ActionType, PastActions, SafetyAction, SafetySettings
from ...domain.safety.markers import LAST_MINUTES, STREAK_SPINS, PlayedSpin

if TYPE_CHECKING:
    from .filters import Page

MOST_SPINS: Final = 1_000
"""The number of newest spins that are always read: five minutes at three a second."""


@frozen(kw_only=True)
class SafetyWatch:
    """The part of a player's play to read, back from the moment of the request.

    With `only_enforced` nothing is read unless the player's tenant enforces something. The read spins are at least
    the newest `spins`, and all of the last minutes.
    """

    asked_at: datetime
    spins: int = STREAK_SPINS
    only_enforced: bool = False

    @property
    def minutes_since(self) -> datetime:
        """The start of the last minutes."""
        return self.asked_at - timedelta(minutes=LAST_MINUTES)

    @property
    def pauses_since(self) -> datetime:
        """The time after which pauses count for the length of the next one."""
        return self.asked_at - timedelta(hours=LADDER_HOURS)


@frozen
class PlayerSafety:
    """The data behind a player's risk and actions. `settings` is None if the tenant has set none.

    `spins` are of the open session, in the order of play.
    """

    settings: SafetySettings | None
    past: PastActions
    spins: tuple[PlayedSpin, ...]


@frozen(kw_only=True)
class SafetyFilter:
    """A filter of safety actions; None means any. Times are half-open: [since, until)."""

    tenant_id: UUID | None = None
    player_id: UUID | None = None
    action_type: ActionType | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@frozen
class BucketCount:
    """The number of actions of a type in a bucket; the first bucket is 0."""

    bucket: int
    action_type: ActionType
    count: int


@frozen
class ActionCount:
    """The number of actions under a name, and of their players."""

    name: str
    actions: int
    players: int


@frozen
class SafetyTally:
    """Counts of actions by bucket and type, by type, by reason and in all. Lists are in order, without zeros."""

    buckets: tuple[BucketCount, ...]
    types: tuple[ActionCount, ...]
    reasons: tuple[ActionCount, ...]
    actions: int
    players: int


class Safety(Protocol):
    """Settings of tenants, and actions taken for players."""

    def settings(self, tenant_id: UUID) -> SafetySettings | None:
        """Return the settings of a visible tenant; None if it has none."""

    def of_player(self, player_id: UUID, watch: SafetyWatch) -> PlayerSafety | None:
        """Return the data behind a visible player's risk, as of one moment, without a lock.

        Return None if there is no such player, or with `only_enforced` if nothing is enforced. The spins are the
        newest `watch.spins` of the open session and all of the last minutes, at most MOST_SPINS. The cost does not
        grow with the session.
        """

    def actions(self, only: SafetyFilter, page: "Page") -> Sequence[SafetyAction]:
        """Return actions, newest id first."""

    def tally(self, only: SafetyFilter, edges: Sequence[datetime] = ()) -> SafetyTally:
        """Count the visible actions of a filter, as of one moment.

        `edges` separate the buckets, which are half-open. Actions outside of all buckets count in no bucket.
        """
