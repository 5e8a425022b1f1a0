"""Outcomes of transactions whose COMMIT got no answer."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import psycopg
import pytest

from playtime.adapters.postgres.admin.migrator import Migrator
from playtime.adapters.postgres.admin.roles import APP, MIGRATOR, provision
from playtime.adapters.postgres.connection.channel import BEGIN, COMMIT, Statement
from playtime.adapters.postgres.connection.outcomes import Outcome, Outcomes
from playtime.adapters.postgres.connection.pool import Connections
from playtime.adapters.postgres.storage import PostgresStorage
from playtime.application.errors import OutcomeUnknown, TransientConflict
from playtime.contracts.house import House
from playtime.contracts.records import player_view, write

from support.crash.servers import wait_for
from support.postgres.cluster import throwaway_cluster
from support.postgres.database import PASSWORDS, TestDatabase

SECONDS: Final = 0.3
RECOVERY_SECONDS: Final = 60
FOUND: Final = (BEGIN, Statement("select 1"), COMMIT)
NOT_FOUND: Final = (BEGIN, Statement("select 1 where false"), COMMIT)


@pytest.fixture
def outcomes(shared: TestDatabase) -> Iterator[Outcomes]:
    connections = Connections(shared.url(APP), size=1, wait_seconds=2, deadline_seconds=2, report_seconds=2)
    yield Outcomes(connections)
    connections.close()


@pytest.fixture
def lost(shared: TestDatabase) -> Iterator[psycopg.Connection[Any]]:
    """The connection of a transaction that has an id."""
    with psycopg.connect(shared.url(APP)) as connection:
        yield connection


def _id_of(connection: psycopg.Connection[Any]) -> str:
    row = connection.execute("select pg_current_xact_id()::text").fetchone()
    assert row is not None
    return str(row[0])


def _find(outcomes: Outcomes, xact_id: str) -> Outcome | None:
    return outcomes.find(xact_id, FOUND, until=time.monotonic() + SECONDS)


def test_committed_and_aborted_are_found(outcomes: Outcomes, lost: psycopg.Connection[Any]) -> None:
    xact_id = _id_of(lost)
    lost.commit()
    assert _find(outcomes, xact_id) is Outcome.COMMITTED
    xact_id = _id_of(lost)
    lost.rollback()
    assert _find(outcomes, xact_id) is Outcome.ABORTED


def test_transaction_that_waits_for_its_client_is_ended(outcomes: Outcomes, lost: psycopg.Connection[Any]) -> None:
    assert _find(outcomes, _id_of(lost)) is Outcome.ABORTED
    with pytest.raises(psycopg.OperationalError):
        lost.execute("select 1")


def test_transaction_at_work_is_waited_for(
    outcomes: Outcomes, lost: psycopg.Connection[Any], shared: TestDatabase
) -> None:
    """A transaction that may be committing is left alone."""
    xact_id, pid = _id_of(lost), lost.info.backend_pid
    at_work = threading.Thread(target=lost.execute, args=("select pg_advisory_xact_lock(1)",))
    with psycopg.connect(shared.superuser_url, autocommit=True) as other:
        other.execute("select pg_advisory_lock(1)")
        at_work.start()
        at = "select 1 from pg_stat_activity where pid = %s and wait_event_type = 'Lock'"
        wait_for(lambda: other.execute(at, (pid,)).fetchone() is not None, "it is at work")
        time.sleep(SECONDS)
        begun = time.monotonic()
        assert _find(outcomes, xact_id) is None
        assert time.monotonic() - begun >= SECONDS
    at_work.join()
    lost.commit()
    assert _find(outcomes, xact_id) is Outcome.COMMITTED


@pytest.mark.parametrize("xact_id", ["9000000000", "4"])
def test_transaction_unknown_to_the_server_has_no_outcome(outcomes: Outcomes, xact_id: str) -> None:
    """The first is not there yet, as after a restore. The second is too old."""
    assert _find(outcomes, xact_id) is None


def test_committed_id_without_a_written_row_is_no_outcome(
    outcomes: Outcomes, lost: psycopg.Connection[Any]
) -> None:
    xact_id = _id_of(lost)
    lost.commit()
    assert outcomes.find(xact_id, NOT_FOUND, until=time.monotonic() + SECONDS) is None


@pytest.mark.parametrize("other_balance_minor", [None, 1_002], ids=["writes nothing", "writes the same row"])
def test_id_given_again_after_a_crash_is_no_outcome(other_balance_minor: int | None) -> None:
    """The server loses an id that was not yet on disk. The next transaction gets it, and commits."""
    with throwaway_cluster() as own:
        provision(own.postgres.superuser_url(), "crashed", PASSWORDS)
        Migrator(own.postgres.url("crashed", user=MIGRATOR, password=PASSWORDS[MIGRATOR])).migrate()
        storage = PostgresStorage(own.postgres.url("crashed", user=APP, password=PASSWORDS[APP]))
        house = House.built(storage)
        player = house.player(balance_minor=1_000)
        write(storage, house.as_operator, player)
        with storage.begin(house.as_operator) as unit:
            assert unit.players.lock(player.player_id) is not None
            unit.save(player.credit(1))
            _crash(own.postgres.superuser_url())
            _give_again(own.postgres.superuser_url("crashed"), unit.transaction._xact_id, other_balance_minor)
            with pytest.raises((OutcomeUnknown, TransientConflict)):
                unit.commit()
        after = player_view(storage, house.as_operator, player).player
        assert after.wallet.balance_minor == (other_balance_minor or 1_000)
        storage.close()


def _crash(superuser_url: str) -> None:
    """Kill a backend, after which the server ends all others and recovers from its log."""
    with psycopg.connect(superuser_url) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)


def _give_again(superuser_url: str, xact_id: str | None, balance_minor: int | None) -> None:
    """Commit transactions until one of them has this id. All set the balance, if one is given."""
    deadline = time.monotonic() + RECOVERY_SECONDS
    while time.monotonic() < deadline:
        with suppress(psycopg.OperationalError), psycopg.connect(superuser_url) as connection:
            given = _id_of(connection)
            if balance_minor is not None:
                connection.execute("update playtime.players set balance_minor = %s", (balance_minor,))
            assert int(given) <= int(xact_id or 0), "the server did not lose the id"
            if given == xact_id:
                return
    raise AssertionError("the server did not recover in time")
