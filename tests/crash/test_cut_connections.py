"""Connections between the service and its database that end at the worst moment."""

import threading
from collections.abc import Iterator
from typing import Any, Final

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

TURNS: Final = range(12)
TIMES: Final = 20


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


@frozen
class Unnamed:
    """A command without a name of its own, and the query that counts how often it was carried out."""

    path: str
    body: dict[str, Any]
    query: str

    @property
    def earlier_commits(self) -> int:
        """The number of COMMITs before its own: that of reading the session of staff."""
        return 0 if self.path == "/bet/spin" else 1

    def ask(self, house: House, client: Client, **name: Any) -> Reply:
        """Send the command; `name` is the action id of a spin, or the Idempotency-Key."""
        is_spin = self.path == "/bet/spin"
        token = house.casino.players[0].token if is_spin else house.casino.desk
        path = self.path.format(agent=house.casino.agent_id)
        if is_spin:
            return client.post(path, self.body | name, token)
        return client.post(path, self.body, token, name.get("actionId"))

    def times(self, house: House) -> int:
        """Return the number of times that it was carried out, read from the database itself."""
        with psycopg.connect(house.database.superuser_url) as connection:
            (count,) = connection.execute(self.query).fetchone() or (-1,)
        return int(count)


_COUNT: Final = "select count(*) from playtime.ledger_events where event_type = '{}'"
UNNAMED: Final = {
    "spin": Unnamed("/bet/spin", {"stakeMinor": 100, "gameKey": "demo-wheel"}, _COUNT.format("BET")),
    "voucher": Unnamed(
        "/voucher/agents/{agent}/vouchers", {"amountMinor": 1_000}, _COUNT.format("VOUCHER_ISSUED")
    ),
    "credit": Unnamed(
        "/admin/tenants/{agent}/credit/return",
        {"amountMinor": 500, "memo": "back"},
        _COUNT.format("CREDIT_RETURNED"),
    ),
}
every_command = pytest.mark.parametrize("command", UNNAMED.values(), ids=UNNAMED)


@every_command
@pytest.mark.parametrize("moment", ["after", "before", "late"])
def test_answer_says_what_became_of_a_commit(
    house: House, client: Client, command: Unnamed, moment: Moment
) -> None:
    """The outcome is found on another connection. A commit that is not carried out is done again."""
    before = command.times(house)
    for time in range(1, TIMES + 1):
        cut = house.proxy.cut(moment, spares=command.earlier_commits)
        reply = command.ask(house, client)
        cut.released.set()
        assert cut.happened.is_set()
        assert (reply.status in {200, 201}, reply.replayed) == (True, False), reply
        assert command.times(house) == before + time
    house.proxy.leave_alone()
    assert all(operator.clean for operator in house.engine.verify_ledger(SYSTEM))


@every_command
@pytest.mark.parametrize(("moment", "is_done"), [("after", True), ("before", False)])
def test_unknown_outcome_names_the_id_to_repeat_with(
    house: House, client: Client, command: Unnamed, moment: Moment, *, is_done: bool
) -> None:
    """The database cannot be reached after the cut, so nobody can find out."""
    before = command.times(house)
    cut = house.proxy.cut(moment, spares=command.earlier_commits, closes=True)
    unknown = command.ask(house, client)
    house.proxy.leave_alone()
    assert cut.happened.is_set()
    assert (unknown.status, unknown.code) == (503, "OUTCOME_UNKNOWN")
    assert command.times(house) == before + is_done
    replies = [command.ask(house, client, actionId=unknown.content["actionId"]) for _ in range(2)]
    assert [reply.status in {200, 201} for reply in replies] == [True, True], replies
    assert [reply.replayed for reply in replies] == [is_done, True]
    assert replies[0].body == replies[1].body
    assert command.times(house) == before + 1


def test_unknown_outcome_of_a_named_command_has_its_name(
    house: House, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    spin = spin_of(house.casino.players[0], "lost")
    house.proxy.cut("after", closes=True)
    unknown = spin.ask(client)
    assert (unknown.status, unknown.code, unknown.content["actionId"]) == (503, "OUTCOME_UNKNOWN", "lost")
    assert "error=OutcomeUnknown" in caplog.text
    house.proxy.leave_alone()
    again = spin.ask(client)
    assert (again.status, again.replayed) == (200, True)
    house.hold([spin])


@pytest.mark.parametrize("moment", ["up", "down"])
def test_connection_lost_at_any_turn_is_not_noticed(house: House, client: Client, moment: Moment) -> None:
    """Work that is lost before the commit is done again silently; the outcome of a lost commit is found."""
    spins = []
    for turn in TURNS:
        spin = spin_of(house.casino.players[0], f"turn-{turn}")
        spins.append(spin)
        client.get("/player/me", house.casino.players[0].token)  # connects, if the last spin lost its connection
        cut = house.proxy.cut(moment, skips=turn)
        assert _played(spin.ask(client))
        if not cut.happened.is_set():
            break
    assert len(spins) > 2
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
    # Whether one of them is answered with a 503 is chance: outcomes of lost commits are found.
    assert storm.answered
    house.hold(storm.asked)
