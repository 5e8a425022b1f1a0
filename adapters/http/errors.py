"""Faults of requests before any use case sees them, and the one table of HTTP statuses for errors."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Final

import attrs
from attrs import define, frozen

from ...application.errors import (
    ClockDiffers,
    Forbidden,
    IdempotencyKeyReused,
    NotFound,
    OutcomeUnknown,
    PasswordChangeRequired,
    PasswordsBusy,
    ReplaySecretExpired,
    StorageError,
    StorageUnavailable,
    TransientConflict,
    Unauthorized,
    Unwell,
)
from ...application.wire import failure, to_wire
from ...domain.access.codes import MalformedCode
from ...domain.errors import DomainError, InvalidInput, StateRefusal
from ...domain.games.fairness import MalformedLink
from ...domain.games.files import InvalidGameFile
from ...domain.vouchers.vouchers import VoucherExpired, VoucherVoided
from ...domain.wire_names import camel_in
from .readiness import NotReady

Headers = Mapping[str, str]

MOST_FAULTS: Final = 50
"""The most faults that an answer lists: a report of external events may have one in each of its fields."""


@frozen
class Fault:
    """A fault of a request, and what would be right.

    `path` is `$.field` for a body, else `query.name`, `header.Name` or `path.name`.
    """

    path: str
    message: str


@define
class MalformedRequest(DomainError):
    """Raised when a request is not what the route takes."""

    code: ClassVar[str] = "VALIDATION_FAILED"
    text: ClassVar[str] = "The request is not valid."
    faults: tuple[Fault, ...]

    @classmethod
    def at(cls, path: str, message: str) -> "MalformedRequest":
        """Return the error of a request with one fault."""
        return cls((Fault(path, message),))


@define
class MalformedAddress(NotFound):
    """Raised when a path has something else in the place of an id; the other faults of the request are with it."""

    faults: tuple[Fault, ...]


@define
class MethodNotAllowed(DomainError):
    """Raised when a path is there, but not for this method; `allowed` are those it is there for."""

    code: ClassVar[str] = "METHOD_NOT_ALLOWED"
    text: ClassVar[str] = "This path does not take this method."
    allowed: tuple[str, ...] = ()


@define
class BodyTooLarge(DomainError):
    """Raised when a body is larger than any request needs."""

    code: ClassVar[str] = "BODY_TOO_LARGE"
    text: ClassVar[str] = "The body is larger than {limit_bytes} bytes."
    limit_bytes: int


@define
class RequestTimeout(DomainError):
    """Raised when a body does not arrive in the time that it may take."""

    code: ClassVar[str] = "REQUEST_TIMEOUT"
    text: ClassVar[str] = "The body of the request did not arrive in time."


@define
class UnsupportedMediaType(DomainError):
    """Raised when a body is not announced as JSON."""

    code: ClassVar[str] = "UNSUPPORTED_MEDIA_TYPE"
    text: ClassVar[str] = "Send application/json."


@define
class ExpectationFailed(DomainError):
    """Raised when a request expects anything but `100-continue`."""

    code: ClassVar[str] = "EXPECTATION_FAILED"
    text: ClassVar[str] = "`Expect` may only be 100-continue."


@define
class TooManyAtOnce(DomainError):
    """Raised when a caller has as many requests under way in this process as a caller may have."""

    code: ClassVar[str] = "TOO_MANY_AT_ONCE"
    text: ClassVar[str] = "You have too many requests under way at once. Wait for their answers."


@define
class Busy(DomainError):
    """Raised when the places for a kind of request are taken and do not become free in time."""

    code: ClassVar[str] = "BUSY"
    text: ClassVar[str] = "The service is busy with requests of this kind. Try again."


@define
class InternalError(DomainError):
    """Raised for a defect of ours; what it was stands in the log under the request id."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    text: ClassVar[str] = "Something went wrong here. Name the request id when you report it."
    request_id: str


