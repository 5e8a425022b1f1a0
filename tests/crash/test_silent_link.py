"""A server whose link to the database goes silent: it answers, stops in time, and recovers."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import pytest
from attrs import frozen

from playtime.adapters.postgres.admin.roles import APP

from support.crash.servers import (
    Reply,
    Server,
    backends_of,
    client_of,
    embedded_url,
    is_well,
    postmaster_of,
    serving,
    wait_for,
)
from support.crash.stops import stops_in_time
from support.postgres.database import fresh_database
from support.postgres.proxy import Wire, wire_to
from support.program import Command, new_command

ANSWER_SECONDS = 7.0
"""The longest answer of health: 2 s for the database, behind one request of each thread."""


@frozen
class Place:
    """A server behind a wire to its database."""

    server: Server
    wire: Wire

    def health(self) -> Reply:
        """Ask for health, which answers in time."""
        begun = time.monotonic()
        with client_of(self.server.url) as client:
            reply = client.ask("GET", "/api/health")
        assert time.monotonic() - begun < ANSWER_SECONDS
        return reply


@pytest.fixture
def place() -> Iterator[Place]:
    with fresh_database() as database, wire_to(database.url(APP, tcp=True)) as (wire, url):
        settings = {
            "PLAYTIME_DATABASE_URL": url,
            "PLAYTIME_OWNER_READ_URL": database.owner_read_url,
            "PLAYTIME_DATABASE_SECONDS": "2",
            "PLAYTIME_SWEEP_SECONDS": "1",
        }
        with new_command(**settings) as command, serving(command) as server:
            yield Place(server, wire)
            wire.resume()


def test_server_answers_recovers_and_stops_on_a_silent_link(place: Place) -> None:
    wait_for(lambda: place.health().content["lastSweepSeconds"] is not None, "a first sweep")
    place.wire.silence()
    wait_for(lambda: place.health().status == 503, "the silence is noticed")
    wait_for(lambda: place.health().content["lastSweepSeconds"] >= 5, "sweeps do not end")
    wait_for(lambda: "sweep put off" in place.server.said, "the log says so")
    place.wire.resume()
    wait_for(lambda: is_well(place.server.url), "recovery", seconds=2 + 1)
    wait_for(lambda: place.health().content["lastSweepSeconds"] <= 2, "a sweep ends")
    place.wire.silence()
    time.sleep(1.5)  # a sweep waits for the database
    with stops_in_time(place.server):
        assert place.server.stop() == 0


def _last_sweep_seconds(server: Server) -> int | None:
    with client_of(server.url) as client:
        seconds: int | None = client.ask("GET", "/api/health").content["lastSweepSeconds"]
    return seconds


@contextmanager
def _suspended(processes: Iterable[int]) -> Iterator[None]:
    """Suspend processes for a block. Those that ended meanwhile need no resuming."""
    stopped = list(processes)
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in stopped:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def test_a_suspended_database_stops_with_its_server(command: Command) -> None:
    with serving(command) as server, _suspended([postmaster_of(command.home)]), stops_in_time(server):
        assert server.stop() == 0


def test_suspended_backends_hold_up_neither_sweeps_nor_the_stop() -> None:
    settings = {"PLAYTIME_DATABASE_SECONDS": "2", "PLAYTIME_REPORT_SECONDS": "2", "PLAYTIME_SWEEP_SECONDS": "1"}
    with new_command(**settings) as command, serving(command) as server:
        wait_for(lambda: _last_sweep_seconds(server) is not None, "a first sweep")
        with _suspended(backends_of(embedded_url(command.home))):
            wait_for(lambda: "sweep put off" in server.said, "the log says so")
            with stops_in_time(server):
                assert server.stop() == 0
