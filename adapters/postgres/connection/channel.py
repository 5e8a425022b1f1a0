"""A connection for units of work, which sends several statements in one round trip.

It uses libpq's pipeline mode through `psycopg.pq`. psycopg's own pipeline needs three times the processor time. It
also does not say which of several statements failed, and so whether a COMMIT after it was carried out.

Every statement is prepared on its first use, without parameter types. The server infers these from columns and
casts, so that a null or a small number never needs another prepared statement.
"""

import select
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from time import monotonic
from types import NoneType
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
from attrs import define, field, frozen
from psycopg import abc, pq
from psycopg.adapt import Transformer

from .failures import ExchangeFailed

Row = tuple[Any, ...]

_MOST_PREPARED: Final = 300
"""The most prepared statements of one connection; the product has fewer."""

_LARGEST_PREPARED: Final = 600
"""The most parameters of a prepared statement; a larger one is sent unprepared, because it hardly repeats."""

_NUL: Final = "a text with a NUL in it cannot be stored"

_ANSWERED: Final = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK})
_ENDED: Final = frozenset({"FATAL", "PANIC"})


class _Late(psycopg.OperationalError):
    """Raised when the server did not answer before the deadline. libpq itself has no limit for an answer."""


class UnstorableValue(ValueError):
    """Raised for a text with a NUL, which no column can store."""


@frozen
class Statement:
    """SQL with the parameters $1, $2 ..., and their values."""

    sql: str
    values: Sequence[Any] = ()


BEGIN: Final = Statement("begin isolation level read committed read write")
BEGIN_READ_ONLY: Final = Statement("begin isolation level read committed read only")
BEGIN_OF_ONE_MOMENT: Final = Statement("begin isolation level repeatable read read only")
COMMIT: Final = Statement("commit")
ROLLBACK: Final = Statement("rollback")


@define(eq=False)
class Channel:
    """One connection in autocommit mode: BEGIN and COMMIT are statements like others."""

    connection: psycopg.Connection[Any]
    prepares: bool = True
    _names: dict[str, bytes] = field(factory=dict, init=False)
    _transformer: abc.Transformer = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make one transformer, which caches how to read each type."""
        self._transformer = Transformer(self.connection)

    @property
    def is_idle(self) -> bool:
        """Whether the connection is whole and in no transaction."""
        return self.connection.pgconn.transaction_status == pq.TransactionStatus.IDLE

    def exchange(self, statements: Sequence[Statement], *, deadline_seconds: float) -> list[list[Row]]:
        """Send statements together, wait for all answers, and return the rows of each.

        Outside of a transaction, the statements are a transaction together. After a failed statement the server
        skips the others. Raises ExchangeFailed, also when an answer is missing at the deadline.
        """
        exchange = _Exchange(self.connection.pgconn, self._transformer, monotonic() + deadline_seconds)
        try:
            return self._carry_out(exchange, statements)
        except psycopg.Error as error:
            late = isinstance(error, _Late)
            raise ExchangeFailed(exchange.answered, None, str(error), lost=True, late=late) from error

    def _carry_out(self, exchange: "_Exchange", statements: Sequence[Statement]) -> list[list[Row]]:
        new: dict[str, bytes] = {}
        encoded = [(statement.sql, [encode(value) for value in statement.values]) for statement in statements]
        exchange.pgconn.enter_pipeline_mode()
        for text, values in encoded:
            name = self._names.get(text) or new.get(text)
            if name is None and self._can_prepare(values):
                name = new[text] = f"p{len(self._names) + len(new)}".encode()
                exchange.prepare(name, text)
            exchange.send(name, text, values)
        try:
            rows = exchange.collect()
        finally:
            # The statements prepared before a failure exist as well.
            self._names |= {text: name for text, name in new.items() if name in exchange.prepared}
        exchange.pgconn.exit_pipeline_mode()
        if exchange.failure is not None:
            raise exchange.failure
        return rows

    def _can_prepare(self, values: Sequence[bytes | None]) -> bool:
        return self.prepares and len(values) <= _LARGEST_PREPARED and len(self._names) < _MOST_PREPARED


@define(eq=False)
class _Exchange:
    """One round trip in progress."""

    pgconn: pq.abc.PGconn
    transformer: abc.Transformer
    deadline: float
    answered: int = field(default=0, init=False)
    prepared: set[bytes] = field(factory=set, init=False)
    failure: ExchangeFailed | None = field(default=None, init=False)
    _sent: list[bytes | None] = field(factory=list, init=False)
    """The name of each statement to prepare, None for each to execute."""

    def prepare(self, name: bytes, text: str) -> None:
        self.pgconn.send_prepare(name, text.encode())
        self._sent.append(name)

    def send(self, name: bytes | None, text: str, values: Sequence[bytes | None]) -> None:
        if name is None:
            self.pgconn.send_query_params(text.encode(), values)
        else:
            self.pgconn.send_query_prepared(name, values)
        self._sent.append(None)

    def collect(self) -> list[list[Row]]:
        """Send the rest, and read all answers."""
        self.pgconn.pipeline_sync()
        self._flush()
        rows: list[list[Row]] = []
        for name in self._sent:
            result = self._result()
            if self.failure is None:
                self._note(name, result, rows)
            self._skip_to_next(result)
        self._result()  # the synchronisation point
        return rows

    def _note(self, name: bytes | None, result: pq.abc.PGresult | None, rows: list[list[Row]]) -> None:
        if result is None or result.status not in _ANSWERED:
            self.failure = _failure_of(result, self.answered, self.pgconn)
            if self.failure.lost:
                raise self.failure
        elif name is not None:
            self.prepared.add(name)
        else:
            self.transformer.set_pgresult(result)
            rows.append(self.transformer.load_rows(0, result.ntuples, tuple))
            self.answered += 1

    def _skip_to_next(self, result: pq.abc.PGresult | None) -> None:
        """Read the answers of a statement to their end, which is None."""
        while result is not None:
            result = self._result()

    def _flush(self) -> None:
        while self.pgconn.flush():
            if self._wait(select.POLLIN | select.POLLOUT) & select.POLLIN:
                self.pgconn.consume_input()

    def _result(self) -> pq.abc.PGresult | None:
        # A result is read only once it has arrived: waiting inside libpq would block all threads.
        while self.pgconn.is_busy():
            self._wait(select.POLLIN)
            self.pgconn.consume_input()
        return self.pgconn.get_result()

    def _wait(self, events: int) -> int:
        poll = select.poll()
        poll.register(self.pgconn.socket, events)
        ready = poll.poll(max(0.0, self.deadline - monotonic()) * 1000)
        if not ready:
            raise _Late("the server did not answer in time")
        return ready[0][1]


def _failure_of(result: pq.abc.PGresult | None, answered: int, pgconn: pq.abc.PGconn) -> ExchangeFailed:
    if result is None:
        return ExchangeFailed(answered, None, pgconn.get_error_message(), lost=True)
    fields = pq.DiagnosticField
    sqlstate = _text(result.error_field(fields.SQLSTATE))
    message = _text(result.error_field(fields.MESSAGE_PRIMARY)) or result.get_error_message()
    lost = sqlstate is None or _text(result.error_field(fields.SEVERITY_NONLOCALIZED)) in _ENDED
    return ExchangeFailed(answered, sqlstate, message, lost=lost)


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="replace")


# --- values in the text form of their type ---------------------------------------------------------------


def encode(value: object) -> bytes | None:
    """Return a value in the server's text format, None for null. Raises UnstorableValue, TypeError."""
    if value is None:
        return None
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        # A subclass, such as a StrEnum, has the encoder of its base class.
        encoder = next((encoder for kind, encoder in _ENCODERS.items() if isinstance(value, kind)), _refuse)
    return encoder(value)


