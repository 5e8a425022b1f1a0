"""Deriving sessions again from the ledger, and holding what is kept live against it.

One operator at a time, one player a transaction. Most of a player's events are read without a lock, in batches:
what is in the ledger stays as it is, and a player's events come in the order of their numbers. The lock is had
only for the last of them and the comparison, so that play waits no longer than for a spin.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from attrs import frozen

from ...domain.play.session_folding import SessionFold, corrected, differing
from ...domain.play.sessions import Session
from ..access import SYSTEM
from ..ports.bindings import Binding
from ..ports.filters import Page, PlayerFilter
from ..ports.play import PlayerView
from ..ports.storage import Storage, UnitOfWork
from ..transactions import transact

PLAYERS_AT_ONCE: Final = 100
EVENTS_AT_ONCE: Final = 1_000
SESSIONS_AT_ONCE: Final = 1_000


@frozen
class SessionDifference:
    """A session that is kept otherwise than the ledger has it: by field, as kept and as derived.

    `is_missing` says that it is not kept at all, `is_unknown` that the ledger does not know it.
    """

    player_id: UUID
    session_id: UUID
    fields: Mapping[str, tuple[object, object]]
    is_missing: bool = False
    is_unknown: bool = False


@frozen
class OperatorSessions:
    """What looking at an operator's sessions came to."""

    slug: str
    sessions: int
    differences: Sequence[SessionDifference]


@frozen
class RebuildSessions:
    """Derives every session from the ledger and puts right what is kept otherwise."""

    storage: Storage

    def __call__(self, *, check: bool = False) -> list[OperatorSessions]:
        """Return what was found, by operator; with `check` nothing is changed."""
        return [
            self._of_operator(SYSTEM.binding_at(entry.operator_id), entry.slug, check=check)
            for entry in self.storage.directory.operators()
        ]

    def _of_operator(self, binding: Binding, slug: str, *, check: bool) -> OperatorSessions:
        sessions, differences = 0, list[SessionDifference]()
        for player_id in self._players(binding):
            kept, found = self._of_player(binding, player_id, check=check)
            sessions += kept
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
        fold = SessionFold()
        while transact(self.storage, binding, partial(_take_batch, fold, player_id)):
            pass

        def work(unit: UnitOfWork) -> tuple[int, Sequence[SessionDifference]]:
            if unit.players.lock(player_id) is None:
                return 0, []
            while _take_batch(fold, player_id, unit):
                pass
            kept = {session.session_id: session for session in _kept(unit, player_id)}
            found = list(_differences(player_id, kept, fold.sessions))
            if found and not check:
                _put_right(unit, found, kept, fold.sessions)
            return len(kept), found

        return transact(self.storage, binding, work)


def _page(before: UUID | None, unit: UnitOfWork) -> Sequence[PlayerView]:
    return unit.players.page(PlayerFilter(), Page(PLAYERS_AT_ONCE, before))


def _take_batch(fold: SessionFold, player_id: UUID, unit: UnitOfWork) -> bool:
    """Take in some more of a player's events; return whether there may be yet more."""
    events = unit.players.events(player_id, fold.through, EVENTS_AT_ONCE)
    fold.take(events)
    return len(events) == EVENTS_AT_ONCE


def _kept(unit: UnitOfWork, player_id: UUID) -> Iterator[Session]:
    before = None
    while True:
        sessions = unit.players.sessions(player_id, Page(SESSIONS_AT_ONCE, before))
        yield from sessions
        if len(sessions) < SESSIONS_AT_ONCE:
            return
        before = sessions[-1].session_id


def _differences(
    player_id: UUID, kept: Mapping[UUID, Session], derived: Mapping[UUID, Session]
) -> Iterator[SessionDifference]:
    for session_id in sorted(kept.keys() | derived.keys()):
        if session_id not in derived:
            yield SessionDifference(player_id, session_id, {}, is_unknown=True)
        elif session_id not in kept:
            yield SessionDifference(player_id, session_id, {}, is_missing=True)
        elif fields := differing(kept[session_id], derived[session_id]):
            yield SessionDifference(player_id, session_id, fields)


def _put_right(
    unit: UnitOfWork,
    found: Sequence[SessionDifference],
    kept: Mapping[UUID, Session],
    derived: Mapping[UUID, Session],
) -> None:
    """Keep the sessions as the ledger has them. One that it does not know is left: nothing is ever deleted."""
    for difference in found:
        session_id = difference.session_id
        if difference.is_missing:
            unit.add(derived[session_id])
        elif not difference.is_unknown:
            unit.save(corrected(kept[session_id], derived[session_id]))
    unit.commit()
