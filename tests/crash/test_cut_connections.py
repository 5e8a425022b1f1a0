"""Connections between the service and its database that end at the worst moment."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from attrs import frozen
from werkzeug.serving import make_server

from playtime.adapters.http.app import create_app
from playtime.adapters.postgres.admin.roles import APP
from playtime.adapters.postgres.storage import PostgresStorage
from playtime.application.access import SYSTEM
from playtime.application.engine import Engine
from playtime.contracts.doubles import build_engine
from playtime.domain.tenancy.staff import Role

from support.crash.proxy import Moment, Proxy, proxy_to
from support.crash.servers import Client, Reply, client_of, wait_for
from support.crash.storm import OWNER, PASSWORD, Asked, Casino, Storm, hold_books, settle, spin_of
from support.postgres.database import TestDatabase, fresh_database

TURNS = range(12)


@frozen
class House:
    """A service whose database is behind a proxy."""

    database: TestDatabase
    proxy: Proxy
    engine: Engine
    url: str
    casino: Casino

    def rounds(self) -> int:
        """Return the number of rounds, read from the database itself."""
        with psycopg.connect(self.database.superuser_url) as connection:
            (count,) = connection.execute("select count(*) from playtime.rounds").fetchone() or (-1,)
        return int(count)

    def hold(self, asked: list[Asked]) -> None:
        """Check the books against all requests so far."""
        self.proxy.leave_alone()
        settle(self.url, asked)
        hold_books(self.database.superuser_url, asked)
        books = self.engine.verify_ledger(SYSTEM)
        assert books
        assert all(operator.clean for operator in books)


@pytest.fixture
def house() -> Iterator[House]:
    with fresh_database() as database, proxy_to(database.url(APP, tcp=True)) as (proxy, url):
        storage = PostgresStorage(url, database.owner_read_url, pool_size=8)
        engine = build_engine(storage)
        engine.create_platform()
        engine.create_staff(SYSTEM, username=OWNER, password=PASSWORD, role=Role.OWNER)
        server = make_server("127.0.0.1", 0, create_app(engine), threaded=True)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            yield House(database, proxy, engine, address, Casino.opened(address, rich=3, poor=1))
        finally:
            server.shutdown()
            serving.join()
            server.server_close()
            storage.close()


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with client_of(house.url) as client:
        yield client


def _played(reply: Reply) -> bool:
    return reply.status == 200 and not reply.replayed


def test_an_answer_lost_behind_the_commit_is_given_again(
    house: House, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    spin = spin_of(house.casino.players[0], "lost")
    cut = house.proxy.cut("after")
    refused = spin.ask(client)
    assert (refused.status, refused.code) == (503, "STORAGE_UNAVAILABLE")
    assert cut.happened.is_set()
    assert "error=OutcomeUnknown" in caplog.text
    assert house.rounds() == 1
    again = spin.ask(client)
    assert (again.status, again.replayed) == (200, True)
    house.hold([spin])


def test_commit_that_never_arrived_is_done_by_a_repeated_request(
    house: House, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """The server cannot distinguish it from a commit that was carried out, and answers the same."""
    spin = spin_of(house.casino.players[0], "lost")
    cut = house.proxy.cut("before")
    assert spin.ask(client).status == 503
    assert cut.happened.is_set()
    assert "error=OutcomeUnknown" in caplog.text
    assert house.rounds() == 0
    assert _played(spin.ask(client))
    house.hold([spin])


def test_commit_that_arrives_late_is_found_by_the_next_request(house: House, client: Client) -> None:
    """The client gives up and asks again before the database gets the COMMIT of the first request."""
    spin = spin_of(house.casino.players[0], "late")
    cut = house.proxy.cut("late")
    assert spin.ask(client).status == 503
    second = threading.Thread(target=spin.ask, args=(client,))
    second.start()
    wait_for(lambda: _waits_for_a_lock(house.database), "the second attempt waits for the player")
    assert house.rounds() == 0
    cut.released.set()
    second.join()
    assert spin.answer is not None
    assert (spin.answer.status, spin.answer.replayed) == (200, True)
    house.hold([spin])


def _waits_for_a_lock(database: TestDatabase) -> bool:
    with psycopg.connect(database.superuser_url) as connection:
        (waiting,) = connection.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        ).fetchone() or (0,)
    return bool(waiting)


@pytest.mark.parametrize("moment", ["up", "down"])
def test_only_a_connection_lost_while_committing_is_noticed(house: House, client: Client, moment: Moment) -> None:
    """Work that is lost before the commit is done again silently."""
    spins, seen = [], []
    for turn in TURNS:
        spin = spin_of(house.casino.players[0], f"turn-{turn}")
        spins.append(spin)
        cut = house.proxy.cut(moment, skips=turn)
        first = spin.ask(client)
        if not cut.happened.is_set():
            assert _played(first)
            break
        if first.status == 503:
            again = spin.ask(client)
            assert (again.status, again.replayed) == (200, moment == "down")
        else:
            assert _played(first)
        seen.append(first.status)
    assert seen.count(503) == 1
    assert seen.count(200) >= 1
    house.hold(spins)


@pytest.mark.parametrize("seed", range(3))
def test_connections_cut_anywhere_leave_the_books_exact(house: House, client: Client, seed: int) -> None:
    house.proxy.cut_at_random(seed, one_in=6, bytes_below=4_000)
    spins = [spin_of(player, f"spin-{number}") for number in range(40) for player in house.casino.players[:2]]
    for spin in spins:
        wait_for(lambda: spin.ask(client).status != 503, "an answer")  # noqa: B023 - called at once
    assert house.proxy.cuts > len(spins) // 6
    house.hold(spins)


def test_storm_over_connections_cut_anywhere_leaves_exact_books(house: House) -> None:
    house.proxy.cut_at_random(20, one_in=12, bytes_below=20_000)
    storm = Storm(house.url, house.casino, "storm", stays=True)
    with storm.raging():
        storm.wait(lambda: house.proxy.cuts >= 60, "sixty cuts")
    assert storm.refused
    house.hold(storm.asked)
