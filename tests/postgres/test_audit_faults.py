"""Each rule of the audit with its fault, which a superuser plants past all policies."""
# ruff: noqa: S608 - texts of this file alone

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import psycopg
import pytest

from playtime.application.access import SYSTEM
from playtime.application.ledger import sealing
from playtime.application.ledger.audit import CHECKS, NEWEST_SEALS

from support.audit_day import AuditedDay
from support.day import DOUBLE
from support.postgres.database import TestDatabase, fresh_database

_INSERT: Final = """
insert into playtime.ledger_events (operator_id, tenant_id, event_id, occurred_at, source, event_type, actor_id,
    action_id, player_id, player_seq, round_id, amount_minor, from_kind, from_owner_id, from_balance_minor,
    to_kind, to_owner_id, to_balance_minor, meta)
"""
_WIN: Final = f"""
{_INSERT} select operator_id, tenant_id, gen_random_uuid(), now(), 'PLAYTIME', 'WIN', player_id, 'planted',
    player_id, last_seq + 1, {{round}}, 7, 'HOUSE', tenant_id, null, 'PLAYER', player_id, balance_minor + 7,
    '{{{{}}}}'
from playtime.players where player_id = %(player)s;
update playtime.players set balance_minor = balance_minor + 7, last_seq = last_seq + 1
where player_id = %(player)s;
"""
_OUT: Final = f"""
{_INSERT} select p.operator_id, p.tenant_id, gen_random_uuid(), now(), 'PLAYTIME', 'PLAYER_CLOSED', p.player_id,
    'planted', p.player_id, last_seq + 1, null, 1000, 'PLAYER', p.player_id, p.balance_minor - 1000, 'TENANT',
    p.tenant_id, w.balance_minor + 1000, '{{}}'
from playtime.players p join playtime.wallets w using (operator_id, tenant_id) where player_id = %(player)s;
update playtime.players set balance_minor = balance_minor - 1000, last_seq = last_seq + 1
where player_id = %(player)s;
update playtime.wallets set balance_minor = balance_minor + 1000 where tenant_id = %(agent)s;
"""
_PAID_EARLY: Final = """
update playtime.ledger_events set amount_minor = amount_minor + 10
where player_id = %(player)s and event_type = 'VOUCHER_REDEEMED';
update playtime.ledger_events set amount_minor = amount_minor - 10
where player_id = %(player)s and event_type = 'BONUS_HELD';
update playtime.ledger_events set from_balance_minor = from_balance_minor + 10
where player_id = %(player)s and from_kind = 'PLAYER';
update playtime.ledger_events set to_balance_minor = to_balance_minor + 10
where player_id = %(player)s and to_kind = 'PLAYER';
update playtime.bonuses set amount_minor = amount_minor - 10 where player_id = %(player)s;
update playtime.players set balance_minor = balance_minor + 10 where player_id = %(player)s;
update playtime.sessions set start_balance_minor = start_balance_minor + 10,
    end_balance_minor = end_balance_minor + 10 where player_id = %(player)s;
"""
_EXTERNAL: Final = """
insert into playtime.ledger_events (operator_id, tenant_id, event_id, occurred_at, actor_id, provider, source,
    event_type, action_id, amount_minor, meta)
select operator_id, tenant_id, gen_random_uuid(), now(), gen_random_uuid(), 'them',"""
_OF_AGENT: Final = "from playtime.tenants where tenant_id = %(agent)s"
_WON: Final = "(select round_id from playtime.rounds where player_id = %(player)s and win_minor > 0)"
_FIRST: Final = """(select event_id from playtime.ledger_events where player_id = %(player)s and event_type = 'BET'
    order by player_seq limit 1)"""
_BETS: Final = "tenant_id = %(agent)s and source = 'PLAYTIME' and event_type = 'BET'"

