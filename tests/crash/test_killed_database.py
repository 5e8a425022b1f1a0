"""kill -9 of the database below a server that serves: it says so, and is back by itself with all it answered."""

import os
import signal
from pathlib import Path

from support.crash.servers import backends_of, children_of, embedded_url, is_well, postmaster_of, serving, wait_for
from support.crash.storm import Storm, hold_books, open_casino, settle, verify
from support.program import Command


def _kill_postmaster(home: Path) -> None:
    """The rest of its processes notice, each in its own time."""
    os.kill(postmaster_of(home), signal.SIGKILL)


def _kill_everything(home: Path) -> None:
    """As when the machine's memory runs out, or its power."""
    postmaster = postmaster_of(home)
    for pid in (postmaster, *children_of(postmaster)):
        os.kill(pid, signal.SIGKILL)


def _kill_backend(home: Path) -> None:
    """The server takes all others down with it, recovers, and goes on."""
    os.kill(backends_of(embedded_url(home))[0], signal.SIGKILL)


def test_a_database_that_is_killed_in_a_storm_comes_back_with_everything(command: Command) -> None:
    with serving(command) as server:
        casino = open_casino(server, rich=4, poor=2)
        storm = Storm(server.url, casino, "storm", stays=True)
        pid = server.pid
        with storm.raging():
            for strike in (_kill_postmaster, _kill_everything, _kill_backend, _kill_postmaster):
                storm.wait_for_answers(150)
                refused = storm.refused
                strike(command.home)
                storm.wait(lambda: storm.refused > refused, "clients are told to come back later")  # noqa: B023 - called at once
                storm.wait_for_answers(150)
        assert server.pid == pid, "it was not restarted"
        wait_for(lambda: is_well(server.url), "the server is well")
        settle(server.url, storm.asked)
        hold_books(embedded_url(command.home), storm.asked)
        verify(command)
