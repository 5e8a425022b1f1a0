"""Tokens: JSON Web Tokens signed with HMAC-SHA256."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import jwt
from attrs import field, frozen

from ...application.errors import InvalidToken, TokenExpired
from ...application.ports.services import Claims, Clock
from ...domain.tenancy.staff import Role

ALGORITHM: Final = "HS256"
ISSUER: Final = "playtime"
SHORTEST_SECRET_BYTES: Final = 32
LONGEST_TOKEN: Final = 4096

LIFETIMES: Final[Mapping[tuple[str, str], timedelta]] = {
    ("staff", "access"): timedelta(minutes=30),
    ("staff", "refresh"): timedelta(hours=12),
    ("player", "access"): timedelta(minutes=30),
    ("player", "refresh"): timedelta(days=30),
}
"""The lifetime of a token, by kind and use."""


@frozen
class JwtTokens:
    """Issues and reads signed tokens. The clock is a port, so that tests can set the time."""

    secret: bytes = field(repr=False)
    clock: Clock

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
        try:
            payload = jwt.decode(token, self.secret, algorithms=[ALGORITHM], issuer=ISSUER, options=_OPTIONS)
            claims, expires = _claims(payload), datetime.fromtimestamp(payload["exp"], UTC)
        except (jwt.InvalidTokenError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
            raise InvalidToken from None
        if (claims.kind, claims.use) != (kind, use):
            raise InvalidToken
        if self.clock.now() >= expires:
            raise TokenExpired
        return claims


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
