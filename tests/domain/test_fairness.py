"""Provably fair draws: recomputed from the seeds, uniform, and independent of everything else."""

import hashlib
import hmac
from collections import Counter
from itertools import islice
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.errors import InvalidInput
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.fairness import (
    LINK_SYMBOLS,
    WORD_VALUES,
    HmacDraw,
    MalformedLink,
    RoundLink,
    SeedKeys,
    SeedRetired,
    SeedState,
    checked_client_seed,
    commitment_of,
    parse_link,
    words_of,
)
from playtime.domain.games.game import Game

from support.games import games, make_game
from support.models import PLAYER

KEYS = SeedKeys("k1", {"k1": b"a secret of tests", "k0": b"an older secret"})
ROUND = UUID("01912345-6789-7abc-8def-0123456789ab")
client_seeds = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=64)


def test_words_are_the_hmac_block_after_block() -> None:
    seed = bytes(range(32))
    blocks = [hmac.new(seed, f"lucky:7:{block}".encode(), hashlib.sha256).digest() for block in range(3)]
    by_hand = [int.from_bytes(block[at : at + 4], "big") for block in blocks for at in range(0, 32, 4)]
    assert list(islice(words_of(seed, "lucky", 7), 24)) == by_hand


@pytest.mark.parametrize("bound", [1, 2, 3, 10_000, 2**31 + 1, WORD_VALUES - 1, WORD_VALUES])
def test_draw_reduces_the_first_accepted_word(bound: int) -> None:
    for nonce in range(20):
        accepted = WORD_VALUES // bound * bound
        word = next(word for word in words_of(b"seed", "c", nonce) if word < accepted)
        assert HmacDraw(b"seed", "c", nonce).below(bound) == word % bound < bound


def test_words_in_the_incomplete_run_are_skipped() -> None:
    bound = 2**31 + 1
    words = list(islice(words_of(b"seed", "c", 3), 64))
    draw = HmacDraw(b"seed", "c", 3)
    drawn = [draw.below(bound) for _ in range(10)]
    assert drawn == [word for word in words if word < bound][:10]
    assert any(word >= bound for word in words[:20]), "some were skipped"


@given(games(), client_seeds, st.integers(0, 2**40), st.binary(min_size=32, max_size=32))
def test_outcome_depends_on_seeds_nonce_and_game_only(game: Game, client: str, nonce: int, seed: bytes) -> None:
    assert game.play(HmacDraw(seed, client, nonce)) == game.play(HmacDraw(seed, client, nonce))


def test_free_spins_continue_the_draw_of_the_paid_spin() -> None:
    game = make_game(["AS", "AS"], {"A": {2: 5}}, free=({2: 4}, 1, 20))
    nonce = next(nonce for nonce in range(100) if game.play(HmacDraw(b"seed", "c", nonce)).free)
    play, draw = game.play(HmacDraw(b"seed", "c", nonce)), HmacDraw(b"seed", "c", nonce)
    windows = [play.paid, *play.free]
    assert [window.stops for window in windows] == [(draw.below(2), draw.below(2)) for _ in windows]


def test_each_part_of_the_message_changes_the_words() -> None:
    base = list(islice(words_of(b"seed", "client", 1), 8))
    for other in (words_of(b"seeD", "client", 1), words_of(b"seed", "Client", 1), words_of(b"seed", "client", 2)):
        assert list(islice(other, 8)) != base
    blocks = list(islice(words_of(b"seed", "client", 1), 16))
    assert blocks[:8] != blocks[8:]


@given(client_seeds, client_seeds, st.integers(0, 99), st.integers(0, 99))
def test_no_two_rounds_share_a_message(one: str, other: str, first: int, second: int) -> None:
    """Nonce and block are the last two fields, so a client seed may contain colons and digits."""
    if (one, first) != (other, second):
        messages = [
            {f"{seed}:{nonce}:{block}" for block in range(12)} for seed, nonce in ((one, first), (other, second))
        ]
        assert not messages[0] & messages[1]


# --- seeds ----------------------------------------------------------------------------------------------------


