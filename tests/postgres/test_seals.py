"""Seals on PostgreSQL: the watermark, other clusters, connections that die, and what a superuser changes."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from attrs import define, evolve, field

from playtime.adapters.postgres.admin.startup import UnsafeDatabase, refuse_restored
from playtime.adapters.postgres.backup.moving_on import MOVE_ERAS, MOVE_SEEDS
from playtime.adapters.postgres.records.tables import ROLLUP
from playtime.adapters.postgres.storage import PostgresStorage
from playtime.application.access import SYSTEM
from playtime.application.errors import StorageUnavailable
from playtime.application.ledger.sealing import SealedBooks, SealLedger, VerifySeals
from playtime.application.play.verification import Verifier
from playtime.application.transactions import ATTEMPTS
from playtime.application.wire import encode
from playtime.contracts.doubles import PINS, build_engine
from playtime.domain.games.fairness import SeedKeys
from playtime.domain.ledger.seals import START, Place, SealFault

from support.day import LOSE, Day, Guest, build_day
from support.postgres.database import TestDatabase, fresh_database

PATIENCE_SECONDS = 20
SEEDS: Final = SeedKeys(PINS.current, PINS.secrets)

RESTORED: Final = MOVE_ERAS + MOVE_SEEDS
"""The statements that docs/architecture.md prescribes after a restore."""


@pytest.fixture
def storage(own: TestDatabase) -> Iterator[PostgresStorage]:
    opened = own.storage()
    yield opened
    opened.close()


@pytest.fixture
def day(storage: PostgresStorage) -> Day:
    """Two operators at play."""
    day = build_day(storage)
    for desk in (day.agent, day.stranger):
        guest = day.welcome(1_000, desk)
        day.spin(guest, 100, LOSE, times=3)
    return day


def _run(database: TestDatabase, statement: str, *, on: Day | None = None) -> int:
    """Run a statement as a superuser and return its row count; {north} and {bet} name rows of a day."""
    text = statement if on is None else statement.replace("{bet}", _A_BET)
    if on is not None:
        text = text.replace("{north}", f"'{on.north.operator_id}'")
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("set session_replication_role = replica")
        return connection.execute(text.encode()).rowcount


def _seal(day: Day) -> int:
    """Seal all events of the operator north: what else runs on the server may hold them back for a moment."""
    (books,) = day.engine.verify_ledger(SYSTEM, day.north.operator_id)
    events = sum(movement.count for movement in books.movements)
    deadline, sealed = time.monotonic() + PATIENCE_SECONDS, 0
    while _verified(day).sealed < events and time.monotonic() < deadline:
        sealed += SealLedger(day.storage, day.clock)(day.north.operator_id)
        time.sleep(0.01)
    return sealed


def _verified(day: Day) -> SealedBooks:
    (books,) = VerifySeals(day.storage)(SYSTEM, day.north.operator_id)
    return books


class TestTheWatermark:
    def test_an_event_that_is_committed_late_comes_where_it_belongs(self, day: Day, own: TestDatabase) -> None:
        _seal(day)
        with psycopg.connect(own.superuser_url) as late:
            late.execute(_LATE, {"operator": day.north.operator_id})
            day.welcome(500)
            assert SealLedger(day.storage, day.clock)(day.north.operator_id) == 0, "one may still come before"
            assert _verified(day).unsealed == 0
            late.commit()
        assert _seal(day) > 1
        assert _verified(day).clean

    def test_transactions_are_ordered_as_numbers(self, day: Day, own: TestDatabase) -> None:
        """999 comes before 1000, and 2^32 after both."""
        for offset, xact_id in enumerate((999, 1_000, 10_000, 2**32)):
            _run(own, _NUMBERED.format(xact_id=xact_id, north="{north}", offset=offset), on=day)
        operator_id = day.north.operator_id
        end = Place(0, 2**63, UUID(int=0))
        with day.storage.begin(day.north.head.binding) as unit:
            events = unit.stream.events(operator_id, START, end, 1_000)
        numbers = [placed.place.xact_id for placed in events]
        assert numbers == sorted(numbers)
        assert {999, 1_000, 10_000, 2**32} <= set(numbers)


_NUMBERED = """
update playtime.ledger_events set xact_id = '{xact_id}' where event_id = (
    select event_id from playtime.ledger_events where operator_id = {north} order by event_id
    offset {offset} limit 1
)
"""
_LATE = """
insert into playtime.ledger_events (operator_id, tenant_id, event_id, occurred_at, source, event_type, actor_id,
    action_id, amount_minor, meta)
