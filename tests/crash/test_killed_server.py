"""kill -9 of the server in the middle of a storm: nothing that was answered is lost, nothing is done twice."""

import os
import signal

from support.crash.servers import children_of, embedded_url, is_well, postmaster_of, serving, wait_for
from support.crash.storm import Asked, Storm, hold_books, open_casino, settle, verify
from support.program import Command

KILLS = 5


def test_server_killed_in_a_storm_loses_and_doubles_nothing(command: Command) -> None:
    everything: list[Asked] = []
    with serving(command) as server:
        casino = open_casino(server, rich=4, poor=2)
        for kill in range(KILLS):
            storm = Storm(server.url, casino, f"storm-{kill}")
            with storm.raging():
                storm.wait_for_answers(120 + 53 * kill)
                server.kill()
            assert storm.unanswered, "nobody was cut off"
            everything += storm.asked
            verify(command)
            server.start()
            settle(server.url, storm.asked)
        settle(server.url, everything)
        hold_books(embedded_url(command.home), everything)
        verify(command)


def test_a_worker_that_is_killed_is_replaced(command: Command) -> None:
    with serving(command) as server:
        casino = open_casino(server, rich=2, poor=1)
        storm = Storm(server.url, casino, "storm", stays=True)
        with storm.raging():
            for _ in range(2):
                storm.wait_for_answers(100)
                workers = children_of(server.pid)
                os.kill(min(workers), signal.SIGKILL)
                wait_for(lambda: len(children_of(server.pid) - workers) == 1, "a new worker")  # noqa: B023 - called at once
        # The second one was killed while the successor of the first may still have been starting.
        wait_for(lambda: is_well(server.url), "an answer")
        settle(server.url, storm.asked)
        hold_books(embedded_url(command.home), storm.asked)
        verify(command)


def test_workers_do_not_outlive_the_server(command: Command) -> None:
    """Orphans would go on serving without anybody who sweeps and revives, and keep the port from the next one."""
    with serving(command) as server:
        casino = open_casino(server, rich=2, poor=1)
        storm = Storm(server.url, casino, "storm")
        with storm.raging():
            storm.wait_for_answers(100)
            server.kill_parent()
        server.start()
        settle(server.url, storm.asked)
        hold_books(embedded_url(command.home), storm.asked)
        verify(command)


def test_the_next_command_ends_a_killed_servers_database(command: Command) -> None:
    with serving(command) as server:
        postmaster = postmaster_of(command.home)
        server.kill()
        os.kill(postmaster, 0)
        assert command.run("db", "url").returncode == 0
        # A server that was stopped removes the file; its process may be left as a zombie.
        assert not (command.home / "postgres" / "data" / "postmaster.pid").exists()
