"""A full disk below the database: writes are refused, and work continues when there is room again."""

from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import psycopg
from attrs import define

from support.crash.servers import embedded_url, is_well, postmaster_of, serving, wait_for
from support.crash.storm import Storm, hold_books, open_casino, settle, verify
from support.postgres.disk import small_disk
from support.program import Command

SIZE: Final = "192m"
PAGE_BYTES: Final = 4096


@define
class Ballast:
    """A file that takes the room on a disk, and gives it back at the latest when its block ends."""

    place: Path

    def __enter__(self) -> Self:
        """Take nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give everything back: a server without room could not even stop."""
        self.drop()

    def take(self) -> None:
        """Take all room that is left, also while others write."""
        with self.place.open("ab", buffering=0) as file:
            for chunk in (bytes(1 << 20), bytes(PAGE_BYTES)):
                with suppress(OSError):
                    while file.write(chunk) == len(chunk):
                        pass

    def drop(self) -> None:
        """Give all of it back."""
        self.place.unlink(missing_ok=True)


def _start_new_log(url: str) -> None:
    """Go on to a new file of the write-ahead log: what follows has room in there."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select pg_switch_wal()")


def _use_up_log(url: str) -> None:
    """Go on to new files of the write-ahead log until the server finds no room for one, which ends it."""
    with suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as connection:
        while True:
            connection.execute("select pg_switch_wal()")
            connection.execute("select pg_logical_emit_message(true, '', 'x')")


def test_a_full_disk_loses_and_doubles_nothing() -> None:
    with (
        small_disk(SIZE) as disk,
        serving(Command(disk / "home")) as server,
        Ballast(disk / "ballast") as ballast,
    ):
        command = server.command
        casino = open_casino(server, rich=4, poor=2)
        url = embedded_url(command.home)
        storm = Storm(server.url, casino, "storm", stays=True)
        pid, postmaster = server.pid, postmaster_of(command.home)
        _start_new_log(url)
        with storm.raging():
            storm.wait_for_answers(150)
            ballast.take()
            storm.wait(lambda: storm.refused > 0, "clients get 503")
            wait_for(lambda: "(53100)" in server.said, "a table cannot grow")
            assert not is_well(server.url), "readiness tests a write"
            wait_for(lambda: "takes no writes" in server.said, "the log says so")
            assert postmaster_of(command.home) == postmaster, "the database runs on"
            ballast.drop()
            storm.wait_for_answers(150)

            def is_left_down() -> bool:
                ballast.take()  # also what the dead server left
                # Again if it ended by an error without ending the server, or the server came up.
                _use_up_log(url)
                # Either the server finds no room, or it comes up and its address cannot be written down.
                return any(words in server.said for words in ("did not start", "cannot be written"))

            wait_for(is_left_down, "the database cannot come up without room")
            assert not is_well(server.url)
            ballast.drop()
            storm.wait_for_answers(150)
        assert server.pid == pid, "it was not restarted"
        settle(server.url, storm.asked)
        hold_books(embedded_url(command.home), storm.asked)
        verify(command)
