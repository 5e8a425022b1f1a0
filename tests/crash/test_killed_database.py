"""kill -9 of the database below a server that serves: it says so, and is back by itself with all it answered."""

import os
import signal
from pathlib import Path

from support.crash.servers import backends_of, children_of, embedded_url, is_well, postmaster_of, serving, wait_for
from support.crash.storm import Storm, hold_books, open_casino, settle, verify
from support.program import Command


def _kill_postmaster(home: Path) -> None:
    """Kill the main process alone; the other processes notice after a while."""
    os.kill(postmaster_of(home), signal.SIGKILL)


def _kill_everything(home: Path) -> None:
    """Kill all processes, like a machine that loses its power or memory."""
    postmaster = postmaster_of(home)
    for pid in (postmaster, *children_of(postmaster)):
        os.kill(pid, signal.SIGKILL)


def _kill_backend(home: Path) -> None:
    """Kill a backend: the server ends all others, recovers and continues."""
    os.kill(backends_of(embedded_url(home))[0], signal.SIGKILL)


def test_database_killed_in_a_storm_comes_back_with_everything(command: Command) -> None:
    with serving(command) as server:
        casino = open_casino(server, rich=4, poor=2)
        storm = Storm(server.url, casino, "storm", stays=True)
        pid = server.pid
        with storm.raging():
            for strike in (_kill_postmaster, _kill_everything, _kill_backend, _kill_postmaster):
                storm.wait_for_answers(150)
                refused = storm.refused
                strike(command.home)
                storm.wait(lambda: storm.refused > refused, "clients get 503")  # noqa: B023 - called at once
                storm.wait_for_answers(150)
        assert server.pid == pid, "it was not restarted"
        wait_for(lambda: is_well(server.url), "the server is well")
        settle(server.url, storm.asked)
        hold_books(embedded_url(command.home), storm.asked)
        verify(command)
