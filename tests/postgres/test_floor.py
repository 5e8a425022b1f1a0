"""The floor of a spin: a function that writes exactly the rows of a spin, for another player."""

import os
from collections.abc import Iterator, Sequence

import psycopg
import pytest

from playtime.adapters.postgres.floor.captured import CapturedSpin
from playtime.adapters.postgres.floor.floor import FUNCTIONS, FloorLoad, SpinFloor
from playtime.adapters.postgres.floor.function import SCHEMA, FloorPlayer, function_of
from playtime.adapters.postgres.storage import PostgresStorage
from playtime.application.errors import SetupError

from support.day import EVEN, LOSE, SUNRISE, Day, Guest, build_day
from support.postgres.database import TestDatabase


class _Floor:
    """A day with players, and the floor on its database."""

    def __init__(self, database: TestDatabase) -> None:
        self.storage = PostgresStorage(database.app_url, database.owner_read_url)
        self.day: Day = build_day(self.storage)
        self.floor = SpinFloor(database.superuser_url, database.app_url)
        self.guest, self.other = (self.day.welcome(1_000_000) for _ in range(2))
        self.spin(self.guest, EVEN)  # the session then knows the game

    def spin(self, guest: Guest, ticket: int) -> None:
        assert self.day.spin(guest, 10, ticket).code is None

    def capture(self, ticket: int) -> CapturedSpin:
        return self.floor.capture(lambda: self.spin(self.guest, ticket))

    def install(self, spins: Sequence[CapturedSpin]) -> None:
        self.floor.install(spins, [self.other.principal.player_id])


@pytest.fixture
def made(own: TestDatabase) -> Iterator[_Floor]:
    made = _Floor(own)
    yield made
    made.storage.close()


@pytest.mark.parametrize(
    ("ticket", "tables"),
    [
        (LOSE, ["answers", "ledger_events", "rounds"]),
        (SUNRISE, ["answers", "ledger_events", "ledger_events", "rounds"]),
    ],
)
def test_captured_rows_are_those_of_the_spin(made: _Floor, ticket: int, tables: list[str]) -> None:
    spin = made.capture(ticket)
    assert sorted(row.mapped.name for row in spin.inserted) == tables
    assert sorted(row.mapped.name for row in spin.updated) == ["players", "sessions"]
    (player,) = (row for row in spin.updated if row.mapped.name == "players")
    assert player.changed == ["balance_minor", "last_seq", "seed_nonce"]  # the clock of the day stands still


@pytest.mark.parametrize("ticket", [LOSE, EVEN, SUNRISE])
def test_floor_writes_the_rows_and_index_entries_of_the_spin(made: _Floor, ticket: int) -> None:
    made.install([made.capture(ticket)])
    real = made.floor.written_by(lambda: made.spin(made.guest, ticket))
    for _ in range(2):
        floor = made.floor.written_by(lambda: made.floor.call_for_each(1))
        assert (floor.rows, floor.index_entries) == (real.rows, real.index_entries)
        assert floor.rows == 5 + (ticket != LOSE)
        assert 0.5 < floor.wal_bytes / real.wal_bytes < 2


def test_floor_writes_for_its_own_player_alone(made: _Floor, own: TestDatabase) -> None:
    made.install([made.capture(SUNRISE)])
    events = "select count(*) from playtime.ledger_events where player_id = %s and round_id is not null"
    ids = [guest.principal.player_id for guest in (made.guest, made.other)]
    with psycopg.connect(own.superuser_url) as connection:
        before = [connection.execute(events, (player_id,)).fetchone() for player_id in ids]
        connection.commit()
        made.floor.call_for_each(1)
        after = [connection.execute(events, (player_id,)).fetchone() for player_id in ids]
    assert (before, after) == ([(4,), (0,)], [(4,), (2,)])


def test_older_servers_make_ids_in_the_order_of_time(made: _Floor, own: TestDatabase) -> None:
    spin = made.capture(SUNRISE)
    ids = {"player_id": str(made.other.principal.player_id)}
    with psycopg.connect(own.superuser_url, autocommit=True) as connection:
        row = connection.execute(
            "select p.operator_id::text, p.tenant_id::text, s.session_id::text from playtime.players p"
            " join playtime.sessions s using (operator_id, player_id) where player_id = %s",
            (ids["player_id"],),
        ).fetchone()
        assert row is not None
        ids |= dict(zip(("operator_id", "tenant_id", "session_id"), row, strict=True))
        connection.execute(f"create schema {SCHEMA}".encode())
        text = function_of(spin, [FloorPlayer(ids)], name="old", server_version=150_000)
        assert "uuidv7" not in text
        connection.execute(text.encode())
        for _ in range(3):
            connection.execute(f"select {SCHEMA}.old(1)".encode())
        found = connection.execute(
            "select round_id from playtime.rounds where player_id = %s order by played_at", (ids["player_id"],)
        ).fetchall()
    assert len(found) == 3
    stamps = [round_id.int >> 80 for (round_id,) in found]
    assert stamps == sorted(stamps)


def test_pgbench_calls_the_floor_for_the_time_of_a_block(made: _Floor) -> None:
    made.install([made.capture(ticket) for ticket in (LOSE, EVEN)])
    with made.floor.load(clients=1, players=1, seconds=1) as load:
        pass
    assert len(load.calls) > FUNCTIONS
    assert load.generator_seconds > 0
    ends = [call.ended for call in load.calls]
    first, last = min(ends), max(ends)
    assert len(load.latencies(first, last)) == len(ends) - ends.count(last)
    assert load.latencies(last + 1, last + 2) == []
    assert all(millis > 0 for millis in load.latencies(first, last))


def test_failed_pgbench_is_an_error_with_its_words(made: _Floor) -> None:
    with (
        pytest.raises(SetupError, match=f"pgbench failed: .*{SCHEMA}"),
        made.floor.load(clients=1, players=1, seconds=1),
    ):
        pass


def test_server_is_found_by_its_process(made: _Floor) -> None:
    os.kill(made.floor.server_pid(), 0)
    assert made.floor.version()


def test_latencies_are_those_of_a_window() -> None:
    assert FloorLoad().latencies(0, 9e9) == []
