"""A hundred thousand rounds, played, exported and verified by the page that knows nothing of the product."""

import subprocess
import sys
from itertools import cycle
from pathlib import Path
from typing import Final

import pytest

from playtime.adapters.memory.storage import MemoryStorage
from playtime.adapters.system.game_shelf import load_games
from playtime.application.play.verification import Verifier
from playtime.application.wire import encode
from playtime.contracts.doubles import PINS
from playtime.domain.games.fairness import SeedKeys

from support.day import build_day
from support.tree import ROOT

ROUNDS: Final = 100_000
SEEDS: Final = 20
"""Server seeds that the rounds are drawn with, one after the other."""


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_100_000_rounds_verify(tmp_path: Path) -> None:
    games = load_games()
    day = build_day(MemoryStorage(), seeds=SeedKeys(PINS.current, PINS.secrets), games=games)
    engine, guest, links = day.engine, day.welcome(10**11), list[str]()
    stakes = cycle([(game.game_key, game.max_stake_minor) for game in games])
    for number in range(ROUNDS):
        game_key, stake_minor = next(stakes)
        content = engine.spin(guest.principal, stake_minor=stake_minor, game_key=game_key).content()
        links.append(content["result"]["proof"]["link"])
        if number % (ROUNDS // SEEDS) == 0:
            engine.rotate_seed(guest.principal, client_seed=f"words of mine: {number}")
    engine.rotate_seed(guest.principal)
    file, met = tmp_path / "rounds.jsonl", set[str]()
    with file.open("wb") as lines:
        for link in links:
            export = dict(engine.read_fair_round(link))
            version = export["round"]["gameVersion"]
            if version in met:
                # Once is enough for the file of a game.
                export = {"round": export["round"]}
            met.add(version)
            lines.write(encode(export) + b"\n")
    assert len(met) == len(games)
    page = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "verify_round.py"), str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (page.returncode, page.stdout) == (0, f"{ROUNDS} rounds verified\n"), page.stderr
    with file.open("rb") as exported:
        assert sum(verdict.is_verified for verdict in Verifier().check(exported)) == ROUNDS
