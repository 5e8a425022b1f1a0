"""Tokens: JSON Web Tokens signed with HMAC-SHA256."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final, Literal
from uuid import UUID

import jwt
from attrs import define, field, frozen

from ...application.errors import InvalidToken, TokenExpired
from ...application.ports.services import Claims, Clock
from ...domain.tenancy.staff import Role

ALGORITHM: Final = "HS256"
ISSUER: Final = "playtime"
AUDIENCE: Final = "playtime-api"
SHORTEST_SECRET_BYTES: Final = 32
LONGEST_TOKEN: Final = 4096
CLOCK_LEEWAY: Final = timedelta(seconds=60)
"""The most that the clock of the server that issued a token may be ahead."""
MOST_VERIFIED: Final = 4096
"""The most verified tokens in memory. Each takes about 1 KB."""

LIFETIMES: Final[Mapping[tuple[str, str], timedelta]] = {
    ("staff", "access"): timedelta(minutes=30),
    ("staff", "refresh"): timedelta(hours=12),
    ("player", "access"): timedelta(minutes=30),
    ("player", "refresh"): timedelta(days=30),
}
"""The lifetime of a token, by kind and use."""


Signed = tuple[Claims, datetime]
"""The claims of a token with a good signature, and the moment at which it expires."""


@define(eq=False)
class VerifiedTokens:
    """The content of the tokens that were verified last, by SHA-256 digest. No token is stored.

    Signature and content of a token never change, so an entry is never out of date. Each request still checks
    whether the token is good now: `JwtTokens` its expiry, the use cases its session and tenant.
    """

    most: int = MOST_VERIFIED
    _signed: dict[bytes, Signed] = field(factory=dict, init=False, repr=False)
    _lock: Lock = field(factory=Lock, init=False, repr=False)

    def __len__(self) -> int:
        return len(self._signed)

    def get(self, digest: bytes) -> Signed | None:
        """Return the content of the token with a digest, or None if it is not known."""
        return self._signed.get(digest)

    def add(self, digest: bytes, signed: Signed) -> None:
        """Add the content of a verified token. The oldest entry is dropped if there are too many."""
        with self._lock:
            while len(self._signed) >= self.most:
                del self._signed[next(iter(self._signed))]
            self._signed[digest] = signed


@frozen
class JwtTokens:
    """Issues and reads signed tokens. The clock is a port, so that tests can set the time.

    The header of a token names its secret by a key id (`kid`). No other header is accepted, so nothing is parsed
    before the signature is checked. The first of `secrets` signs. Tokens of the others are accepted, too.
    """

    secrets: Sequence[bytes] = field(repr=False)
    clock: Clock
    _by_header: Mapping[str, bytes] = field(init=False, eq=False, repr=False)
    _verified: VerifiedTokens = field(factory=VerifiedTokens, init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check that each secret is at least as long as the digest. Raises ValueError."""
        if not self.secrets or min(map(len, self.secrets)) < SHORTEST_SECRET_BYTES:
            raise ValueError(f"the token secret must have at least {SHORTEST_SECRET_BYTES} bytes")
        object.__setattr__(self, "_by_header", {_header_of(secret): secret for secret in self.secrets})

    def issue(self, claims: Claims) -> str:
        issued = int(claims.issued_at.timestamp())
        lifetime = LIFETIMES[claims.kind, claims.use]
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(claims.subject_id),
            "sid": str(claims.session_id),
            "op": str(claims.operator_id),
            "ten": str(claims.tenant_id),
            "kind": claims.kind,
            "use": claims.use,
            "role": claims.role,
            "gen": claims.generation,
            "iat": issued,
            "nbf": issued,
            "exp": issued + int(lifetime.total_seconds()),
        }
        return _encode(payload, self.secrets[0])

    def read(self, token: str, kind: str, use: str) -> Claims:
        if len(token) > LONGEST_TOKEN:
            raise InvalidToken
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(digest)
        claims, expires = known or self._verify(token)
        if (claims.kind, claims.use) != (kind, use):
            raise InvalidToken
        now = self.clock.now()
        if now >= expires:
            raise TokenExpired
        if now < claims.issued_at - CLOCK_LEEWAY:
            raise InvalidToken
        # A refresh token is good once: it would only take room.
        if known is None and use == "access":
            self._verified.add(digest, (claims, expires))
        return claims

    def _verify(self, token: str) -> Signed:
        """Return the content of a token with a good signature. Raises InvalidToken."""
        secret = self._by_header.get(token.partition(".")[0])
        if secret is None:
            raise InvalidToken
        try:
            payload = jwt.decode(
                token, secret, algorithms=[ALGORITHM], issuer=ISSUER, audience=AUDIENCE, options=_OPTIONS
            )
            claims = _claims(payload)
            return claims, _end_of(payload, LIFETIMES[claims.kind, claims.use])
        except (jwt.InvalidTokenError, ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
            raise InvalidToken from None


_KINDS: Final[Mapping[str, Literal["staff", "player"]]] = {"staff": "staff", "player": "player"}
_USES: Final[Mapping[str, Literal["access", "refresh"]]] = {"access": "access", "refresh": "refresh"}
_OPTIONS: Final[Any] = {
    "require": ["iss", "aud", "sub", "exp", "iat", "nbf"],
    # Times are compared above and below, with the clock port.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


def _claims(payload: Mapping[str, Any]) -> Claims:
    return Claims(
        kind=_KINDS[payload["kind"]],
        use=_USES[payload["use"]],
        subject_id=UUID(payload["sub"]),
        session_id=UUID(payload["sid"]),
        operator_id=UUID(payload["op"]),
        tenant_id=UUID(payload["ten"]),
        issued_at=datetime.fromtimestamp(_whole(payload["iat"]), UTC),
        role=None if payload["role"] is None else Role(payload["role"]),
        generation=_whole(payload["gen"]),
    )


def _end_of(payload: Mapping[str, Any], lifetime: timedelta) -> datetime:
    """Return the end of a token. Raises ValueError if its times are not those of a token with this lifetime."""
    issued, starts, ends = (_whole(payload[name]) for name in ("iat", "nbf", "exp"))
    if starts != issued or not 0 < ends - issued <= lifetime.total_seconds():
        raise ValueError("the token has odd times")
    return datetime.fromtimestamp(ends, UTC)


def _whole(value: object) -> int:
    """Return a number of a token, which must be a positive whole number. Raises ValueError."""
    if type(value) is not int or value < 1:
        raise ValueError("not a positive whole number")
    return value


def _encode(payload: dict[str, Any], secret: bytes) -> str:
    key_id = hmac.digest(secret, b"key id of tokens", "sha256").hex()[:16]
    return jwt.encode(payload, secret, algorithm=ALGORITHM, headers={"kid": key_id})


def _header_of(secret: bytes) -> str:
    """Return the first part of all tokens that a secret signs."""
    return _encode({}, secret).partition(".")[0]
