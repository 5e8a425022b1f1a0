"""Reading a request: who calls, what is asked, under which name. Everything is checked before a use case runs."""

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Final, Generic, NoReturn, TypeVar, get_args
from uuid import UUID

import attrs
import msgspec
from attrs import frozen
from werkzeug import Request

from ...application.access import Origin, PlayerPrincipal, StaffPrincipal
from ...application.answers import checked_action_id
from ...application.authentication import Authenticate
from ...application.errors import Forbidden, InvalidToken, Unauthorized
from ...domain.access.codes import typed_symbols
from ...domain.errors import InvalidInput
from .errors import BodyTooLarge, Fault, MalformedRequest, UnsupportedMediaType, bounded
from .faults import faults_in, printable
from .lanes import SharedWork
from .request_state import Principal
from .requests import LONGEST_TOKEN, PlayerCredentials, Redemption, RefreshRequest, StaffCredentials, wire_name

Who = TypeVar("Who", StaffPrincipal, PlayerPrincipal, PlayerPrincipal | None, None)
Given = TypeVar("Given")

MAX_BODY_BYTES: Final = 64 * 1024

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")

Known = Mapping[str, "Known | None"]
"""The names that an object may hold; those that hold objects of a known kind with what these may hold."""


@frozen(kw_only=True)
class Call(Generic[Who, Given]):
    """A checked request: the caller, the body or query, ids and names of the path, and the Idempotency-Key.

    `site` is the address under which people reach this service, without a slash at its end; None: not known.
    `shared` is the work that requests do together. `origin` is known of calls that are not a player's.
    """

    who: Who
    given: Given
    ids: Mapping[str, UUID]
    names: Mapping[str, str]
    key: str | None
    site: str | None
    shared: SharedWork
    origin: Origin


StaffCall = Call[StaffPrincipal, Given]
PlayerCall = Call[PlayerPrincipal, Given]
PublicCall = Call[None, Given]


def read_staff(authenticate: Authenticate, request: Request) -> StaffPrincipal:
    """Return the member of staff that the token names. Its session is checked later. Raises Unauthorized."""
    return authenticate.named_staff(_bearer(request))


def read_player(authenticate: Authenticate, request: Request) -> PlayerPrincipal:
    """Return the player who calls. Raises Unauthorized; Forbidden when another session is named."""
    player = authenticate.player(_bearer(request))
    named = request.headers.get("X-Session-Id")
    if named is not None and named.lower() != str(player.session_id):
        raise Forbidden("the session is not the token's own")
    return player


def read_optional_player(authenticate: Authenticate, request: Request) -> PlayerPrincipal | None:
    """Return the player who calls, None where nobody claims to be one: a bad token is not nobody."""
    if "Authorization" not in request.headers:
        return None
    return read_player(authenticate, request)


def read_nobody(_authenticate: Authenticate, _request: Request) -> None:
    """Return None: it does not matter who calls."""


def caller_of(who: Principal, given: object) -> Hashable:
    """Return the caller of a request: the id of its principal, else the unverified name in its body."""
    if isinstance(who, StaffPrincipal):
        return who.staff_id
    if isinstance(who, PlayerPrincipal):
        return who.player_id
    if isinstance(given, StaffCredentials):
        return given.tenant, given.username
    if isinstance(given, RefreshRequest):
        return given.refreshToken
    if isinstance(given, Redemption):
        return typed_symbols(given.code)
    return typed_symbols(given.loginCode) if isinstance(given, PlayerCredentials) else None


def _bearer(request: Request) -> str:
    header = request.headers.get("Authorization")
    if header is None:
        raise Unauthorized
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not 1 <= len(token) <= LONGEST_TOKEN or not token.isascii():
        raise InvalidToken
    return token


