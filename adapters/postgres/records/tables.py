"""Every table, by kind: the tables of records, those without records, and the rights of the application."""

from collections.abc import Mapping
from typing import Any, Final

from ....application.ports.storage import Record
from .games import GAME_CONFIGS, REVEALED_SEEDS
from .ledger import EVENTS, SEALS
from .limits import PLAY_PASSES
from .mapping import Mapped
from .play import PLAYERS, ROUNDS, SESSIONS
from .safety import SAFETY_ACTIONS, SAFETY_SETTINGS
from .tenancy import ANSWERS, ATTEMPTS, STAFF, STAFF_SESSIONS, TENANTS, TRAIL, WALLETS
from .vouchers import BONUSES, VOUCHERS

RECORDS: Final[Mapping[type[Record], Mapped[Any]]] = {
    mapped.record: mapped
    for mapped in (
        TENANTS,
        WALLETS,
        STAFF,
        STAFF_SESSIONS,
        ATTEMPTS,
        ANSWERS,
        VOUCHERS,
        PLAY_PASSES,
        PLAYERS,
        SESSIONS,
        BONUSES,
        ROUNDS,
        REVEALED_SEEDS,
        SAFETY_SETTINGS,
        SAFETY_ACTIONS,
        EVENTS,
        SEALS,
        GAME_CONFIGS,
        TRAIL,
    )
}
"""The records by class. A table comes after the tables that it refers to."""

GLOBAL: Final = frozenset({"directory", "game_files", "schema_migrations", "secret_fingerprints"})
"""The tables that belong to no tenant. The application reads them and writes none."""

ROLLUP: Final = frozenset(
    {
        "account_total_watermarks",
        "account_totals",
        "event_buckets",
        "outcome_counts",
        "player_days",
        "player_positions",
        "player_quarter_hours",
        "player_sets",
        "rollup_watermarks",
        "stake_buckets",
        "transaction_ranges",
    }
)
"""The tables that a roll-up fills, by SQL of its own."""

TABLES: Final = GLOBAL | ROLLUP | {mapped.name for mapped in RECORDS.values()}

DEFINERS: Final = ("directory_register", "directory_set_status", "game_file_keep", "secret_register")
"""The functions that run with their owner's rights. The application may call these and no others."""

INSERT_ONLY: Final = frozenset(
    {"player_positions", *(mapped.name for mapped in RECORDS.values() if not mapped.can_change)}
)
"""The tables that the application adds to and reads, and never updates."""
