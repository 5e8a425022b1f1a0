"""A round: one stake, one outcome, one settlement."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import frozen

from .bonuses import Bonus, BonusTrigger, require_acknowledged
from .games import Game
from .players import Player


@frozen(kw_only=True)
class Round:
    """A played round as it is kept. Amounts in minor units; `outcome` is what was shown."""

    round_id: UUID
    operator_id: UUID
    tenant_id: UUID
    player_id: UUID
    session_id: UUID
    action_id: str
    game_key: str
    stake_minor: int
    win_minor: int
    bonus_minor: int
    balance_minor: int
    outcome: Mapping[str, Any]
    played_at: datetime


@frozen
class Settlement:
    """A round worked out: the wallet after each step, and the bonuses that it set free."""

    after_bet: Player
    after_win: Player
    after_bonus: Player
    win_minor: int
    outcome: Mapping[str, Any]
    triggered: tuple[Bonus, ...]

    @property
    def bonus_minor(self) -> int:
        """What the triggered bonuses paid, in minor units."""
        return sum(bonus.amount_minor for bonus in self.triggered)


def require_playable(player: Player, bonuses: Iterable[Bonus], stake_minor: int) -> None:
    """Raise BonusAckRequired or InsufficientFunds when the player may not stake now."""
    require_acknowledged(bonuses)
    player.debit(stake_minor)


def settle_round(
    game: Game,
    player: Player,
    bonuses: Iterable[Bonus],
    *,
    ticket: int,
    stake_minor: int,
    now: datetime,
) -> Settlement:
    """Work a round out: stake taken, win of the ticket credited, bonus trigger checked, in that order.

    The ticket alone decides the outcome. Raises InsufficientFunds.
    """
    prize = game.prize_of(ticket)
    win_minor = stake_minor * prize.multiplier
    after_bet = player.debit(stake_minor)
    after_win = after_bet.credit(win_minor) if win_minor else after_bet
    after_bonus, triggered = settle_bonuses(after_win, bonuses, now)
    return Settlement(
        after_bet=after_bet,
        after_win=after_win,
        after_bonus=after_bonus,
        win_minor=win_minor,
        outcome={"prize": prize.name, "multiplier": prize.multiplier, "ticket": ticket},
        triggered=triggered,
    )


def settle_bonuses(player: Player, bonuses: Iterable[Bonus], now: datetime) -> tuple[Player, tuple[Bonus, ...]]:
    """Check the bonus trigger of a player after an operation; return the player and the bonuses paid."""
    wallet, triggered = BonusTrigger().settle(player.wallet, bonuses, now)
    return player.with_wallet(wallet), triggered
