"""Generated play for measuring analytics, and the same figures read from the events.

All of it is written and read under the application login, bound to an operator: row security is part of the cost.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import sleep
from typing import Any, Final
from uuid import UUID

import psycopg
from attrs import frozen

from ....domain.games.demo import DEMO_GAME
from ..records.queries import fill

SPINS_A_SESSION: Final = 40
EVENTS_A_SPIN: Final = 1.41
"""A bet each, and a win for 41 in a hundred."""

_PLAYERS: Final = """
insert into playtime.players (operator_id, tenant_id, player_id, login_code, pin_key_id, pin_generation,
    balance_minor, last_seq, status, cashier_id, region, created_at, last_active_at,
    seed_key_id, seed_number, seed_nonce, client_seed)
select %(operator)s, (%(agents)s::uuid[])[1 + n %% %(many_agents)s], $player, 'BENCH' || n, 'k1', 1, 1000000, 1,
    'OPEN', ('00000000-0000-7000-9000-' || lpad((n %% 7)::text, 12, '0'))::uuid,
    (array['US-CA', 'US-NV', 'US-WA'])[1 + n %% 3], $created, %(until)s,
    'k1', 1, 0, '0123456789abcdef'
from generate_series(0, %(players)s - 1) n
"""
_VOUCHERS: Final = """
insert into playtime.vouchers (operator_id, tenant_id, voucher_id, code, pin_key_id, pin_generation, amount_minor,
    bonus_minor, issued_by, issued_at, expires_at, status, closed_at, player_id, batch_id, number,
    prints)
select %(operator)s, (%(agents)s::uuid[])[1 + n %% %(many_agents)s], $voucher, 'BENCH' || n, 'k1', 1, 10000, 5000,
    ('00000000-0000-7000-9000-' || lpad((n %% 7)::text, 12, '0'))::uuid, $created - interval '1 hour',
    $created + interval '30 days', 'REDEEMED', $created, $player, $voucher, 1, 0
from generate_series(0, %(players)s - 1) n
"""
_VOUCHER_EVENTS: Final = """
insert into playtime.ledger_events (operator_id, tenant_id, event_id, occurred_at, source, event_type, actor_id,
    action_id, player_id, player_seq, cashier_id, region, amount_minor, from_kind, from_owner_id,
    from_balance_minor, to_kind, to_owner_id, to_balance_minor, meta)
select %(operator)s, tenant_id, gen_random_uuid(),
    case when is_issue then $created - interval '1 hour' else $created end, 'PLAYTIME',
    case when is_issue then 'VOUCHER_ISSUED' else 'VOUCHER_REDEEMED' end, tenant_id, ($voucher)::text,
    case when not is_issue then $player end, case when not is_issue then 1 end,
    ('00000000-0000-7000-9000-' || lpad((n %% 7)::text, 12, '0'))::uuid, null,
    case when is_issue then 15000 else 10000 end,
    case when is_issue then 'TENANT' else 'VOUCHER_POOL' end, tenant_id, case when is_issue then 1000000 end,
    case when is_issue then 'VOUCHER_POOL' else 'PLAYER' end, case when is_issue then tenant_id else $player end,
    case when not is_issue then 10000 end, '{}'
