"""A wallet: a balance with a floor that no debit passes."""

from typing import ClassVar

from attrs import define, evolve, frozen

from ..errors import StateRefusal
from ..money import checked_amount


@define
class InsufficientFunds(StateRefusal):
    """Raised when a debit would take a balance below its floor."""

    code: ClassVar[str] = "INSUFFICIENT_FUNDS"
    text: ClassVar[str] = "{required_minor} minor units are needed, but the balance is {balance_minor}."
    balance_minor: int
    required_minor: int


@frozen
class Wallet:
    """The spendable balance of an account. `floor_minor` is 0, or minus the granted credit line."""

    balance_minor: int = 0
    floor_minor: int = 0

    def credit(self, amount_minor: int) -> "Wallet":
        """Return the wallet after adding a positive amount. Raises InvalidInput."""
        return evolve(self, balance_minor=self.balance_minor + checked_amount(amount_minor))

    def require(self, amount_minor: int) -> None:
        """Raise InsufficientFunds if debits of this sum would pass the floor. The sum may exceed one amount."""
        if self.balance_minor - amount_minor < self.floor_minor:
            raise InsufficientFunds(self.balance_minor, amount_minor)

    def debit(self, amount_minor: int) -> "Wallet":
        """Return the wallet after taking a positive amount. Raises InsufficientFunds, InvalidInput."""
        self.require(checked_amount(amount_minor))
        return evolve(self, balance_minor=self.balance_minor - amount_minor)
