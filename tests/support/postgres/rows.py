"""Rows as the server of a release writes them, made from the catalogue of a database.

The catalogue lists the columns of a row, so that a new table is filled without a change here. `STATES` lists the
states that rows of a table can have.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import sql

from playtime.adapters.postgres.isolation.samples import Owner, TableShape, shapes
from playtime.adapters.postgres.records.tables import GLOBAL
from playtime.domain.access.codes import AGENT_SYMBOLS, AGENT_VALUES, RANDOM_VALUES, make_code, symbols_of

LATER: Final = "2026-01-02 03:04:05.678901+00"
FAR: Final = "2031-01-02 03:04:05.678901+00"
DIGEST: Final = "\\x" + "ab" * 32

STATES: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "account_totals": [{"account_kind": "HOUSE", "balance_minor": -(2**62)}, {"account_kind": "ISSUANCE"}],
    "answers": [{"digest": DIGEST}, {"digest": DIGEST, "code": "INSUFFICIENT_FUNDS", "hints": '{"kept": [1]}'}],
    "attempts": [{}, {"counted": 4, "locks": 2, "refused_passes": 9, "locked_until": LATER, "last_at": LATER}],
    "bonuses": [
        {"status": "PENDING"},
        {"status": "TRIGGERED", "triggered_at": LATER},
        {"status": "ACKNOWLEDGED", "triggered_at": LATER, "acknowledged_at": LATER},
        {"status": "RETURNED"},
    ],
    "ledger_events": [
        {"event_type": "LOGIN"},
        {
            "event_type": "BET",
            "player_seq": 7,
            "amount_minor": 100,
            "from_kind": "PLAYER",
            "from_balance_minor": 900,
            "to_kind": "HOUSE",
            "game_key": "demo-wheel",
            "provider": "playtime",
            "region": "US-CA",
        },
        {"event_type": "BET", "source": "EXTERNAL", "amount_minor": 5, "meta": '{"game": "elsewhere"}'},
        {
            "event_type": "CREDIT_ISSUED",
            "amount_minor": 10**12,
            "from_kind": "ISSUANCE",
            "to_kind": "TENANT",
            "to_balance_minor": 10**12,
        },
    ],
    "play_passes": [
        {"limits": '{"LOSS_24H": {"amount": 5, "raised": null, "notified": 50, "seen": 0}}', "played_at": LATER},
        {"excluded_as": "COOL_OFF", "excluded_since": LATER, "excluded_until": FAR},
        {"excluded_as": "SELF_EXCLUSION", "excluded_since": LATER, "excluded_until": FAR},
    ],
    "player_days": [{"first_bet_at": LATER, "last_bet_at": LATER}, {"session_id": UUID(int=0)}],
    "game_configs": [{"expected_rtp": "0.95"}, {"hit_rate": "0.3", "volatility": "7.25"}],
    "players": [{"status": "OPEN", "balance_minor": 2**62}, {"status": "CLOSED", "region": "Kärnten"}],
    "rounds": [{"stake_minor": 100, "win_minor": 0, "outcome": '{"window": [["shade"]]}'}, {"win_minor": 10**12}],
    "safety_actions": [
        {"action_type": "NUDGE", "reasons": "{BET_ACCEL}", "score": 35, "band": "ELEVATED"},
        {"action_type": "COOLDOWN", "cause": "SPIN", "pause_seconds": 3_600, "evidence": '{"SPIN_RATE": {}}'},
        {"action_type": "STOP", "cause": "LOSS_LIMIT", "game_key": "demo-wheel", "event_type": "spin"},
    ],
    "safety_settings": [{"enforce": "stop", "timezone": "Asia/Kathmandu", "changed_at": LATER}],
    "seals": [{"hash": DIGEST}, {"hash": DIGEST, "event_count": 2_000, "last_xact_id": "4294967300"}],
    "sessions": [
        {"games": "{demo-wheel}", "spins": 3, "loss_limit_minor": 0},
        {"ended_at": LATER, "end_reason": "IDLE"},
        {"ended_at": LATER, "end_reason": "LOGOUT"},
        {"ended_at": LATER, "end_reason": "PLAYER_CLOSED", "refresh_generation": 9},
        {"ended_at": LATER, "end_reason": "REFRESH_REUSED", "refresh_generation": 2, "refreshed_at": LATER},
        {"ended_at": LATER, "end_reason": "EXPIRED"},
    ],
    "staff": [
        {"role": "cashier"},
        {"role": "agent", "status": "DEACTIVATED"},
        {"role": "provider"},
    ],
    "staff_sessions": [{}, {"ended_at": LATER, "refresh_generation": 5}],
    "tenants": [{"name": "Ünïcødé 🎰", "region": "US-CA"}],
    "vouchers": [
        {"status": "ISSUED"},
        {"status": "REDEEMED", "closed_at": LATER, "player_id": UUID(int=7)},
        {"status": "VOIDED", "closed_at": LATER},
        {"status": "EXPIRED", "closed_at": LATER, "amount_minor": 1, "bonus_minor": 0},
        {"status": "ISSUED", "batch_id": UUID(int=8), "number": 999, "prints": 3},
    ],
    "wallets": [{"balance_minor": -500, "floor_minor": -1_000}],
}
"""The states in which a table's rows are found; a table that is not named has one row.

