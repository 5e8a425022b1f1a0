"""Guarding secrets against guessing.

An attempt is counted and committed before the secret is looked at, and given back on success. Unknown, wrong and
locked take the same steps (look up, count, commit), so that neither the answer nor its time tells them apart:
what does not exist is counted on a decoy, one of a bounded number.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from ..domain.tenancy.tenants import PLATFORM_ID, TenantKind, TenantStatus
from .access import public_binding
from .errors import InvalidCredentials, InvalidToken
from .ports.bindings import Binding
from .ports.storage import Storage, UnitOfWork
from .ports.tenancy import Directory, DirectoryEntry
from .transactions import transact

T = TypeVar("T")

_DECOYS: Final = 1024
NOBODY: Final = DirectoryEntry(
    tenant_id=PLATFORM_ID, operator_id=PLATFORM_ID, kind=TenantKind.DEV, slug="platform"
)
"""Where guesses at codes of tenants that do not exist are counted."""


def reachable(entry: DirectoryEntry | None) -> DirectoryEntry:
    """Return the entry when its tenant is served, else the place where vain guesses are counted."""
    if entry is None or entry.status is not TenantStatus.ACTIVE:
        return NOBODY
    return entry


def require_served(directory: Directory, tenant_id: UUID) -> None:
    """Raise InvalidToken when a token's tenant is no longer served."""
    entry = directory.by_tenant(tenant_id)
    if entry is None or entry.status is not TenantStatus.ACTIVE:
        raise InvalidToken


def admit(
    storage: Storage,
    entry: DirectoryEntry,
    find: Callable[[UnitOfWork], tuple[UUID, T] | None],
    *,
    guessed: str,
    now: datetime,
) -> tuple[Binding, T]:
    """Count a guess at what `find` returns (its id and itself), and return it with the binding to go on with.

    Raises InvalidCredentials when there is nothing to find or it is locked; in both cases the guess was counted.
    """
    binding = public_binding(entry)

    def work(unit: UnitOfWork) -> T | None:
        found = find(unit)
        subject_id = _decoy(guessed) if found is None else found[0]
        attempts = unit.attempts.lock(subject_id)
        locked = attempts.is_locked(now)
        unit.save(attempts.count(now))
        unit.commit()
        return None if found is None or locked else found[1]

    admitted = transact(storage, binding, work)
    if admitted is None:
        raise InvalidCredentials
    return binding, admitted


def _decoy(guessed: str) -> UUID:
    digest = hashlib.sha256(guessed.encode("utf-8", "surrogatepass")).digest()
    return UUID(int=int.from_bytes(digest[:8], "big") % _DECOYS)
