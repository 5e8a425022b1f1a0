"""Settings of tenants, actions taken for players, and how a session was played lately."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

from attrs import frozen

from ...application.ports.filters import Page
from ...application.ports.safety import (
    MOST_SPINS,
    ActionCount,
    BucketCount,
    PlayerSafety,
    SafetyFilter,
    SafetyTally,
    SafetyWatch,
)
from ...application.wire import record_from
from ...domain.safety.actions import ActionType, PastActions, Pause, SafetyAction, SafetySettings
from ...domain.safety.markers import PlayedSpin
from .books import Books
from .pages import is_within, newest, newest_of
from .transaction import MemoryTransaction, View


@frozen
class MemorySafety:
    """Settings of tenants, and actions taken for players."""

    transaction: MemoryTransaction

    def settings(self, tenant_id: UUID) -> SafetySettings | None:
        with self.transaction.reading() as view:
            return view.one(lambda books: books.safety_settings.rows.get(tenant_id))

    def of_player(self, player_id: UUID, watch: SafetyWatch) -> PlayerSafety | None:
        with self.transaction.reading() as view:
            return safety_of(view, player_id, watch)

    def actions(self, only: SafetyFilter, page: Page) -> Sequence[SafetyAction]:
        with self.transaction.reading() as view:
            return list(islice(_chosen(view, only, page.before), page.limit))

    def tally(self, only: SafetyFilter, edges: Sequence[datetime] = ()) -> SafetyTally:
        with self.transaction.reading() as view:
            return _tally(list(_chosen(view, only, None)), edges)


def safety_of(view: View, player_id: UUID, watch: SafetyWatch) -> PlayerSafety | None:
    """Return the data behind a visible player's risk; the caller holds the latch."""
    player = view.one(lambda books: books.players.rows.get(player_id))
    if player is None:
        return None
    books = view.shelf[player.operator_id]
    settings = books.safety_settings.rows.get(player.tenant_id)
    if watch.only_enforced and (settings is None or not settings.is_enforced):
        return None
    return PlayerSafety(settings, _past(books, player_id, watch), _spins(books, player_id, watch))


def _past(books: Books, player_id: UUID, watch: SafetyWatch) -> PastActions:
    def newest_at(action_type: ActionType) -> datetime | None:
        found = next(books.safety_actions.newest("type", (player_id, action_type)), None)
        return None if found is None else found.acted_at

    pauses = [
        Pause(action.acted_at, action.pause_seconds)
        for action in books.safety_actions.newest("pauses", player_id)
        if action.pause_seconds is not None and action.acted_at > watch.pauses_since
    ]
    return PastActions(
        nudged_at=newest_at(ActionType.NUDGE),
        stopped_at=newest_at(ActionType.STOP),
        pauses=tuple(reversed(pauses)),
    )


def _spins(books: Books, player_id: UUID, watch: SafetyWatch) -> tuple[PlayedSpin, ...]:
    session = books.sessions.by("open", player_id)
    floor = UUID(int=int(watch.minutes_since.timestamp()) * 1_000 << 80)
    spins: list[PlayedSpin] = []
    # A player's newest rounds are those of the open session.
    for at, played in enumerate(islice(books.rounds.newest("player", player_id), MOST_SPINS)):
        if session is None or (at >= watch.spins and played.round_id < floor):
            break
        if played.session_id == session.session_id:
            spins.append(record_from(PlayedSpin, played))
    return tuple(reversed(spins))


def _chosen(view: View, only: SafetyFilter, before: UUID | None) -> Iterator[SafetyAction]:
    if only.player_id is not None:
        actions = newest_of(view, lambda books: books.safety_actions, before, ("player", only.player_id))
    else:
        actions = newest(view, lambda books: books.safety_actions, before, only.tenant_id)
    return (action for action in actions if _matches(action, only))


def _matches(action: SafetyAction, only: SafetyFilter) -> bool:
    return (
        only.tenant_id in (None, action.tenant_id)
        and only.action_type in (None, action.action_type)
        and (only.reason is None or only.reason in action.reasons)
        and is_within(action.acted_at, only.since, only.until)
    )


def _tally(actions: Sequence[SafetyAction], edges: Sequence[datetime]) -> SafetyTally:
    counts = Counter((bisect_right(edges, action.acted_at) - 1, action.action_type) for action in actions)
    types, reasons = defaultdict(list), defaultdict(list)
    for action in actions:
        types[action.action_type].append(action.player_id)
        for reason in action.reasons:
            reasons[reason].append(action.player_id)
    return SafetyTally(
        tuple(
            BucketCount(bucket, action_type, counts[bucket, action_type])
            for bucket in range(len(edges) - 1)
            for action_type in ActionType
            if (bucket, action_type) in counts
        ),
        tuple(_count(name.value, types[name]) for name in ActionType if name in types),
        tuple(_count(name, reasons[name]) for name in sorted(reasons)),
        len(actions),
        len({action.player_id for action in actions}),
    )


def _count(name: str, players: Sequence[UUID]) -> ActionCount:
    return ActionCount(name, len(players), len(set(players)))
