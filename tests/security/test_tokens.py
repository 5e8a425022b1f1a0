"""Tokens: an issued token is read unchanged, and all others are refused."""

import base64
import hashlib
import threading
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import jwt
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from playtime.adapters.security.tokens import CLOCK_LEEWAY, LIFETIMES, JwtTokens, VerifiedTokens
from playtime.application.errors import InvalidToken, TokenExpired
from playtime.application.ports.services import Claims
from playtime.contracts.doubles import SettableClock
from playtime.domain.tenancy.staff import Role

SECRET = b"s" * 32
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAFF = Claims(
    kind="staff",
    use="access",
    subject_id=UUID(int=1),
    session_id=UUID(int=2),
    operator_id=UUID(int=3),
    tenant_id=UUID(int=4),
    issued_at=NOW,
    role=Role.CASHIER,
    generation=7,
)
PLAYER = evolve(STAFF, kind="player", role=None)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
def tokens(clock: SettableClock) -> JwtTokens:
    return JwtTokens([SECRET], clock)


@pytest.mark.parametrize("claims", [STAFF, PLAYER, STAFF.for_refresh(), PLAYER.for_refresh()])
def test_what_is_read_is_what_was_issued(tokens: JwtTokens, claims: Claims) -> None:
    assert tokens.read(tokens.issue(claims), claims.kind, claims.use) == claims


def test_the_same_claims_give_the_same_token(tokens: JwtTokens, clock: SettableClock) -> None:
    first = tokens.issue(STAFF)
    clock.advance(hours=5)
    assert tokens.issue(STAFF) == first


