"""The commands about games and rounds, run as they are typed."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from playtime.adapters.system.game_shelf import SHIPPED, load_game, load_games
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.files import canonical
from playtime.domain.games.par_sheet import ParSheet

from support.commands import run_command
from support.games import document_of, file_of, finished, make_game
from support.oracles import oracle
from support.round_exports import export


def run(*words: str, given: bytes = b"") -> Result:
    return run_command(*words, given=given, load_games=load_games, load_game=load_game)


def test_the_games_are_listed() -> None:
    listed = run("games", "list")
    assert listed.exit_code == 0
    assert [line.split()[0] for line in listed.output.splitlines()] == ["demo-wheel", *SHIPPED]


def test_a_sheet_is_printed_for_people_and_for_programs(tmp_path: Path) -> None:
    game = make_game(
        ["ABWAB", "ABSAB", "SABWA"],
        {"A": {2: 1, 3: 5}, "B": {3: 7}, "W": {3: 50}},
        scatter_pays={2: 3},
        free=({2: 4}, 2, 20),
    )
    file = tmp_path / "game.json"
    file.write_bytes(canonical(finished(game)))
    sheet = ParSheet(game)
    content = json.loads(run("games", "par", str(file), "--json").output)
    for name, exact in (
        ("hitRate", sheet.hit_rate),
        ("atLeastStake", sheet.at_least_stake),
        ("variance", sheet.spread.variance),
        ("standardDeviation", sheet.spread.deviation),
        ("volatilityIndex", sheet.spread.volatility_index),
    ):
        assert abs(Fraction(content[name]) - exact) < Fraction(1, 10**11), name
    parts = content["rtp"]
    assert abs(Fraction(parts["total"]) - sheet.returns.total) < Fraction(1, 10**11)
    total = sum(Fraction(parts[part]) for part in ("lines", "scatters", "freeSpins"))
    assert abs(total - Fraction(parts["total"])) < Fraction(1, 10**11)
    assert content["combinations"] == 125 == sum(win["combinations"] for win in content["wins"])
    assert content["ranges"].keys() == {"1000", "10000", "100000", "1000000", "10000000"}
    assert content["largestWin"]["coins"] == sheet.largest_win.coins
    read = run("games", "par", str(file)).output
    for words in (
        "combinations        125",
        "hit rate",
        "volatility index",
        "break-even",
        "free spins          1 in",
    ):
        assert words in read


def test_invalid_game_file_is_refused_with_each_faults_path(tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    document = document_of()
    document["reels"][0][0] = ["shade", 0]
    document["lines"][0] = [1]
    file.write_bytes(file_of(document))
    result = run("games", "par", str(file))
    assert result.exit_code == 1
    assert "reels[0][0][1]: must be between 1" in result.output
    assert run("games", "par", str(tmp_path / "nowhere.json")).exit_code == 2


def test_rounds_are_verified_from_a_file_or_the_standard_input(tmp_path: Path) -> None:
    lines = [export(DEMO_GAME, nonce) for nonce in range(20)]
    file = tmp_path / "rounds.jsonl"
    file.write_bytes(b"\n".join(lines))
    for result in (run("verify", str(file)), run("verify", "-", given=b"\n".join(lines))):
        assert (result.exit_code, result.output) == (
            0,
            "20 rounds verified, 0 whose server seed is not revealed yet, 0 faulty\n",
        )
    false = run("verify", "-", given=export(DEMO_GAME, 0, win_minor=77))
    assert (false.exit_code, "line 1: the seeds give another win" in false.output) == (1, True)
    waiting = run("verify", "-", given=export(DEMO_GAME, 0, server_seed=None))
    assert (waiting.exit_code, "1 whose server seed is not revealed yet" in waiting.output) == (1, True)
    assert run("verify", "-", given=b"").exit_code == 3, "nothing was verified"


@pytest.mark.parametrize(
    "vector", oracle("fairness")["stake_multi"]["vectors"], ids=lambda vector: vector["nonce"]
)
def test_a_published_draw_is_recomputed(vector: dict[str, Any]) -> None:
    words = ["--server-seed", vector["serverSeed"], "--client-seed", vector["clientSeed"]]
    printed = run("verify", "--scheme", "text-key", *words, "--nonce", str(vector["nonce"])).output
    assert vector["hmac0"] in printed
    assert f"dice              {vector['dice']:.2f}" in printed
    assert f"limbo             {vector['limbo']:.2f}" in printed


def test_a_published_number_by_rejection_is_recomputed() -> None:
    (vector,) = oracle("fairness")["duel_dice_rejection"]["vectors"]
    words = ["--server-seed", vector["serverSeed"], "--client-seed", vector["clientSeed"], "--modulus", "10001"]
    printed = run("verify", "--scheme", "bytes-key", *words, "--nonce", "43").output
    assert vector["serverSeedHash"] in printed
    assert "number 0          167" in printed


@pytest.mark.parametrize(
    "words",
    [
        ["verify"],
        ["verify", "--scheme", "text-key"],
        ["verify", "--scheme", "none", "--server-seed", "a", "--client-seed", "b"],
        ["verify", "--scheme", "text-key", "--server-seed", "a", "--client-seed", "b", "--nonce", "-1"],
    ],
)
def test_what_is_not_enough_to_verify_is_said(words: list[str]) -> None:
    assert run(*words).exit_code == 2
    refused = run("verify", "--scheme", "bytes-key", "--server-seed", "no hex", "--client-seed", "b")
    assert refused.exit_code == 1
    assert "hexadecimal" in refused.output
