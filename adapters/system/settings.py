"""Settings: read once from the environment, checked as a whole, and passed in."""

import logging
import os
import re
import secrets
from collections.abc import Callable, Mapping
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, Literal
from unicodedata import category
from urllib.parse import urlsplit

import attrs
from attrs import field, frozen

from ...application.errors import SetupError

PREFIX: Final = "PLAYTIME_"
_OF_KUBERNETES: Final = re.compile(
    r"PLAYTIME_(\w+_)?SERVICE_(HOST|PORT(_\w+)?)|PLAYTIME_(\w+_)?PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?"
)
_ADDRESS_OF_KUBERNETES: Final = re.compile(r"(tcp|udp|sctp)://")
_NOT_IN_PATHS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters, bytes that are not UTF-8, and line separators, which PostgreSQL's settings cannot hold."""
_SYSTEM_HOME: Final = Path("/var/lib/playtime")
_LONGEST_PUBLIC_URL: Final = 255

_log: Final = logging.getLogger("playtime.settings")


class SettingsError(SetupError):
    """Raised for a setting that is unknown, malformed or needs another setting."""


def default_home() -> Path:
    """Return the default folder of the data.

    For root it is the system's folder, because PostgreSQL then runs as another account, which cannot enter root's
    home.
    """
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return _SYSTEM_HOME
    return Path.home() / ".local" / "share" / "playtime"


@frozen(kw_only=True)
class Settings:
    """All settings. Each field is read from PLAYTIME_ and its name in capitals."""

    storage: Literal["postgres", "memory"] = "postgres"
    home: Path = field(factory=default_home)
    database_url: str | None = field(default=None, repr=False)
    migrator_url: str | None = field(default=None, repr=False)
    owner_read_url: str | None = field(default=None, repr=False)
    backup_url: str | None = field(default=None, repr=False)
    pool_size: int = 10
    database_seconds: int = 5
    report_seconds: int = 20
    spins_together: int = 32
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str | None = None
    log_format: Literal["text", "json"] = "text"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    security_contact: str | None = None
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    workers: int = 2
    threads: int = 4
    sweep_seconds: int = 15
    seals_file: Path | None = None
    games: Path | None = None
    jwt_secret: str | None = field(default=None, repr=False)
    pin_secrets: Mapping[str, str] = field(factory=dict, repr=False)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings of an environment. Raises SettingsError with the name of the variable.

        Variables that Kubernetes sets for services called `playtime` or `playtime-...` are ignored, and the log
        names them once.
        """
        names = {PREFIX + setting.name.upper(): setting.name for setting in attrs.fields(cls)}
        values: dict[str, Any] = {}
        ours = sorted(variable for variable in environ if variable.startswith(PREFIX))
        foreign = [variable for variable in ours if _is_of_kubernetes(variable, environ[variable])]
        if foreign:
            _report_ignored(", ".join(foreign))
        for variable in ours:
            if variable in foreign:
                continue
            if variable not in names:
                raise SettingsError(f"{variable} is not a setting; the settings are {', '.join(sorted(names))}")
            if environ[variable]:
                values[names[variable]] = _parsed(variable, names[variable], environ[variable])
        return cls(**values)

    @property
    def server_url(self) -> str:
        """The address under which the server of these settings is reached from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - read, not bound
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def tls(self) -> tuple[Path, Path] | None:
        """The files of the certificate and of its key."""
        return (self.tls_cert, self.tls_key) if self.tls_cert and self.tls_key else None

    @property
    def is_secure(self) -> bool:
        """Whether people reach the service by TLS, at its own port or at that of a proxy."""
        return self.tls is not None or (self.public_url or "").startswith("https:")

    @property
    def odds_folder(self) -> Path:
        """The folder of stored odds, which may be removed at any time."""
        return self.home / "cache"

    def embedded_within(self) -> "Settings":
        """Return settings for an embedded database in a new home within this one."""
        urls = dict.fromkeys(("database_url", "migrator_url", "owner_read_url", "backup_url"))
        values = attrs.asdict(self, recurse=False) | urls
        return Settings(**values | {"storage": "postgres", "home": self.home / f"bench-{secrets.token_hex(4)}"})

    def __attrs_post_init__(self) -> None:
        """Check every value, and settings that depend on each other. Raises SettingsError."""
        for name, parse in _PARSERS.items():
            value = getattr(self, name)
            if value != getattr(attrs.fields(Settings), name).default:
                _check(name, value, parse)
        if self.storage == "memory" and self.database_url is not None:
            raise SettingsError("PLAYTIME_DATABASE_URL is set, but PLAYTIME_STORAGE is memory")
        if self.database_url is None and (self.migrator_url or self.owner_read_url or self.backup_url):
            names = "PLAYTIME_MIGRATOR_URL, PLAYTIME_OWNER_READ_URL and PLAYTIME_BACKUP_URL"
            raise SettingsError(f"{names} need PLAYTIME_DATABASE_URL")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError("PLAYTIME_TLS_CERT and PLAYTIME_TLS_KEY need each other")


@cache
def _report_ignored(variables: str) -> None:
    """Log the variables once in a process, which may read its settings several times."""
    _log.warning("ignored, since Kubernetes sets them for a service: %s", variables)


