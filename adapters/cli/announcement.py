"""The file `server.json` in a home folder. It says where the server of this home listens."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ...application.errors import SetupError
from .program import Running

_FILE: Final = "server.json"


@contextmanager
def announced(running: Running) -> Iterator[None]:
    """Write the file for as long as the block lasts. Of several servers of a home the first one writes it."""
    other = _read(running.home)
    if running.database is None or (other is not None and other["pid"] != os.getpid() and _runs(other["pid"])):
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
    """Return the address of the server that runs on a home; None if none has said where it listens.

    Raises SetupError if the server has ended without a stop.
    """
    content = _read(home)
    if content is None:
        return None
    if not _runs(content["pid"]):
        raise SetupError(
            f"the server of {home} at {content['url']} has ended: start it again, or name another with --url"
        )
    return str(content["url"])


def _read(home: Path) -> Mapping[str, Any] | None:
    """Return the content of the file, None if it is not there or damaged."""
    try:
        content: dict[str, Any] = json.loads((home / _FILE).read_text())
        return {"url": content["url"], "pid": int(content["pid"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)  # signal 0 only asks whether the process runs
    except OSError:
        return False
    return True