FAULTS: Final = {
    "a side is gone": (
        "SUM_NOT_ZERO",
        f"""alter table playtime.ledger_events drop constraint ledger_events_sides_check;
        update playtime.ledger_events set to_kind = null, to_owner_id = null where event_id = {_FIRST}""",
    ),
    "a wallet has one more": (
        "BALANCE_DIFFERS",
        "update playtime.wallets set balance_minor = balance_minor + 1 where tenant_id = %(agent)s",
    ),
    "a player has one more": (
        "BALANCE_DIFFERS",
        "update playtime.players set balance_minor = balance_minor + 1 where player_id = %(player)s",
    ),
    "a floor is above": (
        "BELOW_FLOOR",
        """alter table playtime.wallets drop constraint wallets_floor_check;
        update playtime.wallets set floor_minor = balance_minor + 1 where tenant_id = %(agent)s""",
    ),
    "a bonus is said to be returned": (
        "POOL_DIFFERS",
        "update playtime.bonuses set status = 'RETURNED' where player_id = %(player)s",
    ),
    "a rolled-up total has grown": (
        "FOLD_DIFFERS",
        """update playtime.account_totals set balance_minor = balance_minor + 1
        where account_kind = 'HOUSE' and account_id = %(agent)s""",
    ),
    "a player's entry states another balance": (
        "BALANCE_CHAIN_BROKEN",
        f"update playtime.ledger_events set from_balance_minor = from_balance_minor + 1 where event_id = {_FIRST}",
    ),
    "a wallet's entry states another balance": (
        "BALANCE_CHAIN_BROKEN",
        """update playtime.ledger_events set from_balance_minor = from_balance_minor + 1
        where event_type = 'VOUCHER_ISSUED' and action_id = %(voided)s""",
    ),
    "a redeemed voucher is said to be voided": (
        "VOUCHER_DIFFERS",
        """update playtime.vouchers set status = 'VOIDED', player_id = null
        where status = 'REDEEMED' and player_id = %(player)s""",
    ),
    "a voucher that nobody paid for": (
        "VOUCHER_DIFFERS",
        """insert into playtime.vouchers select operator_id, tenant_id, gen_random_uuid(), 'PLANTED', pin_key_id,
        pin_generation, amount_minor, bonus_minor, issued_by, issued_at, expires_at, 'EXPIRED', closed_at, null,
        batch_id, number, prints
        from playtime.vouchers where voucher_id = %(voided)s::uuid""",
    ),
    "a player got some of the bonus at once": ("VOUCHER_DIFFERS", _PAID_EARLY),
    "a bonus that was returned has grown": (
        "VOUCHER_DIFFERS",
        """update playtime.bonuses set amount_minor = amount_minor + 1
        where tenant_id = %(agent)s and status = 'RETURNED'""",
    ),
    "a bonus is not half": (
        "BONUS_NOT_HALF",
        """alter table playtime.vouchers drop constraint vouchers_bonus_check;
        update playtime.vouchers set amount_minor = amount_minor + 1, bonus_minor = bonus_minor - 1
        where voucher_id = %(voided)s::uuid""",
    ),
    "a bonus is overdue": ("BONUS_OVERDUE", _OUT),
    "an outcome is gone": (
        "ROUND_WITHOUT_OUTCOME",
        f"update playtime.rounds set outcome = '{{}}' where round_id = {_WON}",
    ),
    "a round is gone": ("ROUND_WITHOUT_OUTCOME", f"delete from playtime.rounds where round_id = {_WON}"),
    "a round says that more was won": (
        "ROUND_DIFFERS",
        f"update playtime.rounds set win_minor = win_minor + 1 where round_id = {_WON}",
    ),
    "a round says that more was staked": (
        "ROUND_DIFFERS",
        f"update playtime.rounds set stake_minor = stake_minor + 1 where round_id = {_WON}",
    ),
    "a win of no round": ("WIN_WITHOUT_BET", _WIN.format(round="gen_random_uuid()").replace("{{}}", "{}")),
    "a second win": ("TWO_WINS", _WIN.format(round=_WON).replace("{{}}", "{}")),
    "an action twice": (
        "DUPLICATE_ACTION",
        f"""drop index playtime.ledger_events_action_key;
        {_INSERT} select operator_id, tenant_id, gen_random_uuid(), occurred_at, source, event_type, actor_id,
        action_id, player_id, null, round_id, amount_minor, null, null, null, null, null, null, meta
        from playtime.ledger_events where player_id = %(player)s and event_type = 'LOGIN'""",
    ),
    "a session has one spin more": (
        "SESSION_DIFFERS",
        "update playtime.sessions set spins = spins + 1 where player_id = %(player)s",
    ),
    "a session continues another loss": (
        "SESSION_DIFFERS",
        "update playtime.sessions set earlier_bets_minor = earlier_bets_minor + 1 where player_id = %(player)s",
    ),
    "a bet passed the limit of the session before": (
        "LIMIT_PASSED",
        """update playtime.ledger_events set meta = meta || '{"earlierBetsMinor": 10000, "earlierWinsMinor": 0}'
        where player_id = %(player)s and event_type = 'LOGIN';
        update playtime.sessions set earlier_bets_minor = 10000 where player_id = %(player)s""",
    ),
    "a limit of the session before is lifted": (
        "LIMIT_PASSED",
        """update playtime.ledger_events set meta = meta || '{"lossLimitMinor": 9999}'
        where player_id = %(player)s and event_type = 'LOGIN'""",
    ),
    "a session knows another game": (
        "SESSION_DIFFERS",
        "update playtime.sessions set games = '{another}' where player_id = %(player)s",
    ),
    "a session ends with another balance": (
        "SESSION_DIFFERS",
        "update playtime.sessions set end_balance_minor = end_balance_minor + 1 where player_id = %(player)s",
    ),
    "a session began with another balance": (
        "SESSION_DIFFERS",
        "update playtime.sessions set start_balance_minor = start_balance_minor + 1 where player_id = %(player)s",
    ),
    "a session began earlier": (
        "SESSION_DIFFERS",
        "update playtime.sessions set started_at = started_at - interval '1 second' where player_id = %(player)s",
    ),
    "a session is gone": ("SESSION_DIFFERS", "delete from playtime.sessions where player_id = %(player)s"),
    "a session that nobody opened": (
        "SESSION_DIFFERS",
        """insert into playtime.sessions select operator_id, tenant_id, gen_random_uuid(), player_id, started_at,
        last_active_at, start_balance_minor, start_balance_minor, 0, 0, 0, '{}', started_at, 'LOGOUT', 1,
        null, null, null, 0, 0 from playtime.sessions where player_id = %(player)s""",
    ),
    "a number is left out": (
        "PLAYER_SEQ_GAP",
        "update playtime.players set last_seq = last_seq + 1 where player_id = %(player)s",
    ),
    "telemetry is gone": (
        "PLAYER_SEQ_GAP",
        "delete from playtime.ledger_events where player_id = %(player)s and event_type = 'LOGIN'",
    ),
    "a bet passed the limit by one": (
        "LIMIT_PASSED",
        """update playtime.ledger_events set meta = jsonb_set(meta, '{lossLimitMinor}', '99')
        where player_id = %(player)s and event_type = 'LIMIT_SET';
        update playtime.sessions set loss_limit_minor = 99 where player_id = %(player)s""",
    ),
    "a bonus is overdue at exactly the threshold": ("BONUS_OVERDUE", _OUT.replace("1000", "950")),
    "a bet passed the limit": (
        "LIMIT_PASSED",
        """update playtime.ledger_events set meta = jsonb_set(meta, '{lossLimitMinor}', '10')
        where player_id = %(player)s and event_type = 'LIMIT_SET';
        update playtime.sessions set loss_limit_minor = 10 where player_id = %(player)s""",
    ),
    "a limit is lifted": (
        "LIMIT_PASSED",
        "update playtime.sessions set loss_limit_minor = null where player_id = %(player)s",
    ),
    "a quarter of an hour has one bet more": (
        "ROLLUP_DIFFERS",
        f"update playtime.event_buckets set events = events + 1 where {_BETS} and detail = 2 and grain = 15",
    ),
    "a day has lost a coin": (
        "ROLLUP_DIFFERS",
        f"""update playtime.event_buckets set amount_minor = amount_minor - 1
        where {_BETS} and detail = 0 and grain = 1440""",
    ),
    "four hours have another square": (
        "ROLLUP_DIFFERS",
        f"update playtime.event_buckets set squares = squares + 1 where {_BETS} and detail = 1 and grain = 240",
    ),
    "an hour is of another region": (
        "ROLLUP_DIFFERS",
        f"update playtime.event_buckets set region = 'another' where {_BETS} and detail = 2 and grain = 60",
    ),
    "a stake has grown": (
        "ROLLUP_DIFFERS",
        """update playtime.stake_buckets set size_class = size_class + 20
        where tenant_id = %(agent)s and detail = 2 and grain = 15""",
    ),
    "a player was here before": (
        "ROLLUP_DIFFERS",
        """update playtime.player_quarter_hours set first_bet_at = first_bet_at - interval '1 second'
        where player_id = %(player)s""",
    ),
    "a day is shorter than its quarters": (
        "ROLLUP_DIFFERS",
        """update playtime.player_days set last_bet_at = last_bet_at - interval '1 microsecond'
        where player_id = %(player)s""",
    ),
    "a player has won once more": (
        "ROLLUP_DIFFERS",
        "update playtime.player_quarter_hours set wins = wins + 1 where player_id = %(player)s",
    ),
    "somebody is said to have bet": (
        "ROLLUP_DIFFERS",
        """update playtime.player_sets set members = set_bit(members, 1000, 1)
        where tenant_id = %(agent)s and detail = 2 and grain = 15""",
    ),
    "nobody is said to have bet in a day": (
        "ROLLUP_DIFFERS",
        """update playtime.player_sets set members = '0'::bit(1024)
        where tenant_id = %(agent)s and detail = 0 and grain = 1440""",
    ),
    "a player has lost its position": (
        "ROLLUP_DIFFERS",
        "delete from playtime.player_positions where player_id = %(player)s",
    ),
    "a quarter of an hour begins too late": (
        "ROLLUP_DIFFERS",
        """update playtime.transaction_ranges set first_xact_id = last_xact_id
        where tenant_id = %(agent)s""",
    ),
    "a quarter of an hour has a transaction twice": (
        "ROLLUP_DIFFERS",
        """insert into playtime.transaction_ranges
        select operator_id, tenant_id, bucket_at, last_xact_id, last_xact_id
        from playtime.transaction_ranges where tenant_id = %(agent)s and first_xact_id < last_xact_id""",
    ),
    "a quarter of an hour has no end": (
        "ROLLUP_DIFFERS",
        "update playtime.transaction_ranges set last_xact_id = '0' where tenant_id = %(agent)s",
    ),
    "an external win has no bet": (
        "EXTERNAL_WIN_WITHOUT_BET",
        f"{_EXTERNAL} 'EXTERNAL', 'WIN', 'theirs', 5, '{{}}' {_OF_AGENT}",
    ),
    "a conflict was noted": (
        "EXTERNAL_CONFLICT",
        f"{_EXTERNAL} 'PLAYTIME', 'EXTERNAL_CONFLICT', 'theirs', 0, '{{}}' {_OF_AGENT}",
    ),
    "two actors reported different amounts": (
        "EXTERNAL_CONFLICT",
        f"""{_EXTERNAL} 'EXTERNAL', 'BET', 'theirs', 5, '{{}}' {_OF_AGENT};
        {_EXTERNAL} 'EXTERNAL', 'BET', 'theirs', 6, '{{}}' {_OF_AGENT}""",
    ),
    "rolled-up events are taken for new": (
        "ROLLUP_DIFFERS",
        "update playtime.rollup_watermarks set through = '0' where tenant_id = %(agent)s",
    ),
}
"""The rule that each fault breaks, and the statement that plants it."""
ROWS: Final = {"rolled-up events are taken for new": 2}
"""The rows that break the rule, if more than one: an event has a bucket, and a round an outcome count."""


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[TestDatabase, AuditedDay]]:
    """A day that was played once. Each test has a copy of its database."""
    with fresh_database() as database:
        with closing(database.storage()) as storage:
            audited = AuditedDay.played(storage)
        yield database, audited


