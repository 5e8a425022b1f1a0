"""Checking an exported ledger: the file alone, without a database."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from attrs import define, field, frozen

from ..domain.seals import FORM, ChainCheck, Place, Seal, digest_of
from .sealing import SealedBooks

_DIGEST_BYTES: Final = 32


@frozen
class FileFault:
    """What is wrong with a file, and in which line."""

    line: int
    reason: str


@frozen
class CheckedFile:
    """What checking a file came to."""

    operators: tuple[SealedBooks, ...]
    faults: tuple[FileFault, ...]

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
    _ended: bool = field(default=False, init=False)

    def add(self, line: bytes) -> None:
        """Take in the next line, without its line feed."""
        self._lines += 1
        try:
            self._take(line)
        except (_Malformed, ValueError, KeyError, TypeError, AttributeError) as error:
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
        return CheckedFile(tuple(operator.books() for operator in self._operators), tuple(self._faults))

    def _take(self, line: bytes) -> None:
        content = json.loads(line)
        if self._ended:
            raise _Malformed("comes after the end")
        if self._lines == 1:
            if content.get("export", {}).get("form") != FORM:
                raise _Malformed(f"the file does not say that it is of the form {FORM}")
        elif "operator" in content:
            about = content["operator"]
            self._operators.append(_Operator(UUID(about["operatorId"]), about["slug"]))
        elif "end" in content:
            self._ended = True
            if content["end"] != {"events": self._events, "seals": self._seals}:
                raise _Malformed("the file had other numbers of events and seals when it was made")
        else:
            self._take_item(line, content)

    def _take_item(self, line: bytes, content: dict[str, Any]) -> None:
        operator = self._operators[-1] if self._operators else None
        if operator is None:
            raise _Malformed("comes before any operator")
        if "seal" in content:
            self._seals += 1
            operator.breaks += operator.check.close(_seal_of(content["seal"]))
            return
        self._events += 1
        if "digest" in content:
            digest = bytes.fromhex(content["digest"])
            if len(digest) != _DIGEST_BYTES:
                raise _Malformed("is no digest")
            operator.check.add(digest)
            return
        if content["operatorId"] != str(operator.operator_id):
            raise _Malformed("is an event of another operator")
        operator.check.add(digest_of(line))

    def _fault(self, reason: str) -> None:
        self._faults.append(FileFault(self._lines, reason))


def check_lines(lines: Iterable[bytes]) -> CheckedFile:
    """Check a file that is there whole."""
    check = LedgerFileCheck()
    for line in lines:
        check.add(line)
    return check.result()


def events_of(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the events of an exported ledger as they stand there."""
    for line in lines:
        content = json.loads(line)
        if isinstance(content, dict) and "eventId" in content:
            yield content


def _seal_of(content: dict[str, Any]) -> Seal:
    operator_id = UUID(content["operatorId"])
    return Seal(
        operator_id=operator_id,
        tenant_id=operator_id,
        number=content["number"],
        # Where events stand in the database is nothing that a file tells, or has to.
        first=Place(0, 0, UUID(content["firstEventId"])),
        last=Place(0, 0, UUID(content["lastEventId"])),
        event_count=content["eventCount"],
        previous_hash=bytes.fromhex(content["previousHash"]),
        hash=bytes.fromhex(content["hash"]),
        sealed_at=datetime.fromisoformat(content["sealedAt"]),
    )
