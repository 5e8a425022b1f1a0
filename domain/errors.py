"""Refusals of the domain rules, each with a stable code and its data.

There are two families. An `InvalidInput` is wrong in every state, so the same request can never succeed. A
`StateRefusal` depends on the state of the books at that moment, and is therefore stored as an answer.
"""

from typing import Any, ClassVar

import attrs
from attrs import define


@define
class DomainError(Exception):
    """A refused operation. `code` is stable and public; the fields are the data of the refusal."""

    code: ClassVar[str] = "DOMAIN_ERROR"
    text: ClassVar[str] = "The operation was refused."

    def __str__(self) -> str:
        """Return the message for a person, with this refusal's data."""
        return self.text.format(**self.data())

    def data(self) -> dict[str, Any]:
        """Return the data of the refusal by field name."""
        return attrs.asdict(self, recurse=False)


@define
class InvalidInput(DomainError):
    """Raised when a value is wrong in every state. `path` names the field."""

    code: ClassVar[str] = "INVALID_INPUT"
    text: ClassVar[str] = "{path}: {reason}"
    path: str
    reason: str


@define
class StateRefusal(DomainError):
    """Raised when the current state forbids an operation that another state may allow."""

    code: ClassVar[str] = "REFUSED"
