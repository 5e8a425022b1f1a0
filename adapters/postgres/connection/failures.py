"""Driver errors become the port's errors: by SQLSTATE and by what was under way, never by message."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from ....application.errors import (
    AlreadyExists,
    IsolationViolation,
    OutcomeUnknown,
    StorageError,
    StorageUnavailable,
    TransientConflict,
)

_BY_SQLSTATE: Final[Mapping[str, type[StorageError]]] = {
    "0A000": TransientConflict,  # a cached plan outlived a migration: a fresh connection plans anew
    "22012": IsolationViolation,  # the writes' own check divided by zero: a saved row was not there
    "23505": AlreadyExists,
    "25006": StorageUnavailable,  # a standby answered
    "25P03": TransientConflict,  # idle in a transaction for too long
    "26000": TransientConflict,  # a prepared statement is not there on this connection
    "40001": TransientConflict,
    "40P01": TransientConflict,
    "42501": IsolationViolation,
    "55P03": StorageUnavailable,  # waited too long for a lock
    "57014": StorageUnavailable,  # ran too long
    "57P01": TransientConflict,
    "57P02": TransientConflict,
    "57P03": TransientConflict,
}
_BY_CLASS: Final[Mapping[str, type[StorageError]]] = {
    "08": TransientConflict,
    "53": StorageUnavailable,
}
_STALE: Final = frozenset({"0A000", "26000"})


@frozen
class ExchangeFailed(Exception):
    """Raised when statements that were sent together did not all succeed.

    `at` counts the statements answered before; `sqlstate` is None when the server said nothing; `lost` says that
    the connection is of no more use.
    """

    at: int
    sqlstate: str | None
    message: str
    lost: bool

    @property
    def unusable(self) -> bool:
        """Whether the connection is not to be used again."""
        return self.lost or self.sqlstate in _STALE


def port_error(failure: ExchangeFailed) -> StorageError:
    """Return what a failure is to the use cases, as long as no COMMIT was under way."""
    if failure.sqlstate is None:
        return TransientConflict(f"the connection was lost: {failure.message}")
    kind = _BY_SQLSTATE.get(failure.sqlstate) or _BY_CLASS.get(failure.sqlstate[:2])
    if kind is not None:
        return kind(f"{failure.message} ({failure.sqlstate})")
    if failure.lost:
        return TransientConflict(f"the connection was lost: {failure.message} ({failure.sqlstate})")
    return StorageError(f"the database refused what no unit should ask: {failure.message} ({failure.sqlstate})")


def commit_error(failure: ExchangeFailed, writes: int) -> StorageError:
    """Return what a failure is when `writes` statements and a COMMIT were sent together.

    A server that refused a write skipped the COMMIT behind it. A connection lost without a word, or after the
    writes were answered, leaves open whether the COMMIT was carried out.
    """
    if failure.lost and (failure.sqlstate is None or failure.at >= writes):
        return OutcomeUnknown(f"the connection was lost while committing: {failure.message}")
    return port_error(failure)
