"""The port of players, their sessions and rounds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from attrs import frozen

from ...domain.access.codes import Code
from ...domain.games.fairness import RevealedSeed
from ...domain.ledger.events import LedgerEvent
from ...domain.limits.play_passes import PlayPass
from ...domain.play.players import Player
from ...domain.play.rounds import Round
from ...domain.play.sessions import Session
from ...domain.vouchers.bonuses import Bonus
from .bindings import AnswerKey, StoredAnswer
from .filters import Page, PlayerFilter
from .safety import PlayerSafety, SafetyWatch


@frozen
class LockedPlayer:
    """A player whose row is locked, and the data that were read after the lock.

    `session` is the player's open session, and `bonuses` are the pending and triggered ones. `answer` is the
    stored answer of the requested key, and `safety` the play of the requested watch. `play_pass` is locked as
    well: the player's own, or the shown one. `pass_timezone` is the timezone of its tenant's days, None if the
    tenant has set none or there is no pass.
    """

    player: Player
    session: Session | None
    bonuses: tuple[Bonus, ...]
    answer: StoredAnswer | None
    safety: PlayerSafety | None = None
    play_pass: PlayPass | None = None
    pass_timezone: str | None = None

    @property
    def is_pass_shown(self) -> bool:
        """Whether `play_pass` is the pass that was shown, and not yet the player's own."""
        return self.play_pass is not None and self.player.pass_id is None


@frozen
class PlayerView:
    """A player as seen without a lock: one consistent moment."""

    player: Player
    session: Session | None
    bonuses: tuple[Bonus, ...]


@frozen
class FairRound:
    """A round with its player, and the server seed that decided it, once revealed."""

    round: Round
    player: Player
    revealed: RevealedSeed | None


class Players(Protocol):
    """Players, their sessions, bonuses and rounds."""

    def find(self, login_code: Code) -> Player | None:
        """Return the player of a login code, without a lock."""

    def get(self, player_id: UUID) -> PlayerView | None:
        """Return the player as of one moment, without a lock."""

    def lock(
        self,
        player_id: UUID,
        key: AnswerKey | None = None,
        *,
        shown_pass_id: UUID | None = None,
        watch: SafetyWatch | None = None,
    ) -> LockedPlayer | None:
        """Lock the player's pass or else the shown one, then the player, and then read the player's records.

        One statement locks and a later one of the same round trip reads. The reads therefore see all changes that
        other units committed while this one waited. `watch` adds the result of `safety.of_player`. Raises
        TransientConflict if the player was tied to a pass in between.
        """

    def lock_free(
        self, keys: Sequence[AnswerKey], *, watch: SafetyWatch | None = None
    ) -> Sequence[LockedPlayer | None]:
        """Lock the actors of these keys, different players, each with the answer of its key, and wait for nobody.

        None: there is no such player, or another unit of work has locked the player or the player's pass. Two
        players that are tied to the same pass have the same `play_pass`.
        """

    def events(self, player_id: UUID, after_seq: int, limit: int) -> Sequence[LedgerEvent]:
        """Return at most `limit` of a player's events above a number, in the order of their numbers."""

    def idle(self, before: datetime, limit: int) -> Sequence[UUID]:
        """Return at most `limit` open players idle since a moment or earlier, those idle longest first.

        Idle time counts from the last activity, or from `idle_from` if that is later.
        """

    def page(self, only: PlayerFilter, page: Page) -> Sequence[PlayerView]:
        """Return players, newest id first."""

    def session(self, session_id: UUID) -> Session | None:
        """Return a visible session. It changes only under its player's lock."""

    def sessions(self, player_id: UUID, page: Page) -> Sequence[Session]:
        """Return a player's sessions, newest id first."""

    def rounds(self, player_id: UUID, page: Page) -> Sequence[Round]:
        """Return a player's rounds, newest id first."""

    def fair_round(self, round_id: UUID) -> FairRound | None:
        """Return a visible round with its player and its seed as of one moment, without a lock."""

    def last_revealed(self, player_id: UUID) -> RevealedSeed | None:
        """Return the last revealed server seed of a visible player."""