def body_reader(kind: type[Any], limit_bytes: int = MAX_BODY_BYTES) -> Callable[[Request], Any]:
    """Return a decoder of JSON bodies into `kind`, an attrs class; a body without fields may be missing."""
    decoder = msgspec.json.Decoder(kind)
    known = _known_of(kind)
    nothing = None if known else kind()

    def read(request: Request) -> Any:  # noqa: ANN401 - the route knows its own request class
        # One more than the limit: a body of untold length is cut off there without a word, and so found out.
        request.max_content_length = limit_bytes + 1
        body = request.get_data(cache=False)
        if len(body) > limit_bytes:
            raise BodyTooLarge(limit_bytes)
        if not body and nothing is not None:
            return nothing
        if request.mimetype != "application/json":
            raise UnsupportedMediaType
        try:
            given = decoder.decode(body)
            # msgspec passes over what it was not asked for; a misspelt field must not pass for one left out.
            content, duplicates = _json_of(body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            _refuse_body(error, body, kind)
        if duplicates or not _is_known(content, known):
            raise MalformedRequest(bounded([*map(_duplicate, duplicates), *faults_in(body, kind, "$")]))
        return given

    return read


_FLAGS: Final[Mapping[str, bool]] = {"true": True, "false": False}


def query_reader(kind: type[Any]) -> Callable[[Request], Any]:
    """Return a decoder of queries into `kind`, an attrs class. Unknown parameters are refused."""
    fields = attrs.fields(kind)
    attributes = {wire_name(field.name): field.name for field in fields}
    whole = frozenset(field.name for field in fields if type(field.default) is int)
    flags = frozenset(field.name for field in fields if type(field.default) is bool)

    def read(request: Request) -> Any:  # noqa: ANN401 - the route knows its own request class
        content: dict[str, Any] = {}
        duplicates: list[Fault] = []
        for name, values in request.args.lists():
            if len(values) > 1:
                duplicates.append(Fault(f"query.{printable(name)}", "duplicate parameter"))
                continue
            text = values[0]
            content[name] = int(text) if name in whole and _WHOLE.fullmatch(text) else text
            if name in flags:
                content[name] = _FLAGS.get(text, text)
        if not duplicates and content.keys() <= attributes.keys():
            try:
                return msgspec.convert({attributes[name]: value for name, value in content.items()}, kind)
            except msgspec.ValidationError:
                pass
        raise MalformedRequest(bounded([*faults_in(msgspec.json.encode(content), kind, "query"), *duplicates]))

    return read


def read_key(request: Request) -> str | None:
    """Return the Idempotency-Key."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    try:
        return checked_action_id(key)
    except InvalidInput as error:
        raise MalformedRequest.at("header.Idempotency-Key", error.reason) from None


def refuse_key(request: Request) -> None:
    """Raise MalformedRequest for an Idempotency-Key: a bet has its name in the body, and would be made twice."""
    if "Idempotency-Key" in request.headers:
        raise MalformedRequest.at("header.Idempotency-Key", "is not taken here: send actionId in the body")


def _json_of(body: bytes) -> tuple[Any, list[str]]:
    """Return the content of a JSON text, and the names of its duplicate fields."""
    duplicates: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            duplicates.extend(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        return content

    return json.loads(body, object_pairs_hook=unique), duplicates


def _duplicate(name: str) -> Fault:
    return Fault("$", f"duplicate field: {printable(name)}")


def _refuse_body(error: Exception, body: bytes, kind: type[Any]) -> NoReturn:
    """Raise MalformedRequest for a body: with all its faults if it is JSON."""
    duplicates: list[str] = []
    if isinstance(error, msgspec.ValidationError):
        try:
            _, duplicates = _json_of(body)
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as other:
            error = other
        except ValueError:
            # A number that is too long for Python is a fault of its field.
            duplicates = []
    if isinstance(error, msgspec.ValidationError):
        faults = [*map(_duplicate, duplicates), *faults_in(body, kind, "$")]
        raise MalformedRequest(bounded(faults or [Fault("$", str(error))])) from None
    if isinstance(error, UnicodeDecodeError):
        raise MalformedRequest.at("$", "must be UTF-8") from None
    if isinstance(error, msgspec.DecodeError | json.JSONDecodeError):
        raise MalformedRequest.at("$", f"must be JSON: {error}") from None
    raise MalformedRequest.at("$", "is nested too deeply or holds a number that is too long") from None


def _known_of(kind: type[Any]) -> Known:
    return {field.name: next(map(_known_of, _objects_in(field.type)), None) for field in attrs.fields(kind)}


def _objects_in(kind: Any) -> Iterator[type[Any]]:  # noqa: ANN401 - types, of any form
    """Yield the request class of a field that holds one, or a list of them."""
    if isinstance(kind, type) and attrs.has(kind):
        yield kind
    for argument in get_args(kind):
        yield from _objects_in(argument)


def _is_known(content: Any, known: Known) -> bool:  # noqa: ANN401 - JSON has no narrower type
    """Return whether all names of an object, and of the objects in it, are known."""
    if isinstance(content, list):
        return all(_is_known(item, known) for item in content)
    if not isinstance(content, dict):
        return True
    if not content.keys() <= known.keys():
        return False
    inner = ((value, known[name]) for name, value in content.items())
    return all(names is None or _is_known(value, names) for value, names in inner)


def cursor_of(row_id: UUID) -> str:
    """Return the cursor that continues a list after a row."""
    return base64.urlsafe_b64encode(row_id.bytes).decode().rstrip("=")


def row_of(cursor: str) -> UUID:
    """Return the row that a cursor continues after; that it is one was checked when the query was read."""
    return UUID(bytes=base64.urlsafe_b64decode(f"{cursor}=="))
