"""The secrets in a backup."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import asdict, field, frozen

from ...application.errors import SetupError
from .secret_file import read_secrets, require_same_secrets, restore_secrets
from .settings import Settings

_FILE: Final = "secrets.json"
_COMPARED: Final = ("jwt", "pin_k1")
"""The names in the file that PINs, seeds and tokens come from. The others are passwords of the database."""


@frozen
class StoredSecrets:
    """The secrets of a home and of the environment, and the password of a copied cluster's superuser."""

    file: Mapping[str, str] | None = field(repr=False)
    jwt_secret: str | None = field(repr=False)
    pin_secrets: Mapping[str, str] = field(repr=False)
    superuser: str | None = field(repr=False)

    @classmethod
    def of(cls, settings: Settings, superuser: str | None) -> "StoredSecrets":
        """Return the secrets that are in use. Raises SetupError."""
        return cls(read_secrets(settings.home / _FILE), settings.jwt_secret, dict(settings.pin_secrets), superuser)

    @classmethod
    def parse(cls, content: bytes) -> "StoredSecrets":
        """Read the member of a backup."""
        return cls(**json.loads(content))

    def content(self) -> bytes:
        """Return the member of a backup."""
        return json.dumps(asdict(self)).encode()

    def require_same(self, settings: Settings) -> None:
        """Refuse to restore with other secrets in the environment or the home. Raises SetupError."""
        given = settings.pin_secrets
        missing = [key_id for key_id, secret in self.pin_secrets.items() if given.get(key_id) != secret]
        if missing:
            raise SetupError(
                f"the backup was made with PLAYTIME_PIN_SECRETS ({', '.join(missing)}): set it and"
                " PLAYTIME_JWT_SECRET as the member secrets.json of the backup has them"
            )
        if self.file is not None and not self.pin_secrets:
            require_same_secrets(settings.home / _FILE, self.file, _COMPARED)

    def restore(self, home: Path) -> None:
        """Write the file into a home that has none. Raises SetupError."""
        if self.file is not None:
            restore_secrets(home / _FILE, self.file)
