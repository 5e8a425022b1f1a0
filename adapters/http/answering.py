"""Answers and errors as HTTP responses: status, headers and body, which Flask or another way sends."""

import logging
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Final

from attrs import define
from werkzeug import Request, exceptions

from ...application.answers import Answer
from ...application.errors import NotFound, StorageError
from ...application.wire import encode
from ...domain.errors import DomainError
from .api.results import MultiStatus, Result
from .calls import MAX_BODY_BYTES
from .edge import ON_DATA, ON_PAGES
from .errors import (
    BodyTooLarge,
    InternalError,
    MalformedRequest,
    MethodNotAllowed,
    UnsupportedMediaType,
    content_of,
    headers_of,
    is_defect,
    retry_headers,
    status_of,
    status_of_code,
)
from .pages.documents import HTML, Document
from .request_state import RequestState

JSON: Final = "application/json"
REPLAYED: Final = "Idempotency-Replayed"

_LOG: Final = logging.getLogger("playtime.http")


@define
class PlainResponse:
    """Status, headers and body of an answer. The server closes a body that is sent in parts, as WSGI requires."""

    status: HTTPStatus
    headers: list[tuple[str, str]]
    body: bytes | Iterable[bytes]


def respond(body: bytes, status: HTTPStatus, *headers: tuple[str, str]) -> PlainResponse:
    """Return the response that carries these bytes, which are JSON."""
    return PlainResponse(status, [*ON_DATA, *headers, ("Content-Type", JSON)], body)


def respond_result(state: RequestState, result: Result, status: HTTPStatus) -> PlainResponse:
    """Return the response to a call that a use case answered; the bytes of an Answer are sent as they are."""
    if isinstance(result, Document):
        return respond_document(state, result, status)
    if isinstance(result, MultiStatus):
        return respond(encode(result.content), HTTPStatus.MULTI_STATUS)
    if not isinstance(result, Answer):
        return respond(encode(result), status)
    headers = [(REPLAYED, "true")] if result.replayed else []
    if result.code is not None:
        status = status_of_code(result.code)
        headers += retry_headers(result.content())
    return respond(result.body, status, *headers)


def respond_document(state: RequestState, document: Document, status: HTTPStatus = HTTPStatus.OK) -> PlainResponse:
    """Return the response that is a document; one that is made in parts is sent while it is made."""
    body = document.body
    if not isinstance(body, bytes):
        body = _sent_in_parts(body, document.cut_short, state.request_id)
    content_type = ("Content-Type", f"{document.media_type}; charset=utf-8")
    always = ON_PAGES if document.media_type == HTML else ON_DATA
    return PlainResponse(status, [*always, *document.headers, content_type], body)


def respond_error(state: RequestState, error: DomainError) -> PlainResponse:
    """Return the response to a refusal."""
    if is_defect(type(error)):
        return respond_defect(state, error)
    if isinstance(error, StorageError):
        _LOG.warning("request_id=%s error=%s: %s", state.request_id, type(error).__name__, error.reason)
    return _error_response(state, error)


def respond_defect(state: RequestState, defect: Exception) -> PlainResponse:
    """Return the response to a defect of ours: the log has the details, the answer only the request id."""
    _LOG.error("request_id=%s error=%s", state.request_id, type(defect).__name__, exc_info=defect)
    return _error_response(state, InternalError(state.request_id))


def respond_unserved(state: RequestState, request: Request, error: exceptions.HTTPException) -> PlainResponse:
    """Return the response to what werkzeug or Flask would not serve."""
    if isinstance(error, exceptions.MethodNotAllowed):
        allowed = tuple(sorted(error.valid_methods or ()))
        return _error_response(state, MethodNotAllowed(allowed), ("Allow", ", ".join(allowed)))
    if isinstance(error, exceptions.NotFound):
        return _error_response(state, NotFound("route"))
    if isinstance(error, exceptions.RequestEntityTooLarge):
        # What is read at most is one more than the limit of the route.
        return _error_response(state, BodyTooLarge((request.max_content_length or MAX_BODY_BYTES + 1) - 1))
    if isinstance(error, exceptions.UnsupportedMediaType):
        return _error_response(state, UnsupportedMediaType())
    if isinstance(error, exceptions.InternalServerError):
        return respond_defect(state, error)
    no_host = isinstance(error, (exceptions.BadHost, exceptions.SecurityError))
    fault = ("header.Host", "must be a valid host name") if no_host else ("$", error.description or error.name)
    return _error_response(state, MalformedRequest.at(*fault))


def _sent_in_parts(parts: Iterator[bytes], cut_short: bytes, request_id: str) -> Iterator[bytes]:
    """Send the parts. The status has left by then, and a server may end the answer as if it were whole."""
    try:
        yield from parts
    except Exception as error:  # noqa: BLE001 - whatever it was, the document is not whole
        _LOG.exception("request_id=%s error=%s", request_id, type(error).__name__)
        yield cut_short


def _error_response(state: RequestState, error: DomainError, *headers: tuple[str, str]) -> PlainResponse:
    state.failed_with = error.code
    status = status_of(type(error))
    content = content_of(error)
    return respond(encode(content), status, *headers_of(error), *retry_headers(content), *headers)
