"""The note beside the data that says where a server runs."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from .program import Running

_SERVER_NOTE: Final = "server.json"


def running_url(home: Path) -> str | None:
    """Return the address of the server that runs on a home, if one left word of it."""
    note = _running_note(home)
    return None if note is None else str(note["url"])


def _running_note(home: Path) -> Mapping[str, Any] | None:
    try:
        note: dict[str, Any] = json.loads((home / _SERVER_NOTE).read_text())
        os.kill(note["pid"], 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return note


@contextmanager
def announced(running: Running) -> Iterator[None]:
    """Leave word in the home of the server that runs on it, for other commands: of the first of several."""
    other = _running_note(running.home)
    if running.database is None or (other is not None and other["pid"] != os.getpid()):
        yield
        return
    note = running.home / _SERVER_NOTE
    running.home.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"url": running.url, "pid": os.getpid()}))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)
