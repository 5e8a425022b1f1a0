"""A round: one stake, one outcome, one settlement."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import frozen

from ..games.game import Game, RoundOutcome, Window
from ..vouchers.bonuses import Bonus, BonusTrigger, require_acknowledged
from ..wire_names import camel_keys
from .players import Player


@frozen(kw_only=True)
class Round:
    """A played round as it is stored. Amounts are in minor units; `outcome` is what the player saw.

    Game version, seed number and nonce decide the outcome.
    """

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
    game_version: str
    seed_number: int
    nonce: int


@frozen
class Settlement:
    """The result of a round: the player after each step, and the triggered bonuses."""

    after_bet: Player
    after_win: Player
    after_bonus: Player
    win_minor: int
    outcome: Mapping[str, Any]
    triggered: tuple[Bonus, ...]

    @property
    def bonus_minor(self) -> int:
        """The sum of the triggered bonuses, in minor units."""
        return sum(bonus.amount_minor for bonus in self.triggered)


def require_playable(player: Player, bonuses: Iterable[Bonus], stake_minor: int) -> None:
    """Raise BonusAckRequired or InsufficientFunds if the player may not stake now."""
    require_acknowledged(bonuses)
    player.debit(stake_minor)


def settle_round(
    game: Game,
    play: RoundOutcome,
    player: Player,
    bonuses: Iterable[Bonus],
    *,
    stake_minor: int,
    now: datetime,
) -> Settlement:
    """Settle a round: take the stake, credit the win, check the bonus trigger, in that order.

    The outcome depends on `play` only. Raises InsufficientFunds.
    """
    coin_minor = game.stake.coin_minor(stake_minor)
    win_minor = play.coins * coin_minor
    after_bet = player.debit(stake_minor)
    after_win = after_bet.credit(win_minor) if win_minor else after_bet
    after_bonus, triggered = settle_bonuses(after_win, bonuses, now)
    return Settlement(
        after_bet=after_bet,
        after_win=after_win,
        after_bonus=after_bonus,
        win_minor=win_minor,
        outcome=outcome_of(play, coin_minor),
        triggered=triggered,
    )


def outcome_of(play: RoundOutcome, coin_minor: int) -> dict[str, Any]:
    """Return the windows and wins of a round, as they are stored and shown, with the names of the wire format."""
    free = [_shown(window, coin_minor * play.multiplier) for window in play.free]
    return _shown(play.paid, coin_minor) | camel_keys({"free_spins": free})


def _shown(window: Window, coin_minor: int) -> dict[str, Any]:
    wins = [
        {"line": win.line, "symbol": win.symbol, "count": win.count, "win_minor": win.coins * coin_minor}
        for win in window.line_wins
    ]
    return camel_keys(
        {
            "stops": list(window.stops),
            "window": [list(column) for column in window.columns],
            "line_wins": [camel_keys(win) for win in wins],
            "scatter_win_minor": window.scatter_coins * coin_minor,
        }
    )


def settle_bonuses(player: Player, bonuses: Iterable[Bonus], now: datetime) -> tuple[Player, tuple[Bonus, ...]]:
    """Check the bonus trigger after an operation; return the player and the paid bonuses."""
    wallet, triggered = BonusTrigger().settle(player.wallet, bonuses, now)
    return player.with_wallet(wallet), triggered