@pytest.fixture
def own(played: tuple[TestDatabase, AuditedDay]) -> Iterator[TestDatabase]:
    with fresh_database(played[0].name) as database:
        yield database


@pytest.fixture
def audited(own: TestDatabase, played: tuple[TestDatabase, AuditedDay]) -> Iterator[AuditedDay]:
    with closing(own.storage()) as storage:
        yield played[1].on(storage)


def _plant(database: TestDatabase, audited: AuditedDay, statements: str) -> None:
    names: dict[str, Any] = {
        "player": audited.guest.player_id,
        "agent": audited.day.agent.tenant_id,
        "voided": str(audited.voided.voucher_id),
    }
    with psycopg.connect(database.superuser_url) as connection:
        cursor = psycopg.ClientCursor(connection)
        cursor.execute("set session_replication_role = replica")
        cursor.execute(statements.encode(), names)


@pytest.mark.parametrize("fault", FAULTS)
def test_exactly_that_fault_is_found(audited: AuditedDay, own: TestDatabase, fault: str) -> None:
    code, statements = FAULTS[fault]
    if code in {"FOLD_DIFFERS", "ROLLUP_DIFFERS"}:
        audited.day.engine.sweep()
        audited.day.engine.verify_ledger(SYSTEM)
    assert audited.broken() == {}
    _plant(own, audited, statements)
    day = audited.day
    for principal in (SYSTEM, day.north.head, day.agent.head):
        found = audited.audit(principal).findings
        rows = ROWS.get(fault, 1)
        assert [(finding.code, finding.count) for finding in found] == [(code, rows)], fault
        assert len(found[0].sample) == rows
    for principal in (day.sister.head, day.south.head, day.stranger.head):
        assert audited.broken(principal) == {}


