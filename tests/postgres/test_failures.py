"""Connections that break and servers that refuse: what a unit of work makes of it, and what it leaves behind."""

import threading
from collections.abc import Iterator
from typing import Literal

import psycopg
import pytest

from playtime import Settings, open_engine
from playtime.adapters.postgres.admin.startup import refuse_unfinished, refuse_unsafe
from playtime.adapters.postgres.connection.failures import ExchangeFailed, commit_error, port_error
from playtime.adapters.postgres.storage import PostgresStorage
from playtime.adapters.postgres.unit_of_work import PostgresUnitOfWork
from playtime.application.errors import (
    AlreadyExists,
    IsolationViolation,
    OutcomeUnknown,
    SetupError,
    StorageError,
    StorageMisuse,
    StorageUnavailable,
    TransientConflict,
)
from playtime.application.ports.filters import Page
from playtime.application.ports.storage import UnitOfWork
from playtime.application.transactions import transact
from playtime.contracts.house import House
from playtime.contracts.records import read, write
from playtime.domain.play.players import Player

from support.postgres.database import TestDatabase
from support.postgres.proxy import Wire, wire_to


@pytest.fixture
def storage(shared: TestDatabase) -> Iterator[PostgresStorage]:
    opened = shared.storage()
    yield opened
    opened.close()


@pytest.fixture
def house(storage: PostgresStorage) -> House:
    return House.built(storage)


@pytest.fixture
def player(storage: PostgresStorage, house: House) -> Player:
    made = house.player(balance_minor=1_000)
    write(storage, house.as_operator, made)
    return made


HUSH = "hush-hush"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"postgresq://app:{HUSH}@db/x", "its address must be like postgresql://login@host:5432/database"),
        (f"app:{HUSH}", "its address must be like postgresql://login@host:5432/database"),
        (f"postgresql://app:{HUSH}@127.0.0.1:1/x", "Connection refused"),
        (f"postgresql://app:{HUSH}@no-such-host.invalid/x", "no-such-host.invalid"),
    ],
)
def test_wrong_database_url_states_the_reason(url: str, reason: str) -> None:
    settings = Settings(database_url=url, jwt_secret="5e" * 32, pin_secrets={"k1": "5e" * 32})
    with pytest.raises(SetupError) as refused, open_engine(settings):
        pass
    assert str(refused.value).startswith("the database of PLAYTIME_DATABASE_URL cannot be used: ")
    assert reason in str(refused.value)
    assert HUSH not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_wrong_password_or_database_states_the_reason(shared: TestDatabase) -> None:
    for url, reason in (
        (shared.app_url.replace(f"/{shared.name}", "/absent"), "absent"),
        (shared.app_url.replace("playtime_app", "nobody"), "nobody"),
    ):
        assert url != shared.app_url
        with pytest.raises(SetupError, match=rf"PLAYTIME_DATABASE_URL cannot be used: .*{reason}"):
            refuse_unsafe(url)
    with pytest.raises(SetupError, match=r"PLAYTIME_OWNER_READ_URL cannot be used: .*nobody"):
        refuse_unsafe(shared.app_url, shared.owner_read_url.replace("playtime_owner_read", "nobody"))
    with pytest.raises(SetupError, match=r"PLAYTIME_MIGRATOR_URL cannot be used: .*nobody"):
        refuse_unfinished(shared.migrator_url.replace("playtime_migrator", "nobody"))


def _balance(storage: PostgresStorage, house: House, player: Player) -> int:
    view = read(storage, house.as_operator, lambda unit: unit.players.get(player.player_id))
    assert view is not None
    return view.player.wallet.balance_minor


def _terminate(database: TestDatabase, unit: UnitOfWork | None = None) -> None:
    """End the backend of a unit, or those of all the app's connections."""
    pid = None
    if unit is not None:
        assert isinstance(unit, PostgresUnitOfWork)
        assert unit.transaction._lease is not None
        pid = unit.transaction._lease.channel.connection.info.backend_pid
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = current_database() and usename = 'playtime_app' and coalesce(pid = %s::int, true)",
            (pid,),
        )


# --- SQLSTATE ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("40001", TransientConflict),
        ("40P01", TransientConflict),
        ("57P01", TransientConflict),
        ("57P02", TransientConflict),
        ("57P03", TransientConflict),
        ("08006", TransientConflict),
        ("25P03", TransientConflict),
        ("26000", TransientConflict),
        (None, TransientConflict),
        ("23505", AlreadyExists),
        ("42501", IsolationViolation),
        ("22012", IsolationViolation),
        ("53300", StorageUnavailable),
        ("53100", StorageUnavailable),
        ("55P03", StorageUnavailable),
        ("57014", StorageUnavailable),
        ("25006", StorageUnavailable),
        ("23503", StorageError),
        ("23514", StorageError),
        ("42P01", StorageError),
        ("XX000", StorageError),
    ],
)
def test_errors_are_mapped_by_their_sqlstate(sqlstate: str | None, expected: type[StorageError]) -> None:
    failure = ExchangeFailed(at=0, sqlstate=sqlstate, message="whatever", lost=sqlstate is None)
    assert type(port_error(failure)) is expected


@pytest.mark.parametrize(
    ("at", "sqlstate", "expected"),
    [
        (0, None, OutcomeUnknown),  # not a word: the COMMIT may have been carried out
        (1, None, OutcomeUnknown),
        (1, "57P01", OutcomeUnknown),  # ended while committing
        (0, "57P01", TransientConflict),  # ended before the write, and the COMMIT was behind it
        (0, "40001", TransientConflict),
        (1, "40001", TransientConflict),
        (0, "23505", AlreadyExists),
    ],
)
def test_what_is_lost_while_committing_is_unknown(
    at: int, sqlstate: str | None, expected: type[StorageError]
) -> None:
    lost = sqlstate in {None, "57P01"}
    failure = ExchangeFailed(at=at, sqlstate=sqlstate, message="whatever", lost=lost)
    assert type(commit_error(failure, writes=1)) is expected


