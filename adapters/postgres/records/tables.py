"""The schema as Python knows it: what the migrations made, table by table.

tests/postgres holds this description against the catalogue.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIT, JSONB
from sqlalchemy.types import UserDefinedType

SCHEMA: Final = "playtime"

metadata = MetaData(schema=SCHEMA)


class Xid8(UserDefinedType[int]):
    """A transaction id that never comes round again."""

    cache_ok: bool | None = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the type's name."""
        return "XID8"


_BY_SERVER: Final = {"by_server": True}


def kept_columns(table: Table) -> list[Column[Any]]:
    """Return the columns that hold a record: all but those that the server alone fills."""
    return [column for column in table.columns if not column.info.get("by_server")]


def _uuid(name: str, *, key: bool = False, null: bool = False) -> Column[Any]:
    return Column(name, Uuid, primary_key=key, nullable=null)


def _text(name: str, *, key: bool = False, null: bool = False) -> Column[Any]:
    return Column(name, Text, primary_key=key, nullable=null)


def _minor(name: str, *, null: bool = False, default: str | None = None) -> Column[Any]:
    return Column(name, BigInteger, nullable=null, server_default=None if default is None else text(default))


def _count(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False)


def _at(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=null)


def _through() -> Column[Any]:
    return Column("through", Xid8, nullable=False, server_default=text("'0'"))


def _json(name: str) -> Column[Any]:
    return Column(name, JSONB, nullable=False)


def _owned(name: str, *columns: Column[Any], own_row: bool = False) -> Table:
    """Return a tenant-owned table: the isolation root first in its key, the owning tenant beside it."""
    return Table(name, metadata, _uuid("operator_id", key=True), _uuid("tenant_id", key=own_row), *columns)


directory = Table(
    "directory",
    metadata,
    _uuid("tenant_id", key=True),
    _uuid("operator_id"),
    _text("kind"),
    _text("slug"),
    _text("code_symbols", null=True),
    _text("status"),
)

game_files = Table(
    "game_files",
    metadata,
    _text("version", key=True),
    Column("content", LargeBinary, nullable=False),
)

