"""What the rules can answer besides yes: refusals, each with a stable code and its data.

Two families, because they are treated differently further out: an `InvalidInput` can never become right by
trying again (the request itself is wrong), a `StateRefusal` depends on what the books say at that moment and is
therefore a fact worth keeping.
"""

from typing import Any, ClassVar

import attrs
from attrs import define


@define
class DomainError(Exception):
    """A refused operation. `code` is stable and public; the fields are the data that explain it."""

    code: ClassVar[str] = "DOMAIN_ERROR"
    text: ClassVar[str] = "The operation was refused."

    def __str__(self) -> str:
        """Return the sentence a person reads, filled with this refusal's own figures."""
        return self.text.format(**self.data())

    def data(self) -> dict[str, Any]:
        """Return the figures behind the refusal by field name."""
        return attrs.asdict(self, recurse=False)


@define
class InvalidInput(DomainError):
    """Raised when a value can never be accepted, whatever the state. `path` names the field at fault."""

    code: ClassVar[str] = "INVALID_INPUT"
    text: ClassVar[str] = "{path}: {reason}"
    path: str
    reason: str


@define
class StateRefusal(DomainError):
    """Raised when an operation is refused by the present state and might be accepted in another."""

    code: ClassVar[str] = "REFUSED"
