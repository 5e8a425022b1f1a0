"""Records by the values of their columns: one, or a page of a list."""

from collections.abc import Sequence
from typing import Any, TypeVar

from ....application.ports.filters import Page
from ....application.ports.storage import Record
from ..connection.channel import Statement
from ..records.mapping import Mapped
from ..records.queries import How, asked_for, page_of, rows_by
from ..transaction import PostgresTransaction

R = TypeVar("R", bound=Record)


def find(transaction: PostgresTransaction, mapped: Mapped[R], **values: object) -> R | None:
    """Return the visible record in which these columns have these values, without a lock."""
    query = rows_by(mapped, *values, bound=transaction.bound)
    return one_of(transaction, mapped, query(**transaction.scope, **values))


def lock(transaction: PostgresTransaction, mapped: Mapped[R], **values: object) -> R | None:
    """Lock the record in which these columns have these values, and return it as it is after the wait."""
    _ = transaction.binding
    query = rows_by(mapped, *values, bound=True, lock=True)
    return one_of(transaction, mapped, query(**transaction.scope, **values))


def page_by(
    transaction: PostgresTransaction, mapped: Mapped[R], page: Page, *wanted: tuple[str, How, object]
) -> Sequence[R]:
    """Return part of a list, newest id first; a condition without a value is left out."""
    conditions, values = asked_for(*wanted)
    query = page_of(mapped, *conditions, bound=transaction.bound, before=page.before is not None)
    given: dict[str, Any] = {**transaction.scope, **values, "before": page.before, "limit": page.limit}
    return all_of(transaction, mapped, query(**given))


def one_of(transaction: PostgresTransaction, mapped: Mapped[R], statement: Statement) -> R | None:
    """Return the record of a statement that has at most one."""
    row = transaction.one(statement)
    return None if row is None else mapped.record_of(row)


def all_of(transaction: PostgresTransaction, mapped: Mapped[R], statement: Statement) -> Sequence[R]:
    """Return the records of a statement."""
    return [mapped.record_of(row) for row in transaction.read(statement)[0]]