STATUS_OF_ERROR: Final[Mapping[type[DomainError], HTTPStatus]] = {
    InvalidInput: HTTPStatus.BAD_REQUEST,
    MalformedRequest: HTTPStatus.BAD_REQUEST,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    MalformedCode: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    PasswordChangeRequired: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    MalformedLink: HTTPStatus.NOT_FOUND,
    InvalidGameFile: HTTPStatus.BAD_REQUEST,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    StateRefusal: HTTPStatus.CONFLICT,
    ReplaySecretExpired: HTTPStatus.CONFLICT,
    VoucherVoided: HTTPStatus.GONE,
    VoucherExpired: HTTPStatus.GONE,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    RequestTimeout: HTTPStatus.REQUEST_TIMEOUT,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    TransientConflict: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    ClockDiffers: HTTPStatus.SERVICE_UNAVAILABLE,
    TooManyAtOnce: HTTPStatus.TOO_MANY_REQUESTS,
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    NotReady: HTTPStatus.SERVICE_UNAVAILABLE,
    PasswordsBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    # The rest of what a storage raises is a defect of ours, and so is what has no row at all.
    StorageError: HTTPStatus.INTERNAL_SERVER_ERROR,
    InternalError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""The HTTP status of each error, or of the nearest of its bases that has a row."""

RETRY_AFTER: Final = "Retry-After"

HEADERS_OF_STATUS: Final[Mapping[HTTPStatus, Headers]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.TOO_MANY_REQUESTS: {RETRY_AFTER: "1"},
    HTTPStatus.SERVICE_UNAVAILABLE: {RETRY_AFTER: "1"},
}
"""The headers that belong to a status."""

_STATUS_OF_CODE: Final = {
    error.code: status for error, status in STATUS_OF_ERROR.items() if issubclass(error, StateRefusal)
}


def status_of(error: type[DomainError]) -> HTTPStatus:
    """Return the status of an error; one that nobody placed is a defect."""
    for base in error.__mro__:
        if base in STATUS_OF_ERROR:
            return STATUS_OF_ERROR[base]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def status_of_code(code: str) -> HTTPStatus:
    """Return the status of a refusal that was stored: these depend on the state, all of them."""
    return _STATUS_OF_CODE.get(code, STATUS_OF_ERROR[StateRefusal])


def headers_of(error: DomainError) -> list[tuple[str, str]]:
    """Return the headers of the answer to an error, without those of its content.

    An unknown outcome has no `Retry-After`: a program that obeys the header sends the same request again, without
    the action id of the answer.
    """
    headers = HEADERS_OF_STATUS.get(status_of(type(error)), {})
    return [(name, value) for name, value in headers.items() if not isinstance(error, OutcomeUnknown)]


def tells_when(error: type[DomainError]) -> bool:
    """Return whether a refusal has the seconds after which to try again."""
    return any(field.name == "retry_after" for field in attrs.fields(error))


def retry_headers(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the header of a refusal whose content says after how many seconds to try again."""
    return [(RETRY_AFTER, str(content["retryAfter"]))] if "retryAfter" in content else []


def is_defect(error: type[DomainError]) -> bool:
    """Return whether an error is a defect of ours, which is logged and not shown."""
    return status_of(error) is HTTPStatus.INTERNAL_SERVER_ERROR


def faults_of(error: InvalidInput, place: str) -> tuple[Fault, ...]:
    """Return the faults of values in a place of the request, with their fields' names as the request has them."""
    found = [Fault(f"{place}.{camel_in(fault.path)}", camel_in(fault.reason)) for fault in error.faults]
    return bounded(found)


def bounded(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """Return the faults that an answer lists; the last one says if there are more."""
    if len(faults) <= MOST_FAULTS:
        return tuple(faults)
    return (*faults[:MOST_FAULTS], Fault("$", f"has more faults than these {MOST_FAULTS}"))


def content_of(error: DomainError) -> dict[str, Any]:
    """Return the content of the answer to an error."""
    if isinstance(error, OutcomeUnknown):
        return {"ok": False, "code": error.code, "message": error.text, "actionId": error.action_id}
    if isinstance(error, StorageError):
        # The reason is for the log.
        content = {"ok": False, "code": StorageUnavailable.code, "message": StorageUnavailable.text}
        return content | ({"lastSweepSeconds": error.last_sweep_seconds} if isinstance(error, Unwell) else {})
    if isinstance(error, InvalidInput):
        return {
            "ok": False,
            "code": error.code,
            "message": camel_in(str(error)),
            "faults": to_wire(faults_of(error, "$")),
        }
    return failure(error)
