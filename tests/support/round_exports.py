"""Exports of rounds, right ones and such that claim something falsely."""

import json
from typing import Any, Final

from playtime.application.play.fairness import RoundExport
from playtime.application.wire import encode, success
from playtime.contracts.records import NOW
from playtime.domain.games.fairness import HmacDraw, commitment_of
from playtime.domain.games.files import canonical
from playtime.domain.games.game import Game
from playtime.domain.play.rounds import outcome_of

SEED: Final = bytes(range(32))


def export(game: Game, at: int, *, played_for: int | None = None, **about: Any) -> bytes:
    """Return the export of a round played with SEED at a nonce, with its game; `about` is claimed falsely."""
    play = game.play(HmacDraw(SEED, "mine", at))
    stake_minor = played_for or game.min_stake_minor
    coin_minor = game.stake.coin_minor(stake_minor)
    fields: dict[str, Any] = {
        "link": "K7QD",
        "game_key": game.game_key,
        "game_version": game.version,
        "stake_minor": stake_minor,
        "win_minor": play.coins * coin_minor,
        "outcome": outcome_of(play, coin_minor),
        "played_at": NOW,
        "server_seed_hash": commitment_of(SEED),
        "client_seed": "mine",
        "nonce": at,
        "server_seed": SEED.hex(),
    }
    sealed = RoundExport(**fields | about).sealed()
    return encode(success(game=json.loads(canonical(game)), round=sealed))


def nonce_with_free_spins(game: Game) -> int:
    """Return the first nonce that wins free spins."""
    return next(nonce for nonce in range(10_000) if game.play(HmacDraw(SEED, "mine", nonce)).free)
