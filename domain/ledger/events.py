"""The double-entry ledger: accounts, transfers, and the one append-only stream of events.

Every movement takes a positive amount from one account to another, so the sum of all balances is always 0. An
event that moves money *is* its transfer; any other event is telemetry in the same stream.
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
    """The kind of an account; each owner has at most one of a kind."""

    ISSUANCE = "ISSUANCE"
    TENANT = "TENANT"
    VOUCHER_POOL = "VOUCHER_POOL"
    BONUS_POOL = "BONUS_POOL"
    PLAYER = "PLAYER"
    HOUSE = "HOUSE"
    JACKPOT = "JACKPOT"


KEEPS_BALANCE: Final = frozenset({AccountKind.TENANT, AccountKind.PLAYER, AccountKind.JACKPOT})
"""Kinds with a stored balance row, which is locked for checks. The others are sums of entries."""

HAS_FLOOR_OF_ZERO: Final = frozenset(
    {AccountKind.VOUCHER_POOL, AccountKind.BONUS_POOL, AccountKind.PLAYER, AccountKind.JACKPOT}
)
"""Kinds that are never below 0. TENANT has a floor too, which a credit line may lower."""


@frozen(order=True)
class Account:
    """An account: its kind, and the id of its operator, tenant, player or jackpot."""

    kind: AccountKind
    owner_id: UUID


class EventSource(StrEnum):
    """The origin of an event: our own games, or an external game, which moves no account."""

    PLAYTIME = "PLAYTIME"
    EXTERNAL = "EXTERNAL"


class EventType(StrEnum):
    """The type of a ledger event. Types in MOVEMENTS move money; the others are telemetry."""

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
    EXTERNAL_CONFLICT = "EXTERNAL_CONFLICT"
    PLAY_PASS_TIED = "PLAY_PASS_TIED"  # noqa: S105 - not a password
    LIMIT_SET = "LIMIT_SET"
    LIMIT_RAISE_ASKED = "LIMIT_RAISE_ASKED"
    LIMIT_RAISED = "LIMIT_RAISED"
    LIMIT_NOTIFIED = "LIMIT_TOLD"
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
"""The allowed kinds of source and target account of each movement."""


@frozen(kw_only=True)
class Transfer:
    """A positive amount from one account to another, with the new balance of each side that has a balance row."""

    source: Account
    target: Account
    amount_minor: int
    source_balance_minor: int | None = None
    target_balance_minor: int | None = None

    def __attrs_post_init__(self) -> None:
        """Check amount, accounts and balances. Raises InvalidInput."""
        checked_amount(self.amount_minor)
        if self.source == self.target:
            raise InvalidInput("target", "must be another account than the source")
        sides = ((self.source, self.source_balance_minor), (self.target, self.target_balance_minor))
        for account, balance in sides:
            if (account.kind in KEEPS_BALANCE) != (balance is not None):
                reason = f"must be given for accounts with a balance row only; this one is of kind {account.kind}"
                raise InvalidInput("balance", reason)


@frozen(kw_only=True)
class LedgerEvent:
    """One line of the stream. Never updated, never deleted.

    `actor_id` and `action_id` name the event, together with source and type: an action belongs to its own actor,
    so that nobody can occupy another's. `player_seq` counts a player's events under the player's lock. It is their
    order in time; the wall clock is not, because it may step back.
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
        """Check the event against the table of movements. Raises InvalidInput."""
        allowed = MOVEMENTS.get(self.event_type, frozenset())
        if self.transfer is None:
            # An external game sends its bets without moving an account here.
            if allowed and self.source is EventSource.PLAYTIME:
                raise InvalidInput("transfer", f"{self.event_type} moves money and needs a transfer")
        elif self.source is EventSource.EXTERNAL:
            raise InvalidInput("transfer", "must be empty: an external event moves no account")
        elif (self.transfer.source.kind, self.transfer.target.kind) not in allowed:
            raise InvalidInput("transfer", f"{self.event_type} does not move money between these accounts")
        if self.reported_minor and self.source is EventSource.PLAYTIME:
            raise InvalidInput(
                "amount_minor", "must be 0 without a transfer: only external events have such an amount"
            )

    @property
    def amount_minor(self) -> int:
        """The amount of the transfer or of the external event, in minor units; 0 for other telemetry."""
        return self.transfer.amount_minor if self.transfer else self.reported_minor


@frozen
class AccountTotal:
    """The sum of an account's entries, beside the stored balance of the rest of the books.

    `stated_minor` is the balance row, the open vouchers of a voucher pool or the pending bonuses of a bonus pool.
    It is None for accounts that consist of entries only. `floor_minor` is None without a floor.
    """

    account: Account
    entries_minor: int
    stated_minor: int | None = None
    floor_minor: int | None = None

    @property
    def agrees(self) -> bool:
        """Whether entries, stored balance and floor are consistent."""
        stated = self.stated_minor is None or self.stated_minor == self.entries_minor
        return stated and (self.floor_minor is None or self.entries_minor >= self.floor_minor)


@frozen
class MovementTotal:
    """The number of events of a type, and their sum in minor units."""

    event_type: EventType
    count: int
    amount_minor: int
