"""Serving the HTTP application: worker processes under granian, or one process for the memory storage."""

import gc
import logging
import multiprocessing
import multiprocessing.process
import os
import resource
import signal
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen
from flask import Flask
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server.mp import MPServer
from werkzeug.serving import WSGIRequestHandler, make_server

from ...application.errors import SetupError
from .routes import LARGEST_BODY
from .slow_bodies import GuardedBodies, guarded

STOP_SECONDS: Final = 2
"""The time that a worker gets to finish its requests when it is stopped."""

STEADY_SECONDS: Final = 10.0
"""A worker that has run for as long as this works."""

FIRST_DELAY_SECONDS: Final = 0.5
LONGEST_DELAY_SECONDS: Final = 30.0

HOPELESS_FAILURES: Final = 6

CONNECTIONS: Final = 4_096
"""The most connections of a worker. Those that send nothing are closed after HEADER_SECONDS."""

HEADER_SECONDS: Final = 10
"""The time for the headers of a request, from the connection or from the last answer on."""

_log: Final = logging.getLogger("playtime.server")


@frozen(kw_only=True)
class ServerOptions:
    """Address and size of the server: `workers` processes of at most `threads` threads.

    `tls` are the files of the certificate chain and of its key; None: plain HTTP.
    """

    host: str
    port: int
    workers: int
    threads: int
    tls: tuple[Path, Path] | None = None


def require_certificate(tls: tuple[Path, Path] | None) -> None:
    """Raise SetupError unless the files of TLS, if there are any, are a certificate and its key."""
    if tls is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*tls, password=_no_password)
    except (OSError, ValueError) as error:
        raise SetupError(
            f"{tls[0]} and {tls[1]} cannot be used for TLS: {error}."
            " Set PLAYTIME_TLS_CERT and PLAYTIME_TLS_KEY to files in PEM form, the key without a password."
        ) from None


def _no_password() -> str:
    """Return no password. OpenSSL itself would ask at the terminal, and wait."""
    return ""


def require_free(host: str, port: int) -> None:
    """Raise SetupError when nothing can listen at the address, before anything is made ready for it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SetupError(
                f"{host} port {port} cannot be served: {error.strerror}. Set PLAYTIME_HOST and PLAYTIME_PORT."
            ) from None


@define
class Restarts:
    """A plan of when to start workers again that ended by themselves: at once at first, then later each time."""

    workers: int
    _started: dict[int, float] = field(factory=dict, init=False)
    _failures: Counter[int] = field(factory=Counter, init=False)
    _due: dict[int, float] = field(factory=dict, init=False)

    def start(self, worker: int, now: float) -> None:
        """Record that a worker starts at a time in seconds."""
        self._started[worker] = now
        self._due.pop(worker, None)

    def fail(self, worker: int, now: float) -> float:
        """Record that a worker ended, and return the seconds until it is to start again.

        One that worked for some time begins with the first delay again.
        """
        if now - self._started.pop(worker) >= STEADY_SECONDS:
            self._failures[worker] = 0
        self._failures[worker] += 1
        delay = 0.0
        if self._failures[worker] > 1:
            delay = min(FIRST_DELAY_SECONDS * 2.0 ** (self._failures[worker] - 2), LONGEST_DELAY_SECONDS)
        self._due[worker] = now + delay
        return delay

    def due(self, now: float) -> list[int]:
        """Return the workers to start now."""
        return [worker for worker, at in self._due.items() if at <= now]

    def wait(self, now: float) -> float | None:
        """Return the seconds until the next start, or None if none is planned."""
        return max(min(self._due.values()) - now, 0.0) if self._due else None

    def hopeless(self) -> bool:
        """Return whether no worker runs, and each has ended too often in a row."""
        return not self._started and all(
            self._failures[worker] >= HOPELESS_FAILURES for worker in range(self.workers)
        )


class WorkerServer(MPServer):
    """Granian's server, which continues while one of its workers works.

    Granian itself ends when a worker ends twice within seconds, although the others work.
    """

    def _serve_loop(self, spawn_target: Callable[..., None], target_loader: Callable[..., Any]) -> None:
        restarts = Restarts(self.workers)
        for worker in range(self.workers):
            restarts.start(worker, time.monotonic())
        while not self.interrupt_signal and not restarts.hopeless():
            self.main_loop_interrupt.wait(restarts.wait(time.monotonic()))
            self.main_loop_interrupt.clear()
            while self.interrupt_children:
                worker = self.interrupt_children.pop()
                delay = restarts.fail(worker, time.monotonic())
                _log.warning("worker %s ended; it is started again in %.1f s", worker + 1, delay)
            for worker in restarts.due(time.monotonic()):
                restarts.start(worker, time.monotonic())
                self._respawn_workers([worker], spawn_target, target_loader)
        if not self.interrupt_signal:
            raise SetupError("Each worker has ended several times soon after its start. The log says why.")


def serve_workers(make_app: Callable[[], Flask], options: ServerOptions) -> None:
    """Serve the application that each worker process makes for itself, until the process is stopped.

    `make_app` must be a function of a module: the workers are new processes and find it by its name. Raises
    SetupError when no worker works.
    """
    _allow_files(2 * CONNECTIONS)
    logging.getLogger("_granian").addFilter(lambda record: "seems quite high" not in record.getMessage())
    server = WorkerServer(
        "playtime",
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=options.workers,
        # Most of them wait for a place in a lane.
        blocking_threads=options.threads,
        backpressure=CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1_000),
        # A few connections of HTTP/2 that are cut in the middle of their requests would hold all threads for good.
        http=HTTPModes.http1,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        ssl_cert=options.tls[0] if options.tls else None,
        ssl_key=options.tls[1] if options.tls else None,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    # What is loaded stays: the collectors of forked workers need not look at it, which would also copy its pages.
    gc.freeze()
    # Handed over as it is: looking a module up by its name alone, granian would take it for one of a folder.
    server.serve(target_loader=partial(_make_guarded, make_app, options.port), wrap_loader=False)


def _make_guarded(make_app: Callable[[], Flask], port: int) -> GuardedBodies:
    return guarded(make_app(), port, LARGEST_BODY)


def _allow_files(number: int) -> None:
    """Let this process and its workers have as many files open: each connection is one."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number if most < 0 else min(number, most), most))


def begin_worker() -> None:
    """Prepare this worker process for its end: only its parent, or the end of its parent, stops it.

    A terminal sends Ctrl-C to all processes at once. Only the parent takes it: two signals to stop would leave a
    worker waiting.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), name="end-with-parent", daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """Stop this process when its parent is gone, however that ended.

    An orphan would keep the port, and go on serving with nobody left who sweeps or revives the database.
    """
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)


def at_end_of_worker(finish: Callable[[], None]) -> None:
    """Register a function that this worker process calls after it was stopped and has answered all requests.

    `atexit` would not work: a forked process ends without it.
    """
    Finalize(None, finish, exitpriority=0)


class QuietHandler(WSGIRequestHandler):
    """Leaves the log to the application: werkzeug's own line would tell paths and queries, and so codes.

    It names no versions either.
    """

    def version_string(self) -> str:
        """Return the header `Server`."""
        return "playtime"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


def serve_here(app: Flask, options: ServerOptions) -> None:
    """Serve from this very process, which is the only one that knows a memory storage's books."""
    tls = options.tls and (str(options.tls[0]), str(options.tls[1]))
    where = options.host, options.port
    server = make_server(*where, app, threaded=True, request_handler=QuietHandler, ssl_context=tls)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
