"""The double-entry ledger: accounts, transfers, and the one append-only stream of events.

Every movement takes a positive amount from one account to another, so the sum of all balances is 0 at every
moment. An event that moves money *is* its transfer; an event that does not is telemetry in the same stream.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from attrs import Factory, field, frozen

from ..errors import InvalidInput
from ..money import checked_amount


class AccountKind(StrEnum):
    """What an account is for; design: one of each per owner."""

    ISSUANCE = "ISSUANCE"
    TENANT = "TENANT"
    VOUCHER_POOL = "VOUCHER_POOL"
    BONUS_POOL = "BONUS_POOL"
    PLAYER = "PLAYER"
    HOUSE = "HOUSE"
    JACKPOT = "JACKPOT"


KEEPS_BALANCE: Final = frozenset({AccountKind.TENANT, AccountKind.PLAYER, AccountKind.JACKPOT})
"""Kinds that a check depends on: they keep a balance row, which is locked. The others are sums of entries."""

HAS_FLOOR_OF_ZERO: Final = frozenset(
    {AccountKind.VOUCHER_POOL, AccountKind.BONUS_POOL, AccountKind.PLAYER, AccountKind.JACKPOT}
)
"""Kinds that are never below 0. TENANT has a floor too, which its own credit line may lower."""


@frozen(order=True)
class Account:
    """One account: its kind and the operator, tenant, player or jackpot it belongs to."""

    kind: AccountKind
    owner_id: UUID


class EventSource(StrEnum):
    """Where an event happened: here, or in a game that runs elsewhere (which moves no account)."""

    PLAYTIME = "PLAYTIME"
    EXTERNAL = "EXTERNAL"


class EventType(StrEnum):
    """Kinds of ledger events. Those in MOVEMENTS move money; the rest are telemetry."""

    CREDIT_ISSUED = "CREDIT_ISSUED"
    CREDIT_MOVED = "CREDIT_MOVED"
    CREDIT_RETURNED = "CREDIT_RETURNED"
    VOUCHER_ISSUED = "VOUCHER_ISSUED"
    VOUCHER_REDEEMED = "VOUCHER_REDEEMED"
    VOUCHER_VOIDED = "VOUCHER_VOIDED"
    VOUCHER_EXPIRED = "VOUCHER_EXPIRED"
    BONUS_HELD = "BONUS_HELD"
    BONUS_TRIGGERED = "BONUS_TRIGGERED"
    BONUS_RETURNED = "BONUS_RETURNED"
    BET = "BET"
    WIN = "WIN"
    SPIN = "SPIN"
    PLAYER_CLOSED = "PLAYER_CLOSED"
    LOGIN = "LOGIN"
    LOGOUT = "LOGOUT"
    BONUS_ACKNOWLEDGED = "BONUS_ACKNOWLEDGED"
    ERROR = "ERROR"
    PLAY_PASS_TIED = "PLAY_PASS_TIED"  # noqa: S105 - no password
    LIMIT_SET = "LIMIT_SET"
    LIMIT_RAISE_ASKED = "LIMIT_RAISE_ASKED"
    LIMIT_RAISED = "LIMIT_RAISED"
    LIMIT_TOLD = "LIMIT_TOLD"
    LIMIT_ACKNOWLEDGED = "LIMIT_ACKNOWLEDGED"
    COOL_OFF_TAKEN = "COOL_OFF_TAKEN"
    SELF_EXCLUSION_TAKEN = "SELF_EXCLUSION_TAKEN"
    REALITY_CHECK_ACKNOWLEDGED = "REALITY_CHECK_ACKNOWLEDGED"
    DUPLICATE_OF = "DUPLICATE_OF"


_K = AccountKind
MOVEMENTS: Final[Mapping[EventType, frozenset[tuple[AccountKind, AccountKind]]]] = {
    EventType.CREDIT_ISSUED: frozenset({(_K.ISSUANCE, _K.TENANT)}),
    EventType.CREDIT_MOVED: frozenset({(_K.TENANT, _K.TENANT)}),
    EventType.CREDIT_RETURNED: frozenset({(_K.TENANT, _K.TENANT), (_K.TENANT, _K.ISSUANCE)}),
    EventType.VOUCHER_ISSUED: frozenset({(_K.TENANT, _K.VOUCHER_POOL)}),
    EventType.VOUCHER_REDEEMED: frozenset({(_K.VOUCHER_POOL, _K.PLAYER)}),
    EventType.BONUS_HELD: frozenset({(_K.VOUCHER_POOL, _K.BONUS_POOL)}),
    EventType.VOUCHER_VOIDED: frozenset({(_K.VOUCHER_POOL, _K.TENANT)}),
    EventType.VOUCHER_EXPIRED: frozenset({(_K.VOUCHER_POOL, _K.TENANT)}),
    EventType.BONUS_TRIGGERED: frozenset({(_K.BONUS_POOL, _K.PLAYER)}),
    EventType.BONUS_RETURNED: frozenset({(_K.BONUS_POOL, _K.TENANT)}),
    EventType.BET: frozenset({(_K.PLAYER, _K.HOUSE)}),
    EventType.WIN: frozenset({(_K.HOUSE, _K.PLAYER)}),
    EventType.PLAYER_CLOSED: frozenset({(_K.PLAYER, _K.TENANT)}),
}
"""From which kind of account to which each movement may go."""


@frozen(kw_only=True)
class Transfer:
    """A positive amount from one account to another, with the balance after of each side that keeps one."""

    source: Account
    target: Account
    amount_minor: int
    source_balance_minor: int | None = None
    target_balance_minor: int | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse what would not be a movement. Raises InvalidInput."""
        checked_amount(self.amount_minor)
        if self.source == self.target:
            raise InvalidInput("target", "a transfer needs two different accounts")
        sides = ((self.source, self.source_balance_minor), (self.target, self.target_balance_minor))
        for account, balance in sides:
            if (account.kind in KEEPS_BALANCE) != (balance is not None):
                raise InvalidInput("balance", f"{account.kind} keeps a balance if and only if it states one")


