"""The hot path costs two round trips, and what it reads is what was committed before its lock was had."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from attrs import evolve

from playtime.adapters.postgres.storage import PostgresStorage
from playtime.application.ledger.importing import IMPORT_BATCH
from playtime.application.ports.play import LockedPlayer
from playtime.application.vouchers.sales import LARGEST_BATCH
from playtime.contracts.house import House
from playtime.contracts.records import LATER, fresh_key, fresh_name, write
from playtime.domain.limits.limits import LimitKind
from playtime.domain.play.sessions import SessionEnd
from playtime.domain.vouchers.bonuses import BonusStatus

from support.day import LOSE, Day, build_day
from support.external_events import external_event, file_of_events
from support.postgres.database import TestDatabase, fresh_database
from support.postgres.proxy import Wire, wire_to
from support.safety import enforce, lose, note


@pytest.fixture(scope="module")
def wired() -> Iterator[tuple[Wire, Day]]:
    """A day on a storage behind a wire that counts; connections and statements are warm."""
    with fresh_database() as database, wire_to(database.url("playtime_app", tcp=True)) as (wire, url):
        storage = PostgresStorage(url, database.owner_read_url)
        day = build_day(storage)
        day.spin(day.welcome(10_000), 10, LOSE)
        yield wire, day
        storage.close()


def test_a_spin_is_two_round_trips(wired: tuple[Wire, Day]) -> None:
    wire, day = wired
    guest = day.welcome(10_000)
    for ticket in (LOSE, 9_999):
        before = wire.turns
        day.spin(guest, 10, ticket)
        assert wire.turns - before == 2


def test_replayed_and_refused_spins_are_two_round_trips_as_well(wired: tuple[Wire, Day]) -> None:
    wire, day = wired
    guest, key = day.welcome(10_000), fresh_name("spin")
    for stake, code in ((10, None), (10, None), (99_999, "INSUFFICIENT_FUNDS")):
        before = wire.turns
        assert day.spin(guest, stake, LOSE, key=key if code is None else None).code == code
        assert wire.turns - before == 2


@pytest.mark.parametrize("how", ["cooldown", "stop"])
def test_a_spin_that_scores_itself_is_two_round_trips_as_well(wired: tuple[Wire, Day], how: str) -> None:
    wire, day = wired
    guest = day.welcome(10_000)
    enforce(day, how)
    codes = []
    for _ in range(18):
        before = wire.turns
        codes.append(day.spin(guest, 1, LOSE).code)
        assert wire.turns - before == 2
    enforce(day, "off")
    assert codes == [None] * 16 + ["COOLDOWN_ACTIVE"] * 2


def test_external_event_is_two_round_trips(wired: tuple[Wire, Day]) -> None:
    wire, day = wired
    guest = day.welcome(10_000)
    lose(day, guest, 16, gap_ms=800)
    for action in (True, False):
        before = wire.turns
        assert (note(day, guest).action is not None) is action
        assert wire.turns - before == 2


def test_spins_within_and_beyond_limits_are_two_round_trips(
    wired: tuple[Wire, Day],
) -> None:
    wire, day = wired
    guest = day.welcome(10_000)
    day.engine.set_limit(guest.principal, LimitKind.LOSS_24H, 1_000)
    for stake, code in ((600, None), (401, "PLAYER_LOSS_LIMIT_REACHED"), (400, None)):
        before = wire.turns
        assert day.spin(guest, stake, LOSE).code == code
        assert wire.turns - before == 2


@pytest.mark.parametrize("count", [1, 2, LARGEST_BATCH])
def test_issue_is_a_round_trip_for_lookup_lock_tenant_and_commit(wired: tuple[Wire, Day], count: int) -> None:
    wire, day = wired
    day.fund(day.agent, 1_500 * count)
    before = wire.turns
    day.engine.issue_vouchers(day.agent.cashier, day.agent.tenant_id, amount_minor=1_000, count=count)
    assert wire.turns - before == 4


def test_import_looks_the_ids_of_a_batch_up_at_once(wired: tuple[Wire, Day]) -> None:
    """Each batch is two units of work: one checks the ids before anything is added, and one adds the events."""
    wire, day = wired
    guests = [day.welcome(1_000) for _ in range(3)]

    def turns(run: str, events: int) -> int:
        guest_ids = [guests[number % 3].player_id for number in range(events)]
        sent = [
            external_event(day, 1, action_id=f"{run}-{number}", player_id=guest_id)
            for number, guest_id in enumerate(guest_ids)
        ]
        before = wire.turns
        assert day.engine.import_ledger(file_of_events(day, sent)).added == events
        return wire.turns - before

    turns("warm", IMPORT_BATCH)
    tenant, batch = 2, 4
    for run, events, batches in (("event", 1, 1), ("batch", IMPORT_BATCH, 1), ("three", 3 * IMPORT_BATCH, 3)):
        assert turns(run, events) - turns("none", 0) == tenant + batches * batch


def test_a_unit_that_is_not_used_sends_nothing(wired: tuple[Wire, Day]) -> None:
    wire, day = wired
    before = wire.turns
    with day.storage.begin(day.agent.head.binding):
        pass
    with day.storage.begin(day.agent.head.binding) as unit:
        unit.commit()
    assert wire.turns == before


def test_unit_that_waited_for_a_player_sees_all_newer_commits(shared: TestDatabase) -> None:
    """A single statement that locks and joins would see session, bonuses and answer from before the wait."""
    storage = shared.storage()
    house = House.built(storage)
    player, voucher = house.player(balance_minor=1_000), house.voucher()
    old = house.session(player)
    bonus = house.bonus(player, voucher)
    write(storage, house.as_operator, player, voucher, old, bonus)
    key = fresh_key()
    answer = house.answer(key)
    new = house.session(player, started_at=LATER, last_active_at=LATER)
    found: list[LockedPlayer | None] = []

    def wait() -> None:
        with storage.begin(house.as_agent) as unit:
            found.append(unit.players.lock(player.player_id, key))

    with storage.begin(house.as_agent) as unit:
        unit.players.lock(player.player_id)
        waiter = threading.Thread(target=wait)
        waiter.start()
        _until_somebody_waits(shared)
        unit.save(player.debit(400), bonus.trigger(LATER), old.end(LATER, SessionEnd.IDLE))
        unit.add(new, answer)
        unit.commit()
    waiter.join()
    triggered = evolve(bonus, status=BonusStatus.TRIGGERED, triggered_at=LATER)
    assert found == [LockedPlayer(player.debit(400), new, (triggered,), answer)]
    storage.close()


def test_a_merged_statement_would_not(shared: TestDatabase) -> None:
    """The test above tests something: this is what was tried and does not do."""
    storage = shared.storage()
    house = House.built(storage)
    player = house.player(balance_minor=1_000)
    session = house.session(player)
    write(storage, house.as_operator, player, session)
    merged = (
        "select p.balance_minor, s.spins from playtime.players p left join playtime.sessions s"
        " on s.operator_id = p.operator_id and s.player_id = p.player_id"
        " where p.player_id = %s for no key update of p"
    )
    found: list[object] = []

    def wait() -> None:
        with psycopg.connect(shared.superuser_url) as connection:
            found.extend(connection.execute(merged, (player.player_id,)).fetchall())

    with storage.begin(house.as_agent) as unit:
        unit.players.lock(player.player_id)
        waiter = threading.Thread(target=wait)
        waiter.start()
        _until_somebody_waits(shared)
        unit.save(player.debit(400), evolve(session, spins=1))
        unit.commit()
    waiter.join()
    assert found == [(600, 0)]  # the new balance, and the old session
    storage.close()


def _until_somebody_waits(database: TestDatabase) -> None:
    waiting = (
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        while connection.execute(waiting).fetchone() == (0,):
            pass
