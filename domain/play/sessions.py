"""Sessions: one stretch of play of one player, with its totals kept live."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from attrs import evolve, frozen

SESSION_IDLE_MINUTES: Final = 30


class SessionEnd(StrEnum):
    """Why a session ended."""

    IDLE = "IDLE"
    LOGOUT = "LOGOUT"
    PLAYER_CLOSED = "PLAYER_CLOSED"
    REFRESH_REUSED = "REFRESH_REUSED"


@frozen(kw_only=True)
class Session:
    """A player's session. Amounts in minor units; `games` are the keys of the games played, sorted.

    `refresh_generation` is the generation of the only refresh token that is still good. `loss_limit_minor` is the
    net loss that the player wants to stay within; `checked_at` is when the player last acknowledged a reality
    check.
    """

    session_id: UUID
    operator_id: UUID
    tenant_id: UUID
    player_id: UUID
    started_at: datetime
    last_active_at: datetime
    start_balance_minor: int
    end_balance_minor: int
    spins: int = 0
    bets_minor: int = 0
    wins_minor: int = 0
    games: tuple[str, ...] = ()
    ended_at: datetime | None = None
    end_reason: SessionEnd | None = None
    refresh_generation: int = 1
    loss_limit_minor: int | None = None
    checked_at: datetime | None = None

    @property
    def net_loss_minor(self) -> int:
        """Stakes minus wins; bonuses are left out."""
        return self.bets_minor - self.wins_minor

    @property
    def is_open(self) -> bool:
        """Whether the session has not ended."""
        return self.ended_at is None

    def resumable(self, now: datetime) -> bool:
        """Whether a log-in at `now` continues this session."""
        return self.is_open and now - self.last_active_at < timedelta(minutes=SESSION_IDLE_MINUTES)

    def active(self, now: datetime, *, balance_minor: int) -> "Session":
        """Return the session as of `now` with the player's present balance."""
        later = max(now, self.last_active_at)
        return evolve(self, last_active_at=later, end_balance_minor=balance_minor)

    def played(
        self, now: datetime, *, game_key: str, stake_minor: int, win_minor: int, balance_minor: int
    ) -> "Session":
        """Return the session with one more round in its totals."""
        games = self.games
        if game_key not in games:
            games = tuple(sorted((*games, game_key)))
        return evolve(
            self,
            last_active_at=max(now, self.last_active_at),
            end_balance_minor=balance_minor,
            spins=self.spins + 1,
            bets_minor=self.bets_minor + stake_minor,
            wins_minor=self.wins_minor + win_minor,
            games=games,
        )

    def end(self, now: datetime, reason: SessionEnd) -> "Session":
        """Return the session ended; an idle one ended when it was last active."""
        at = self.last_active_at if reason is SessionEnd.IDLE else max(now, self.last_active_at)
        return evolve(self, ended_at=at, end_reason=reason)

    def checked(self, now: datetime) -> "Session":
        """Return the session with its reality check acknowledged."""
        return evolve(self, checked_at=now)

    def rotate_refresh(self) -> "Session":
        """Return the session with the next refresh generation as the only good one."""
        return evolve(self, refresh_generation=self.refresh_generation + 1)


@frozen(kw_only=True)
class StaffSession:
    """A member of staff at work, from log-in to log-out."""

    session_id: UUID
    operator_id: UUID
    tenant_id: UUID
    staff_id: UUID
    started_at: datetime
    last_active_at: datetime
    ended_at: datetime | None = None
    refresh_generation: int = 1

    @property
    def is_open(self) -> bool:
        """Whether the session has not ended."""
        return self.ended_at is None

    def end(self, now: datetime) -> "StaffSession":
        """Return the session ended."""
        return evolve(self, ended_at=max(now, self.last_active_at))

    def rotate_refresh(self, now: datetime) -> "StaffSession":
        """Return the session with the next refresh generation as the only good one."""
        return evolve(
            self,
            refresh_generation=self.refresh_generation + 1,
            last_active_at=max(now, self.last_active_at),
        )
