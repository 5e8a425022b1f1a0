"""Exports of rounds: the product and the stand-alone page find any change in one."""

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.adapters.system.game_shelf import shipped_games
from playtime.application.play.verification import Verdict, Verifier
from playtime.application.wire import encode
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.game import Game

from support.games import games, stakes_of
from support.round_exports import export, nonce_with_free_spins
from support.tree import ROOT

SCRIPT: Final = ROOT / "docs" / "verify_round.py"
ORCHARD: Final = shipped_games()[1]


def verdicts(*lines: bytes) -> list[Verdict]:
    return list(Verifier().check(lines))


def script(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), str(file)], capture_output=True, text=True, check=False)


# --- right ones -----------------------------------------------------------------------------------------------


@given(games(), st.data(), st.integers(0, 2**40))
def test_any_round_of_any_game_verifies(game: Game, data: st.DataObject, nonce: int) -> None:
    (verdict,) = verdicts(export(game, nonce, played_for=data.draw(stakes_of(game))))
    assert verdict.is_verified, verdict


def test_round_needs_no_copy_of_a_game_that_came_before_it() -> None:
    first, second = export(ORCHARD, 0), json.loads(export(ORCHARD, 1))
    bare = encode({"round": second["round"]})
    alone = encode({"game": second["game"]})
    assert [verdict.is_verified for verdict in verdicts(first, bare)] == [True, True]
    assert [verdict.is_verified for verdict in verdicts(alone, bare)] == [True]
    (lonely,) = verdicts(bare)
    assert lonely.faults == ("the file of its game is not there",)


def test_round_with_unrevealed_seed_is_neither_right_nor_wrong() -> None:
    (verdict,) = verdicts(export(ORCHARD, 0, server_seed=None))
    assert (verdict.is_verified, verdict.is_revealed, verdict.faults) == (False, False, ())


# --- wrong ones -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("about", "fault"),
    [
        ({"stake_minor": 21}, "no such stake"),
        ({"stake_minor": 0}, "no such stake"),
        ({"win_minor": 123_456}, "another win"),
        ({"nonce": 77}, "another outcome"),
        ({"nonce": None}, "another outcome"),
        ({"client_seed": "yours"}, "another outcome"),
        ({"outcome": {}}, "another outcome"),
        ({"server_seed": bytes(32).hex()}, "another outcome"),
        ({"server_seed": bytes(32).hex()}, "whose hash was published"),
        ({"server_seed_hash": "0" * 64}, "whose hash was published"),
        ({"server_seed": "no hex"}, "cannot be recomputed"),
        ({"server_seed": 5}, "cannot be recomputed"),
        ({"game_version": "0" * 64}, "file of its game"),
        ({"game_key": "another"}, "another key"),
    ],
)
def test_false_claim_of_a_round_is_found_despite_a_right_digest(about: dict[str, Any], fault: str) -> None:
    line = export(ORCHARD, 0)
    content = json.loads(line)
    sealed = json.loads(export(ORCHARD, 0, **about))["round"]
    (verdict,) = verdicts(encode(content | {"round": sealed}))
    assert any(fault in found for found in verdict.faults), verdict


def is_found(line: bytes, bit: int) -> bool:
    """Return whether a verifier finds that one bit of a right export was flipped."""
    flipped = bytearray(line)
    flipped[bit // 8] ^= 1 << bit % 8
    found = verdicts(*bytes(flipped).splitlines(keepends=True))
    return bool(found) and not all(verdict.is_verified for verdict in found)


def test_a_flipped_bit_anywhere_is_found() -> None:
    line = export(DEMO_GAME, 3)
    assert verdicts(line)[0].is_verified
    assert [bit for bit in range(len(line) * 8) if not is_found(line, bit)] == []


def test_flipped_bits_all_over_a_round_with_free_spins_are_found() -> None:
    """Some of them; the long test flips each."""
    line = export(ORCHARD, nonce_with_free_spins(ORCHARD))
    assert verdicts(line)[0].is_verified
    assert [bit for bit in range(0, len(line) * 8, 61) if not is_found(line, bit)] == []


@pytest.mark.slow
@pytest.mark.timeout(900)  # every bit of a long line takes a verification: three minutes of one idle core
def test_any_flipped_bit_in_a_round_with_free_spins_is_found() -> None:
    line = export(ORCHARD, nonce_with_free_spins(ORCHARD))
    assert [bit for bit in range(len(line) * 8) if not is_found(line, bit)] == []


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"ok": true}',
        b'{"ok":true }',
        b'{"round":{}}',
        b'{"round":null}',
        b'{"more":1}',
        b'{"ok":false,"round":{}}',
    ],
)
def test_what_is_no_export_is_faulty(line: bytes) -> None:
    assert [bool(verdict.faults) for verdict in verdicts(line)] == [True]


def test_an_export_that_was_written_otherwise_is_not_canonical() -> None:
    line = export(ORCHARD, 0)
    spaced = json.dumps(json.loads(line)).encode()
    assert "canonical" in verdicts(spaced)[0].faults[0]
    assert verdicts(line + b"\n")[0].is_verified


# --- the page -------------------------------------------------------------------------------------------------


def test_the_page_is_a_page_and_needs_nothing_else() -> None:
    text = SCRIPT.read_text()
    assert len(text.splitlines()) < 80
    imported = {line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imported <= sys.stdlib_module_names


def test_the_page_verifies_rounds_of_every_game(tmp_path: Path) -> None:
    file = tmp_path / "rounds.jsonl"
    lines = [export(game, nonce) for game in shipped_games() for nonce in range(200)]
    lines += [export(game, nonce_with_free_spins(game)) for game in shipped_games() if game.free_spins]
    file.write_bytes(b"\n".join(lines) + b"\n")
    ran = script(file)
    assert (ran.returncode, ran.stdout) == (0, f"{len(lines)} rounds verified\n"), ran.stderr
    assert all(verdict.is_verified for verdict in verdicts(*lines))


def test_page_shows_that_a_rounds_seed_is_not_revealed_yet(tmp_path: Path) -> None:
    file = tmp_path / "rounds.jsonl"
    file.write_bytes(export(ORCHARD, 0) + b"\n" + export(ORCHARD, 1, server_seed=None))
    ran = script(file)
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", "line 2: its server seed was not revealed yet\n")


def test_the_page_finds_flipped_bits_too(tmp_path: Path) -> None:
    """Sixty bits all over the file; the product's own test flips each of them."""
    line, file = export(ORCHARD, nonce_with_free_spins(ORCHARD)), tmp_path / "round.json"
    for at in islice(range(0, len(line) * 8, 997), 60):
        flipped = bytearray(line)
        flipped[at // 8] ^= 1 << at % 8
        file.write_bytes(bytes(flipped))
        assert script(file).returncode != 0, at
