"""The secrets of a home that the environment does not set: those of the service, and passwords of the database."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from .secret_file import SECRET_BYTES, load_secrets
from .settings import Settings

SECRETS_FILE: Final = "secrets.json"
GENERATED_ID: Final = "k1"
"""The id of the generated PIN secret."""
PIN_SECRET: Final = f"pin_{GENERATED_ID}"
_OWN_SECRETS: Final = ("jwt", PIN_SECRET)
"""The generated secrets that are not passwords of the embedded database."""


def load_generated(
    settings: Settings, needed: Sequence[str], roles: Sequence[str], *, makes: bool = True
) -> Mapping[str, str]:
    """Return the generated secrets that the environment does not set, with a password of each of the `roles`.

    Records need those with the ids `needed`. Raises SetupError.
    """
    complete = settings.jwt_secret is not None and bool(settings.pin_secrets)
    if complete and settings.database_url is not None:
        return {}
    file = settings.home / SECRETS_FILE
    if settings.storage == "memory" or not (makes or needed or file.exists()):
        # Nothing is stored, or nothing needs them, so they may end with the process.
        return {name: secrets.token_hex(SECRET_BYTES) for name in _OWN_SECRETS}
    # A secret that the environment sets is not made a second time: the file would have another one.
    given = {"jwt": settings.jwt_secret, PIN_SECRET: settings.pin_secrets}
    own = [name for name in _OWN_SECRETS if not given[name]]
    return load_secrets(file, (*own, *roles), needed=() if complete else needed)
