"""Checking an exported ledger: the file alone, without a database."""

import json
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from attrs import define, field, frozen

from ...domain.ledger.seals import EVENT_KEYS, FORM, SEAL_NAMES, ChainCheck, Place, Seal, digest_of
from ...domain.wire_names import camel, named
from .sealing import SealedBooks

_DIGEST_BYTES: Final = 32

# The keys of each kind of line, all of them and no other: what nothing is held against could say anything.
_EXPORT: Final = frozenset({"exported_at", "form", "tenant"})
_OPERATOR: Final = frozenset({"operator_id", "slug"})
_SEAL: Final = frozenset({*SEAL_NAMES, "hash"})
_END: Final = frozenset({"events", "seals"})


@frozen
class FileFault:
    """What is wrong with a file, and in which line."""

    line: int
    reason: str


@frozen
class CheckedFile:
    """What checking a file came to. `digests` stand for events that are not in it: an agent's export has them."""

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
    breaks: list[Any] = field(factory=list)

    def books(self) -> SealedBooks:
        check = self.check
        return SealedBooks(
            self.operator_id, self.slug, check.seals, check.sealed, check.unsealed, check.last, tuple(self.breaks)
        )


class _Malformed(Exception):
    """Raised when a line is none of an export."""


@define
class LedgerFileCheck:
    """Takes in a file line by line; of the lines themselves nothing is kept."""

    _operators: list[_Operator] = field(factory=list, init=False)
    _faults: list[FileFault] = field(factory=list, init=False)
    _lines: int = field(default=0, init=False)
    _events: int = field(default=0, init=False)
    _seals: int = field(default=0, init=False)
    _digests: int = field(default=0, init=False)
    _tenant: str | None = field(default=None, init=False)
    _ended: bool = field(default=False, init=False)

    def add(self, line: bytes) -> None:
        """Take in the next line, without its line feed."""
        self._lines += 1
        try:
            self._take(line)
        except (_Malformed, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self._fault(str(error) if isinstance(error, _Malformed) else "is no line of an exported ledger")

    def broken_off(self, reason: str) -> None:
        """Note that no further line can be read."""
        self._lines += 1
        self._fault(f"the file breaks off: {reason}")

    def result(self) -> CheckedFile:
        """Return what it came to."""
        if not self._ended and not self._faults:
            self._lines += 1
            self._fault("the file is not whole: its last line is missing")
        books = tuple(operator.books() for operator in self._operators)
        return CheckedFile(books, tuple(self._faults), self._digests)

    def _take(self, line: bytes) -> None:
        content = json.loads(line)
        if self._ended:
            raise _Malformed("comes after the end")
        if self._lines == 1:
            about = _only(content, "export", _EXPORT)
            if about["form"] != FORM:
                raise _Malformed(f"the file does not say that it is of the form {FORM}")
            self._tenant = about["tenant"]
        elif "operator" in content:
            about = _only(content, "operator", _OPERATOR)
            self._operators.append(_Operator(UUID(about["operator_id"]), about["slug"]))
        elif "end" in content:
            self._ended = True
            if _only(content, "end", _END) != {"events": self._events, "seals": self._seals}:
                raise _Malformed("the file had other numbers of events and seals when it was made")
        else:
            self._take_item(line, content)

    def _take_item(self, line: bytes, content: dict[str, Any]) -> None:
        operator = self._operators[-1] if self._operators else None
        if operator is None:
            raise _Malformed("comes before any operator")
        if "seal" in content:
            self._seals += 1
            operator.breaks += operator.check.close(_seal_of(_only(content, "seal", _SEAL)))
            return
        self._events += 1
        if content.keys() == {"digest"}:
            self._digests += 1
            operator.check.add(self._digest(content["digest"], operator))
            return
        if content.keys() != EVENT_KEYS:
            raise _Malformed("has not the keys of an event, or others beside them")
        if content[camel("operator_id")] != str(operator.operator_id):
            raise _Malformed("is an event of another operator")
        operator.check.add(digest_of(line))

    def _digest(self, text: str, operator: _Operator) -> bytes:
        if self._tenant in {None, operator.slug}:
            raise _Malformed("is a digest, which an agent's export alone has")
        digest = bytes.fromhex(text)
        if len(digest) != _DIGEST_BYTES:
            raise _Malformed("is no digest")
        return digest

    def _fault(self, reason: str) -> None:
        self._faults.append(FileFault(self._lines, reason))


def check_lines(lines: Iterable[bytes]) -> CheckedFile:
    """Check a file that is there whole."""
    check = LedgerFileCheck()
    for line in lines:
        check.add(line)
    return check.result()


def _only(content: dict[str, Any], name: str, fields: AbstractSet[str]) -> dict[str, Any]:
    """Return the fields of a line's one object, which has no others. Raises _Malformed."""
    about: dict[str, Any] = content[name]
    if content.keys() != {name} or about.keys() != set(map(camel, fields)):
        raise _Malformed(f"says something else than {name} of an exported ledger, or more")
    return named(about, fields)


def _seal_of(content: dict[str, Any]) -> Seal:
    operator_id = UUID(content["operator_id"])
    return Seal(
        operator_id=operator_id,
        tenant_id=operator_id,
        number=content["number"],
        # Where events stand in the database is nothing that a file tells, or has to.
        first=Place(0, 0, UUID(content["first_event_id"])),
        last=Place(0, 0, UUID(content["last_event_id"])),
        event_count=content["event_count"],
        previous_hash=bytes.fromhex(content["previous_hash"]),
        hash=bytes.fromhex(content["hash"]),
        sealed_at=datetime.fromisoformat(content["sealed_at"]),
    )
