"""Throttling of attempts at PINs and passwords.

An attempt is checked under the lock of its count, and the count is committed before the caller gets an answer.
A wrong attempt counts, a right one clears the count. So right attempts never use up any, however many arrive at
once.

Unknown, wrong and locked take the same steps: look up, count, commit. So neither the answer nor its time reveals
the case. An attempt at a name that does not exist is counted on a decoy, one of a bounded number.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from attrs import evolve

from ..domain.access.attempts import Attempts
from ..domain.access.codes import Code, MalformedCode, parse_code
from ..domain.tenancy.tenants import PLATFORM_ID, TenantKind, TenantStatus
from .access import public_binding
from .decisions import Decided, Decision, Refused
from .errors import InvalidCredentials
from .ports.bindings import Binding
from .ports.storage import Record, Storage, UnitOfWork
from .ports.tenancy import DirectoryEntry
from .transactions import carry_out

T = TypeVar("T")

_DECOYS: Final = 1024
NOBODY: Final = DirectoryEntry(
    tenant_id=PLATFORM_ID, operator_id=PLATFORM_ID, kind=TenantKind.DEV, slug="platform"
)
"""The place to count attempts at tenants that do not exist."""


def reachable(entry: DirectoryEntry | None) -> DirectoryEntry:
    """Return the entry if its tenant is served, else the place to count attempts at nobody."""
    if entry is None or entry.status is not TenantStatus.ACTIVE:
        return NOBODY
    return entry


def check_attempt(
    storage: Storage,
    entry: DirectoryEntry,
    find: Callable[[UnitOfWork], tuple[UUID, T] | None],
    is_right: Callable[[T], bool],
    *,
    name: str,
    now: datetime,
    note: Callable[[tuple[UUID, T] | None], Sequence[Record]] = lambda _: (),
) -> tuple[Binding, T]:
    """Check an attempt at the subject of a name, which `find` returns with its id.

    Return the binding to go on with, and the subject. Raises InvalidCredentials if it does not exist, is locked or
    the attempt is not right. The attempt is counted then, and the records of `note` are written.
    """

    def read(unit: UnitOfWork) -> tuple[tuple[UUID, T] | None, Attempts]:
        found = find(unit)
        return found, unit.attempts.lock(_decoy(name) if found is None else found[0])

    def decide(found: tuple[tuple[UUID, T] | None, Attempts]) -> Decision[T]:
        decision = decide_attempt(*found, is_right, now)
        return evolve(decision, added=note(found[0])) if isinstance(decision, Refused) else decision

    binding = public_binding(entry)
    return binding, carry_out(storage, binding, read, decide)


def check_code_attempt(
    storage: Storage,
    text: str,
    find: Callable[[UnitOfWork, Code], tuple[UUID, T] | None],
    is_right: Callable[[T], bool],
    *,
    now: datetime,
) -> tuple[Binding, T]:
    """Check an attempt at the subject of a code that somebody typed; see `check_attempt`."""
    try:
        code = parse_code(text)
    except MalformedCode:
        return check_attempt(storage, NOBODY, lambda _: None, is_right, name=text, now=now)
    entry = reachable(storage.directory.by_symbols(code.agent_symbols))
    return check_attempt(storage, entry, lambda unit: find(unit, code), is_right, name=text, now=now)


def decide_attempt(
    found: tuple[UUID, T] | None, attempts: Attempts, is_right: Callable[[T], bool], now: datetime
) -> Decision[T]:
    """Decide an attempt. It counts and is refused if there is no subject, a lock holds or the attempt is wrong."""
    if found is None or attempts.is_locked(now) or not is_right(found[1]):
        return Refused(InvalidCredentials(), saved=(attempts.count(now),))
    return Decided(found[1], saved=(attempts.clear(now),))


def _decoy(name: str) -> UUID:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return UUID(int=int.from_bytes(digest[:8], "big") % _DECOYS)
