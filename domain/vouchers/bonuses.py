"""Bonuses: held for a player, and paid when the balance has run down.

The trigger is checked after an operation on an open player has settled. At a balance of at most the threshold,
pending bonuses are paid, whole and oldest first. Payment stops above the threshold, or when none is pending. An
open player with a pending bonus therefore always has more than the threshold.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from attrs import define, evolve, frozen

from ..errors import StateRefusal
from ..ledger.wallet import Wallet

TRIGGER_AT_MINOR: Final = 100


class BonusStatus(StrEnum):
    """The status: PENDING -> TRIGGERED -> ACKNOWLEDGED, or PENDING -> RETURNED when the player is closed."""

    PENDING = "PENDING"
    TRIGGERED = "TRIGGERED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    RETURNED = "RETURNED"


@define
class BonusAckRequired(StateRefusal):
    """Raised when a player spins before acknowledging a paid bonus."""

    code: ClassVar[str] = "BONUS_ACK_REQUIRED"
    text: ClassVar[str] = "A bonus of {bonus_minor} minor units was paid: acknowledge it to play on."
    bonus_minor: int


@define
class BonusNotPending(StateRefusal):
    """Raised when a bonus is not in the status that a change starts from."""

    code: ClassVar[str] = "BONUS_NOT_PENDING"
    text: ClassVar[str] = "The bonus is {status}."
    status: str


@frozen(kw_only=True)
class Bonus:
    """The bonus of one voucher. Its id sorts by age. `cashier_id` is the voucher's cashier."""

    bonus_id: UUID
    operator_id: UUID
    tenant_id: UUID
    player_id: UUID
    voucher_id: UUID
    cashier_id: UUID
    amount_minor: int
    held_at: datetime
    status: BonusStatus = BonusStatus.PENDING
    triggered_at: datetime | None = None
    acknowledged_at: datetime | None = None

    def trigger(self, now: datetime) -> "Bonus":
        """Return the bonus as paid. Raises BonusNotPending."""
        self._require(BonusStatus.PENDING)
        return evolve(self, status=BonusStatus.TRIGGERED, triggered_at=now)

    def acknowledge(self, now: datetime) -> "Bonus":
        """Return the bonus as acknowledged by the player. Raises BonusNotPending."""
        self._require(BonusStatus.TRIGGERED)
        return evolve(self, status=BonusStatus.ACKNOWLEDGED, acknowledged_at=now)

    def return_to_agent(self) -> "Bonus":
        """Return the bonus as returned to the agent that paid it. Raises BonusNotPending."""
        self._require(BonusStatus.PENDING)
        return evolve(self, status=BonusStatus.RETURNED)

    def _require(self, status: BonusStatus) -> None:
        if self.status is not status:
            raise BonusNotPending(self.status)


@frozen
class BonusTrigger:
    """The rule that pays pending bonuses. `threshold_minor` is 100: 1.00 FUN."""

    threshold_minor: int = TRIGGER_AT_MINOR

    def settle(self, wallet: Wallet, bonuses: Iterable[Bonus], now: datetime) -> tuple[Wallet, tuple[Bonus, ...]]:
        """Pay due bonuses into a settled wallet; return it and the paid bonuses, in the order of payment."""
        paid: list[Bonus] = []
        for bonus in oldest_first(bonuses, BonusStatus.PENDING):
            if wallet.balance_minor > self.threshold_minor:
                break
            wallet = wallet.credit(bonus.amount_minor)
            paid.append(bonus.trigger(now))
        return wallet, tuple(paid)


def oldest_first(bonuses: Iterable[Bonus], status: BonusStatus) -> list[Bonus]:
    """Return the bonuses of a status by age; equal times are ordered by id."""
    chosen = [bonus for bonus in bonuses if bonus.status is status]
    return sorted(chosen, key=lambda bonus: (bonus.held_at, bonus.bonus_id))


def total_minor(bonuses: Iterable[Bonus], status: BonusStatus) -> int:
    """Return the sum of the bonuses of a status, in minor units."""
    return sum(bonus.amount_minor for bonus in bonuses if bonus.status is status)


def require_acknowledged(bonuses: Iterable[Bonus]) -> None:
    """Raise BonusAckRequired if a paid bonus is not acknowledged."""
    unseen = total_minor(bonuses, BonusStatus.TRIGGERED)
    if unseen:
        raise BonusAckRequired(unseen)
