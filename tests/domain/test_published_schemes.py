"""Schemes of others: every published vector comes out."""

import hmac
from fractions import Fraction
from itertools import islice
from typing import Any

import pytest

from playtime.domain.errors import InvalidInput
from playtime.domain.games.fairness import Stream
from playtime.domain.games.published_schemes import RESULTS, SCHEMES, crash, dice, limbo, roulette

from support.oracles import oracle

VECTORS = oracle("fairness")


def _near(exact: Fraction, told: float, places: int) -> bool:
    return abs(exact - Fraction(str(told))) < Fraction(1, 10**places)


@pytest.mark.parametrize("vector", VECTORS["stake_multi"]["vectors"], ids=lambda vector: vector["clientSeed"])
def test_keys_that_are_the_text_of_the_seed(vector: dict[str, Any]) -> None:
    scheme = SCHEMES["text-key"]
    seeds = (vector["serverSeed"], vector["clientSeed"], vector["nonce"])
    for block in range(3):
        if f"hmac{block}" in vector:
            assert scheme.block(*seeds, block).hex() == vector[f"hmac{block}"]
    first = next(scheme.floats(*seeds))
    assert (dice(first), roulette(first), limbo(first)) == tuple(
        Fraction(str(vector[game])) for game in ("dice", "roulette", "limbo")
    )
    floats = list(islice(scheme.floats(*seeds), 10))
    assert all(_near(ours, told, 12) for ours, told in zip(floats, vector.get("floats10", []), strict=False))
    directions = "".join("R" if share >= Fraction(1, 2) else "L" for share in floats[:8])
    assert directions == vector.get("plinko8_directions", directions)


def test_the_float_of_four_bytes() -> None:
    told = VECTORS["bcgame_float"]
    share = sum((Fraction(byte, 256**place) for place, byte in enumerate(told["bytes"], 1)), Fraction(0))
    assert _near(share, told["float"], 9)
    assert dice(share) == Fraction(str(told["roll"]))


def test_a_message_of_four_fields() -> None:
    told = VECTORS["luckydice"]
    scheme = SCHEMES["text-key-four-fields"]
    assert scheme.commitment(told["serverSeed"]) == told["serverSeedHash"]
    assert scheme.block(told["serverSeed"], told["clientSeed"], told["nonce"]).hex() == told["hmac"]


def test_a_message_with_a_hyphen() -> None:
    told = VECTORS["php_provably_fair"]
    block = SCHEMES["text-key-hyphen"].block(told["serverSeed"], told["clientSeed"], int(told["nonce"]))
    assert block.hex() == told["hmac"]


def test_keys_that_are_the_bytes_of_the_seed_and_numbers_by_rejection() -> None:
    scheme = SCHEMES["bytes-key"]
    for told in VECTORS["duel_dice_rejection"]["vectors"]:
        assert scheme.commitment(told["serverSeed"]) == told["serverSeedHash"]
        for nonce, result in told["results"].items():
            numbers = scheme.numbers(told["serverSeed"], told["clientSeed"], int(nonce), 10_001)
            assert next(numbers) == result


def test_the_commitment_of_the_bytes_of_a_seed() -> None:
    told = VECTORS["duel_dice_rejection"]
    assert SCHEMES["bytes-key"].commitment(told["chain_first_seed"]) == told["chain_hash_then_next"][0]


def test_a_crash() -> None:
    told = VECTORS["stake_crash"]
    for server_seed, digest, multiplier in told["vectors"]:
        assert SCHEMES["chain"].block(server_seed, told["salt"], 0).hex() == digest
        share = next(SCHEMES["chain"].floats(server_seed, told["salt"], 0))
        assert _near(crash(share), multiplier, 15)
    assert crash(Fraction(2**32 - 1, 2**32)) == 1


def test_the_hmac_is_that_of_rfc_4231() -> None:
    told = VECTORS["rfc4231_case1"]
    assert hmac.digest(bytes.fromhex(told["key_hex"]), told["data"].encode(), "sha256").hex() == told["hmac"]


def test_our_own_draws_are_numbers_by_rejection_of_the_same_words() -> None:
    theirs = SCHEMES["text-key"].numbers("a seed", "c", 3, 10_001)
    stream = Stream(b"a seed", "c", 3)
    assert [stream.below(10_001) for _ in range(20)] == list(islice(theirs, 20))


def test_a_key_that_should_be_hexadecimal_and_is_not_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        SCHEMES["bytes-key"].block("not hex", "c", 1)
    assert refused.value.path == "serverSeed"
    assert RESULTS.keys() == {"dice", "roulette", "limbo", "crash"}