def test_every_rule_of_the_storage_has_its_fault() -> None:
    others = {"RTP_ALARM", "SEAL_BROKEN"}
    assert {code for code, _ in FAULTS.values()} | others == {check.code for check in CHECKS}


def test_a_broken_seal_is_found(audited: AuditedDay, own: TestDatabase) -> None:
    day = audited.day
    for _ in range(3):
        day.spin(audited.guest, 1, DOUBLE)
        day.engine.sweep()
    assert audited.broken() == {}
    _plant(own, audited, f"""update playtime.ledger_events set meta = '{{"a": 1}}' where event_id = {_FIRST}""")
    for principal in (SYSTEM, day.north.head):
        assert audited.broken(principal) == {"SEAL_BROKEN": ("north:1",)}
    assert audited.broken(day.agent.head) == {}, "seals are the operator's"
    assert day.engine.run_audit(SYSTEM, newest_seals=1).findings == [], "it is older than what was looked at"


def test_newest_seals_are_not_trusted_if_those_before_are_gone(
    audited: AuditedDay, own: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = audited.day
    monkeypatch.setattr(sealing, "SEAL_BATCH", 1)
    day.spin(audited.guest, 1, DOUBLE, times=5)
    (north,) = (books for books in day.engine.verify_seals(SYSTEM) if books.slug == "north")
    for _ in range(north.unsealed):
        day.engine.sweep()
    (north,) = (books for books in day.engine.verify_seals(SYSTEM) if books.slug == "north")
    assert north.last_seal is not None
    newest = north.last_seal.number
    assert newest > NEWEST_SEALS
    assert day.engine.run_audit(day.north.head).findings == []
    gone = f"operator_id = '{day.north.operator_id}' and number between {newest - NEWEST_SEALS} and {newest - 1}"
    _plant(
        own,
        audited,
        f"""update playtime.ledger_events set meta = '{{"a": 1}}' where event_id = (
        select last_event_id from playtime.seals where {gone} order by number desc limit 1);
        delete from playtime.seals where {gone}""",
    )
    for newest_seals in (NEWEST_SEALS, None):
        (finding,) = day.engine.run_audit(day.north.head, newest_seals=newest_seals).findings
        assert (finding.code, finding.sample) == ("SEAL_BROKEN", (f"north:{newest}",))


def test_sample_of_a_finding_is_bounded_and_all_are_counted(audited: AuditedDay, own: TestDatabase) -> None:
    _plant(own, audited, "update playtime.rounds set win_minor = win_minor + 1")
    day = audited.day
    (finding,) = day.engine.run_audit(SYSTEM).findings
    with psycopg.connect(own.superuser_url) as connection:
        assert connection.execute("select count(*) from playtime.rounds").fetchone() == (finding.count,)
    assert finding.count > len(finding.sample) == 10
    assert list(finding.sample) == sorted(finding.sample)


def test_query_of_a_finding_gives_the_same_when_run_by_hand(audited: AuditedDay, own: TestDatabase) -> None:
    _plant(own, audited, FAULTS["a wallet has one more"][1])
    (finding,) = audited.audit().findings
    with psycopg.connect(own.owner_read_url) as connection:
        rows = connection.execute(finding.query.encode()).fetchall()
    assert rows == [(finding.sample[0],)]