def _is_of_kubernetes(variable: str, value: str) -> bool:
    """Tell whether a variable is one of those that Kubernetes sets in a pod for each service.

    For a service `playtime` they are PLAYTIME_SERVICE_HOST, PLAYTIME_SERVICE_PORT, PLAYTIME_PORT=tcp://... and
    PLAYTIME_PORT_8000_TCP. See "Discovering services" in the documentation of Kubernetes.
    """
    if _OF_KUBERNETES.fullmatch(variable):
        return True
    return variable.endswith("_PORT") and _ADDRESS_OF_KUBERNETES.match(value) is not None


def _check(name: str, value: object, parse: Callable[[str], object]) -> None:
    """Check a value of Settings as its variable would be. Raises SettingsError."""
    if value in ({}, ()):
        return
    if parse is _path and not isinstance(value, Path):
        raise SettingsError(f"{name} must be a Path")
    if isinstance(value, Mapping):
        pairs = [f"{key}={secret}" for key, secret in value.items()]
    else:
        pairs = list(value) if isinstance(value, tuple) else [str(value)]
    try:
        parse(",".join(pairs))
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None


def _parsed(variable: str, name: str, text: str) -> object:
    parse = _PARSERS.get(name, str)
    try:
        return parse(text)
    except ValueError as error:
        raise SettingsError(f"{variable}: {error}") from None


def _storage(text: str) -> str:
    if text not in {"postgres", "memory"}:
        raise ValueError("must be postgres or memory")
    return text


def _contact(text: str) -> str:
    is_plain = text.isascii() and text.isprintable() and " " not in text
    if not is_plain or not text.startswith(("mailto:", "https://")):
        raise ValueError("must be an address such as mailto:security@example.com or https://example.com/report")
    return text


def _log_format(text: str) -> str:
    if text not in {"text", "json"}:
        raise ValueError("must be text or json")
    return text


def _between(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and lowest <= int(text) <= highest):
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def _path(text: str) -> Path:
    if any(category(symbol) in _NOT_IN_PATHS for symbol in text):
        raise ValueError(f"must have no control characters, but it is {text!a}")
    return Path(text).expanduser().absolute()


def _public_url(text: str) -> str:
    """Return an absolute web address without a slash at its end."""
    address = urlsplit(text)
    plain = text.isascii() and text.isprintable() and " " not in text
    if not plain or address.scheme not in {"http", "https"} or not address.hostname:
        raise ValueError("must be an address such as https://play.example.com")
    if address.query or address.fragment or address.username is not None:
        raise ValueError("must have no login, query or fragment")
    if len(text) > _LONGEST_PUBLIC_URL:
        raise ValueError(f"must have at most {_LONGEST_PUBLIC_URL} characters, to fit a QR code")
    return text.rstrip("/")


def _origins(text: str) -> tuple[str, ...]:
    """Parse origins as browsers send them, parted by commas."""
    return tuple(_origin(part.strip()) for part in text.split(","))


def _origin(text: str) -> str:
    address = urlsplit(text)
    is_whole = text.isascii() and text == f"{address.scheme}://{address.netloc}" and text == text.lower()
    if not is_whole or address.scheme not in {"http", "https"} or not address.hostname or "@" in text:
        raise ValueError("must be origins such as https://shop.example.com, parted by commas")
    return text


def _networks(text: str) -> tuple[str, ...]:
    """Parse addresses and networks, parted by commas."""
    try:
        return tuple(str(ip_network(part.strip())) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"must be addresses or networks such as 10.0.0.0/8, parted by commas: {error}") from None


def _hex_secret(text: str) -> str:
    if len(text) < 64 or not _is_hex(text):  # noqa: PLR2004 - two digits a byte, 32 bytes
        raise ValueError("must be at least 64 hexadecimal digits (32 bytes)")
    return text


def _jwt_secrets(text: str) -> str:
    """Parse `hex` or `hex,hex`; the first secret is for new tokens."""
    return ",".join(_hex_secret(part.strip()) for part in text.split(","))


def _pin_secrets(text: str) -> Mapping[str, str]:
    """Parse `id=hex,id=hex`; the first secret is for new PINs."""
    secrets: dict[str, str] = {}
    for part in text.split(","):
        key_id, parted, secret = part.strip().partition("=")
        if not (key_id and parted) or key_id in secrets:
            raise ValueError("must be id=hex,id=hex with different ids, the current one first")
        secrets[key_id] = _hex_secret(secret)
    return secrets


def _is_hex(text: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in text) and len(text) % 2 == 0


_PARSERS: Final[Mapping[str, Callable[[str], object]]] = {
    "storage": _storage,
    "home": _path,
    "games": _path,
    "seals_file": _path,
    "port": _between(1, 65_535),
    "public_url": _public_url,
    "log_format": _log_format,
    "tls_cert": _path,
    "tls_key": _path,
    "security_contact": _contact,
    "allowed_origins": _origins,
    "trusted_proxies": _networks,
    "pool_size": _between(1, 200),
    "database_seconds": _between(1, 60),
    "report_seconds": _between(1, 3_600),
    "spins_together": _between(1, 1_000),
    "workers": _between(1, 64),
    "threads": _between(1, 256),
    "sweep_seconds": _between(1, 86_400),
    "jwt_secret": _jwt_secrets,
    "pin_secrets": _pin_secrets,
}
