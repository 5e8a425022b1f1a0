"""A server of the product in a process of its own, to be measured."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...application.errors import SetupError


@contextmanager
def served(environ: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Serve with the settings of an environment, without background work. Gives the address and the process id.

    Raises SetupError if the server does not start.
    """
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    serving = subprocess.Popen(
        [sys.executable, "-m", "playtime", "serve"],
        env={**environ, "PLAYTIME_PORT": str(port), "PLAYTIME_SWEEP_SECONDS": "86400"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/api/health", serving)
        yield url, serving.pid
    finally:
        serving.terminate()
        serving.wait()


def environ_at(home: Path) -> Mapping[str, str]:
    """Return the environment for the embedded database of a home, with all other settings as they are here."""
    urls = ("PLAYTIME_DATABASE_URL", "PLAYTIME_MIGRATOR_URL", "PLAYTIME_OWNER_READ_URL", "PLAYTIME_BACKUP_URL")
    others = {name: text for name, text in os.environ.items() if name not in urls}
    return others | {"PLAYTIME_HOME": str(home), "PLAYTIME_STORAGE": "postgres"}


def _wait_for(address: str, serving: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if serving.poll() is not None:
            break
        try:
            read_json(address)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SetupError("The server to be measured did not start.")


def read_json(address: str, token: str | None = None) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Get a JSON document from a server of this machine. Raises OSError."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - of this machine
    with urllib.request.urlopen(request) as response:  # noqa: S310 - as above
        return json.load(response)
