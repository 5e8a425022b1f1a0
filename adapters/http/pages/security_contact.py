"""The file `security.txt`: the contact for reports of weaknesses (RFC 9116)."""

from datetime import datetime, timedelta
from typing import Final

from .documents import Document

SECURITY_PATH: Final = "/.well-known/security.txt"
_DAYS: Final = 180
"""The days for which a copy of the file is good. The standard advises less than a year."""


def security_contact(contact: str, now: datetime) -> Document:
    """Return the file, which names an address for reports."""
    expires = (now + timedelta(days=_DAYS)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = f"Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en\n"
    return Document(media_type="text/plain", body=body.encode())