@pytest.mark.parametrize(
    ("kind", "use"), [("player", "access"), ("staff", "refresh"), ("player", "refresh"), ("staff", "")]
)
def test_a_token_of_another_kind_or_use_is_refused(tokens: JwtTokens, kind: str, use: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.read(tokens.issue(STAFF), kind, use)


@pytest.mark.parametrize("claims", [STAFF, PLAYER.for_refresh()])
def test_a_token_ends_exactly_with_its_lifetime(tokens: JwtTokens, clock: SettableClock, claims: Claims) -> None:
    token, lifetime = tokens.issue(claims), LIFETIMES[claims.kind, claims.use]
    clock.set(NOW + lifetime - timedelta(seconds=1))
    assert tokens.read(token, claims.kind, claims.use) == claims
    clock.set(NOW + lifetime)
    with pytest.raises(TokenExpired) as refused:
        tokens.read(token, claims.kind, claims.use)
    assert refused.value.code == "TOKEN_EXPIRED"


def test_access_tokens_live_for_half_an_hour_as_documented() -> None:
    assert {LIFETIMES[kind, "access"] for kind in ("staff", "player")} == {timedelta(minutes=30)}


@pytest.mark.parametrize("use", ["access", "refresh"])
def test_an_expired_token_of_another_kind_is_not_valid(tokens: JwtTokens, clock: SettableClock, use: str) -> None:
    token = tokens.issue(STAFF)
    clock.set(NOW + timedelta(days=60))
    with pytest.raises(InvalidToken) as refused:
        tokens.read(token, "player", use)
    assert refused.value.code == "INVALID_TOKEN"


def test_another_secret_is_refused(tokens: JwtTokens, clock: SettableClock) -> None:
    with pytest.raises(InvalidToken):
        tokens.read(JwtTokens([b"t" * 32], clock).issue(STAFF), "staff", "access")


def test_an_unsigned_token_is_refused(tokens: JwtTokens) -> None:
    payload = jwt.decode(tokens.issue(STAFF), options={"verify_signature": False})
    with pytest.raises(InvalidToken):
        tokens.read(jwt.encode(payload, None, algorithm="none"), "staff", "access")


@pytest.mark.parametrize(
    "change",
    [
        {"role": "king"},
        {"sub": "not an id"},
        {"exp": "soon"},
        {"exp": 10**30},
        {"iss": "someone else"},
        {"kind": None},
        {"op": 5},
        {"aud": "another service"},
        {"aud": None},
        {"gen": 0},
        {"gen": True},
        {"gen": "7"},
        {"exp": 10**18},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": True},
        {"exp": str(int(NOW.timestamp()) + 60)},
        {"exp": NOW.timestamp() + 60.5},
        {"exp": int(NOW.timestamp()) + 1801},
        {"exp": int(NOW.timestamp())},
        {"exp": -1},
        {"iat": -(10**18)},
        {"iat": int(NOW.timestamp()) - 1},
        {"nbf": int(NOW.timestamp()) + 1},
        {"nbf": None},
    ],
    ids=str,
)
def test_a_signed_token_with_odd_claims_is_refused(tokens: JwtTokens, change: dict[str, object]) -> None:
    with pytest.raises(InvalidToken) as refused:
        tokens.read(_signed(tokens, change), "staff", "access")
    assert refused.value.code == "INVALID_TOKEN"


@pytest.mark.parametrize("left_out", ["iss", "aud", "exp", "iat", "nbf", "sub", "kind", "use", "gen"])
def test_a_signed_token_without_a_claim_is_refused(tokens: JwtTokens, left_out: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.read(_signed(tokens, {}, left_out), "staff", "access")


def _signed(tokens: JwtTokens, change: dict[str, object], *left_out: str, **header: object) -> str:
    """Return a token with changed claims and a good signature."""
    token = tokens.issue(STAFF)
    payload = jwt.decode(token, options={"verify_signature": False})
    claims = {name: value for name, value in (payload | change).items() if name not in left_out}
    headers = {name: value for name, value in (jwt.get_unverified_header(token) | header).items() if value}
    return jwt.encode(claims, SECRET, algorithm="HS256", headers=headers)


def test_unchanged_claims_with_a_good_signature_are_read(tokens: JwtTokens) -> None:
    assert tokens.read(_signed(tokens, {}), "staff", "access") == STAFF


@pytest.mark.parametrize("header", [{"kid": "another"}, {"kid": None}, {"crit": ["exp"]}, {"typ": "x"}], ids=str)
def test_a_token_with_another_header_is_refused(tokens: JwtTokens, header: dict[str, object]) -> None:
    with pytest.raises(InvalidToken):
        tokens.read(_signed(tokens, {}, **header), "staff", "access")


def test_a_deeply_nested_header_is_refused(tokens: JwtTokens) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 2_900).decode().rstrip("=")
    with pytest.raises(InvalidToken):
        tokens.read(f"{deep}.e30.AAAA", "staff", "access")


def test_a_token_from_the_future_is_refused(tokens: JwtTokens, clock: SettableClock) -> None:
    token = tokens.issue(STAFF)
    clock.set(NOW - CLOCK_LEEWAY)
    assert tokens.read(token, "staff", "access") == STAFF
    clock.advance(seconds=-1)
    for _ in range(2):
        with pytest.raises(InvalidToken):
            tokens.read(token, "staff", "access")


@given(st.text(max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    with pytest.raises(InvalidToken):
        JwtTokens([SECRET], SettableClock(NOW)).read(text, "staff", "access")


def test_a_huge_token_is_refused_unread(tokens: JwtTokens) -> None:
    with pytest.raises(InvalidToken):
        tokens.read("a" * 10_000_000, "staff", "access")


def test_a_short_secret_is_refused(clock: SettableClock) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        JwtTokens([SECRET, b"short"], clock)


def test_tokens_of_an_earlier_secret_are_good(clock: SettableClock) -> None:
    old, new = b"o" * 32, b"n" * 32
    before, overlap, after = (JwtTokens(secrets, clock) for secrets in ([old], [new, old], [new]))
    token = before.issue(STAFF)
    assert overlap.read(token, "staff", "access") == STAFF
    with pytest.raises(InvalidToken):
        after.read(token, "staff", "access")
    # The overlap signs with the new secret only.
    assert overlap.issue(STAFF) == after.issue(STAFF)
    with pytest.raises(InvalidToken):
        before.read(overlap.issue(STAFF), "staff", "access")


def test_no_secret_is_refused(clock: SettableClock) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        JwtTokens([], clock)


def test_the_secret_is_not_shown(tokens: JwtTokens) -> None:
    assert "sss" not in repr(tokens)


MOST: Final = 3


def _tokens_remembering(most: int, clock: SettableClock) -> JwtTokens:
    tokens = JwtTokens([SECRET], clock)
    tokens._verified.most = most
    return tokens


def _read(tokens: JwtTokens, token: str, kind: str, use: str) -> object:
    """Return the claims, or the class of the error."""
    try:
        return tokens.read(token, kind, use)
    except (InvalidToken, TokenExpired) as error:
        return type(error)


ISSUED = [
    JwtTokens([SECRET], SettableClock(NOW)).issue(claims)
    for claims in (
        STAFF,
        STAFF.for_refresh(),
        PLAYER,
        evolve(PLAYER, session_id=UUID(int=5)),
        evolve(PLAYER, session_id=UUID(int=6)),
        PLAYER.for_refresh(),
    )
]
SENT = st.one_of(
    st.sampled_from(ISSUED),
    st.text(max_size=20),
    st.builds(
        lambda token, at, text: token[:at] + text + token[at:],
        st.sampled_from(ISSUED),
        st.integers(0, 400),
        st.text(max_size=2),
    ),
)
SECONDS = st.one_of(
    st.integers(-10, 10),
    *(st.integers(-2, 2).map(int(life.total_seconds()).__add__) for life in LIFETIMES.values()),
)


@given(
    st.lists(
        st.tuples(SENT, st.sampled_from(["staff", "player"]), st.sampled_from(["access", "refresh"]), SECONDS),
        max_size=40,
    )
)
def test_verified_tokens_are_read_like_new_ones(asked: list[tuple[str, str, str, int]]) -> None:
    clock = SettableClock(NOW)
    remembering = _tokens_remembering(MOST, clock)
    for token, kind, use, seconds in asked:
        clock.set(NOW + timedelta(seconds=seconds))
        expected = _read(JwtTokens([SECRET], clock), token, kind, use)
        for _ in range(2):
            assert _read(remembering, token, kind, use) == expected
        assert len(remembering._verified) <= MOST


def test_a_verified_token_is_not_decoded_again(
    tokens: JwtTokens, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.issue(PLAYER)
    tokens.read(token, "player", "access")
    monkeypatch.delattr(jwt, "decode")
    assert tokens.read(token, "player", "access") == PLAYER
    clock.set(NOW + LIFETIMES["player", "access"])
    with pytest.raises(TokenExpired):
        tokens.read(token, "player", "access")


def test_only_digests_of_access_tokens_are_stored(tokens: JwtTokens) -> None:
    access, refresh = tokens.issue(PLAYER), tokens.issue(PLAYER.for_refresh())
    tokens.read(access, "player", "access")
    tokens.read(refresh, "player", "refresh")
    for token in (access[:-1], refresh, "x"):
        with pytest.raises(InvalidToken):
            tokens.read(token, "player", "access")
    stored = tokens._verified._signed
    assert list(stored) == [hashlib.sha256(access.encode()).digest()]
    assert access not in repr(stored)


def test_oldest_verified_token_is_dropped_first() -> None:
    verified = VerifiedTokens(most=2)
    for number in (1, 2, 3):
        verified.add(bytes([number]), (PLAYER, NOW))
    assert [verified.get(bytes([number])) is None for number in (1, 2, 3)] == [True, False, False]


def test_threads_share_verified_tokens(clock: SettableClock) -> None:
    tokens = _tokens_remembering(MOST, clock)
    claims = [evolve(PLAYER, session_id=UUID(int=number)) for number in range(8)]
    issued = [tokens.issue(claim) for claim in claims]
    wrong: list[object] = []

    def read_all() -> None:
        for turn in range(200):
            at = turn % len(issued)
            found = _read(tokens, issued[at], "player", "access")
            wrong.extend([] if found == claims[at] else [found])

    threads = [threading.Thread(target=read_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (wrong, len(tokens._verified)) == ([], MOST)
