"""A server whose link to the database goes silent: it answers, stops in time, and recovers."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from attrs import frozen

from playtime.adapters.postgres.admin.roles import APP
from playtime.adapters.postgres.embedded.server import EmbeddedPostgres

from support.crash.servers import Reply, Server, client_of, is_well, serving, wait_for
from support.postgres.database import fresh_database
from support.postgres.proxy import Wire, wire_to
from support.program import Command, new_command

STOP_SECONDS = 15.0
"""Three times the longest stop on an idle machine."""

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
    begun = time.monotonic()
    assert place.server.stop() == 0
    assert time.monotonic() - begun < STOP_SECONDS


def test_a_suspended_database_stops_with_its_server(command: Command) -> None:
    with serving(command) as server:
        postmaster = _postmaster(command)
        os.kill(postmaster, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - begun < STOP_SECONDS
        finally:
            with suppress(ProcessLookupError):
                os.kill(postmaster, signal.SIGCONT)


def _postmaster(command: Command) -> int:
    found = EmbeddedPostgres(command.home)._cluster.postmaster()
    assert found is not None
    return found.pid
