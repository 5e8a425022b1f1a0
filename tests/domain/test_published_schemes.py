"""Schemes of other sites: every published vector is reproduced."""

import hmac
from fractions import Fraction
from itertools import islice
from typing import Any

import pytest

from playtime.domain.errors import InvalidInput
from playtime.domain.games.fairness import HmacDraw
from playtime.domain.games.published_schemes import RESULTS, SCHEMES, crash, dice, limbo, roulette

from support.oracles import oracle

VECTORS = oracle("fairness")


def _near(exact: Fraction, published: float, places: int) -> bool:
    return abs(exact - Fraction(str(published))) < Fraction(1, 10**places)


@pytest.mark.parametrize("vector", VECTORS["stake_multi"]["vectors"], ids=lambda vector: vector["clientSeed"])
def test_scheme_with_the_seeds_text_as_key(vector: dict[str, Any]) -> None:
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
    assert all(
        _near(ours, published, 12) for ours, published in zip(floats, vector.get("floats10", []), strict=False)
    )
    directions = "".join("R" if share >= Fraction(1, 2) else "L" for share in floats[:8])
    assert directions == vector.get("plinko8_directions", directions)


def test_fraction_of_four_bytes() -> None:
    vector = VECTORS["bcgame_float"]
    share = sum((Fraction(byte, 256**place) for place, byte in enumerate(vector["bytes"], 1)), Fraction(0))
    assert _near(share, vector["float"], 9)
    assert dice(share) == Fraction(str(vector["roll"]))


def test_message_of_four_fields() -> None:
    vector = VECTORS["luckydice"]
    scheme = SCHEMES["text-key-four-fields"]
    assert scheme.commitment(vector["serverSeed"]) == vector["serverSeedHash"]
    assert scheme.block(vector["serverSeed"], vector["clientSeed"], vector["nonce"]).hex() == vector["hmac"]


def test_message_with_a_hyphen() -> None:
    vector = VECTORS["php_provably_fair"]
    block = SCHEMES["text-key-hyphen"].block(vector["serverSeed"], vector["clientSeed"], int(vector["nonce"]))
    assert block.hex() == vector["hmac"]


def test_scheme_with_the_seeds_bytes_as_key_and_rejection() -> None:
    scheme = SCHEMES["bytes-key"]
    for vector in VECTORS["duel_dice_rejection"]["vectors"]:
        assert scheme.commitment(vector["serverSeed"]) == vector["serverSeedHash"]
        for nonce, result in vector["results"].items():
            numbers = scheme.numbers(vector["serverSeed"], vector["clientSeed"], int(nonce), 10_001)
            assert next(numbers) == result


def test_commitment_to_the_seeds_bytes() -> None:
    vector = VECTORS["duel_dice_rejection"]
    assert SCHEMES["bytes-key"].commitment(vector["chain_first_seed"]) == vector["chain_hash_then_next"][0]


def test_crash_multiplier() -> None:
    vector = VECTORS["stake_crash"]
    for server_seed, digest, multiplier in vector["vectors"]:
        assert SCHEMES["chain"].block(server_seed, vector["salt"], 0).hex() == digest
        share = next(SCHEMES["chain"].floats(server_seed, vector["salt"], 0))
        assert _near(crash(share), multiplier, 15)
    assert crash(Fraction(2**32 - 1, 2**32)) == 1


def test_hmac_matches_rfc_4231() -> None:
    vector = VECTORS["rfc4231_case1"]
    assert hmac.digest(bytes.fromhex(vector["key_hex"]), vector["data"].encode(), "sha256").hex() == vector["hmac"]


def test_our_draw_uses_the_same_rejection() -> None:
    theirs = SCHEMES["text-key"].numbers("a seed", "c", 3, 10_001)
    draw = HmacDraw(b"a seed", "c", 3)
    assert [draw.below(10_001) for _ in range(20)] == list(islice(theirs, 20))


def test_key_that_must_be_hexadecimal_is_checked() -> None:
    with pytest.raises(InvalidInput) as refused:
        SCHEMES["bytes-key"].block("not hex", "c", 1)
    assert refused.value.path == "server_seed"
    assert RESULTS.keys() == {"dice", "roulette", "limbo", "crash"}