from generate_series(0, %(players)s - 1) n cross join (values (true), (false)) kind (is_issue)
cross join lateral (select (%(agents)s::uuid[])[1 + n %% %(many_agents)s] as tenant_id) agent
"""
_PLAY: Final = """
with sessions as materialized (
    select s, floor(random() * greatest(s::numeric / %(sessions)s * %(players)s, 1))::integer as n,
        %(since)s::timestamptz + (s::numeric / %(sessions)s + random() * 0.0001) * (%(length)s::interval)
            as starts_at,
        (array['demo-wheel', 'demo-wheel', 'two-wheels', 'three-wheels'])[1 + s %% 4] as game_key
    from generate_series(%(first)s::bigint, %(last)s - 1) s
), spins as materialized (
    select sessions.*, s * $spins + i as number, starts_at + i * interval '9 seconds' as occurred_at,
        (array[10, 20, 50, 100, 100, 200, 500])[1 + floor(random() * 7)::integer] as stake,
        (random() < 0.41)::integer * (1 + floor(random() * 3.63)::integer) as multiplier,
        (%(agents)s::uuid[])[1 + n %% %(many_agents)s] as tenant_id
    from sessions cross join generate_series(0, $spins - 1) i
), rounds as (
    insert into playtime.rounds (operator_id, tenant_id, round_id, player_id, session_id, action_id, game_key,
        stake_minor, win_minor, bonus_minor, balance_minor, outcome, played_at, game_version, seed_number, nonce)
    select %(operator)s, tenant_id, $round, $player, $session, number::text, game_key, stake,
        stake * multiplier, 0, 1000000, '{}', occurred_at,
        case game_key when 'demo-wheel' then '$version' else 'made up' end, 1, number
    from spins
)
insert into playtime.ledger_events (operator_id, tenant_id, event_id, occurred_at, source, event_type, actor_id,
    action_id, player_id, player_seq, session_id, round_id, agent_id, cashier_id, game_key, provider, region,
    amount_minor, from_kind, from_owner_id, from_balance_minor, to_kind, to_owner_id, to_balance_minor, meta)
select %(operator)s, tenant_id,
    ('0189' || lpad(to_hex(number * 2 + (not is_bet)::integer), 28, '0'))::uuid, occurred_at, 'PLAYTIME',
    case when is_bet then 'BET' else 'WIN' end, $player, number::text, $player,
    number * 2 + 10 + (not is_bet)::integer,
    $session, $round, tenant_id,
    ('00000000-0000-7000-9000-' || lpad((n %% 7)::text, 12, '0'))::uuid, game_key, 'playtime',
    (array['US-CA', 'US-NV', 'US-WA'])[1 + n %% 3], case when is_bet then stake else stake * multiplier end,
    case when is_bet then 'PLAYER' else 'HOUSE' end, case when is_bet then $player else tenant_id end,
    case when is_bet then 1000000 end, case when is_bet then 'HOUSE' else 'PLAYER' end,
    case when is_bet then tenant_id else $player end, case when not is_bet then 1000000 end, '{}'
