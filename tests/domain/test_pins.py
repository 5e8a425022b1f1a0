"""PINs: derived, evenly spread, never shared between kinds, generations or secrets."""

import hashlib
import hmac
import re
from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.access.pins import PinKeys, PinKind, PinRef, parse_pin
from playtime.domain.errors import InvalidInput

from support.models import uid

SECRET = b"0123456789abcdef0123456789abcdef"
KEYS = PinKeys(current="k2", secrets={"k1": SECRET, "k2": b"another secret, of the same length"})
FIRST = PinRef("k1")


def _by_hand(kind: str, owner_id: UUID, generation: int, secret: bytes = SECRET) -> str:
    """Follow the definition independently: the first 32-bit word below the largest multiple of 10^6."""
    for block in range(10):
        digest = hmac.digest(secret, f"{kind}:{owner_id}:{generation}:{block}".encode(), hashlib.sha256)
        for word in (int.from_bytes(digest[at : at + 4], "big") for at in range(0, 32, 4)):
            if word < 4294 * 10**6:
                return str(word % 10**6).rjust(6, "0")
    raise AssertionError


def test_a_known_pin() -> None:
    """`printf 'voucher:00000000-0000-7000-8000-000000000001:1:0' | openssl dgst -sha256 -hmac SECRET`."""
    assert KEYS.derive(PinKind.VOUCHER, uid(1), FIRST) == _by_hand("voucher", uid(1), 1)
    assert str(uid(1)) == "00000000-0000-7000-8000-000000000001"


@given(st.uuids(), st.sampled_from(PinKind), st.integers(1, 50))
def test_a_pin_is_six_digits_of_the_definition(owner_id: UUID, kind: PinKind, generation: int) -> None:
    pin = KEYS.derive(kind, owner_id, PinRef("k1", generation))
    assert pin == _by_hand(kind.value, owner_id, generation)
    assert len(pin) == 6
    assert pin.isascii()
    assert pin.isdigit()
    assert KEYS.matches(kind, owner_id, PinRef("k1", generation), pin)


def test_words_in_the_incomplete_run_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [4294 * 10**6, 2**32 - 1] * 4 + [4294 * 10**6 - 1]
    blocks = iter(
        [
            b"".join(word.to_bytes(4, "big") for word in words[:8]),
            words[8].to_bytes(4, "big") + bytes(28),
        ]
    )

    class Digest:
        def digest(self) -> bytes:
            return next(blocks)

    monkeypatch.setattr("playtime.domain.access.pins.hmac.new", lambda *_: Digest())
    assert KEYS.derive(PinKind.VOUCHER, uid(1), FIRST) == "999999"


def test_pins_are_evenly_spread() -> None:
    """Chi-square over 20,000 fixed ids; 27.9 is exceeded with 9 degrees of freedom once in a thousand."""
    pins = [KEYS.derive(PinKind.PLAYER, uid(number), FIRST) for number in range(20_000)]
    for place in range(6):
        counts = Counter(pin[place] for pin in pins)
        assert sum((counts[digit] - 2000) ** 2 / 2000 for digit in "0123456789") < 27.9
    assert len(set(pins)) > 19_700  # 20,000 draws of a million collide about 200 times


def test_kinds_generations_ids_and_secrets_each_make_another_pin() -> None:
    one = [KEYS.derive(PinKind.VOUCHER, uid(number), FIRST) for number in range(200)]
    others = [
        [KEYS.derive(PinKind.PLAYER, uid(number), FIRST) for number in range(200)],
        [KEYS.derive(PinKind.VOUCHER, uid(number), PinRef("k1", 2)) for number in range(200)],
        [KEYS.derive(PinKind.VOUCHER, uid(number), PinRef("k2")) for number in range(200)],
        [KEYS.derive(PinKind.VOUCHER, uid(number + 200), FIRST) for number in range(200)],
    ]
    for other in others:
        assert sum(left == right for left, right in zip(one, other, strict=True)) <= 1


def test_a_new_row_is_derived_from_the_current_secret() -> None:
    assert KEYS.new_ref() == PinRef("k2", 1)


def test_no_pin_matches_a_retired_secret() -> None:
    keys = PinKeys(current="k2", secrets={"k2": b"the one that is left"})
    with pytest.raises(KeyError):
        keys.derive(PinKind.VOUCHER, uid(1), FIRST)
    right = KEYS.derive(PinKind.VOUCHER, uid(1), FIRST)
    assert not keys.matches(PinKind.VOUCHER, uid(1), FIRST, right)


@pytest.mark.parametrize(
    "attempt", ["", "0", "12345", "1234567", "\ud800", "١٢٣٤٥٦", "é" * 6, "\0" * 6, "9" * 10**6]
)
def test_arbitrary_attempt_is_wrong(attempt: str) -> None:
    assert not KEYS.matches(PinKind.VOUCHER, uid(1), FIRST, attempt)


@pytest.mark.parametrize(
    "typed",
    [
        "012345",
        "012 345",
        "012345 ",
        " 012345\r\n",
        "012-345",
        "012\u2013345",
        "0\xa01\u20092\u30003\t4\u200b5",
        "\uff10\uff11\uff12\uff13\uff14\uff15",
        "OI2345",
        "ol2345",
    ],
)
def test_pin_is_read_as_people_type_it(typed: str) -> None:
    assert parse_pin(typed) == "012345"


@pytest.mark.parametrize(
    "typed",
    ["", " ", "12345", "1234567", "12345a", "1.2345", "\ud800", "١٢٣٤٥٦", "é" * 6, "\0" * 6, "123456" + " " * 60],
)
def test_what_cannot_be_a_pin_is_invalid(typed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_pin(typed)
    assert (refused.value.path, refused.value.reason) == ("pin", "must be 6 digits")
    assert refused.value.__context__ is None


@given(st.text(max_size=70))
def test_any_text_is_six_digits_or_invalid(text: str) -> None:
    try:
        digits = parse_pin(text)
    except InvalidInput:
        return
    assert re.fullmatch("[0-9]{6}", digits)


def test_neighbours_of_the_right_pin_are_wrong() -> None:
    right = KEYS.derive(PinKind.VOUCHER, uid(1), FIRST)
    wrong = [right + " ", " " + right, right + "\n", right[:-1], "0" + right, f"{(int(right) + 1) % 10**6:06d}"]
    assert not any(KEYS.matches(PinKind.VOUCHER, uid(1), FIRST, attempt) for attempt in wrong)


def test_secrets_stay_out_of_logs() -> None:
    assert "0123456789abcdef" not in repr(KEYS)
