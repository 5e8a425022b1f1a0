"""The errors of use cases and ports besides domain refusals."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from attrs import define

from ..domain.errors import DomainError


@define
class Unauthorized(DomainError):
    """Raised when a caller's credentials or token are missing, wrong, locked or no longer good.

    The sentence is the same for all of these: which one it was is nobody's business but the owner's.
    """

    code: ClassVar[str] = "UNAUTHORIZED"
    text: ClassVar[str] = "Log in to do this."


@define
class InvalidCredentials(Unauthorized):
    """Raised for an unknown name or code, a wrong PIN or password, and a locked one alike."""

    code: ClassVar[str] = "INVALID_CREDENTIALS"
    text: ClassVar[str] = "These credentials are not right."


@define
class InvalidToken(Unauthorized):
    """Raised when a token is forged, expired, of the wrong kind, or its session has ended."""

    code: ClassVar[str] = "INVALID_TOKEN"
    text: ClassVar[str] = "The token is not valid."


@define
class TokenExpired(InvalidToken):
    """Raised when the lifetime of a good token is over: an access token lives for 30 minutes. Refresh it."""

    code: ClassVar[str] = "TOKEN_EXPIRED"
    text: ClassVar[str] = "The token has expired: refresh it, or log in again."


@define
class TenantSuspended(InvalidToken):
    """Raised when the tenant of a token, or its operator, is suspended. The token is good again afterwards."""

    code: ClassVar[str] = "TENANT_SUSPENDED"
    text: ClassVar[str] = "The tenant is suspended: nobody acts or plays there until it is resumed."


@define
class Forbidden(DomainError):
    """Raised when a known caller may not do what was asked."""

    code: ClassVar[str] = "FORBIDDEN"
    text: ClassVar[str] = "This is not allowed: {reason}."
    reason: str


@define
class PasswordChangeRequired(DomainError):
    """Raised when a member of staff whose password somebody else has set does anything but change it."""

    code: ClassVar[str] = "PASSWORD_CHANGE_REQUIRED"
    text: ClassVar[str] = "Somebody else has set your password: change it first."


@define
class NotFound(DomainError):
    """Raised when a thing does not exist, or exists where the caller cannot see it."""

    code: ClassVar[str] = "NOT_FOUND"
    text: ClassVar[str] = "There is no such {what}."
    what: str


@define
class UnknownPlayPass(NotFound):
    """Raised for a play pass that the voucher's agent did not issue, and for one that is excluded."""

    code: ClassVar[str] = "PLAY_PASS_UNKNOWN"
    text: ClassVar[str] = "The agent knows no such {what}, or its exclusion has not ended."


@define
class IdempotencyKeyReused(DomainError):
    """Raised when a key that named one command comes with another."""

    code: ClassVar[str] = "IDEMPOTENCY_KEY_REUSED"
    text: ClassVar[str] = "This key was used for another command."
    action_id: str


@define
class ReplaySecretExpired(DomainError):
    """Raised when a replayed answer held a PIN or token and is too old to show it again."""

    code: ClassVar[str] = "REPLAY_SECRET_EXPIRED"
    text: ClassVar[str] = "The answer held a secret that is no longer shown."


@define
class VoucherOfOtherAgent(Forbidden):
    """Raised when a player is topped up with a voucher of an agent that is not the player's own."""

    code: ClassVar[str] = "VOUCHER_OF_OTHER_AGENT"
    voucher_id: UUID


@define
class StorageError(DomainError):
    """Base of what a storage can raise; the adapters translate their drivers' errors into these."""

    code: ClassVar[str] = "STORAGE_ERROR"
    text: ClassVar[str] = "{reason}"
    reason: str


@define
class TransientConflict(StorageError):
    """Raised when a unit of work lost against another: serialization, deadlock, a connection broken too early.

    Nothing was written: running the whole unit again is right.
    """


@define
class AlreadyExists(TransientConflict):
    """Raised when a key that was about to be added is there already: someone was faster, look again."""


@define
class StorageUnavailable(StorageError):
    """Raised when the storage cannot be reached, or is too busy to answer."""

    code: ClassVar[str] = "STORAGE_UNAVAILABLE"
    text: ClassVar[str] = "The service is not available right now. Try again."


@define
class StorageSilent(StorageUnavailable):
    """Raised when the storage cannot be reached or does not answer in time. Nothing was written."""


@define
class Unwell(StorageUnavailable):
    """Raised by the check of health when the storage cannot be reached."""

    last_sweep_seconds: int | None


@define
class OutcomeUnknown(StorageUnavailable):
    """Raised when a commit got no answer and its outcome could not be found out.

    The command is carried out whole or not at all. Repeating it under `action_id` returns the answer if it was
    carried out, and carries it out otherwise. None: the command has no id.
    """

    code: ClassVar[str] = "OUTCOME_UNKNOWN"
    text: ClassVar[str] = (
        "The command may have been carried out. Repeat it under the action id given here: it is carried out only"
        " once. Without an id, look before you repeat it."
    )
    action_id: str | None = None


@define
class IsolationViolation(StorageError):
    """Raised when a unit of work touches a row that its binding may not: a defect, never a user's error."""


@define
class StorageMisuse(StorageError):
    """Raised when a unit of work is used against its contract: twice, after its end, or read after written."""


@define
class PasswordsBusy(DomainError):
    """Raised when too many passwords are being checked at once. Nothing was checked or counted."""

    code: ClassVar[str] = "PASSWORDS_BUSY"
    text: ClassVar[str] = "Too many passwords are being checked. Try again."


@define
class ClockDiffers(DomainError):
    """Raised when irreversible work is due and the process's clock is not to be trusted."""

    code: ClassVar[str] = "CLOCK_DIFFERS"
    text: ClassVar[str] = (
        "Nothing is expired or closed: the clock of this process shows {shown}, by {other} it is {expected}."
        " Correct the clock, or restart if it is right."
    )
    other: str
    shown: datetime
    expected: datetime


class SetupError(Exception):
    """Raised when the installation is at fault, not a request. The message tells its administrator what to do."""


class NothingToCheck(SetupError):
    """Raised by a command that only checks or reads when there is no database, or nothing in it."""
