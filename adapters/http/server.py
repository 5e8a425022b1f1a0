"""Serving the HTTP application: worker processes under granian, or one process for the memory storage."""

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.util import Finalize
from typing import Final

from attrs import frozen
from flask import Flask
from granian import Granian
from granian.constants import Interfaces
from werkzeug.serving import WSGIRequestHandler, make_server

from ...application.errors import SetupError

KILL_SECONDS: Final = 30
"""The time that a worker gets to finish its requests when it is stopped."""


@frozen(kw_only=True)
class ServerOptions:
    """Address and size of the server: `workers` processes of `threads` threads."""

    host: str
    port: int
    workers: int
    threads: int


def require_free(options: ServerOptions) -> None:
    """Raise SetupError when nothing can listen at the address, before anything is made ready for it."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((options.host, options.port))
        except OSError as error:
            raise SetupError(
                f"{options.host} port {options.port} cannot be served: {error.strerror}. Set PLAYTIME_PORT."
            ) from None


def serve_workers(make_app: Callable[[], Flask], options: ServerOptions) -> None:
    """Serve the application that each worker process makes for itself, until the process is stopped.

    `make_app` must be a function of a module: the workers are new processes and find it by its name.
    """
    server = Granian(
        "playtime",
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=options.workers,
        blocking_threads=options.threads,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_SECONDS,
    )
    # Handed over as it is: looking a module up by its name alone, granian would take it for one of a folder.
    server.serve(target_loader=make_app, wrap_loader=False)


def end_with_parent() -> None:
    """Have this worker process stop when the one that started it is gone, however that ended.

    An orphan would keep the port, and go on serving with nobody left who sweeps or revives the database.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(KILL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def at_end_of_worker(finish: Callable[[], None]) -> None:
    """Register a function that this worker process calls after it was stopped and has answered all requests.

    `atexit` would not work: a forked process ends without it.
    """
    Finalize(None, finish, exitpriority=0)


class QuietHandler(WSGIRequestHandler):
    """Leaves the log to the application: werkzeug's own line would tell paths and queries, and so codes."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


def serve_here(app: Flask, options: ServerOptions) -> None:
    """Serve from this very process, which is the only one that knows a memory storage's books."""
    server = make_server(options.host, options.port, app, threaded=True, request_handler=QuietHandler)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
