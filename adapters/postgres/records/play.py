"""Players, their sessions and rounds."""

from typing import Final

from ....domain.play.players import Player
from ....domain.play.rounds import Round
from ....domain.play.sessions import Session
from .mapping import OWNER, Column, Mapped

PLAYERS: Final = Mapped(
    Player,
    "players",
    *OWNER,
    Column("player_id", key=True),
    Column("login_code", "login_code.symbols"),
    Column("pin_key_id", "pin.key_id", changes=True),
    Column("pin_generation", "pin.generation", "integer", changes=True),
    Column("balance_minor", "wallet.balance_minor", changes=True),
    Column("last_seq", changes=True),
    Column("status", changes=True),
    Column("cashier_id"),
    Column("region"),
    Column("created_at"),
    Column("last_active_at", changes=True),
    Column("seed_key_id", "seeds.key_id", changes=True),
    Column("seed_number", "seeds.number", "integer", changes=True),
    Column("seed_nonce", "seeds.nonce", changes=True),
    Column("client_seed", "seeds.client_seed", changes=True),
    Column("pass_id", changes=True),
    Column("last_session_id", changes=True),
    Column("idle_from", changes=True),
    by_server=("idle_hour",),
)

SESSIONS: Final = Mapped(
    Session,
    "sessions",
    *OWNER,
    Column("session_id", key=True),
    Column("player_id"),
    Column("started_at"),
    Column("last_active_at", changes=True),
    Column("start_balance_minor"),
    Column("end_balance_minor", changes=True),
    Column("spins", changes=True),
    Column("bets_minor", changes=True),
    Column("wins_minor", changes=True),
    Column("games", changes=True),
    Column("ended_at", changes=True),
    Column("end_reason", changes=True),
    Column("refresh_generation", type="integer", changes=True),
    Column("refreshed_at", changes=True),
    Column("loss_limit_minor", changes=True),
    Column("checked_at", changes=True),
    Column("earlier_bets_minor"),
    Column("earlier_wins_minor"),
    Column("play_began_at"),
)

ROUNDS: Final = Mapped(
    Round,
    "rounds",
    *OWNER,
    Column("round_id", key=True),
    Column("player_id"),
    Column("session_id"),
    Column("action_id"),
    Column("game_key"),
    Column("stake_minor"),
    Column("win_minor"),
    Column("bonus_minor"),
    Column("balance_minor"),
    Column("outcome"),
    Column("played_at"),
    Column("game_version"),
    Column("seed_number", type="integer"),
    Column("nonce"),
)
