"""A link to the database that goes silent: every exchange ends at its deadline, and the service recovers."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final

import pytest
from attrs import frozen

from playtime.adapters.http.app import create_app
from playtime.adapters.postgres.admin.roles import APP
from playtime.adapters.postgres.admin.startup import refuse_unsafe
from playtime.adapters.postgres.connection.pool import AdminConnection
from playtime.adapters.postgres.storage import CHECK_SECONDS, PostgresStorage
from playtime.adapters.postgres.transaction import LOOKUP_SECONDS
from playtime.application.engine import Engine
from playtime.application.errors import OutcomeUnknown, SetupError, StorageSilent, StorageUnavailable
from playtime.application.ports.filters import LedgerFilter, Page
from playtime.application.ports.storage import UnitOfWork
from playtime.application.transactions import transact
from playtime.contracts.doubles import build_engine
from playtime.contracts.house import House
from playtime.contracts.records import read, write
from playtime.domain.play.players import Player

from support.crash.stops import BUSY_STOP_SECONDS, Waits
from support.postgres.database import TestDatabase
from support.postgres.proxy import Wire, wire_to

DEADLINE: Final = 0.5
REPORT: Final = 1.5
SLACK: Final = 1.0
"""The most time beside the waiting itself, on a busy machine."""


@frozen
class Link:
    """A storage behind a wire, with records that it has written."""

    wire: Wire
    url: str
    storage: PostgresStorage
    house: House
    player: Player


@pytest.fixture
def link(shared: TestDatabase) -> Iterator[Link]:
    with wire_to(shared.url(APP, tcp=True)) as (wire, url):
        # A connection that goes silent while it is made ends after the least seconds that psycopg allows.
        storage = PostgresStorage(
            f"{url}&connect_timeout=2", pool_size=4, deadline_seconds=DEADLINE, report_seconds=REPORT
        )
        house = House.built(storage)
        player = house.player(balance_minor=1_000)
        write(storage, house.as_operator, player)
        try:
            yield Link(wire, url, storage, house, player)
        finally:
            wire.resume()
            storage.close()


@contextmanager
def _lasts(least: float, most: float) -> Iterator[None]:
    waits, begun = Waits({os.getpid()}), time.monotonic()
    with waits.counted():
        yield
    seconds = time.monotonic() - begun
    assert least <= seconds < BUSY_STOP_SECONDS
    # On a busy machine, threads that would go on get no processor: that is not waiting.
    assert waits.seconds < most + SLACK, f"waited {waits.seconds:.1f} s of {seconds:.1f} s"


def _balance(link: Link) -> int:
    view = read(link.storage, link.house.as_operator, lambda unit: unit.players.get(link.player.player_id))
    assert view is not None
    return view.player.wallet.balance_minor


def _until_well(work: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            work()
        except StorageUnavailable:
            assert time.monotonic() < deadline, "the storage has not recovered"
            time.sleep(0.01)
        else:
            return


# --- deadlines --------------------------------------------------------------------------------------------


def test_a_read_ends_at_the_deadline_and_is_not_repeated(link: Link) -> None:
    runs = []

    def work(unit: UnitOfWork) -> None:
        runs.append(unit)
        link.wire.silence()
        unit.players.lock(link.player.player_id)

    with _lasts(DEADLINE, DEADLINE), pytest.raises(StorageSilent) as raised:
        transact(link.storage, link.house.as_operator, work)
    assert "in time" in raised.value.reason
    assert len(runs) == 1


def test_a_commit_that_gets_no_answer_has_an_unknown_outcome(link: Link) -> None:
    with link.storage.begin(link.house.as_operator) as unit:
        locked = unit.players.lock(link.player.player_id)
        assert locked is not None
        unit.save(locked.player.credit(1))
        link.wire.silence()
        with _lasts(DEADLINE, DEADLINE + LOOKUP_SECONDS), pytest.raises(OutcomeUnknown):
            unit.commit()
    link.wire.resume()
    _until_well(lambda: _balance(link), 2)
    assert _balance(link) in {1_000, 1_001}


def test_outcome_is_found_if_the_link_is_back_in_time(link: Link) -> None:
    """The COMMIT arrives late, or its transaction is ended first. The caller gets the right one of both."""
    with link.storage.begin(link.house.as_operator) as unit:
        locked = unit.players.lock(link.player.player_id)
        assert locked is not None
        unit.save(locked.player.credit(1))
        link.wire.silence()
        back = threading.Timer(DEADLINE + 0.3, link.wire.resume)
        back.start()
        try:
            unit.commit()
        except StorageSilent:
            expected = 1_000
        else:
            expected = 1_001
        back.join()
    _until_well(lambda: _balance(link), 2)
    assert _balance(link) == expected


def test_an_end_without_commit_keeps_the_callers_error(link: Link) -> None:
    def work(unit: UnitOfWork) -> None:
        unit.players.lock(link.player.player_id)
        link.wire.silence()
        raise ZeroDivisionError

    with _lasts(DEADLINE, DEADLINE), pytest.raises(ZeroDivisionError):
        transact(link.storage, link.house.as_operator, work)


@pytest.mark.parametrize("report", ["audit", "analytics", "roll_up", "stream", "ledger"])
def test_reports_have_a_longer_deadline(link: Link, report: str) -> None:
    with link.storage.begin(link.house.as_operator) as unit:
        getattr(unit, report)
        if report == "ledger":
            unit.ledger.page(LedgerFilter(), Page())
        link.wire.silence()
        expected = DEADLINE if report == "ledger" else REPORT
        with _lasts(expected, expected), pytest.raises(StorageSilent):
            unit.tenants.page(Page())


def test_sums_of_the_ledger_are_a_report(link: Link) -> None:
    with link.storage.begin(link.house.as_operator) as unit:
        link.wire.silence()
        with _lasts(REPORT, REPORT), pytest.raises(StorageSilent):
            unit.ledger.account_totals()


def test_statements_outside_of_units_end_at_the_deadline(link: Link) -> None:
    link.wire.silence()
    with _lasts(DEADLINE, DEADLINE), pytest.raises(StorageSilent):
        link.storage.directory.operators()


def test_a_lock_is_waited_for_less_than_the_deadline(link: Link) -> None:
    """The server refuses first, so that a row that is locked for long costs no connection."""
    with link.storage.begin(link.house.as_operator) as holder:
        holder.players.lock(link.player.player_id)
        with _lasts(0, DEADLINE), pytest.raises(StorageUnavailable) as raised:
            read(link.storage, link.house.as_operator, lambda unit: unit.players.lock(link.player.player_id))
    assert "55P03" in raised.value.reason


# --- many callers, recovery, health -----------------------------------------------------------------------


def test_callers_fail_at_once_while_the_server_is_silent(link: Link) -> None:
    link.wire.silence()
    for _ in range(2):  # an exchange, then a connection
        with suppress(StorageUnavailable):
            _balance(link)
    took: list[float] = []

    def ask() -> None:
        begun = time.monotonic()
        with suppress(StorageUnavailable):
            _balance(link)
        took.append(time.monotonic() - begun)

    callers = [threading.Thread(target=ask) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len([seconds for seconds in took if seconds < SLACK]) >= 19
    assert max(took) < 2 + SLACK


@pytest.mark.parametrize("silent_seconds", [0.1, 3.0])
def test_work_goes_on_within_two_seconds_of_a_silence(link: Link, silent_seconds: float) -> None:
    link.wire.silence()
    ended = time.monotonic() + silent_seconds
    while time.monotonic() < ended:
        with suppress(StorageUnavailable):
            _balance(link)
    link.wire.resume()
    _until_well(lambda: _balance(link), 2)
    assert _balance(link) == 1_000


def test_health_answers_while_the_link_is_silent(link: Link) -> None:
    engine = build_engine(link.storage)
    client = create_app(engine).test_client()
    assert client.get("/api/health").status_code == 200
    link.wire.silence()
    for most in (CHECK_SECONDS, CHECK_SECONDS, CHECK_SECONDS):
        with _lasts(0, most):
            response = client.get("/api/health")
        assert (response.status_code, response.json and response.json["code"]) == (503, "STORAGE_UNAVAILABLE")
    link.wire.resume()
    _until_well(link.storage.check, 2)
    assert client.get("/api/health").status_code == 200


def test_health_answers_while_all_connections_are_busy(link: Link) -> None:
    with ExitStack() as units:
        for _ in range(4):
            units.enter_context(link.storage.begin(link.house.as_operator)).tenants.page(Page())
        link.storage.check()
        with _lasts(DEADLINE, DEADLINE), pytest.raises(StorageUnavailable) as raised:
            _balance(link)
    assert "busy" in raised.value.reason


def test_a_request_is_503_with_a_code(link: Link) -> None:
    engine: Engine = build_engine(link.storage)
    client = create_app(engine).test_client()
    link.wire.silence()
    with _lasts(DEADLINE, DEADLINE):
        response = client.post("/api/v1/player/login", json={"loginCode": "AAAA-AAAA-AAAA", "pin": "123456"})
    assert (response.status_code, response.json and response.json["code"]) == (503, "STORAGE_UNAVAILABLE")


# --- connections of administration ------------------------------------------------------------------------


def test_start_is_refused_on_a_silent_link(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AdminConnection, "deadline_seconds", DEADLINE)
    connect = AdminConnection.connect

    def connect_and_fall_silent(**parameters: Any) -> AdminConnection:
        made = connect(**parameters)
        link.wire.silence()
        return made

    monkeypatch.setattr(AdminConnection, "connect", connect_and_fall_silent)
    with _lasts(DEADLINE, DEADLINE), pytest.raises(SetupError, match="in time"):
        refuse_unsafe(link.url)