# --- connections that break -------------------------------------------------------------------------------


def test_backend_that_ends_before_the_commit_costs_a_second_run(
    shared: TestDatabase, storage: PostgresStorage, house: House, player: Player
) -> None:
    runs = []

    def work(unit: UnitOfWork) -> None:
        locked = unit.players.lock(player.player_id)
        assert locked is not None
        runs.append(locked)
        if len(runs) == 1:
            _terminate(shared, unit)
        unit.save(locked.player.debit(400))
        unit.commit()

    transact(storage, house.as_agent, work)
    assert len(runs) == 2
    assert _balance(storage, house, player) == 600


def test_a_backend_that_ends_before_a_read_costs_a_second_run(
    shared: TestDatabase, storage: PostgresStorage, house: House, player: Player
) -> None:
    runs = []

    def work(unit: UnitOfWork) -> object:
        runs.append(unit.players.lock(player.player_id))
        if len(runs) == 1:
            _terminate(shared, unit)
        return unit.players.rounds(player.player_id, Page())

    assert transact(storage, house.as_agent, work) == []
    assert len(runs) == 2


def test_a_pool_full_of_dead_connections_costs_one_more_run(
    shared: TestDatabase, storage: PostgresStorage, house: House, player: Player
) -> None:
    """More of them than runs are tried: the first that turns out dead takes the others with it."""
    together = threading.Barrier(9)

    def occupy() -> None:
        with storage.begin(house.as_agent) as unit:
            unit.players.get(player.player_id)
            together.wait()

    threads = [threading.Thread(target=occupy) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _terminate(shared)
    runs = []

    def work(unit: UnitOfWork) -> None:
        runs.append(unit)
        unit.players.get(player.player_id)

    transact(storage, house.as_agent, work)
    assert len(runs) == 2


def test_the_directory_looks_again_by_itself(shared: TestDatabase, storage: PostgresStorage) -> None:
    storage.directory.by_slug("anything")
    _terminate(shared)
    assert storage.directory.by_slug("anything") is None


@pytest.mark.parametrize(("cut", "times"), [("before", 2), ("after", 1)])
def test_outcome_of_a_commit_without_answer_is_found(
    shared: TestDatabase,
    storage: PostgresStorage,
    house: House,
    player: Player,
    cut: Literal["before", "after"],
    times: int,
) -> None:
    """The unit runs again if the commit was not carried out."""
    runs = []

    def work(unit: UnitOfWork) -> None:
        locked = unit.players.lock(player.player_id)
        assert locked is not None
        runs.append(locked)
        unit.save(locked.player.debit(400))
        unit.commit()

    with wire_to(shared.url("playtime_app", tcp=True)) as (wire, url):
        broken = PostgresStorage(url)
        _cut_at_commit(wire, cut)
        transact(broken, house.as_agent, work)
        broken.close()
    assert len(runs) == times
    assert _balance(storage, house, player) == 600


@pytest.mark.parametrize("cut", ["before", "after"])
def test_outcome_of_a_unit_that_locked_nothing_stays_unknown(
    shared: TestDatabase, house: House, cut: Literal["before", "after"]
) -> None:
    """A unit that locks nothing has no transaction id before its commit, and is not run again."""
    runs = []

    def work(unit: UnitOfWork) -> None:
        runs.append(unit)
        unit.add(house.event())
        unit.commit()

    with wire_to(shared.url("playtime_app", tcp=True)) as (wire, url):
        broken = PostgresStorage(url)
        _cut_at_commit(wire, cut)
        with pytest.raises(OutcomeUnknown):
            transact(broken, house.as_agent, work)
        broken.close()
    assert len(runs) == 1


def _cut_at_commit(wire: Wire, cut: Literal["before", "after"]) -> None:
    wire.cut_at, wire.cut = b"commit\0", cut  # "read committed" is not meant


def test_a_callers_own_exception_is_never_hidden(
    shared: TestDatabase, storage: PostgresStorage, house: House, player: Player
) -> None:
    def work(unit: UnitOfWork) -> None:
        unit.attempts.lock(player.player_id)
        _terminate(shared, unit)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read(storage, house.as_agent, work)
    assert _balance(storage, house, player) == 1_000


def test_a_unit_is_over_after_an_error(storage: PostgresStorage, house: House, player: Player) -> None:
    with storage.begin(house.as_agent) as unit:
        unit.add(house.player(), player)
        with pytest.raises(AlreadyExists):
            unit.commit()
        with pytest.raises(StorageMisuse):
            unit.players.get(player.player_id)
        with pytest.raises(StorageMisuse):
            unit.commit()


def test_deadlock_of_two_units_fails_exactly_one_of_them(storage: PostgresStorage, house: House) -> None:
    one, other = house.player(), house.player()
    write(storage, house.as_operator, one, other)
    together = threading.Barrier(2)
    outcomes: list[type[StorageError] | None] = []

    def cross(first: Player, second: Player) -> None:
        def work(unit: UnitOfWork) -> None:
            unit.players.lock(first.player_id)
            together.wait()
            unit.players.lock(second.player_id)

        try:
            read(storage, house.as_agent, work)
        except StorageError as error:
            outcomes.append(type(error))
        else:
            outcomes.append(None)

    threads = [threading.Thread(target=cross, args=pair) for pair in ((one, other), (other, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == [str(TransientConflict), str(None)]
