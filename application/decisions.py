"""Decisions: values that name all writes of a use case, and the one place that writes them.

A use case reads, then decides, then settles. A function that decides gets no unit of work, so it cannot write.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any, Generic, NoReturn, ParamSpec, Self, TypeAlias, TypeVar
from uuid import UUID

from attrs import evolve, field, frozen

from ..domain.errors import DomainError
from .ports.services import Ids
from .ports.storage import Record, UnitOfWork

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@frozen
class Moment:
    """The time of a decision, and the source of ids for the records that it makes."""

    now: datetime
    ids: Ids

    def new_id(self) -> UUID:
        """Return a new id."""
        return self.ids.new()


def _present(records: Iterable[Record | None]) -> tuple[Record, ...]:
    return tuple([record for record in records if record is not None])


@frozen(kw_only=True)
class _Writes:
    """New and changed records. None in place of a record stands for no record."""

    added: tuple[Record, ...] = field(default=(), converter=_present)
    saved: tuple[Record, ...] = field(default=(), converter=_present)

    def saving(self, *records: Record) -> Self:
        """Return the decision with more changed records."""
        return evolve(self, saved=(*self.saved, *records))


@frozen
class Decided(_Writes, Generic[T_co]):
    """An operation that is carried out: its result and its writes.

    `hints` are the values from which the secrets of an answer are derived; see `Answer`.
    """

    result: T_co
    hints: Mapping[str, Any] = field(factory=dict)

    def outcome(self) -> T_co:
        """Return the result."""
        return self.result


@frozen
class Change(Decided[T_co]):
    """A decision that says what it changed, for the audit trail. Neither side holds a secret."""

    before: Mapping[str, Any] = field(factory=dict, kw_only=True)
    after: Mapping[str, Any] = field(factory=dict, kw_only=True)


@frozen
class Refused(_Writes):
    """An operation that is refused. It writes what is named here, and nothing that was decided before it."""

    error: DomainError

    def outcome(self) -> NoReturn:
        """Raise the refusal."""
        raise self.error


Decision: TypeAlias = Decided[T] | Refused
"""The result of deciding: an immutable value, written by `settle` only."""


def deciding(decide: Callable[P, Decision[T]]) -> Callable[P, Decision[T]]:
    """Turn a domain error that a deciding function raises into a refusal without writes."""

    @wraps(decide)
    def refusing(*args: P.args, **kwargs: P.kwargs) -> Decision[T]:
        try:
            return decide(*args, **kwargs)
        except DomainError as error:
            return Refused(error)

    return refusing


def put(result: T, record: Record, *, is_new: bool) -> Decided[T]:
    """Return the decision that writes one record, new or changed."""
    return Decided(result, added=(record,)) if is_new else Decided(result, saved=(record,))


def settle(unit: UnitOfWork, *decisions: Decision[Any]) -> None:
    """Write and commit the records of decisions: all of them, or none if the commit fails.

    No other function of the application layer adds, saves or commits. Without records nothing is committed.
    """
    added = [record for decision in decisions for record in decision.added]
    saved = [record for decision in decisions for record in decision.saved]
    if added:
        unit.add(*added)
    if saved:
        unit.save(*saved)
    if added or saved:
        unit.commit()
