"""Tokens: an issued token is read unchanged, and all others are refused."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from playtime.adapters.security.tokens import LIFETIMES, JwtTokens
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
    return JwtTokens(SECRET, clock)


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
        tokens.read(JwtTokens(b"t" * 32, clock).issue(STAFF), "staff", "access")


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
    ],
)
def test_a_signed_token_with_odd_claims_is_refused(tokens: JwtTokens, change: dict[str, object]) -> None:
    payload = jwt.decode(tokens.issue(STAFF), options={"verify_signature": False})
    token = jwt.encode(payload | change, SECRET, algorithm="HS256")
    with pytest.raises(InvalidToken):
        tokens.read(token, "staff", "access")


@given(st.text(max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    with pytest.raises(InvalidToken):
        JwtTokens(SECRET, SettableClock(NOW)).read(text, "staff", "access")


def test_a_huge_token_is_refused_unread(tokens: JwtTokens) -> None:
    with pytest.raises(InvalidToken):
        tokens.read("a" * 10_000_000, "staff", "access")


def test_a_short_secret_is_refused(clock: SettableClock) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        JwtTokens(b"short", clock)


def test_the_secret_is_not_shown(tokens: JwtTokens) -> None:
    assert "sss" not in repr(tokens)