from spins cross join (values (true), (false)) kind (is_bet)
where is_bet or multiplier > 0 order by number, is_bet desc
"""
"""Writes play in the order of a service: indexes by time rely on it."""

_PARTS: Final = {
    "player": "('01880000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid",
    "voucher": "('01880000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid",
    "session": "('0190' || lpad(to_hex(s), 28, '0'))::uuid",
    "round": "('0191' || lpad(to_hex(number), 28, '0'))::uuid",
    "version": DEMO_GAME.version,
    "created": "(%(since)s::timestamptz + n::numeric / %(players)s * (%(length)s::interval))",
    "spins": str(SPINS_A_SESSION),
    "events": """from playtime.ledger_events where operator_id = %(operator)s and source = 'PLAYTIME'
    and occurred_at >= %(since)s and occurred_at < %(until)s""",
    "day": "date_trunc('day', occurred_at at time zone 'America/Los_Angeles')",
}

_UNKNOWN: Final = """
select count(*) from pg_stat_user_tables where schemaname = 'playtime' and (
    n_mod_since_analyze > 50 + n_live_tup / 10 or n_ins_since_vacuum > 1000 + n_live_tup / 5
    or n_dead_tup > 50 + n_live_tup / 5
)
"""

_BY_DAY: Final = "select $day, event_type, count(*), sum(amount_minor) $events group by 1, 2"
_BY_PLAYER: Final = "select player_id, event_type, count(*), sum(amount_minor) $events group by 1, 2"
_ALL_ACTIVE: Final = "select count(distinct player_id) $events and event_type = 'BET'"
_ACTIVE: Final = "select $day, count(distinct player_id) $events and event_type = 'BET' group by 1"
_SPLIT: Final = """select $day, game_key, tenant_id, event_type, count(*), sum(amount_minor) $events
    group by grouping sets (($day, event_type), (game_key, event_type), (tenant_id, event_type))"""
_BY_GAME: Final = """select game_key, event_type, count(*), sum(amount_minor), sum(amount_minor * amount_minor)
    $events group by 1, 2"""
_BY_CASHIER: Final = "select cashier_id, event_type, count(*), sum(amount_minor) $events group by 1, 2"
_FIRST_BETS: Final = """select place, count(*), min(occurred_at) from (
        select occurred_at, row_number() over (partition by player_id order by player_seq) as place
        $events and event_type = 'BET'
    ) bets where place in (1, 10) group by place"""
_VALUE: Final = """select player_id, sum(case event_type when 'BET' then amount_minor else -amount_minor end)
    $events and event_type in ('BET', 'WIN') group by 1 order by 2 desc"""
_CHANGE: Final = """select occurred_at >= %(middle)s, game_key, tenant_id, region, event_type, sum(amount_minor)
    $events group by 1, 2, 3, 4, 5"""

RAW: Final[Mapping[str, Sequence[str]]] = {
    "overview": (_BY_DAY, _ALL_ACTIVE),
    "revenue": (_SPLIT,),
    "players": (_ACTIVE, _BY_PLAYER),
    "games": (_BY_GAME,),
    "ops": (_BY_CASHIER,),
    "funnel": (_FIRST_BETS,),
    "ltv": (_VALUE,),
    "attribution": (_CHANGE,),
}
"""The queries for the main figures of each route."""


@frozen
class BenchBooks:
    """An operator's generated play. `url` is the application's login."""

    url: str
    operator_id: UUID
    agent_ids: Sequence[UUID]
    since: datetime
    until: datetime

    def fill(self, events: int) -> Iterator[int]:
        """Write about this number of events, spread over the period; yield the number written so far."""
        sessions = max(int(events / EVENTS_A_SPIN) // SPINS_A_SESSION, 1)
        given = self._given | {"players": max(events // 1_000, 20), "sessions": sessions}
        play = fill(_PLAY, **_PARTS).encode()
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("set synchronous_commit = off")
            with self._bound(connection):
                for text in (_PLAYERS, _VOUCHERS, _VOUCHER_EVENTS):
                    connection.execute(fill(text, **_PARTS).encode(), given)
            written = 2 * given["players"]
            for session in range(sessions):
                with self._bound(connection):
                    cursor = connection.execute(play, given | {"first": session, "last": session + 1})
                written += cursor.rowcount
                yield written

    def wait_for_statistics(self, patience_seconds: int) -> bool:
        """Wait until autovacuum has nothing left to do by its default thresholds; return whether that is so."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for _ in range(patience_seconds):
                (missing,) = connection.execute(_UNKNOWN.encode()).fetchone() or (0,)
                if not missing:
                    return True
                sleep(1)
        return False

    def ask_raw(self, name: str) -> list[Any]:
        """Return a route's main figures, read from the events of the period."""
        rows: list[Any] = []
        with psycopg.connect(self.url, autocommit=True) as connection, self._bound(connection):
            for text in RAW[name]:
                rows += connection.execute(fill(text, **_PARTS).encode(), self._given).fetchall()
        return rows

    @property
    def _given(self) -> dict[str, Any]:
        return {
            "operator": self.operator_id,
            "agents": list(self.agent_ids),
            "many_agents": len(self.agent_ids),
            "since": self.since,
            "until": self.until,
            "middle": self.since + (self.until - self.since) / 2,
            "length": self.until - self.since - timedelta(hours=1),
        }

    @contextmanager
    def _bound(self, connection: psycopg.Connection[Any]) -> Iterator[None]:
        with connection.transaction():
            root = str(self.operator_id)
            connection.execute(
                "select set_config('app.operator_id', %s, true), set_config('app.tenant_id', %s, true)",
                (root, root),
            )
            yield
