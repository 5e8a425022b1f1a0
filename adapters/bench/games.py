"""The benchmark of games: the cost of an odds sheet, and of drawing, proving and verifying a round."""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID

from ...application.play.fairness import RoundExport
from ...application.play.verification import Verifier
from ...application.wire import encode, to_wire
from ...domain.games.fairness import SeedKeys, SeedState, commitment_of
from ...domain.games.files import canonical
from ...domain.games.game import Game
from ...domain.games.par_sheet import ParSheet
from ...domain.play.rounds import outcome_of

_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
PLAYER: Final = UUID("01900000-0000-7000-8000-000000000001")
KEYS: Final = SeedKeys("bench", {"bench": bytes(32)})
STATE: Final = SeedState("bench", "a client seed")
DIGESTS: Final = 5
"""The HMACs and hashes of one round with its proof: two seeds, a block, a link, a commitment."""


def measure_games(games: Iterable[Game], *, rounds: int, show: Callable[[str], None]) -> None:
    """Time the odds sheet and the rounds of each game, in processor time.

    The floor is the cost of the digests alone that a round needs, in the same run.
    """
    floor = _microseconds(_digests, rounds)
    show(f"floor: {DIGESTS} digests in {floor:.1f} microseconds")
    show(f"{'game':<16}{'sheet s':>9}{'round us':>10}{'of floor':>10}{'verified us':>13}{'of floor':>10}")
    total = 0.0
    for game in games:
        seconds = _seconds(partial(_sheet, game))
        spun = _microseconds(partial(_spin, game, _states()), rounds)
        verified = _microseconds_of_each(Verifier(), _exports(game, rounds))
        total += seconds
        show(
            f"{game.game_key:<16}{seconds:>9.2f}{spun:>10.1f}{spun / floor:>10.1f}"
            f"{verified:>13.1f}{verified / floor:>10.1f}"
        )
    show(f"{'all sheets':<16}{total:>9.2f}")


def _digests() -> None:
    for _ in range(DIGESTS - 1):
        hmac.digest(bytes(32), b"server-seed:01900000-0000-7000-8000-000000000001:1", "sha256")
    hashlib.sha256(bytes(32)).hexdigest()


def _sheet(game: Game) -> None:
    sheet = ParSheet(game)
    _ = sheet.spread, sheet.hit_rate, sheet.at_least_stake, sheet.largest_win
    _ = sheet.wins, sheet.runs, sheet.free_spins


def _states() -> Iterator[SeedState]:
    state = STATE
    while True:
        yield state
        state = state.played()


def _spin(game: Game, states: Iterator[SeedState]) -> None:
    """Do the work of a spin without money and storage: draw, evaluate, make the proof."""
    state = next(states)
    play = game.play(KEYS.draw(PLAYER, state))
    outcome_of(play, 1)
    str(KEYS.link("0000", PLAYER))
    commitment_of(KEYS.server_seed(PLAYER, state))


def _exports(game: Game, rounds: int) -> Iterator[bytes]:
    seed = KEYS.server_seed(PLAYER, STATE)
    coin_minor = game.stake.coin_minor(game.min_stake_minor)
    yield b'{"game":' + canonical(game) + b"}"
    for state, _ in zip(_states(), range(rounds), strict=False):
        play = game.play(KEYS.draw(PLAYER, state))
        export = RoundExport(
            link="0000",
            game_key=game.game_key,
            game_version=game.version,
            stake_minor=game.min_stake_minor,
            win_minor=play.coins * coin_minor,
            outcome=outcome_of(play, coin_minor),
            played_at=_EPOCH,
            server_seed_hash=commitment_of(seed),
            client_seed=state.client_seed,
            nonce=state.nonce,
            server_seed=seed.hex(),
        )
        yield encode({"round": to_wire(export.sealed())})


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _microseconds(work: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) / times * 1e6


def _microseconds_of_each(verifier: Verifier, lines: Iterator[bytes]) -> float:
    """Return the time to verify a line. The first line is the game, which is read with the second."""
    exports = list(lines)
    list(verifier.check(exports[:2]))
    started = time.process_time()
    verdicts = list(verifier.check(exports[1:]))
    seconds = time.process_time() - started
    assert all(verdict.is_verified for verdict in verdicts)
    return seconds / len(verdicts) * 1e6