Columns that a release does not have yet are left out. `since` names the first migration that accepts a state.
"""

CODES: Final = {"code", "login_code"}
"""The columns of vouchers and players that the server reads back as more than a text."""

NEEDS: Final = {"from_kind": "from_owner_id", "to_kind": "to_owner_id", "player_seq": "player_id"}
"""The columns that come with another."""


class Operators:
    """Two operators, each with an agent, and rows in the form of a release with these migrations."""

    def __init__(self, release: Collection[str], states: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self._release = release
        self._states = states
        ids = [fresh_id() for _ in range(4)]
        self.owners = [
            owner
            for operator_id, agent_id in ((ids[0], ids[1]), (ids[2], ids[3]))
            for owner in (Owner(operator_id, operator_id), Owner(operator_id, agent_id))
        ]

    def fill(self, connection: psycopg.Connection[Any]) -> None:
        """Write rows of every state into every table. `connection` is a superuser's."""
        tables = shapes(connection)
        _keep_game(connection)
        _register_secret(connection)
        for owner in self.owners:
            _list(connection, owner)
            self._write(connection, owner, tables)

    def go_on(self, connection: psycopg.Connection[Any], tables: Sequence[TableShape]) -> None:
        """Write further rows like a server that knows `tables`: bound, with the app's login.

        Rows of which a tenant has one are there already and stay unchanged.
        """
        many = [table for table in tables if not set(table.key) <= {"operator_id", "tenant_id"}]
        for owner in self.owners:
            with connection.transaction():
                connection.execute(
                    "select set_config('app.operator_id', %s, true), set_config('app.tenant_id', %s, true)",
                    (str(owner.operator_id), str(owner.tenant_id)),
                )
                self._write(connection, owner, many)

    def _write(self, connection: psycopg.Connection[Any], owner: Owner, tables: Sequence[TableShape]) -> None:
        """Write rows of every state; each refers to another one of those that it can refer to."""
        written: dict[str, list[dict[str, Any]]] = {}
        for table in tables:
            for number, state in enumerate(self._states.get(table.name, [{}])):
                if "since" in state and state["since"] not in self._release:
                    continue
                parents = {name: rows[number % len(rows)] for name, rows in written.items()}
                row = _row(table, owner, state, parents)
                connection.execute(table.insert(row), row)
                written.setdefault(table.name, []).append(row)


def fresh_id() -> UUID:
    """Return an id that was never seen before."""
    return UUID(bytes=secrets.token_bytes(16), version=4)


def contents(connection: psycopg.Connection[Any], tables: Mapping[str, Sequence[str]]) -> dict[str, list[Any]]:
    """Return every row of the tables, as far as the columns go that are named."""
    found = {}
    for table, columns in tables.items():
        chosen = sql.SQL(", ").join(map(sql.Identifier, columns))
        statement = sql.SQL("select {} from {}").format(chosen, sql.Identifier("playtime", table))
        found[table] = sorted(connection.execute(statement).fetchall(), key=repr)
    return found


def columns_of(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """Return the columns of every table but the record of migrations."""
    found: dict[str, list[str]] = {}
    for table, column in connection.execute(
        "select c.relname, a.attname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " join pg_attribute a on a.attrelid = c.oid where n.nspname = 'playtime' and c.relkind in ('r', 'p')"
        " and c.relname <> 'schema_migrations' and a.attnum > 0 and not a.attisdropped order by 1, a.attnum"
    ):
        found.setdefault(table, []).append(column)
    return found


def _keep_game(connection: psycopg.Connection[Any]) -> None:
    """Store the file of a game, which belongs to no tenant either."""
    assert "game_files" in GLOBAL
    connection.execute(
        "insert into playtime.game_files (version, content) values (encode(sha256(%s), 'hex'), %s)",
        (b"{}", b"{}"),
    )


def _register_secret(connection: psycopg.Connection[Any]) -> None:
    """Store the fingerprint of a secret, which belongs to no tenant either."""
    assert "secret_fingerprints" in GLOBAL
    connection.execute(
        "insert into playtime.secret_fingerprints (key_id, fingerprint) values ('k1', %s)", (bytes(32),)
    )


def _list(connection: psycopg.Connection[Any], owner: Owner) -> None:
    """List a tenant in the directory, which belongs to nobody and so has no shape."""
    assert "directory" in GLOBAL
    is_agent = owner.tenant_id != owner.operator_id
    symbols = symbols_of(secrets.randbelow(AGENT_VALUES), AGENT_SYMBOLS) if is_agent else None
    connection.execute(
        "insert into playtime.directory (tenant_id, operator_id, kind, slug, code_symbols, status)"
        " values (%s, %s, %s, %s, %s, 'ACTIVE')",
        (owner.tenant_id, owner.operator_id, "AGENT" if is_agent else "OPERATOR", str(owner.tenant_id), symbols),
    )


def _row(
    table: TableShape, owner: Owner, state: Mapping[str, Any], parents: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    row = table.row(owner, iter(fresh_id, None), parents)
    for column in CODES & set(table.required):
        row[column] = make_code("ABCD", secrets.randbelow(RANDOM_VALUES)).symbols
    row |= {column: value for column, value in state.items() if column in table.types}
    row |= {NEEDS[column]: fresh_id() for column in NEEDS.keys() & row.keys()}
    return row
