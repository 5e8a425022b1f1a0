"""The binding of a unit of work, and the stored answers to its named commands."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from attrs import field, frozen

SYSTEM_ID: Final = UUID("00000000-0000-7000-8000-000000000001")
"""The actor of the system's own work."""


@frozen(kw_only=True)
class Binding:
    """The identity that a unit of work runs as. It decides the rows that the unit can see and write.

    Rows of `operator_id` are visible if `tenant_id` is the operator itself or the row's own tenant. `role` and
    `user_id` name the actor for the record; they give no access.

    `acting_tenant_id` is the tenant that a known caller acts for. The unit is refused while that tenant or its
    operator is suspended. None: the system, the platform's owner, or a caller who is not known yet.
    """

    operator_id: UUID
    tenant_id: UUID
    role: str
    user_id: UUID
    acting_tenant_id: UUID | None = None


@frozen
class AnswerKey:
    """Names a command within its actor: the caller's own action id or Idempotency-Key."""

    actor_id: UUID
    action_id: str


@frozen(kw_only=True)
class StoredAnswer:
    """A committed answer, stored forever: the digest of the request, and the bytes of the answer.

    `code` is None for a success, else the refusal's code. The body never has a PIN or token; `hints` are the data
    to derive these again, or empty. `command` is the name of the command. `game_key` and
    `provider` are those of a refused spin.
    """

    operator_id: UUID
    tenant_id: UUID
    key: AnswerKey
    digest: bytes
    body: bytes
    created_at: datetime
    command: str
    code: str | None = None
    hints: Mapping[str, Any] = field(factory=dict)
    game_key: str | None = None
    provider: str | None = None
