"""Player protection as staff see it: actions with their evidence, sums of actions, one player."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from attrs import evolve, frozen

from ...domain.errors import InvalidInput, all_checked
from ...domain.games.game import Game
from ...domain.local_time import DEFAULT_TIMEZONE, Bucket, bucket_edges, bucket_start, require_timezone
from ...domain.safety.actions import ActionCause, ActionType, Enforcement, SafetyAction, evidence_of
from ...domain.safety.risk import Band
from ...domain.tenancy.staff import Permission
from ..access import StaffPrincipal, look
from ..errors import NotFound
from ..ports.filters import Page
from ..ports.play import PlayerView
from ..ports.safety import ActionCount, PlayerSafety, SafetyFilter, SafetyTally, SafetyWatch
from ..ports.services import Clock
from ..ports.storage import Storage, UnitOfWork
from ..wire import record_from
from .check import SafetyCheck, settings_for
from .odds import GameOdds

DEFAULT_DAYS: Final = 30
LONGEST_DAYS: Final = 366
SHOWN_ACTIONS: Final = 50
KNOWN_YEARS: Final = range(2000, 9000)
"""The years that a summary may cover: each timezone has all of their days."""
_INSTANT: Final = timedelta(microseconds=1)


@frozen
class SafetyActionRecord:
    """An action as staff see it; `evidence` has the figures of each reason."""

    action_id: UUID
    tenant_id: UUID
    player_id: UUID
    session_id: UUID
    acted_at: datetime
    action_type: ActionType
    cause: ActionCause
    score: int | None
    band: Band | None
    reasons: Sequence[str]
    evidence: Mapping[str, Any]
    pause_seconds: int | None
    game_key: str | None
    event_type: str | None


def action_record(action: SafetyAction) -> SafetyActionRecord:
    """Return an action as staff see it."""
    return record_from(SafetyActionRecord, action)


@frozen
class ListSafetyActions:
    """Lists safety actions."""

    storage: Storage

    def __call__(
        self, principal: StaffPrincipal, only: SafetyFilter = SafetyFilter(), page: Page = Page()
    ) -> list[SafetyActionRecord]:
        """Return actions, newest first. Raises Forbidden."""
        principal.require(Permission.READ_SAFETY)
        actions = look(self.storage, principal, lambda unit: unit.safety.actions(only, page))
        return [action_record(action) for action in actions]


@frozen
class SafetyRange:
    """The half-open time of a summary, and its buckets."""

    from_: datetime
    to: datetime
    bucket: Bucket
    timezone: str


@frozen
class SafetyBucket:
    """The number of actions of each type, in the order of ActionType, in the bucket that begins at `at`."""

    at: datetime
    nudges: int
    cooldowns: int
    stops: int


@frozen
class SafetySummary:
    """The counts of actions in a time. Each player counts once in `players`, and once in each row."""

    actions: int
    players: int
    by_type: Sequence[ActionCount]
    by_reason: Sequence[ActionCount]
    series: Sequence[SafetyBucket]


@frozen
class SummarizeSafety:
    """Adds safety actions up: over time, by type, by reason."""

    storage: Storage
    clock: Clock

    def __call__(
        self,
        principal: StaffPrincipal,
        only: SafetyFilter = SafetyFilter(),
        *,
        bucket: Bucket = Bucket.DAY,
        timezone: str = DEFAULT_TIMEZONE,
    ) -> tuple[SafetyRange, SafetySummary]:
        """Return the range and its summary; by default the last 30 days, now included.

        Raises Forbidden, InvalidInput.
        """
        principal.require(Permission.READ_SAFETY)
        (since, until), _ = all_checked(
            lambda: _times_of(only, self.clock.now()), lambda: require_timezone(timezone)
        )
        asked = SafetyRange(since, until, bucket, timezone)
        only, edges = evolve(only, since=since, until=until), bucket_edges(since, until, bucket, timezone)
        tally = look(self.storage, principal, lambda unit: unit.safety.tally(only, edges))
        starts = [bucket_start(since, bucket, timezone), *edges[1:-1]]
        summary = SafetySummary(tally.actions, tally.players, tally.types, tally.reasons, _series(tally, starts))
        return asked, summary


def _times_of(only: SafetyFilter, now: datetime) -> tuple[datetime, datetime]:
    """Return the first and the last moment of a filter. Raises InvalidInput."""
    until = _known(only.until or now + _INSTANT, "to")
    since = _known(only.since or until - timedelta(days=DEFAULT_DAYS), "from")
    if since >= until:
        raise InvalidInput("from", "must be before to")
    if until - since > timedelta(days=LONGEST_DAYS):
        raise InvalidInput("from", f"must be at most {LONGEST_DAYS} days before to")
    return since, until


def _known(moment: datetime, path: str) -> datetime:
    if moment.year not in KNOWN_YEARS:
        raise InvalidInput(path, f"must be in the years {KNOWN_YEARS.start} to {KNOWN_YEARS.stop - 1}")
    return moment


def _series(tally: SafetyTally, starts: Sequence[datetime]) -> list[SafetyBucket]:
    """Return the counts of each bucket, zeros included."""
    counts = {(found.bucket, found.action_type): found.count for found in tally.buckets}
    return [
        SafetyBucket(at, *(counts.get((number, action_type), 0) for action_type in ActionType))
        for number, at in enumerate(starts)
    ]


@frozen
class PlayerSafetyRecord:
    """A player's protection as of now. Amounts in minor units.

    `held_until` is the end of a pause, if the player has one. Score, band, reasons and evidence are of the open
    session's play. `actions` are the newest ones.
    """

    player_id: UUID
    tenant_id: UUID
    enforce: Enforcement
    held_until: datetime | None
    session_id: UUID | None
    net_loss_minor: int | None
    loss_limit_minor: int | None
    score: int | None
    band: Band | None
    reasons: Sequence[str]
    evidence: Mapping[str, Any]
    actions: Sequence[SafetyActionRecord]


@frozen
class ReadPlayerSafety:
    """Shows staff one player's risk, and the actions so far."""

    storage: Storage
    clock: Clock
    games: Sequence[Game]

    def __call__(self, principal: StaffPrincipal, player_id: UUID) -> PlayerSafetyRecord:
        """Return the player's safety. Raises Forbidden, NotFound."""
        principal.require(Permission.READ_SAFETY)
        now = self.clock.now()

        def read(unit: UnitOfWork) -> PlayerSafetyRecord:
            view = unit.players.get(player_id)
            safety = unit.safety.of_player(player_id, SafetyWatch(asked_at=now))
            if view is None or safety is None:
                raise NotFound("player")
            newest = unit.safety.actions(SafetyFilter(player_id=player_id), Page(limit=SHOWN_ACTIONS))
            return self._record(view, safety, newest, now)

        return look(self.storage, principal, read)

    def _record(
        self, view: PlayerView, safety: PlayerSafety, newest: Sequence[SafetyAction], now: datetime
    ) -> PlayerSafetyRecord:
        settings, session, risk = settings_for(view.player, safety), view.session, None
        if session is not None:
            check = SafetyCheck.of(safety, view.player, session, odds=GameOdds(self.games), now=now)
            risk = check.risk
        return PlayerSafetyRecord(
            player_id=view.player.player_id,
            tenant_id=view.player.tenant_id,
            enforce=settings.enforce,
            held_until=safety.past.blocked_until(now, settings),
            session_id=None if session is None else session.session_id,
            net_loss_minor=None if session is None else session.total_loss_minor,
            loss_limit_minor=None if session is None else session.loss_limit_minor,
            score=None if risk is None else risk.score,
            band=None if risk is None else risk.band,
            reasons=() if risk is None else risk.reasons,
            evidence={} if risk is None else evidence_of(risk),
            actions=[action_record(action) for action in newest],
        )
