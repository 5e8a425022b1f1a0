"""A full disk below the database: writes are refused, and work continues when there is room again."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import psycopg
import pytest
from attrs import define

from support.crash.servers import embedded_url, is_well, serving, wait_for
from support.crash.storm import Storm, hold_books, open_casino, settle, verify
from support.postgres.cluster import reachable_folder
from support.program import Command

SIZE: Final = "192m"
PAGE_BYTES: Final = 4096


@contextmanager
def _small_disk() -> Iterator[Path]:
    """Mount a disk of a few megabytes; skip where that is refused."""
    with reachable_folder() as folder:
        place = folder / "disk"
        place.mkdir()
        try:
            mounted = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "playtime-test", str(place)],
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            pytest.skip(f"there is no mount command: {error}")
        if mounted.returncode != 0:
            pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
        try:
            yield place
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


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
        _small_disk() as disk,
        serving(Command(disk / "home")) as server,
        Ballast(disk / "ballast") as ballast,
    ):
        command = server.command
        casino = open_casino(server, rich=4, poor=2)
        url = embedded_url(command.home)
        storm = Storm(server.url, casino, "storm", stays=True)
        pid = server.pid
        _start_new_log(url)
        with storm.raging():
            storm.wait_for_answers(150)
            ballast.take()
            storm.wait(lambda: storm.refused > 0, "clients get 503")
            wait_for(lambda: "(53100)" in server.said, "a table cannot grow")
            assert is_well(server.url), "the database runs on"
            ballast.drop()
            storm.wait_for_answers(150)
            ballast.take()
            _use_up_log(url)

            def is_left_down() -> bool:
                ballast.take()  # also what the dead server left
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
