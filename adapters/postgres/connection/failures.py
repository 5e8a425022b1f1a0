"""Translation of driver errors into the port's errors: by SQLSTATE and by the failed step, never by message."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from ....application.errors import (
    AlreadyExists,
    IsolationViolation,
    OutcomeUnknown,
    StorageError,
    StorageSilent,
    StorageUnavailable,
    TransientConflict,
)

_BY_SQLSTATE: Final[Mapping[str, type[StorageError]]] = {
    "0A000": TransientConflict,  # a cached plan outlived a migration: a fresh connection makes a new plan
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

    `at` counts the statements answered before. `sqlstate` is None if the server sent no error. `lost` means that
    the connection is broken, `late` that the server did not answer before the deadline.
    """

    at: int
    sqlstate: str | None
    message: str
    lost: bool
    late: bool = False

    @property
    def unusable(self) -> bool:
        """Whether the connection must not be used again."""
        return self.lost or self.sqlstate in _STALE


def port_error(failure: ExchangeFailed) -> StorageError:
    """Return the port's error of a failure in an exchange without a COMMIT."""
    if failure.late:
        # Not repeated: the next run would most likely wait as long again.
        return StorageSilent(f"the database is silent: {failure.message}")
    if failure.sqlstate is None:
        return TransientConflict(f"the connection was lost: {failure.message}")
    kind = _BY_SQLSTATE.get(failure.sqlstate) or _BY_CLASS.get(failure.sqlstate[:2])
    if kind is not None:
        return kind(f"{failure.message} ({failure.sqlstate})")
    if failure.lost:
        return TransientConflict(f"the connection was lost: {failure.message} ({failure.sqlstate})")
    return StorageError(f"the database refused what no unit should ask: {failure.message} ({failure.sqlstate})")


def commit_error(failure: ExchangeFailed, writes: int) -> StorageError:
    """Return the port's error of a failure in an exchange of `writes` statements and a COMMIT.

    If the server refused a write, it skipped the COMMIT. If the connection was lost without an error, or after the
    answers to the writes, the result of the COMMIT is unknown.
    """
    if failure.lost and (failure.sqlstate is None or failure.at >= writes):
        return OutcomeUnknown(f"the connection was lost while committing: {failure.message}")
    return port_error(failure)
