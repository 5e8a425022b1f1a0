"""The edge: what is refused before any route looks at a request, and the headers that every answer has.

Most requests need none of these checks: they cost a spin no call of a function.
"""

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from ...domain.errors import DomainError
from .errors import ExpectationFailed, MalformedRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Headers = tuple[tuple[str, str], ...]

ON_ALL: Final[Headers] = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
"""The headers of every answer."""
CONTENT_POLICY: Final = "Content-Security-Policy"
ON_DATA: Final[Headers] = (*ON_ALL, (CONTENT_POLICY, "default-src 'none'; frame-ancestors 'none'"))
"""The headers of data: a browser that shows them as a page may load and run nothing."""
ON_PAGES: Final[Headers] = (*ON_ALL, ("Cross-Origin-Opener-Policy", "same-origin"))
"""The headers of a page, which has a Content-Security-Policy of its own."""

METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""The methods of HTTP that are known, in the only way to write them."""
NO_METHOD: Final = "UNKNOWN"
"""The method of a request with another one: werkzeug would take `get` for GET."""

_SECURE: Final[Headers] = (("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),)
_PREFLIGHT: Final[Headers] = (
    ("Access-Control-Allow-Methods", "DELETE, GET, PATCH, POST, PUT"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, X-Session-Id"),
    ("Access-Control-Max-Age", "600"),
)
_SHOWN: Final = ("Access-Control-Expose-Headers", "Idempotency-Replayed, Retry-After, X-Request-Id")
_VARY: Final = ("Vary", "Origin")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@frozen(kw_only=True)
class Edge:
    """The surroundings of an application: callers in browsers, trusted proxies, TLS.

    `origins` are pages of other sites that may call the API. `proxies` are the addresses and networks whose
    `X-Request-Id` is taken over. `is_secure` says that people reach the service by TLS only.
    `contact` is the address for reports of weaknesses, which `/.well-known/security.txt` names.
    """

    origins: frozenset[str] = frozenset()
    proxies: tuple[str, ...] = ()
    is_secure: bool = False
    contact: str | None = None
    on_all: Headers = field(init=False)
    _networks: tuple[IPv4Network | IPv6Network, ...] = field(init=False)

    @on_all.default
    def _headers_of_all(self) -> Headers:
        return (*(_SECURE if self.is_secure else ()), *([_VARY] if self.origins else ()))

    @_networks.default
    def _networks_of_proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(proxy) for proxy in self.proxies)

    def given_id(self, environ: "WSGIEnvironment") -> str | None:
        """Return the request id that a trusted proxy gave; None for other callers and malformed ids."""
        given = environ["HTTP_X_REQUEST_ID"]
        is_taken = _REQUEST_ID.fullmatch(given) and self.trusts(environ.get("REMOTE_ADDR", ""))
        return given if is_taken else None

    def trusts(self, address: str) -> bool:
        """Return whether an address is that of a trusted proxy."""
        try:
            asked = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(asked, "ipv4_mapped", None)
        return any((mapped or asked) in network for network in self._networks)

    def headers_for(self, environ: "WSGIEnvironment") -> Headers:
        """Return the headers that let a page of an allowed origin read the answer."""
        origin = environ.get("HTTP_ORIGIN")
        if origin not in self.origins:
            return ()
        return ("Access-Control-Allow-Origin", origin), _SHOWN

    def preflight(self, environ: "WSGIEnvironment") -> Headers | None:
        """Return the answer's headers if a browser asks what an allowed origin may send; otherwise None."""
        if environ["REQUEST_METHOD"] != "OPTIONS" or "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in environ:
            return None
        return _PREFLIGHT if environ.get("HTTP_ORIGIN") in self.origins else None


def refusal_of(environ: Mapping[str, Any]) -> DomainError | None:
    """Return the refusal of a request that no route may see; None for all others."""
    if not has_one_host(environ.get("HTTP_HOST")):
        return MalformedRequest.at("header.Host", "must be sent exactly once")
    if environ.get("HTTP_EXPECT", "100-continue").lower() != "100-continue":
        return ExpectationFailed()
    return None


def has_one_host(host: str | None) -> bool:
    """Return whether a request has exactly one Host: servers join several by commas."""
    return bool(host) and "," not in str(host)
