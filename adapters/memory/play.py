"""Vouchers, and the players that they become."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

from attrs import frozen

from ...application.ports.bindings import AnswerKey
from ...application.ports.filters import Page, PlayerFilter
from ...application.ports.play import FairRound, LockedPlayer, PlayerView
from ...application.ports.safety import SafetyWatch
from ...domain.access.codes import Code
from ...domain.games.fairness import RevealedSeed
from ...domain.ledger.events import LedgerEvent
from ...domain.play.players import Player
from ...domain.play.rounds import Round
from ...domain.play.sessions import Session
from ...domain.vouchers.bonuses import Bonus
from .books import ALL
from .limits import held_pass, lock_passes, timezone_of, try_lock_pass
from .pages import is_within, newest, newest_of
from .safety import safety_of
from .transaction import MemoryTransaction, View


@frozen
class MemoryPlayers:
    """Players, their sessions, bonuses and rounds."""

    transaction: MemoryTransaction

    def find(self, login_code: Code) -> Player | None:
        with self.transaction.reading() as view:
            return view.one(lambda books: books.players.by("login_code", login_code.symbols))

    def get(self, player_id: UUID) -> PlayerView | None:
        with self.transaction.reading() as view:
            player = _player(view, player_id)
            return None if player is None else _player_view(view, player)

    def lock(
        self,
        player_id: UUID,
        key: AnswerKey | None = None,
        *,
        shown_pass_id: UUID | None = None,
        watch: SafetyWatch | None = None,
    ) -> LockedPlayer | None:
        _ = self.transaction.binding
        with self.transaction.reading() as view:
            before = _player(view, player_id)
            if before is None:
                return None
            lock_passes(self.transaction, view, before, shown_pass_id)
            self.transaction.lock(Player, player_id)
            return _locked(view, before, key, watch=watch, shown_pass_id=shown_pass_id)

    def lock_free(
        self, keys: Sequence[AnswerKey], *, watch: SafetyWatch | None = None
    ) -> Sequence[LockedPlayer | None]:
        _ = self.transaction.binding
        with self.transaction.reading() as view:
            return [self._free(view, key, watch) for key in keys]

    def _free(self, view: View, key: AnswerKey, watch: SafetyWatch | None) -> LockedPlayer | None:
        before = _player(view, key.actor_id)
        if before is None or not self._try_lock(view, before):
            return None
        return _locked(view, before, key, watch=watch)

    def _try_lock(self, view: View, player: Player) -> bool:
        is_pass_free = try_lock_pass(self.transaction, view, player)
        return is_pass_free and self.transaction.try_lock(Player, player.player_id)

    def events(self, player_id: UUID, after_seq: int, limit: int) -> Sequence[LedgerEvent]:
        with self.transaction.reading() as view:
            events = newest_of(view, lambda books: books.ledger, None, ("player", player_id))
            numbered = ((event.player_seq, event) for event in events if event.player_seq is not None)
            wanted = sorted(((seq, event) for seq, event in numbered if seq > after_seq), key=lambda pair: pair[0])
        return [event for _, event in wanted[:limit]]

    def idle(self, before: datetime, limit: int) -> Sequence[UUID]:
        with self.transaction.reading() as view:
            idle = sorted(
                (player.idle_since, player.player_id)
                for books in view.books()
                for player in books.players.newest("open", ALL)
                if player.idle_since <= before and view.sees(player)
            )
        return [player_id for _, player_id in idle[:limit]]

    def page(self, only: PlayerFilter, page: Page) -> Sequence[PlayerView]:
        with self.transaction.reading() as view:
            players = newest(view, lambda books: books.players, page.before, only.tenant_id)
            wanted = (player for player in players if _is_player(player, only))
            return [_player_view(view, player) for player in islice(wanted, page.limit)]

    def session(self, session_id: UUID) -> Session | None:
        """Return a visible session."""
        with self.transaction.reading() as view:
            return view.one(lambda books: books.sessions.rows.get(session_id))

    def sessions(self, player_id: UUID, page: Page) -> Sequence[Session]:
        with self.transaction.reading() as view:
            sessions = newest_of(view, lambda books: books.sessions, page.before, ("player", player_id))
            return list(islice(sessions, page.limit))

    def rounds(self, player_id: UUID, page: Page) -> Sequence[Round]:
        with self.transaction.reading() as view:
            rounds = newest_of(view, lambda books: books.rounds, page.before, ("player", player_id))
            return list(islice(rounds, page.limit))

    def fair_round(self, round_id: UUID) -> FairRound | None:
        with self.transaction.reading() as view:
            found = view.one(lambda books: books.rounds.rows.get(round_id))
            player = None if found is None else _player(view, found.player_id)
            if found is None or player is None:
                return None
            return FairRound(found, player, _revealed(view, player.player_id, found.seed_number))

    def last_revealed(self, player_id: UUID) -> RevealedSeed | None:
        with self.transaction.reading() as view:
            player = _player(view, player_id)
            if player is None:
                return None
            revealed = (_revealed(view, player_id, number) for number in range(player.seeds.number, 0, -1))
            return next((seed for seed in revealed if seed is not None), None)


def _locked(
    view: View,
    before: Player,
    key: AnswerKey | None,
    *,
    watch: SafetyWatch | None,
    shown_pass_id: UUID | None = None,
) -> LockedPlayer | None:
    """Return a player, now locked, whose row was read without the lock as `before`."""
    player = _player(view, before.player_id)
    if player is None:
        return None
    session, bonuses = _belongings(view, player)
    play_pass = held_pass(view, before, player, shown_pass_id)
    safety = None if watch is None else safety_of(view, player.player_id, watch)
    timezone = timezone_of(view, play_pass)
    return LockedPlayer(player, session, bonuses, view.answer(key), safety, play_pass, timezone)


def _is_player(player: Player, only: PlayerFilter) -> bool:
    return (
        only.status in (None, player.status)
        and player.login_code.symbols.endswith(only.code_ends or "")
        and is_within(player.created_at, only.since, only.until)
    )


def _player(view: View, player_id: UUID) -> Player | None:
    return view.one(lambda books: books.players.rows.get(player_id))


def _revealed(view: View, player_id: UUID, number: int | None) -> RevealedSeed | None:
    return view.one(lambda books: books.revealed_seeds.rows.get((player_id, number)))


def _player_view(view: View, player: Player) -> PlayerView:
    session, bonuses = _belongings(view, player)
    return PlayerView(player, session, bonuses)


def _belongings(view: View, player: Player) -> tuple[Session | None, tuple[Bonus, ...]]:
    """Return a player's open session and open bonuses."""
    books = view.shelf[player.operator_id]
    return books.sessions.by("open", player.player_id), books.bonuses_of(player.player_id)