def test_next_seed_matches_its_published_commitment() -> None:
    state = KEYS.new_state(7)
    assert (state.client_seed, state.number, state.nonce) == ("0000000000000007", 1, 0)
    promised = commitment_of(KEYS.server_seed(PLAYER, state.rotated()))
    later = state.played().played().rotated("mine")
    assert (later.client_seed, later.number, later.nonce) == ("mine", 2, 0)
    assert commitment_of(KEYS.server_seed(PLAYER, later)) == promised
    assert promised == hashlib.sha256(KEYS.server_seed(PLAYER, later)).hexdigest()


def test_seeds_differ_by_player_number_and_secret() -> None:
    states = [SeedState(key, "c", number) for key in ("k0", "k1") for number in (1, 2, 3)]
    seeds = {KEYS.server_seed(player, state) for player in (PLAYER, ROUND) for state in states}
    assert len(seeds) == 12
    assert KEYS.server_seed(PLAYER, states[0]) == KEYS.server_seed(PLAYER, states[0].played())


def test_rotation_leaves_a_retired_secret() -> None:
    state = SeedState("gone", "c")
    with pytest.raises(SeedRetired):
        KEYS.draw(PLAYER, state)
    moved = state.rotated().moved_to(KEYS.current)
    assert KEYS.draw(PLAYER, moved).below(10) < 10


def test_repr_hides_the_secrets() -> None:
    assert "secret" not in repr(KEYS)


@pytest.mark.parametrize("text", ["x", " ", ":", "a:1:2", "🎰" * 64, "é" * 64, "'; drop table--", "\u202e"])
def test_any_printable_client_seed_is_accepted(text: str) -> None:
    assert checked_client_seed(text) == text


@pytest.mark.parametrize("text", ["", "x" * 65, "a\nb", "a\0", "\x7f", "\x85", "\ud800"])
def test_client_seed_with_control_characters_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_client_seed(text)
    assert refused.value.path == "client_seed"


# --- links ----------------------------------------------------------------------------------------------------


def test_link_is_parsed_back_and_starts_with_the_agent() -> None:
    link = KEYS.link("K7QD", ROUND)
    assert str(link).startswith("K7QD")
    assert len(str(link)) == LINK_SYMBOLS == 46
    assert parse_link(str(link)) == parse_link(str(link).lower()) == link
    assert KEYS.is_genuine(link)
    assert link.guard not in repr(link)


def test_link_of_an_older_secret_is_genuine_until_its_removal() -> None:
    link = SeedKeys("k0", KEYS.secrets).link("K7QD", ROUND)
    assert KEYS.is_genuine(link)
    assert not SeedKeys("k1", {"k1": b"a secret of tests"}).is_genuine(link)


@given(st.integers(0, LINK_SYMBOLS - 1), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_changed_link_is_not_genuine(at: int, symbol: str) -> None:
    text = str(KEYS.link("K7QD", ROUND))
    changed = text[:at] + symbol + text[at + 1 :]
    try:
        link = parse_link(changed)
    except MalformedLink:
        return
    assert KEYS.is_genuine(link) is (changed == text)


@pytest.mark.parametrize("text", ["", "x", "K7QD" * 11, "K7QD" * 12, "%" * 46, "é" * 46, "U" * 46, "Z" * 46])
def test_malformed_link_is_refused(text: str) -> None:
    with pytest.raises(MalformedLink):
        parse_link(text)


@given(st.uuids())
def test_every_round_id_has_a_link(round_id: UUID) -> None:
    assert parse_link(str(RoundLink("0000", round_id, "0" * 16))).round_id == round_id


# --- distribution------------------------------------------------------------------------------------------------


def test_tickets_of_the_demo_game_are_uniform() -> None:
    """A small version of the long test: 20,000 rounds, chi-square over ten cells at 0.1 % is 27.9."""
    cells = Counter(HmacDraw(b"fixed", "client", nonce).below(10_000) // 1_000 for nonce in range(20_000))
    statistic = sum((cells[cell] - 2_000) ** 2 for cell in range(10)) / 2_000
    assert statistic < 27.9
    assert DEMO_GAME.reels[0].total_weight == 10_000
