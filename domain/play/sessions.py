"""Sessions: times of play of one player, with live totals."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from attrs import evolve, frozen

SESSION_IDLE_MINUTES: Final = 30
PLAYER_SESSION_DAYS: Final = 90
"""The time after the login in which the tokens of a player's session are renewed."""
STAFF_SESSION_DAYS: Final = 7
"""The same for a session of a member of staff."""
REPEAT_SECONDS: Final = 10
"""The time in which a used refresh token gets the same new pair again: two tabs, or an answer that was lost."""


class SessionEnd(StrEnum):
    """The reason of a session's end."""

    IDLE = "IDLE"
    LOGOUT = "LOGOUT"
    PLAYER_CLOSED = "PLAYER_CLOSED"
    REFRESH_REUSED = "REFRESH_REUSED"
    EXPIRED = "EXPIRED"


@frozen(kw_only=True)
class Session:
    """A player's session. Amounts in minor units; `games` has the keys of the games played, sorted.

    `refresh_generation` is the generation of the only valid tokens, `refreshed_at` the time of the last refresh.
    `loss_limit_minor` is the largest net loss that the player allows. `checked_at` is the time of the last
    acknowledged reality check.

    A session that begins soon after the last one continues it. It has the last one's limit and last reality check.
    `earlier_bets_minor` and `earlier_wins_minor` are the totals of all sessions that it continues, and
    `play_began_at` is the start of the first of them.
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
    refreshed_at: datetime | None = None
    loss_limit_minor: int | None = None
    checked_at: datetime | None = None
    earlier_bets_minor: int = 0
    earlier_wins_minor: int = 0
    play_began_at: datetime | None = None

    @property
    def net_loss_minor(self) -> int:
        """Stakes minus wins of this session, without bonuses."""
        return self.bets_minor - self.wins_minor

    @property
    def total_bets_minor(self) -> int:
        """The stakes of this session and of those that it continues."""
        return self.earlier_bets_minor + self.bets_minor

    @property
    def total_wins_minor(self) -> int:
        """The wins of this session and of those that it continues."""
        return self.earlier_wins_minor + self.wins_minor

    @property
    def total_loss_minor(self) -> int:
        """The net loss that counts for the loss limit: of this session and of those that it continues."""
        return self.total_bets_minor - self.total_wins_minor

    @property
    def began_at(self) -> datetime:
        """The start of this session, or of the first that it continues."""
        return self.play_began_at or self.started_at

    @property
    def is_open(self) -> bool:
        """Whether the session has not ended."""
        return self.ended_at is None

    def resumable(self, now: datetime) -> bool:
        """Return whether a login at `now` resumes this session."""
        return self.is_open and not self.is_idle(now) and not self.is_worn_out(now)

    def is_idle(self, now: datetime) -> bool:
        """Return whether nobody has used the session for a while."""
        return now - self.last_active_at >= timedelta(minutes=SESSION_IDLE_MINUTES)

    def is_worn_out(self, now: datetime) -> bool:
        """Return whether the session is too old for new tokens."""
        return now - self.started_at >= timedelta(days=PLAYER_SESSION_DAYS)

    def is_continued(self, now: datetime) -> bool:
        """Return whether a session that begins at `now` continues this one, which has ended."""
        return self.ended_at is not None and now - self.ended_at < timedelta(minutes=SESSION_IDLE_MINUTES)

    def continuing(self, last: "Session") -> "Session":
        """Return the session with the loss limit, the loss so far and the reality-check clock of the last one."""
        return evolve(
            self,
            loss_limit_minor=last.loss_limit_minor,
            checked_at=last.checked_at,
            earlier_bets_minor=last.total_bets_minor,
            earlier_wins_minor=last.total_wins_minor,
            play_began_at=last.began_at,
        )

    def active(self, now: datetime, *, balance_minor: int) -> "Session":
        """Return the session as active at `now`, with the player's current balance."""
        later = max(now, self.last_active_at)
        return evolve(self, last_active_at=later, end_balance_minor=balance_minor)

    def played(
        self, now: datetime, *, game_key: str, stake_minor: int, win_minor: int, balance_minor: int
    ) -> "Session":
        """Return the session with another round in its totals."""
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
        """Return the session as ended; an idle one ended at its last activity."""
        at = self.last_active_at if reason is SessionEnd.IDLE else max(now, self.last_active_at)
        return evolve(self, ended_at=at, end_reason=reason)

    def checked(self, now: datetime) -> "Session":
        """Return the session with its reality check acknowledged."""
        return evolve(self, checked_at=now)

    def repeats_refresh(self, generation: int, now: datetime) -> bool:
        """Return whether a refresh token of a generation was used a moment ago, for the first time."""
        return _is_repeated(self.refresh_generation, self.refreshed_at, generation, now)

    def rotate_refresh(self, now: datetime) -> "Session":
        """Return the session with the next refresh generation as the only good one."""
        return evolve(self, refresh_generation=self.refresh_generation + 1, refreshed_at=now)


@frozen(kw_only=True)
class StaffSession:
    """A session of a member of staff, from login to logout. It is active when tokens are issued."""

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

    def is_worn_out(self, now: datetime) -> bool:
        """Return whether the session is too old for new tokens."""
        return now - self.started_at >= timedelta(days=STAFF_SESSION_DAYS)

    def repeats_refresh(self, generation: int, now: datetime) -> bool:
        """Return whether a refresh token of a generation was used a moment ago, for the first time."""
        return _is_repeated(self.refresh_generation, self.last_active_at, generation, now)

    def end(self, now: datetime) -> "StaffSession":
        """Return the session as ended."""
        return evolve(self, ended_at=max(now, self.last_active_at))

    def rotate_refresh(self, now: datetime) -> "StaffSession":
        """Return the session with the next refresh generation as the only good one."""
        return evolve(
            self,
            refresh_generation=self.refresh_generation + 1,
            last_active_at=max(now, self.last_active_at),
        )


def _is_repeated(current: int, refreshed_at: datetime | None, generation: int, now: datetime) -> bool:
    """Return whether a generation is the one before the current one, and ended a moment ago."""
    if refreshed_at is None or generation != current - 1:
        return False
    return abs(now - refreshed_at) <= timedelta(seconds=REPEAT_SECONDS)
