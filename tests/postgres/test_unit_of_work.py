"""The unit of work on PostgreSQL alone: its statements, its limits and the refusals of the database itself."""

import re
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import psycopg
import pytest
from attrs import evolve, fields
from psycopg import sql

from playtime.adapters.postgres.connection.channel import Channel, Statement, UnstorableValue, encode
from playtime.adapters.postgres.records.mapping import SCHEMA
from playtime.adapters.postgres.records.tables import GLOBAL, INSERT_ONLY, TABLES
from playtime.adapters.postgres.storage import PostgresStorage
from playtime.application.engine import Engine
from playtime.application.errors import AlreadyExists, IsolationViolation, StorageError, StorageUnavailable
from playtime.application.ports.filters import LedgerFilter, Page, PlayerFilter, VoucherFilter
from playtime.application.ports.storage import UnitOfWork
from playtime.contracts.house import House
from playtime.contracts.records import fresh_id, read, write
from playtime.domain.access.codes import RANDOM_VALUES, make_code
from playtime.domain.ledger.wallet import Wallet

from support.day import LOSE, PASSWORD, Day, build_day
from support.postgres.database import TestDatabase, fresh_database

Opener = Callable[..., PostgresStorage]

NUMBERS = "playtime.application.analytics."
SECONDS = 5.0
PREPARED = Statement("select count(*) from pg_prepared_statements")


@pytest.fixture
def opened(shared: TestDatabase) -> Iterator[Opener]:
    """Open storages of any settings on the shared database; they are closed in the end."""
    storages: list[PostgresStorage] = []

    def opening(**settings: Any) -> PostgresStorage:
        storages.append(PostgresStorage(shared.app_url, **settings))
        return storages[-1]

    yield opening
    for storage in storages:
        storage.close()


@pytest.fixture
def storage(opened: Opener) -> PostgresStorage:
    return opened()


@pytest.fixture
def house(storage: PostgresStorage) -> House:
    return House.built(storage)


# --- what the logins may not do ---------------------------------------------------------------------------


@pytest.mark.parametrize("table", sorted(INSERT_ONLY))
@pytest.mark.parametrize("text", ["update {} set tenant_id = tenant_id", "delete from {}", "truncate {}"])
def test_ledger_rows_can_be_neither_changed_nor_removed(
    shared: TestDatabase, house: House, table: str, text: str
) -> None:
    _refused(shared.app_url, house, text, table)


@pytest.mark.parametrize("table", sorted(TABLES))
def test_nothing_is_ever_deleted(shared: TestDatabase, house: House, table: str) -> None:
    _refused(shared.app_url, house, "delete from {}", table)


@pytest.mark.parametrize("table", sorted(TABLES))
def test_the_platform_owners_login_writes_nothing(shared: TestDatabase, house: House, table: str) -> None:
    _refused(shared.owner_read_url, house, "delete from {}", table)
    _refused(shared.owner_read_url, house, "insert into {} default values", table)


