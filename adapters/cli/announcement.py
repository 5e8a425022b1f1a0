"""The file `server.json` in a home folder. It says where the server of this home listens."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from .program import Running

_FILE: Final = "server.json"


@contextmanager
def announced(running: Running) -> Iterator[None]:
    """Write the file for as long as the block lasts. Of several servers of a home the first one writes it."""
    other = _read(running.home)
    if running.database is None or (other is not None and other["pid"] != os.getpid()):
        yield
        return
    file = running.home / _FILE
    running.home.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"url": running.url, "pid": os.getpid()}))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def running_url(home: Path) -> str | None:
    """Return the address of the server that runs on a home; None if there is no such server."""
    content = _read(home)
    return None if content is None else str(content["url"])


def _read(home: Path) -> Mapping[str, Any] | None:
    """Return the content of the file if the process that wrote it still runs."""
    try:
        content: dict[str, Any] = json.loads((home / _FILE).read_text())
        os.kill(content["pid"], 0)  # signal 0 only asks whether the process runs
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return content
