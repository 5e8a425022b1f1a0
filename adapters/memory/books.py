"""One operator's books: its tables with the keys that the database has as well, and running totals."""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Any, Final, get_args, get_origin
from uuid import UUID

from attrs import define, field, fields, frozen

from ...application.ports.bindings import AnswerKey, StoredAnswer
from ...application.ports.storage import Record
from ...domain.access.attempts import Attempts
from ...domain.games.configs import GameConfig
from ...domain.games.fairness import RevealedSeed
from ...domain.ledger.events import Account, EventSource, EventType, LedgerEvent
from ...domain.ledger.seals import Place, Seal
from ...domain.limits.play_passes import PlayPass
from ...domain.play.players import Player
from ...domain.play.rounds import Round
from ...domain.play.sessions import Session, StaffSession
from ...domain.safety.actions import SafetyAction, SafetySettings
from ...domain.tenancy.staff import StaffMember
from ...domain.tenancy.tenants import Tenant, TenantWallet
from ...domain.tenancy.trail import TrailEvent
from ...domain.vouchers.bonuses import Bonus, BonusStatus
from ...domain.vouchers.vouchers import Voucher, VoucherStatus
from .tables import Table

OPEN_BONUSES: Final = frozenset({BonusStatus.PENDING, BonusStatus.TRIGGERED})
"""Statuses of bonuses that a player's next operation may depend on."""

ALL: Final = "all"
"""The value that every row has in the group of all rows."""


@define
class LedgerTotals:
    """The totals of each tenant's events, updated while they are written, since the ledger only grows."""

    entries: dict[UUID, dict[Account, int]] = field(factory=lambda: defaultdict(lambda: defaultdict(int)))
    counts: dict[UUID, dict[EventType, int]] = field(factory=lambda: defaultdict(lambda: defaultdict(int)))
    moved: dict[UUID, dict[EventType, int]] = field(factory=lambda: defaultdict(lambda: defaultdict(int)))

    def count(self, event: LedgerEvent) -> None:
        """Add an event that was just written."""
        self.counts[event.tenant_id][event.event_type] += 1
        # An external event happened, but moved no account here.
        self.moved[event.tenant_id][event.event_type] += event.transfer.amount_minor if event.transfer else 0
        if event.transfer is not None:
            entries = self.entries[event.tenant_id]
            entries[event.transfer.source] -= event.transfer.amount_minor
            entries[event.transfer.target] += event.transfer.amount_minor


def _tenants() -> Table[Tenant]:
    return Table(
        "tenants",
        lambda row: row.tenant_id,
        unique={"slug": lambda row: row.slug},
        grouped={"all": lambda _: ALL, "tenant": lambda row: row.tenant_id},
    )


def _staff() -> Table[StaffMember]:
    return Table(
        "staff",
        lambda row: row.staff_id,
        unique={"username": lambda row: (row.tenant_id, row.username)},
        grouped={"all": lambda _: ALL, "tenant": lambda row: row.tenant_id},
    )


def _vouchers() -> Table[Voucher]:
    return Table(
        "vouchers",
        lambda row: row.voucher_id,
        unique={"code": lambda row: row.code.symbols},
        grouped={
            "all": lambda _: ALL,
            "tenant": lambda row: row.tenant_id,
            "open": lambda row: ALL if row.status is VoucherStatus.ISSUED else None,
            "batch": lambda row: row.batch_id,
            "player": lambda row: row.player_id,
        },
    )


def _players() -> Table[Player]:
    return Table(
        "players",
        lambda row: row.player_id,
        unique={"login_code": lambda row: row.login_code.symbols},
        grouped={
            "all": lambda _: ALL,
            "tenant": lambda row: row.tenant_id,
            "open": lambda row: ALL if row.is_open else None,
        },
    )


def _bonuses() -> Table[Bonus]:
    return Table(
        "bonuses",
        lambda row: row.bonus_id,
        unique={"voucher": lambda row: row.voucher_id},
        grouped={
            "open": lambda row: row.player_id if row.status in OPEN_BONUSES else None,
            "pending": lambda row: ALL if row.status is BonusStatus.PENDING else None,
        },
    )


def _sessions() -> Table[Session]:
    return Table(
        "sessions",
        lambda row: row.session_id,
        unique={"open": lambda row: row.player_id if row.is_open else None},
        grouped={"player": lambda row: row.player_id},
    )


def _rounds() -> Table[Round]:
    return Table(
        "rounds",
        lambda row: row.round_id,
        grouped={"player": lambda row: row.player_id},
    )


def _revealed_seeds() -> Table[RevealedSeed]:
    return Table("revealed_seeds", lambda row: (row.player_id, row.number))


