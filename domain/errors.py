"""Refusals of the domain rules, each with a stable code and its data.

There are two families. An `InvalidInput` is wrong in every state, so the same request can never succeed. A
`StateRefusal` depends on the state of the books at that moment, and is therefore stored as an answer.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Final

import attrs
from attrs import define, field

_MOST_SHOWN: Final = 3


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
    """Raised when values are wrong in every state. `path` names the first field; `others` has the other faults."""

    code: ClassVar[str] = "INVALID_INPUT"
    text: ClassVar[str] = "{path}: {reason}"
    path: str
    reason: str
    others: tuple["InvalidInput", ...] = field(default=(), init=False)

    def __str__(self) -> str:
        """Return the first faults as a sentence for a person."""
        faults = self.faults
        shown = "; ".join(fault.text.format(**fault.data()) for fault in faults[:_MOST_SHOWN])
        return shown if len(faults) <= _MOST_SHOWN else f"{shown}; and {len(faults) - _MOST_SHOWN} more"

    @property
    def faults(self) -> tuple["InvalidInput", ...]:
        """All faults, this one first."""
        return (self, *self.others)

    def data(self) -> dict[str, Any]:
        """Return the data of the first fault by field name."""
        return {name: value for name, value in super().data().items() if name != "others"}


def all_checked(*checks: Callable[[], Any]) -> list[Any]:
    """Run every check and return their results. Raises InvalidInput with the faults of all of them."""
    results, found = [], list[InvalidInput]()
    for check in checks:
        try:
            results.append(check())
        except InvalidInput as error:
            found += error.faults
    if found:
        first, *others = found
        first.others = tuple(others)
        raise first
    return results


@define
class StateRefusal(DomainError):
    """Raised when the current state forbids an operation that another state may allow."""

    code: ClassVar[str] = "REFUSED"