def _encode_text(value: str) -> bytes:
    raw = value.encode()
    if 0 in raw:
        raise UnstorableValue(_NUL)
    return raw


def _moment(value: datetime) -> str:
    assert value.tzinfo is not None, "moments are aware"
    return value.isoformat()


def _encode_list(value: Sequence[object]) -> bytes:
    """Return the text form of an array.

    A list in JSON is that of an array in other brackets, as long as it needs no escapes. It is made at once.
    """
    if _SAME_IN_JSON.issuperset(map(type, value)):
        raw = msgspec.json.encode(value)
        if b"\\" not in raw:
            return b"{%b}" % raw[1:-1]
    return f"{{{','.join(map(_element, value))}}}".encode()


def _element(value: object) -> str:
    """Return a value as an element of an array's text form."""
    if value is None:
        return "NULL"
    bare = _BARE.get(type(value))
    if bare is not None:
        return bare(value)
    text = value if type(value) is str else (encode(value) or b"").decode()
    if "\0" in text:
        raise UnstorableValue(_NUL)
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _encode_json(value: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(dict(value))


def _refuse(value: object) -> bytes:
    message = f"{type(value).__name__} has no form in the database"
    raise TypeError(message)


_ENCODERS: Final[Mapping[type, Callable[[Any], bytes]]] = {
    str: _encode_text,
    int: lambda value: b"%d" % value,
    UUID: lambda value: value.hex.encode(),
    datetime: lambda value: _moment(value).encode(),
    bytes: lambda value: b"\\x" + value.hex().encode(),
    dict: _encode_json,
    tuple: _encode_list,
    list: _encode_list,
    Mapping: _encode_json,
}

_SAME_IN_JSON: Final = frozenset({datetime, int, NoneType, str, UUID})
"""The classes of values that JSON writes as an array does, but for escapes in a text."""

_BARE: Final[Mapping[type, Callable[[Any], str]]] = {
    int: str,
    UUID: lambda value: value.hex,
    datetime: _moment,
}
"""The text of values that need no quotes in an array."""
