"""Sessions derived again from the ledger, and compared with the stored ones.

One operator at a time, one player a transaction. Most of a player's events are read in batches without a lock: the
ledger never changes, and a player's events are numbered. Only the last events and the comparison take the lock, so
that play waits no longer than for a spin.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from attrs import frozen

from ...domain.play.derived_sessions import DerivedSessions, corrected, differing
from ...domain.play.sessions import Session
from ..access import SYSTEM
from ..decisions import Decided, Decision
from ..ports.bindings import Binding
from ..ports.filters import Page, PlayerFilter
from ..ports.play import PlayerView
from ..ports.storage import Storage, UnitOfWork
from ..transactions import carry_out, transact

PLAYERS_AT_ONCE: Final = 100
EVENTS_AT_ONCE: Final = 1_000
SESSIONS_AT_ONCE: Final = 1_000


@frozen
class SessionDifference:
    """A session that differs from the ledger: by field, as stored and as derived.

    `is_missing`: it is not stored at all. `is_unknown`: the ledger does not know it.
    """

    player_id: UUID
    session_id: UUID
    fields: Mapping[str, tuple[object, object]]
    is_missing: bool = False
    is_unknown: bool = False


@frozen
class OperatorSessions:
    """The result of comparing an operator's sessions."""

    slug: str
    sessions: int
    differences: Sequence[SessionDifference]


@frozen
class RebuildSessions:
    """Derives every session from the ledger and corrects the stored ones that differ."""

    storage: Storage

    def __call__(self, *, check: bool = False) -> list[OperatorSessions]:
        """Return the differences by operator. With `check` nothing is changed."""
        return [
            self._of_operator(SYSTEM.binding_at(entry.operator_id), entry.slug, check=check)
            for entry in self.storage.directory.operators()
        ]

    def _of_operator(self, binding: Binding, slug: str, *, check: bool) -> OperatorSessions:
        sessions, differences = 0, list[SessionDifference]()
        for player_id in self._players(binding):
            stored, found = self._of_player(binding, player_id, check=check)
            sessions += stored
            differences += found
        return OperatorSessions(slug, sessions, differences)

    def _players(self, binding: Binding) -> Iterator[UUID]:
        before = None
        while True:
            views = transact(self.storage, binding, partial(_page, before))
            yield from (view.player.player_id for view in views)
            if len(views) < PLAYERS_AT_ONCE:
                return
            before = views[-1].player.player_id

    def _of_player(
        self, binding: Binding, player_id: UUID, *, check: bool
    ) -> tuple[int, Sequence[SessionDifference]]:
        derived = DerivedSessions()
        while transact(self.storage, binding, partial(_take_batch, derived, player_id)):
            pass

        def read(unit: UnitOfWork) -> Mapping[UUID, Session] | None:
            if unit.players.lock(player_id) is None:
                return None
            while _take_batch(derived, player_id, unit):
                pass
            return {session.session_id: session for session in _stored(unit, player_id)}

        def decide(
            stored: Mapping[UUID, Session] | None,
        ) -> Decision[tuple[int, Sequence[SessionDifference]]]:
            if stored is None:
                return Decided((0, ()))
            found = list(_differences(player_id, stored, derived.sessions))
            if check:
                return Decided((len(stored), found))
            return decide_correction(found, stored, derived.sessions)

        return carry_out(self.storage, binding, read, decide)


def _page(before: UUID | None, unit: UnitOfWork) -> Sequence[PlayerView]:
    return unit.players.page(PlayerFilter(), Page(PLAYERS_AT_ONCE, before))


def _take_batch(derived: DerivedSessions, player_id: UUID, unit: UnitOfWork) -> bool:
    """Add the next batch of a player's events. Return whether there may be more."""
    events = unit.players.events(player_id, derived.through, EVENTS_AT_ONCE)
    derived.take(events)
    return len(events) == EVENTS_AT_ONCE


def _stored(unit: UnitOfWork, player_id: UUID) -> Iterator[Session]:
    before = None
    while True:
        sessions = unit.players.sessions(player_id, Page(SESSIONS_AT_ONCE, before))
        yield from sessions
        if len(sessions) < SESSIONS_AT_ONCE:
            return
        before = sessions[-1].session_id


def _differences(
    player_id: UUID, stored: Mapping[UUID, Session], derived: Mapping[UUID, Session]
) -> Iterator[SessionDifference]:
    for session_id in sorted(stored.keys() | derived.keys()):
        if session_id not in derived:
            yield SessionDifference(player_id, session_id, {}, is_unknown=True)
        elif session_id not in stored:
            yield SessionDifference(player_id, session_id, {}, is_missing=True)
        elif fields := differing(stored[session_id], derived[session_id]):
            yield SessionDifference(player_id, session_id, fields)


def decide_correction(
    found: Sequence[SessionDifference], stored: Mapping[UUID, Session], derived: Mapping[UUID, Session]
) -> Decision[tuple[int, Sequence[SessionDifference]]]:
    """Decide to write the sessions that differ as they were derived.

    A session that the ledger does not know is left as it is: nothing is ever deleted.
    """
    return Decided(
        (len(stored), found),
        added=(derived[one.session_id] for one in found if one.is_missing),
        saved=(
            corrected(stored[one.session_id], derived[one.session_id])
            for one in found
            if not one.is_missing and not one.is_unknown
        ),
    )
