"""Tokens: JSON Web Tokens signed with HMAC-SHA256."""

import hashlib
from collections.abc import Mapping
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
SHORTEST_SECRET_BYTES: Final = 32
LONGEST_TOKEN: Final = 4096
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
    """Issues and reads signed tokens. The clock is a port, so that tests can set the time."""

    secret: bytes = field(repr=False)
    clock: Clock
    _verified: VerifiedTokens = field(factory=VerifiedTokens, init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check that the secret is at least as long as the digest. Raises ValueError."""
        if len(self.secret) < SHORTEST_SECRET_BYTES:
            raise ValueError(f"the token secret must have at least {SHORTEST_SECRET_BYTES} bytes")

    def issue(self, claims: Claims) -> str:
        issued = int(claims.issued_at.timestamp())
        lifetime = LIFETIMES[claims.kind, claims.use]
        payload = {
            "iss": ISSUER,
            "sub": str(claims.subject_id),
            "sid": str(claims.session_id),
            "op": str(claims.operator_id),
            "ten": str(claims.tenant_id),
            "kind": claims.kind,
            "use": claims.use,
            "role": claims.role,
            "gen": claims.generation,
            "iat": issued,
            "exp": issued + int(lifetime.total_seconds()),
        }
        return jwt.encode(payload, self.secret, algorithm=ALGORITHM)

    def read(self, token: str, kind: str, use: str) -> Claims:
        if len(token) > LONGEST_TOKEN:
            raise InvalidToken
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(digest)
        claims, expires = known or self._verify(token)
        if (claims.kind, claims.use) != (kind, use):
            raise InvalidToken
        if self.clock.now() >= expires:
            raise TokenExpired
        # A refresh token is good once: it would only take room.
        if known is None and use == "access":
            self._verified.add(digest, (claims, expires))
        return claims

    def _verify(self, token: str) -> Signed:
        """Return the content of a token with a good signature. Raises InvalidToken."""
        try:
            payload = jwt.decode(token, self.secret, algorithms=[ALGORITHM], issuer=ISSUER, options=_OPTIONS)
            return _claims(payload), datetime.fromtimestamp(payload["exp"], UTC)
        except (jwt.InvalidTokenError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
            raise InvalidToken from None


_KINDS: Final[Mapping[str, Literal["staff", "player"]]] = {"staff": "staff", "player": "player"}
_USES: Final[Mapping[str, Literal["access", "refresh"]]] = {"access": "access", "refresh": "refresh"}
_OPTIONS: Final[Any] = {
    "require": ["iss", "sub", "exp", "iat"],
    # Times are compared above, with the clock port.
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
        issued_at=datetime.fromtimestamp(payload["iat"], UTC),
        role=None if payload["role"] is None else Role(payload["role"]),
        generation=payload["gen"],
    )