def _refused(url: str, house: House, text: str, table: str) -> None:
    statement = sql.SQL(text).format(sql.Identifier(SCHEMA, table))
    bound = (str(house.operator.operator_id), str(house.operator.tenant_id))
    with psycopg.connect(url) as connection:
        connection.execute("set transaction read write")
        connection.execute(
            "select set_config('app.operator_id', %s, true), set_config('app.tenant_id', %s, true)", bound
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            connection.execute(statement)


def test_a_broken_balance_is_a_defect_that_says_so(storage: PostgresStorage, house: House) -> None:
    with pytest.raises(StorageError) as raised:
        write(storage, house.as_operator, house.player(balance_minor=-1))
    assert type(raised.value) is StorageError
    assert "players_balance_check" in raised.value.reason


# --- the check of the writes ------------------------------------------------------------------------------


def test_an_update_that_meets_no_row_takes_everything_with_it(storage: PostgresStorage, house: House) -> None:
    player, ghost, event = house.player(balance_minor=500), house.player(), house.event()
    write(storage, house.as_operator, player)

    def work(unit: UnitOfWork) -> None:
        unit.players.lock(player.player_id)
        unit.save(evolve(player, wallet=Wallet(1)), ghost)
        unit.add(event)
        unit.commit()

    with pytest.raises(IsolationViolation, match="22012"):
        read(storage, house.as_operator, work)
    view = read(storage, house.as_operator, lambda unit: unit.players.get(player.player_id))
    assert view is not None
    assert view.player == player
    assert event not in read(storage, house.as_operator, lambda unit: unit.ledger.page(LedgerFilter(), Page()))


def test_the_database_refuses_a_foreign_row_by_itself(storage: PostgresStorage, house: House) -> None:
    other = House.built(storage)
    with pytest.raises(IsolationViolation, match="42501"):
        write(storage, house.as_operator, other.player())


@pytest.mark.parametrize("count", [1_000, 6_000])
def test_very_many_records_are_one_unit(storage: PostgresStorage, house: House, count: int) -> None:
    codes = (make_code(house.agent.code_symbols or "", value) for value in range(RANDOM_VALUES))
    vouchers = [house.voucher(code=code) for code in islice(codes, count)]
    write(storage, house.as_agent, *vouchers, *(house.event() for _ in vouchers))
    found = read(storage, house.as_agent, lambda unit: unit.vouchers.page(VoucherFilter(), Page(limit=10_000)))
    assert len(found) == count
    again = [evolve(voucher, voucher_id=fresh_id()) for voucher in vouchers]
    with pytest.raises(AlreadyExists):
        write(storage, house.as_agent, *again)


# --- statements -------------------------------------------------------------------------------------------


def test_integers_of_any_size_and_nulls_share_a_statement(storage: PostgresStorage, house: House) -> None:
    player = house.player()
    write(storage, house.as_operator, player)
    counts = []
    for balance in (1, 40_000, 3_000_000_000, 2**62):
        for region in (None, "Nevada"):
            with storage.begin(house.as_operator) as unit:
                unit.players.lock(player.player_id)
                unit.save(evolve(player, wallet=Wallet(balance)))
                unit.add(house.event(region=region, game_key=region))
                unit.commit()
            with storage._connections.lease() as channel:
                counts.append(channel.exchange([PREPARED], deadline_seconds=SECONDS))
    assert counts[1:] == counts[1:2] * (len(counts) - 1)


def test_a_storage_can_do_without_prepared_statements(opened: Opener) -> None:
    storage = opened(prepares=False)
    house = House.built(storage)
    write(storage, house.as_operator, house.player())
    with storage._connections.lease() as channel:
        assert channel.exchange([PREPARED], deadline_seconds=SECONDS) == [[(0,)]]


def test_no_binding_outlives_its_unit(opened: Opener) -> None:
    storage = opened(pool_size=1)
    house = House.built(storage)
    read(storage, house.as_agent, lambda unit: unit.players.page(PlayerFilter(), Page()))
    with storage._connections.lease() as channel:
        count = Statement("select count(*), current_setting('app.operator_id') from playtime.tenants")
        assert channel.exchange([count], deadline_seconds=SECONDS) == [[(0, "")]]


def test_every_statement_of_a_bound_unit_names_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """The policies do their part; this is the second lock on the door, and what the indexes start with."""
    heard: set[str] = set()
    exchange = Channel.exchange

    def listening(self: Channel, statements: list[Statement], **more: Any) -> object:
        if self.connection.info.user == "playtime_app":
            heard.update(statement.sql for statement in statements)
        return exchange(self, statements, **more)

    monkeypatch.setattr(Channel, "exchange", listening)
    with fresh_database() as database:
        storage = database.storage()
        _play(build_day(storage))
        storage.close()
    tables = {text: set(re.findall(r"playtime\.(\w+)", text)) for text in heard}
    assert set.union(*tables.values()) >= TABLES - {"schema_migrations", "secret_fingerprints"}
    named = re.compile(r"operator_id = \$\d|t\.operator_id = v\.operator_id|(?i:insert into )[^;]*\(operator_id, ")
    unnamed = [
        text
        for text, used in tables.items()
        # A question about the schema itself is about no row.
        if "pg_catalog." not in text
        and not used <= {*GLOBAL, "directory_register", "game_file_keep"}
        and not named.search(text)
    ]
    assert not unnamed


def _play(day: Day) -> None:
    guest = day.welcome_with_balance(300, 50)
    day.spin(guest, 300, LOSE)
    day.acknowledge(guest)
    day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    proof = day.spin(guest, 1, LOSE).content()["result"]["proof"]
    day.engine.read_fairness(guest.principal)
    day.engine.rotate_seed(guest.principal)
    day.engine.read_fair_round(proof["link"])
    day.engine.void_voucher(day.agent.cashier, day.sell(500).voucher_id)
    day.engine.staff_login(username="north-operator", password=PASSWORD, tenant="north")
    for staff in (day.north.head, day.agent.head):
        day.engine.list_players(staff)
        day.engine.list_rounds(staff, guest.player_id)
        day.engine.list_vouchers(staff, VoucherFilter(tenant_id=day.agent.tenant_id))
        day.engine.list_ledger(staff)
        day.engine.list_tenants(staff)
        day.engine.read_wallet(staff, day.agent.tenant_id)
    day.engine.configure_game(day.north.head, "far", provider="elsewhere", expected_rtp="0.95")
    day.engine.sweep()
    for staff in (day.north.head, day.agent.head):
        for route in fields(Engine):
            if route.name.startswith("read_") and (route.type or object).__module__.startswith(NUMBERS):
                getattr(day.engine, route.name)(staff)
        day.engine.run_audit(staff)
    day.books()


# --- what cannot be stored, and what takes too long -------------------------------------------------------


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\0"])
def test_a_text_that_no_column_can_hold_is_found_nowhere(
    storage: PostgresStorage, house: House, text: str
) -> None:
    assert storage.directory.by_slug(text) is None
    assert storage.directory.by_symbols(text) is None
    with storage.begin(house.as_operator) as unit:
        assert unit.tenants.by_slug(text) is None
        assert unit.staff.by_username(house.agent.tenant_id, text) is None


def test_such_a_text_is_never_cut_short_and_stored() -> None:
    with pytest.raises(UnstorableValue):
        encode("a\0b")
    with pytest.raises(TypeError, match="float has no form"):
        encode(0.5)


@pytest.mark.parametrize(("setting", "sqlstate"), [("lock_timeout", "55P03"), ("statement_timeout", "57014")])
def test_waiting_too_long_makes_the_storage_unavailable(
    opened: Opener, house: House, setting: str, sqlstate: str
) -> None:
    storage, player = opened(**{setting: "50ms"}), house.player()
    write(storage, house.as_operator, player)
    with storage.begin(house.as_operator) as holder:
        holder.players.lock(player.player_id)
        with pytest.raises(StorageUnavailable) as raised:
            read(storage, house.as_operator, lambda unit: unit.players.lock(player.player_id))
    assert sqlstate in raised.value.reason


def test_a_pool_without_a_free_connection_is_unavailable(opened: Opener, house: House) -> None:
    storage = opened(pool_size=1, pool_wait_seconds=0.05)
    with storage.begin(house.as_operator) as one:
        one.tenants.page(Page())
        with pytest.raises(StorageUnavailable) as raised:
            read(storage, house.as_operator, lambda unit: unit.tenants.page(Page()))
    assert "busy" in raised.value.reason
    storage.check()


def test_many_more_threads_than_connections_get_their_turn(opened: Opener, house: House) -> None:
    storage, player = opened(pool_size=3), house.player()
    write(storage, house.as_operator, player)

    def add_one() -> None:
        with storage.begin(house.as_operator) as unit:
            locked = unit.players.lock(player.player_id)
            assert locked is not None
            unit.save(locked.player.credit(1))
            unit.commit()

    threads = [threading.Thread(target=add_one) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    view = read(storage, house.as_operator, lambda unit: unit.players.get(player.player_id))
    assert view is not None
    assert view.player.wallet.balance_minor == 40


def test_without_the_owners_login_no_reads_across_operators(storage: PostgresStorage) -> None:
    with pytest.raises(StorageUnavailable) as raised:
        storage.begin_owner_read()
    assert "PLAYTIME_OWNER_READ_URL" in raised.value.reason


def test_a_storage_that_is_made_connects_to_nothing() -> None:
    storage = PostgresStorage("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(StorageUnavailable):
        storage.check()
    with pytest.raises(StorageUnavailable):
        storage.directory.by_slug("anything")
    storage.close()
    storage.close()


def test_connection_in_use_at_the_storages_closing_is_closed_too(opened: Opener, house: House) -> None:
    storage = opened()
    with storage.begin(house.as_operator) as unit:
        unit.tenants.page(Page())
        lease = unit.transaction._lease
        assert lease is not None
        storage.close()
        assert not lease.channel.connection.closed
    assert lease.channel.connection.closed