values (%(operator)s, %(operator)s, gen_random_uuid(), now(), 'PLAYTIME', 'LOGIN', %(operator)s, 'late', 0, '{}')
"""

_A_BET = "(select event_id from playtime.ledger_events where operator_id = {north} and event_type = 'BET' limit 1)"
_HARMS = {
    "amount": "update playtime.ledger_events set amount_minor = amount_minor + 1 where event_id = {bet}",
    "balance": "update playtime.ledger_events set from_balance_minor = 1 where event_id = {bet}",
    "meta": """update playtime.ledger_events set meta = '{"a": 1}' where event_id = {bet}""",
    "time": """update playtime.ledger_events set occurred_at = occurred_at + interval '1 microsecond'
        where event_id = {bet}""",
    "owner": "update playtime.ledger_events set agent_id = gen_random_uuid() where event_id = {bet}",
    "type": "update playtime.ledger_events set event_type = 'NOTHING' where event_id = {bet}",
    "deleted": "delete from playtime.ledger_events where event_id = {bet}",
    "moved": "update playtime.ledger_events set xact_id = '3' where event_id = {bet}",
    "added": """insert into playtime.ledger_events (operator_id, tenant_id, event_id, occurred_at, source,
        event_type, actor_id, action_id, amount_minor, meta, xact_id)
        select operator_id, tenant_id, gen_random_uuid(), occurred_at, source, event_type, actor_id, 'added',
        amount_minor, meta, xact_id from playtime.ledger_events where operator_id = {north}
        and event_type = 'LOGIN' limit 1""",
    "seal's count": "update playtime.seals set event_count = event_count + 1 where operator_id = {north}",
    "seal's hash": "update playtime.seals set hash = sha256(hash) where operator_id = {north}",
    "seal's time": "update playtime.seals set sealed_at = sealed_at + interval '1 s' where operator_id = {north}",
    "seal's end": """update playtime.seals set last_event_id = gen_random_uuid() where operator_id = {north}""",
}


@pytest.mark.parametrize("harm", _HARMS)
def test_what_a_superuser_changes_is_found(day: Day, own: TestDatabase, harm: str) -> None:
    _seal(day)
    day.welcome(500)
    _seal(day)
    assert _verified(day).clean
    assert _run(own, _HARMS[harm], on=day) > 0
    books = {found.slug: found for found in VerifySeals(day.storage)(SYSTEM)}
    assert not books["north"].clean
    assert SealFault.EVENTS in {broken.fault for broken in books["north"].broken_seals}
    assert all(found.clean for slug, found in books.items() if slug != "north")


def test_a_seal_that_is_removed_from_the_middle_is_missed(day: Day, own: TestDatabase) -> None:
    for _ in range(3):
        day.welcome(500)
        _seal(day)
    assert _run(own, "delete from playtime.seals where number = 2 and operator_id = {north}", on=day) == 1
    assert {broken.fault for broken in _verified(day).broken_seals} == set(SealFault)
    assert {broken.number for broken in _verified(day).broken_seals} == {3}


@define
class DeadlyClock:
    """A clock that ends every connection of the app when it is looked at: between reading and committing."""

    database: TestDatabase
    moment: datetime
    looks: int = field(default=0, init=False)

    def now(self) -> datetime:
        """Tell the time."""
        self.looks += 1
        with psycopg.connect(self.database.superuser_url) as connection:
            connection.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where usename = 'playtime_app' and datname = current_database()"
            )
        return self.moment


def test_connection_that_dies_in_the_middle_leaves_a_good_chain(day: Day, own: TestDatabase) -> None:
    _seal(day)
    day.welcome(500)
    before = _verified(day)
    clock = DeadlyClock(own, day.clock.now())
    with pytest.raises(StorageUnavailable):
        SealLedger(day.storage, clock)(day.north.operator_id)
    assert clock.looks == ATTEMPTS, "each attempt died on its own"
    assert (_verified(day).seals, _verified(day).broken_seals) == (before.seals, ())
    assert _seal(day) > 0
    assert _verified(day).clean


_FURTHER = "update playtime.{table} set {column} = ({column}::text::bigint + 1000000)::text::xid8"


class TestAnotherCluster:
    """The books as a dump carries them into a cluster whose transactions have lower numbers."""

    @pytest.fixture
    def restored(self, day: Day, own: TestDatabase) -> Day:
        _seal(day)
        day.welcome(500)  # not sealed when the dump was made
        for table, column in (
            ("ledger_events", "xact_id"),
            ("seals", "first_xact_id"),
            ("seals", "last_xact_id"),
        ):
            _run(own, _FURTHER.format(table=table, column=column))
        return day

    def test_is_not_served_from_before_the_statements_were_run(self, restored: Day, own: TestDatabase) -> None:
        with pytest.raises(UnsafeDatabase, match="Backup and restore"):
            refuse_restored(own.owner_read_url)
        _run(own, RESTORED)
        refuse_restored(own.owner_read_url)

    def test_goes_on_with_the_chain(self, restored: Day, own: TestDatabase) -> None:
        _run(own, RESTORED)
        before = _verified(restored)
        assert (before.clean, before.unsealed > 0) == (True, True), "all of the era before is settled"
        restored.welcome(700)
        _seal(restored)
        after = _verified(restored)
        assert (after.clean, after.unsealed) == (True, 0)
        assert after.sealed > before.sealed + before.unsealed
        refuse_restored(own.owner_read_url)

    def test_may_be_restored_again(self, restored: Day, own: TestDatabase) -> None:
        for _ in range(2):
            _run(own, RESTORED)
            restored.welcome(700)
            _seal(restored)
        assert _verified(restored).clean

    def test_one_that_is_where_it_always_was_is_served_from(self, day: Day, own: TestDatabase) -> None:
        _seal(day)
        refuse_restored(own.owner_read_url)


def test_no_draw_comes_twice_after_a_restore() -> None:
    """Draws that players saw between the backup and the loss never come again."""
    with ExitStack() as stack:
        lost = stack.enter_context(fresh_database())
        with closing(lost.storage()) as storage:
            fair = build_day(storage, seeds=SEEDS)
            guests = [fair.welcome(1_000) for _ in range(3)]
            lasting = [played for guest in guests[:2] for played in _play(fair, guest)]
        backup = stack.enter_context(fresh_database(lost.name))
        with closing(lost.storage()) as storage:
            unsaved = _on(storage, fair)
            forgotten = [played for guest in guests for played in _play(unsaved, guest)]
        storage = stack.enter_context(closing(backup.storage()))
        restored = _on(storage, fair)
        for _ in range(2):
            _run(backup, RESTORED)
            lasting += [played for guest in guests for played in _play(restored, guest)]
        for guest in guests:
            restored.engine.rotate_seed(guest.principal)
        draws = [(played["serverSeedHash"], played["nonce"]) for played in (*lasting, *forgotten)]
        assert len(set(draws)) == len(draws) == 11 * 4
        exports = [encode(restored.engine.read_fair_round(played["link"])) for played in lasting]
        assert all(verdict.is_verified for verdict in Verifier().check(exports))
        assert restored.engine.run_audit(restored.owner, newest_seals=None).findings == []


def test_skipped_seed_is_revealed_by_the_next_read(storage: PostgresStorage, own: TestDatabase) -> None:
    fair = build_day(storage, seeds=SEEDS)
    guest = fair.welcome(1_000)
    fair.engine.rotate_seed(guest.principal, client_seed="mine")
    before = fair.engine.read_fairness(guest.principal)
    fair.spin(guest, 1)
    _run(own, RESTORED)
    after = fair.engine.read_fairness(guest.principal)
    assert after.previous is not None
    assert (after.previous.server_seed_hash, after.previous.client_seed) == (before.server_seed_hash, "mine")
    assert after.server_seed_hash not in {before.server_seed_hash, before.next_server_seed_hash}
    retired = SeedKeys("new", {"new": b"another secret"})
    later = build_engine(storage, seed=2, clock=fair.clock, seeds=retired)
    later.rotate_seed(guest.principal)
    assert later.read_fairness(guest.principal).previous is None


def _on(storage: PostgresStorage, day: Day) -> Day:
    engine = build_engine(storage, seed=2, clock=day.clock, seeds=SEEDS)
    return evolve(day, engine=engine, storage=storage)


def _play(day: Day, guest: Guest) -> list[dict[str, Any]]:
    """Play two rounds, rotate, and play two; return what they are checked by."""
    proofs = []
    for at in range(4):
        if at == 2:
            day.engine.rotate_seed(guest.principal, client_seed="mine")
        proofs.append(day.spin(guest, 1).content()["result"]["proof"])
    return proofs


def test_the_statements_are_those_of_the_documentation() -> None:
    from support.tree import ROOT  # noqa: PLC0415 - of this test alone

    assert RESTORED.strip() in (ROOT / "docs" / "architecture.md").read_text()


def test_restore_empties_every_table_of_the_roll_up() -> None:
    emptied = re.findall(r"playtime\.(\w+)", MOVE_ERAS.partition(";")[0])
    assert sorted(emptied) == sorted(ROLLUP)
