"""Checking an exported ledger: the file alone, without a database."""

import json
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from attrs import define, field, frozen

from ...domain.ledger.recorded_seals import RecordedSeal
from ...domain.ledger.seals import EVENT_KEYS, FORM, SEAL_NAMES, ChainCheck, Place, Seal, SealBreak, digest_of
from ...domain.wire_names import camel, named
from .sealing import SealedBooks, sealed_books

_DIGEST_BYTES: Final = 32

# The keys of each kind of line, all of them and no other: no hash protects any other key.
_EXPORT: Final = frozenset({"exported_at", "form", "tenant"})
_OPERATOR: Final = frozenset({"operator_id", "slug"})
_SEAL: Final = frozenset({*SEAL_NAMES, "hash"})
_END: Final = frozenset({"events", "seals"})


@frozen
class FileFault:
    """A fault of a file, and its line."""

    line: int
    reason: str


@frozen
class CheckedFile:
    """The result of checking a file. `digests` counts the events that an agent's export omits."""

    operators: tuple[SealedBooks, ...]
    faults: tuple[FileFault, ...]
    digests: int

    @property
    def clean(self) -> bool:
        """Whether the file is whole and every seal in it holds."""
        return not self.faults and all(operator.clean for operator in self.operators)


@define
class _Operator:
    operator_id: UUID
    slug: str
    check: ChainCheck = field(factory=ChainCheck)
    broken_seals: list[SealBreak] = field(factory=list)
    found: set[RecordedSeal] = field(factory=set)

    def books(self) -> SealedBooks:
        return sealed_books(self.operator_id, self.slug, self.check, broken=self.broken_seals, found=self.found)


class _Malformed(Exception):
    """Raised when a line is not a line of an export."""


@define
class LedgerFileCheck:
    """Checks a file line by line, without storing the lines. `recorded` are seals that somebody wrote down."""

    recorded: AbstractSet[RecordedSeal] = frozenset()
    _operators: list[_Operator] = field(factory=list, init=False)
    _faults: list[FileFault] = field(factory=list, init=False)
    _lines: int = field(default=0, init=False)
    _events: int = field(default=0, init=False)
    _seals: int = field(default=0, init=False)
    _digests: int = field(default=0, init=False)
    _tenant: str | None = field(default=None, init=False)
    _ended: bool = field(default=False, init=False)

    def add(self, line: bytes) -> None:
        """Check the next line, without its line feed."""
        self._lines += 1
        try:
            self._take(line)
        except (_Malformed, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self._fault(str(error) if isinstance(error, _Malformed) else "is not a line of an exported ledger")

    def broken_off(self, reason: str) -> None:
        """Add the fault that no further line can be read."""
        self._lines += 1
        self._fault(f"the file breaks off: {reason}")

    def result(self) -> CheckedFile:
        """Return the result."""
        if not self._ended and not self._faults:
            self._lines += 1
            self._fault("the file is not whole: its last line is missing")
        books = tuple(operator.books() for operator in self._operators)
        return CheckedFile(books, tuple(self._faults), self._digests)

    def _take(self, line: bytes) -> None:
        content = json.loads(line)
        if self._ended:
            raise _Malformed("is after the last line of the export")
        if self._lines == 1:
            about = _only(content, "export", _EXPORT)
            if about["form"] != FORM:
                raise _Malformed(f"the form of the file must be {FORM}")
            self._tenant = about["tenant"]
        elif "operator" in content:
            about = _only(content, "operator", _OPERATOR)
            self._begin(_Operator(UUID(about["operator_id"]), about["slug"]))
        elif "end" in content:
            self._ended = True
            if _only(content, "end", _END) != {"events": self._events, "seals": self._seals}:
                raise _Malformed("the file has lost or gained events or seals since it was made")
        else:
            self._take_item(line, content)

    def _begin(self, operator: _Operator) -> None:
        # A second chain of the same operator could hide which of both a recorded seal was found in.
        if any(
            operator.operator_id == other.operator_id or operator.slug == other.slug for other in self._operators
        ):
            raise _Malformed("begins an operator that the file has already")
        self._operators.append(operator)

    def _take_item(self, line: bytes, content: dict[str, Any]) -> None:
        operator = self._operators[-1] if self._operators else None
        if operator is None:
            raise _Malformed("is before the line of the first operator")
        if "seal" in content:
            self._seals += 1
            seal = _seal_of(_only(content, "seal", _SEAL))
            if seal.operator_id != operator.operator_id:
                raise _Malformed("is a seal of another operator")
            operator.broken_seals += operator.check.close(seal)
            operator.found |= {RecordedSeal.of(operator.slug, seal)} & self.recorded
            return
        self._events += 1
        if content.keys() == {"digest"}:
            self._digests += 1
            operator.check.add(self._digest(content["digest"], operator))
            return
        if content.keys() != EVENT_KEYS:
            raise _Malformed("must have the keys of an event and no others")
        if content[camel("operator_id")] != str(operator.operator_id):
            raise _Malformed("is an event of another operator")
        operator.check.add(digest_of(line))

    def _digest(self, text: str, operator: _Operator) -> bytes:
        if self._tenant in {None, operator.slug}:
            raise _Malformed("is a digest, which only an agent's export may have")
        digest = bytes.fromhex(text)
        if len(digest) != _DIGEST_BYTES:
            raise _Malformed(f"is not a digest of {_DIGEST_BYTES} bytes")
        return digest

    def _fault(self, reason: str) -> None:
        self._faults.append(FileFault(self._lines, reason))


def check_lines(lines: Iterable[bytes]) -> CheckedFile:
    """Check all lines of a file."""
    check = LedgerFileCheck()
    for line in lines:
        check.add(line)
    return check.result()


def _only(content: dict[str, Any], name: str, fields: AbstractSet[str]) -> dict[str, Any]:
    """Return the fields of a line's only object. Raises _Malformed if the line or the object has other keys."""
    about: dict[str, Any] = content[name]
    if content.keys() != {name} or about.keys() != set(map(camel, fields)):
        raise _Malformed(f"must have the keys of {name} in an exported ledger and no others")
    return named(about, fields)


def _seal_of(content: dict[str, Any]) -> Seal:
    operator_id = UUID(content["operator_id"])
    return Seal(
        operator_id=operator_id,
        tenant_id=operator_id,
        number=content["number"],
        # A file does not have the places of events in the database, and a check does not need them.
        first=Place(0, 0, UUID(content["first_event_id"])),
        last=Place(0, 0, UUID(content["last_event_id"])),
        event_count=content["event_count"],
        previous_hash=bytes.fromhex(content["previous_hash"]),
        hash=bytes.fromhex(content["hash"]),
        sealed_at=datetime.fromisoformat(content["sealed_at"]),
    )
