"""Players: ephemeral holders of a wallet, made by redeeming a voucher."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from attrs import define, evolve, frozen

from ..access.codes import Code
from ..access.pins import PinRef
from ..errors import StateRefusal
from ..games.fairness import SeedState
from ..ledger.events import Account, AccountKind
from ..ledger.wallet import Wallet
from ..periods import Span

PLAYER_IDLE_DAYS: Final = 30


@define
class PlayerClosed(StateRefusal):
    """Raised when a closed player logs in, redeems or is closed again."""

    code: ClassVar[str] = "PLAYER_CLOSED"
    text: ClassVar[str] = "The player is closed."
    player_id: UUID


class PlayerStatus(StrEnum):
    """The status of a player: OPEN until staff or idleness close the player."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


@frozen(kw_only=True)
class Player:
    """A player of one agent (`tenant_id`).

    `cashier_id` and `region` are those of the first voucher, and are copied to every event of the player's play.
    `last_seq` counts the player's ledger events; `seeds` decide the player's rounds. `pass_id` is the play pass
    that the player is tied to for ever. `last_session_id` is the session that the player was in last.
    `idle_from` is a moment to count idle time from, if it is later than the last activity.
    """

    player_id: UUID
    operator_id: UUID
    tenant_id: UUID
    login_code: Code
    pin: PinRef
    seeds: SeedState
    created_at: datetime
    last_active_at: datetime
    wallet: Wallet = Wallet()
    last_seq: int = 0
    status: PlayerStatus = PlayerStatus.OPEN
    cashier_id: UUID | None = None
    region: str | None = None
    pass_id: UUID | None = None
    last_session_id: UUID | None = None
    idle_from: datetime | None = None

    @property
    def account(self) -> Account:
        """The PLAYER account, with the wallet as its balance."""
        return Account(AccountKind.PLAYER, self.player_id)

    @property
    def is_open(self) -> bool:
        """Whether the player may log in and play."""
        return self.status is PlayerStatus.OPEN

    def credit(self, amount_minor: int) -> "Player":
        """Return the player after adding an amount. Raises InvalidInput."""
        return evolve(self, wallet=self.wallet.credit(amount_minor))

    def debit(self, amount_minor: int) -> "Player":
        """Return the player after taking an amount. Raises InsufficientFunds, InvalidInput."""
        return evolve(self, wallet=self.wallet.debit(amount_minor))

    def with_wallet(self, wallet: Wallet) -> "Player":
        """Return the player with another state of the same wallet."""
        return evolve(self, wallet=wallet)

    def with_seeds(self, seeds: SeedState) -> "Player":
        """Return the player with another state of the seeds."""
        return evolve(self, seeds=seeds)

    def close(self) -> "Player":
        """Return the player as closed. Raises PlayerClosed if already closed."""
        if not self.is_open:
            raise PlayerClosed(self.player_id)
        return evolve(self, status=PlayerStatus.CLOSED)

    def tied(self, pass_id: UUID) -> "Player":
        """Return the player tied to a play pass, for ever, since the order of locks depends on the pass."""
        assert self.pass_id in (None, pass_id)
        return evolve(self, pass_id=pass_id)

    def in_session(self, session_id: UUID) -> "Player":
        """Return the player in a session."""
        return evolve(self, last_session_id=session_id)

    def numbered(self, last_seq: int) -> "Player":
        """Return the player with `last_seq` written events, without counting as active."""
        return evolve(self, last_seq=last_seq)

    def is_idle(self, now: datetime) -> bool:
        """Return whether the player is open and has been idle for PLAYER_IDLE_DAYS."""
        return self.is_open and now - self.idle_since >= timedelta(days=PLAYER_IDLE_DAYS)

    @property
    def idle_since(self) -> datetime:
        """The moment from which idle time counts."""
        return max(self.last_active_at, self.idle_from or self.last_active_at)

    def counting_idle(self, now: datetime, away: Iterable[Span]) -> "Player":
        """Return the player with the idle time counted; times in which nobody could play do not count."""
        idle = Span(self.last_active_at, now).outside(away)
        return evolve(self, idle_from=now - idle)

    def active(self, now: datetime, *, last_seq: int) -> "Player":
        """Return the player as active at `now`, with `last_seq` written events. The time never steps back."""
        return evolve(self, last_active_at=max(now, self.last_active_at), last_seq=last_seq)