@frozen(kw_only=True)
class LedgerEvent:
    """One line of the stream. Never updated, never deleted.

    `actor_id` and `action_id` name the event together with source and type: an action belongs to its own actor,
    so that nobody can occupy another's. `player_seq` counts a player's events under the player's lock and is
    their order in time; the wall clock, which may step back, is not.
    """

    event_id: UUID
    operator_id: UUID
    tenant_id: UUID
    occurred_at: datetime
    event_type: EventType
    actor_id: UUID
    action_id: str
    source: EventSource = EventSource.PLAYTIME
    transfer: Transfer | None = None
    player_id: UUID | None = None
    player_seq: int | None = None
    session_id: UUID | None = None
    round_id: UUID | None = None
    agent_id: UUID | None = None
    cashier_id: UUID | None = None
    game_key: str | None = None
    provider: str | None = None
    region: str | None = None
    reported_minor: int = 0
    meta: Mapping[str, Any] = field(default=Factory(dict))

    def __attrs_post_init__(self) -> None:
        """Hold the event against the table of movements. Raises InvalidInput."""
        allowed = MOVEMENTS.get(self.event_type, frozenset())
        if self.transfer is None:
            # A game that runs elsewhere reports its bets without moving an account here.
            if allowed and self.source is EventSource.PLAYTIME:
                raise InvalidInput("transfer", f"{self.event_type} moves money and needs a transfer")
        elif self.source is EventSource.EXTERNAL:
            raise InvalidInput("transfer", "an event from elsewhere moves no account")
        elif (self.transfer.source.kind, self.transfer.target.kind) not in allowed:
            raise InvalidInput("transfer", f"{self.event_type} does not move money between these accounts")
        if self.reported_minor and self.source is EventSource.PLAYTIME:
            raise InvalidInput(
                "amount_minor", "must be 0: only events of external games report an amount without a transfer"
            )

    @property
    def amount_minor(self) -> int:
        """The amount moved, or reported from elsewhere, in minor units; 0 for other telemetry."""
        return self.transfer.amount_minor if self.transfer else self.reported_minor


@frozen
class AccountTotal:
    """An account as its entries add up, beside what the rest of the books state for it.

    `stated_minor` is the balance row, the open vouchers of a voucher pool or the pending bonuses of a bonus
    pool; None for accounts that are nothing but their entries. `floor_minor` is None where there is no floor.
    """

    account: Account
    entries_minor: int
    stated_minor: int | None = None
    floor_minor: int | None = None

    @property
    def agrees(self) -> bool:
        """Whether entries, statement and floor are consistent."""
        stated = self.stated_minor is None or self.stated_minor == self.entries_minor
        return stated and (self.floor_minor is None or self.entries_minor >= self.floor_minor)


@frozen
class MovementTotal:
    """How often a kind of event happened and what it moved in all, in minor units."""

    event_type: EventType
    count: int
    amount_minor: int