def _safety_actions() -> Table[SafetyAction]:
    return Table(
        "safety_actions",
        lambda row: row.action_id,
        grouped={
            "all": lambda _: ALL,
            "tenant": lambda row: row.tenant_id,
            "player": lambda row: row.player_id,
            "type": lambda row: (row.player_id, row.action_type),
            "pauses": lambda row: None if row.pause_seconds is None else row.player_id,
        },
    )


def _trail() -> Table[TrailEvent]:
    return Table(
        "trail",
        lambda row: row.event_id,
        grouped={
            "all": lambda _: ALL,
            "tenant": lambda row: row.tenant_id,
            "actor": lambda row: row.actor_id,
        },
    )


def _player_seq(event: LedgerEvent) -> Hashable:
    if event.player_id is None or event.player_seq is None:
        return None
    return event.player_id, event.player_seq


def _event_name(event: LedgerEvent) -> Hashable:
    """Return the name that no other event has. The key of the stored answers names the bets and wins of a spin."""
    if event.source is EventSource.PLAYTIME and event.event_type in (EventType.BET, EventType.WIN):
        return None
    return event.source, event.actor_id, event.action_id, event.event_type


def _ledger() -> Table[LedgerEvent]:
    return Table(
        "ledger",
        lambda row: row.event_id,
        unique={
            "action": _event_name,
            "player_seq": _player_seq,
        },
        grouped={
            "all": lambda _: ALL,
            "tenant": lambda row: row.tenant_id,
            "player": lambda row: row.player_id,
        },
    )


@frozen
class Books:
    """All rows of one operator."""

    tenants: Table[Tenant] = field(factory=_tenants)
    wallets: Table[TenantWallet] = field(factory=lambda: Table("wallets", lambda row: row.tenant_id))
    staff: Table[StaffMember] = field(factory=_staff)
    staff_sessions: Table[StaffSession] = field(
        factory=lambda: Table(
            "staff_sessions", lambda row: row.session_id, grouped={"staff": lambda row: row.staff_id}
        )
    )
    vouchers: Table[Voucher] = field(factory=_vouchers)
    passes: Table[PlayPass] = field(
        factory=lambda: Table("passes", lambda row: row.pass_id, unique={"code": lambda row: row.code.symbols})
    )
    players: Table[Player] = field(factory=_players)
    bonuses: Table[Bonus] = field(factory=_bonuses)
    sessions: Table[Session] = field(factory=_sessions)
    rounds: Table[Round] = field(factory=_rounds)
    revealed_seeds: Table[RevealedSeed] = field(factory=_revealed_seeds)
    ledger: Table[LedgerEvent] = field(factory=_ledger)
    answers: Table[StoredAnswer] = field(factory=lambda: Table("answers", lambda row: row.key))
    # A subject may be counted in several tenants: unknown codes are tried in every tenant.
    attempts: Table[Attempts] = field(
        factory=lambda: Table("attempts", lambda row: (row.tenant_id, row.subject_id))
    )
    safety_settings: Table[SafetySettings] = field(
        factory=lambda: Table("safety_settings", lambda row: row.tenant_id)
    )
    safety_actions: Table[SafetyAction] = field(factory=_safety_actions)
    seals: Table[Seal] = field(factory=lambda: Table("seals", lambda row: row.number))
    game_configs: Table[GameConfig] = field(factory=lambda: Table("game_configs", lambda row: row.game_key))
    trail: Table[TrailEvent] = field(factory=_trail)
    totals: LedgerTotals = field(factory=LedgerTotals)
    # The ledger in the order of its commits, which are numbered as the database numbers its transactions.
    stream: list[Place] = field(factory=list)

    def table_of(self, kind: type[Record]) -> Table[Any]:
        """Return the table of one kind of record."""
        table: Table[Any] = getattr(self, TABLE_NAMES[kind])
        return table

    def count(self, rows: Iterable[object]) -> None:
        """Add the events among newly written rows to the totals and to the stream."""
        events = [row for row in rows if isinstance(row, LedgerEvent)]
        for event in events:
            self.totals.count(event)
        number = self.stream[-1].xact_id + 1 if self.stream else 1
        self.stream.extend(sorted(Place(0, number, event.event_id) for event in events))

    def bonuses_of(self, player_id: UUID) -> tuple[Bonus, ...]:
        """Return the player's pending and triggered bonuses by id."""
        return tuple(self.bonuses.rows[bonus_id] for bonus_id in self.bonuses.ids("open", player_id))

    def answer(self, key: AnswerKey | None) -> StoredAnswer | None:
        """Return the stored answer of a key."""
        return None if key is None else self.answers.rows.get(key)


TABLE_NAMES: Final[dict[type[Record], str]] = {
    get_args(one.type)[0]: one.name for one in fields(Books) if get_origin(one.type) is Table
}
"""The table of each kind of record."""