schema_migrations = Table(
    "schema_migrations",
    metadata,
    _text("name", key=True),
    _text("sha256"),
    Column("applied_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
)

GLOBAL: Final = frozenset({"directory", "game_files", "schema_migrations"})
"""The tables that belong to no tenant. The application reads them and writes none."""

tenants = _owned(
    "tenants",
    _text("kind"),
    _text("slug"),
    _text("name"),
    _text("status"),
    _text("region", null=True),
    _text("code_symbols", null=True),
    _at("created_at"),
    own_row=True,
)

wallets = _owned("wallets", _minor("balance_minor"), _minor("floor_minor"), own_row=True)

staff = _owned(
    "staff",
    _uuid("staff_id", key=True),
    _text("username"),
    _text("role"),
    _text("password_hash"),
    _text("status"),
    _at("created_at"),
)

staff_sessions = _owned(
    "staff_sessions",
    _uuid("session_id", key=True),
    _uuid("staff_id"),
    _at("started_at"),
    _at("last_active_at"),
    _at("ended_at", null=True),
    _count("refresh_generation"),
)

attempts = _owned(
    "attempts",
    _uuid("subject_id", key=True),
    _count("counted"),
    _count("locks"),
    _at("locked_until", null=True),
    _at("last_at", null=True),
    own_row=True,
)

answers = _owned(
    "answers",
    _uuid("actor_id", key=True),
    _text("action_id", key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    _text("code", null=True),
    _json("hints"),
    _at("created_at"),
    _text("command"),
)

vouchers = _owned(
    "vouchers",
    _uuid("voucher_id", key=True),
    _text("code"),
    _text("pin_key_id"),
    _count("pin_generation"),
    _minor("amount_minor"),
    _minor("bonus_minor"),
    _uuid("issued_by"),
    _at("issued_at"),
    _at("expires_at"),
    _text("status"),
    _at("closed_at", null=True),
    _uuid("player_id", null=True),
    _uuid("batch_id"),
    _count("number"),
    _count("prints"),
)

play_passes = _owned(
    "play_passes",
    _uuid("pass_id", key=True),
    _text("code"),
    _at("created_at"),
    _json("limits"),
    _text("excluded_as", null=True),
    _at("excluded_since", null=True),
    _at("excluded_until", null=True),
    _json("hours"),
    _at("played_at", null=True),
)

players = _owned(
    "players",
    _uuid("player_id", key=True),
    _text("login_code"),
    _text("pin_key_id"),
    _count("pin_generation"),
    _minor("balance_minor"),
    _minor("last_seq"),
    _text("status"),
    _uuid("cashier_id", null=True),
    _text("region", null=True),
    _at("created_at"),
    _at("last_active_at"),
    _text("seed_key_id"),
    _count("seed_number"),
    _minor("seed_nonce"),
    _text("client_seed"),
    _uuid("pass_id", null=True),
)

sessions = _owned(
    "sessions",
    _uuid("session_id", key=True),
    _uuid("player_id"),
    _at("started_at"),
    _at("last_active_at"),
    _minor("start_balance_minor"),
    _minor("end_balance_minor"),
    _minor("spins"),
    _minor("bets_minor"),
    _minor("wins_minor"),
    Column("games", ARRAY(Text), nullable=False),
    _at("ended_at", null=True),
    _text("end_reason", null=True),
    _count("refresh_generation"),
    _minor("loss_limit_minor", null=True),
    _at("checked_at", null=True),
)

bonuses = _owned(
    "bonuses",
    _uuid("bonus_id", key=True),
    _uuid("player_id"),
    _uuid("voucher_id"),
    _minor("amount_minor"),
    _text("status"),
    _at("held_at"),
    _at("triggered_at", null=True),
    _at("acknowledged_at", null=True),
)

rounds = _owned(
    "rounds",
    _uuid("round_id", key=True),
    _uuid("player_id"),
    _uuid("session_id"),
    _text("action_id"),
    _text("game_key"),
    _minor("stake_minor"),
    _minor("win_minor"),
    _minor("bonus_minor"),
    _minor("balance_minor"),
    _json("outcome"),
    _at("played_at"),
    _text("game_version"),
    _count("seed_number"),
    _minor("nonce"),
)

revealed_seeds = _owned(
    "revealed_seeds",
    _uuid("player_id", key=True),
    Column("number", Integer, primary_key=True, nullable=False),
    Column("server_seed", LargeBinary, nullable=False),
    _text("client_seed"),
    _minor("rounds"),
    _at("revealed_at"),
)

ledger_events = _owned(
    "ledger_events",
    _uuid("event_id", key=True),
    _at("occurred_at"),
    _text("source"),
    _text("event_type"),
    _uuid("actor_id"),
    _text("action_id"),
    _uuid("player_id", null=True),
    _minor("player_seq", null=True),
    _uuid("session_id", null=True),
    _uuid("round_id", null=True),
    _uuid("agent_id", null=True),
    _uuid("cashier_id", null=True),
    _text("game_key", null=True),
    _text("provider", null=True),
    _text("region", null=True),
    _minor("amount_minor"),
    _text("from_kind", null=True),
    _uuid("from_owner_id", null=True),
    _minor("from_balance_minor", null=True),
    _text("to_kind", null=True),
    _uuid("to_owner_id", null=True),
    _minor("to_balance_minor", null=True),
    _json("meta"),
    Column("era", Integer, nullable=False, server_default=text("0"), info=_BY_SERVER),
    Column("xact_id", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), info=_BY_SERVER),
)

account_totals = _owned(
    "account_totals",
    _text("account_kind", key=True),
    _uuid("account_id", key=True),
    _minor("balance_minor"),
    own_row=True,
)

account_total_watermarks = _owned("account_total_watermarks", _through(), own_row=True)

safety_settings = _owned(
    "safety_settings",
    _text("enforce"),
    _text("timezone"),
    _json("policy"),
    _uuid("changed_by", null=True),
    _at("changed_at", null=True),
    own_row=True,
)

safety_actions = _owned(
    "safety_actions",
    _uuid("action_id", key=True),
    _uuid("player_id"),
    _uuid("session_id"),
    _at("acted_at"),
    _text("action_type"),
    _text("cause"),
    Column("score", Integer, nullable=True),
    _text("band", null=True),
    Column("reasons", ARRAY(Text), nullable=False),
    _json("evidence"),
    Column("pause_seconds", Integer, nullable=True),
    _text("game_key", null=True),
    _text("event_type", null=True),
)

seals = _owned(
    "seals",
    Column("number", BigInteger, primary_key=True, nullable=False),
    _count("first_era"),
    Column("first_xact_id", Xid8, nullable=False),
    _uuid("first_event_id"),
    _count("last_era"),
    Column("last_xact_id", Xid8, nullable=False),
    _uuid("last_event_id"),
    Column("event_count", BigInteger, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    _at("sealed_at"),
)


def _sum(name: str) -> Column[Any]:
    return Column(name, Numeric, nullable=False)


def _played_in() -> list[Column[Any]]:
    """Return the keys that buckets are split by; an event without one has an empty text or the nil id there."""
    return [
        _text("game_key", key=True),
        _text("provider", key=True),
        _uuid("cashier_id", key=True),
        _text("region", key=True),
    ]


def _starts_at() -> Column[Any]:
    return Column("bucket_at", DateTime(timezone=True), primary_key=True, nullable=False)


def _buckets(name: str, *columns: Column[Any]) -> Table:
    """Return a table of buckets, by level of detail and length."""
    return Table(
        name,
        metadata,
        _uuid("operator_id", key=True),
        Column("detail", SmallInteger, primary_key=True, nullable=False),
        Column("grain", Integer, primary_key=True, nullable=False),
        _starts_at(),
        _uuid("tenant_id", key=True),
        *columns,
    )


def _of_play() -> list[Column[Any]]:
    return [
        _text("source", key=True),
        _text("event_type", key=True),
        *_played_in(),
        _minor("events"),
        _minor("amount_minor"),
        _sum("squares"),
    ]


def _of_stakes() -> list[Column[Any]]:
    return [Column("size_class", Integer, primary_key=True, nullable=False), *_played_in(), _minor("bets")]


def _of_players(name: str) -> Table:
    return Table(
        name,
        metadata,
        _uuid("operator_id", key=True),
        _starts_at(),
        _uuid("tenant_id", key=True),
        _uuid("player_id", key=True),
        _uuid("session_id", key=True),
        *_played_in(),
        _minor("bets"),
        _minor("handle_minor"),
        _sum("squares"),
        _minor("wins"),
        _minor("payout_minor"),
        _at("first_bet_at", null=True),
        _at("last_bet_at", null=True),
    )


event_buckets = _buckets("event_buckets", *_of_play())
stake_buckets = _buckets("stake_buckets", *_of_stakes())
player_quarter_hours = _of_players("player_quarter_hours")
player_days = _of_players("player_days")
player_sets = _buckets(
    "player_sets",
    *_played_in(),
    Column("block", BigInteger, primary_key=True, nullable=False),
    Column("members", BIT(1_024), nullable=False),
)
player_positions = _owned(
    "player_positions",
    Column("position", BigInteger, primary_key=True, nullable=False),
    _uuid("player_id"),
    own_row=True,
)
transaction_ranges = _owned(
    "transaction_ranges",
    _starts_at(),
    Column("moves", Boolean, primary_key=True, nullable=False),
    Column("first_xact_id", Xid8, primary_key=True, nullable=False),
    Column("last_xact_id", Xid8, nullable=False),
    own_row=True,
)
rollup_watermarks = _owned(
    "rollup_watermarks",
    _through(),
    Column("previous_through", Xid8, nullable=False, server_default=text("'0'")),
    _minor("player_count", default="0"),
    own_row=True,
)

game_configs = _owned(
    "game_configs",
    _text("game_key", key=True),
    _text("provider"),
    Column("expected_rtp", Numeric, nullable=False),
    Column("hit_rate", Numeric, nullable=True),
    Column("volatility", Numeric, nullable=True),
)

INSERT_ONLY: Final = frozenset(
    {"answers", "ledger_events", "player_positions", "revealed_seeds", "rounds", "safety_actions", "seals"}
)
"""Facts: the application adds to these and reads them."""
