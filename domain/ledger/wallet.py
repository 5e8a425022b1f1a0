"""A wallet: a balance with a floor that no debit passes."""

from typing import ClassVar

from attrs import define, evolve, frozen

from ..errors import StateRefusal
from ..money import checked_amount


@define
class InsufficientFunds(StateRefusal):
    """Raised when a debit would take a balance below its floor."""

    code: ClassVar[str] = "INSUFFICIENT_FUNDS"
    text: ClassVar[str] = "{required_minor} minor units are needed and {balance_minor} are there."
    balance_minor: int
    required_minor: int


@frozen
class Wallet:
    """What an account may spend. `floor_minor` is 0, or minus the credit line that was granted."""

    balance_minor: int = 0
    floor_minor: int = 0

    def credit(self, amount_minor: int) -> "Wallet":
        """Return the wallet with a positive amount added. Raises InvalidInput."""
        return evolve(self, balance_minor=self.balance_minor + checked_amount(amount_minor))

    def require(self, amount_minor: int) -> None:
        """Raise InsufficientFunds unless a sum of debits would stay above the floor. It may exceed one amount."""
        if self.balance_minor - amount_minor < self.floor_minor:
            raise InsufficientFunds(self.balance_minor, amount_minor)

    def debit(self, amount_minor: int) -> "Wallet":
        """Return the wallet with a positive amount taken. Raises InsufficientFunds, InvalidInput."""
        self.require(checked_amount(amount_minor))
        return evolve(self, balance_minor=self.balance_minor - amount_minor)
