"""Putting answers and errors into HTTP responses."""

import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from flask import Response, g, request
from werkzeug import exceptions

from ...application.answers import Answer
from ...application.errors import NotFound, StorageError
from ...application.wire import encode
from ...domain.errors import DomainError
from .api.results import Result
from .calls import MAX_BODY_BYTES
from .errors import (
    HEADERS_OF_STATUS,
    BodyTooLarge,
    InternalError,
    MalformedRequest,
    MethodNotAllowed,
    UnsupportedMediaType,
    content_of,
    is_defect,
    retry_headers,
    status_of,
    status_of_code,
)
from .pages.documents import Document

JSON: Final = "application/json"
REPLAYED: Final = "Idempotency-Replayed"

_LOG: Final = logging.getLogger("playtime.http")
_ON_ALL: Final = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


def respond(body: bytes, status: HTTPStatus, *headers: tuple[str, str]) -> Response:
    """Return the response that carries these bytes, which are JSON."""
    return Response(body, status, [*_ON_ALL, *headers], content_type=JSON)


def respond_result(result: Result, status: HTTPStatus) -> Response:
    """Return the response to a call that a use case answered; the bytes of an Answer are sent as they are."""
    if isinstance(result, Document):
        return respond_document(result, status)
    if not isinstance(result, Answer):
        return respond(encode(result), status)
    headers = [(REPLAYED, "true")] if result.replayed else []
    if result.code is not None:
        status = status_of_code(result.code)
        headers += retry_headers(result.content())
    return respond(result.body, status, *headers)


def respond_document(document: Document, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return the response that is a document; one that is made in parts is sent while it is made."""
    body, headers = document.body, [*_ON_ALL, *document.headers]
    if not isinstance(body, bytes):
        body = _sent_in_parts(body, document.cut_short, g.request_id)
    return Response(body, status, headers, content_type=f"{document.media_type}; charset=utf-8")


def respond_error(error: DomainError) -> Response:
    """Return the response to a refusal."""
    if is_defect(type(error)):
        return respond_defect(error)
    if isinstance(error, StorageError):
        _LOG.warning("request_id=%s error=%s: %s", g.request_id, type(error).__name__, error.reason)
    return _error_response(error)


def respond_defect(defect: Exception) -> Response:
    """Return the response to a defect of ours: the log has the details, the answer only the request id."""
    _LOG.error("request_id=%s error=%s", g.request_id, type(defect).__name__, exc_info=defect)
    return _error_response(InternalError(g.request_id))


def respond_unserved(error: exceptions.HTTPException) -> Response:
    """Return the response to what Flask itself would not serve."""
    if isinstance(error, exceptions.MethodNotAllowed):
        allowed = tuple(sorted(error.valid_methods or ()))
        response = _error_response(MethodNotAllowed(allowed))
        response.headers["Allow"] = ", ".join(allowed)
        return response
    if isinstance(error, exceptions.NotFound):
        return _error_response(NotFound("route"))
    if isinstance(error, exceptions.RequestEntityTooLarge):
        # What is read at most is one more than the limit of the route.
        return _error_response(BodyTooLarge((request.max_content_length or MAX_BODY_BYTES + 1) - 1))
    if isinstance(error, exceptions.UnsupportedMediaType):
        return _error_response(UnsupportedMediaType())
    if isinstance(error, exceptions.InternalServerError):
        return respond_defect(error)
    no_host = isinstance(error, (exceptions.BadHost, exceptions.SecurityError))
    fault = ("header.Host", "must be a valid host name") if no_host else ("$", error.description or error.name)
    return _error_response(MalformedRequest.at(*fault))


def _sent_in_parts(parts: Iterator[bytes], cut_short: bytes, request_id: str) -> Iterator[bytes]:
    """Send the parts. The status has left by then, and a server may end the answer as if it were whole."""
    try:
        yield from parts
    except Exception as error:  # noqa: BLE001 - whatever it was, the document is not whole
        _LOG.exception("request_id=%s error=%s", request_id, type(error).__name__)
        yield cut_short


def _error_response(error: DomainError) -> Response:
    g.failed_with = error.code
    status = status_of(type(error))
    content = content_of(error)
    headers = (*HEADERS_OF_STATUS.get(status, {}).items(), *retry_headers(content))
    return respond(encode(content), status, *headers)
