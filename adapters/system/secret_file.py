"""Secrets that are generated at the first start, in a file that only its owner may read."""

import json
import logging
import os
import re
import secrets
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ...application.errors import SetupError
from .settings import Settings

SECRET_BYTES: Final = 32
_SECRET: Final = re.compile(r"([0-9a-fA-F]{2}){32,}")
_EARLIER: Final = "jwt_earlier"
"""The name of the secret that signed tokens before the last rotation."""
_MODE: Final = 0o600
_OTHERS: Final = 0o077
_LOST: Final = (
    "{path} is gone, but the database is there and needs the secret {needed}: restore it, or set"
    " PLAYTIME_JWT_SECRET and PLAYTIME_PIN_SECRETS. If a secret is lost for good, set PLAYTIME_PIN_SECRETS with"
    " another id, and run `playtime secrets retire ID`; then its open vouchers can only be voided, and its players"
    " only be closed"
)

_log: Final = logging.getLogger("playtime.secrets")


def load_secrets(path: Path, names: tuple[str, ...], *, needed: Sequence[str] = ()) -> Mapping[str, str]:
    """Return a hex secret of 32 bytes for each name, and generate the file if there is none.

    The file appears as a whole. If two programs start at once, one makes it and both use it. It is not made if
    existing records need secrets, which have the ids `needed`.

    Raises SetupError if the file cannot be read or written, is damaged or has a short secret, or is gone and
    may not be made.
    """
    present = _read(path)
    if present is None:
        if needed:
            raise SetupError(_LOST.format(path=path, needed=", ".join(needed)))
        present = _create(path, {name: secrets.token_hex(SECRET_BYTES) for name in names})
    missing = [name for name in names if name not in present]
    if missing:
        raise SetupError(
            f"{path} lacks {', '.join(missing)}: restore it, or move it away to start with new secrets. If"
            " PLAYTIME_JWT_SECRET and PLAYTIME_PIN_SECRETS were set when it was made, set them again"
        )
    weak = [name for name in names if not _SECRET.fullmatch(present[name])]
    if weak:
        raise SetupError(
            f"{path}: {', '.join(weak)} must have at least {2 * SECRET_BYTES} hexadecimal digits ({SECRET_BYTES}"
            " bytes). Restore the file, or move it away to start with new secrets"
        )
    return present


def token_secrets(given: str | None, stored: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return the secrets of tokens: those that are given, separated by commas, else those of a secrets file.

    The first signs. Raises SetupError if one of the file is too short.
    """
    texts = given.split(",") if given else [stored["jwt"], *([stored[_EARLIER]] if _EARLIER in stored else [])]
    if not all(_SECRET.fullmatch(text.strip()) for text in texts):
        raise SetupError(f"a secret of tokens has fewer than {2 * SECRET_BYTES} hexadecimal digits")
    return tuple(bytes.fromhex(text) for text in texts)


def rotate_token_secret(settings: Settings, *, overlaps: bool) -> Path:
    """Make a new secret of tokens in the file of a home, beside the old one if it overlaps. Returns the file.

    Raises SetupError if the environment sets the secret, or the file has none.
    """
    path = settings.home / "secrets.json"
    if settings.jwt_secret is not None:
        raise SetupError("PLAYTIME_JWT_SECRET is set: put a new secret before it, and a comma between them")
    present = _read(path) or {}
    if "jwt" not in present:
        raise SetupError(f"{path} has no secret of tokens: `playtime serve` makes it")
    old = {_EARLIER: present["jwt"]} if overlaps else {}
    others = {name: secret for name, secret in present.items() if name != _EARLIER}
    _replace(path, others | {"jwt": secrets.token_hex(SECRET_BYTES)} | old)
    return path


def read_secrets(path: Path) -> Mapping[str, str] | None:
    """Return the content of a secrets file; None if there is none. Raises SetupError."""
    return _read(path)


def require_same_secrets(path: Path, content: Mapping[str, str], names: Sequence[str]) -> None:
    """Refuse to restore beside a file in which one of the names has another secret. Raises SetupError."""
    present = _read(path) or content
    different = [name for name in names if present.get(name) != content.get(name)]
    if different:
        raise SetupError(f"{path} has other secrets than the backup ({', '.join(different)}): move it away first")


def restore_secrets(path: Path, content: Mapping[str, str]) -> None:
    """Write the secrets of a backup, unless the file is there. Raises SetupError."""
    if _read(path) is None:
        _create(path, dict(content))


def _read(path: Path) -> dict[str, str] | None:
    try:
        with path.open() as file:
            _close_to_others(path, file.fileno())
            content = json.loads(file.read())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise SetupError(f"{path} cannot be read: {error}. Restore it from a backup") from None
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise SetupError(f"{path} is damaged: restore it, or move it away to start with new secrets")
    return content


def _close_to_others(path: Path, descriptor: int) -> None:
    """Report a file that others may read or write. If it is ours, only we may do so from now on."""
    found = os.fstat(descriptor)
    mode = stat.S_IMODE(found.st_mode)
    if not mode & _OTHERS or not hasattr(os, "fchmod"):
        return
    if found.st_uid == os.geteuid():
        os.fchmod(descriptor, _MODE)
        _log.warning("%s had mode %04o, so that others could read it. It has %04o now.", path, mode, _MODE)
    else:
        _log.warning("%s has mode %04o, so that others can read it. Its owner must set %04o.", path, mode, _MODE)


def _create(path: Path, content: dict[str, str]) -> dict[str, str]:
    draft = _draft(path, content)
    try:
        # A link fails if another program has just made the file; a rename would replace that file.
        path.hardlink_to(draft)
    except FileExistsError:
        return _read(path) or content
    finally:
        draft.unlink()
    return content


def _replace(path: Path, content: dict[str, str]) -> None:
    _draft(path, content).replace(path)


def _draft(path: Path, content: dict[str, str]) -> Path:
    """Write a file beside another one, which may take its place as a whole. Raises SetupError."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    except OSError as error:
        raise SetupError(f"{path.parent} cannot be written: {error.strerror}. Set PLAYTIME_HOME.") from None
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    return draft
