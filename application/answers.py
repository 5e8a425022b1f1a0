"""Idempotency: a command that is named is answered once, and then given the same answer for ever.

The name (the caller's action id or Idempotency-Key, within its actor), the digest of the validated command and
the bytes of the answer are written in the command's own transaction. Refusals that depend on the state are
answers too: a late retry can never turn a no into a yes.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from attrs import field, frozen

from ..domain.errors import InvalidInput, StateRefusal
from .errors import IdempotencyKeyReused, ReplaySecretExpired
from .ports.bindings import AnswerKey, Binding, StoredAnswer
from .ports.storage import UnitOfWork
from .wire import encode, failure, to_wire

REPLAY_SECRET_HOURS: Final = 24
LONGEST_ACTION_ID: Final = 128

SPIN: Final = "SPIN"
"""The command that is a bet."""

Content = dict[str, Any]
Reveal = Callable[[Content, Mapping[str, Any]], None]
"""Puts the secrets into an answer's content, from the hints that were kept of them."""


@frozen
class Answer:
    """A command's answer: its bytes, the refusal's code (None: success), and whether it was given before."""

    body: bytes
    code: str | None = None
    replayed: bool = False

    def content(self) -> Content:
        """Return the answer read back from its bytes."""
        content: Content = json.loads(self.body)
        return content


@frozen
class Outcome:
    """What a command came to: the content of its answer, and the hints its secrets derive from.

    `code` is that of a refusal with which something is written, so that it is not raised; None for a success.
    """

    content: Content
    hints: Mapping[str, Any] = field(factory=dict)
    code: str | None = None


@frozen(kw_only=True)
class Command:
    """A validated command: what it is, and the name it goes by (None: it was not named)."""

    what: str
    digest: bytes
    key: AnswerKey | None

    @classmethod
    def of(cls, what: str, actor_id: UUID, action_id: str | None, **arguments: Any) -> "Command":
        """Return the command `what` with its arguments. Raises InvalidInput for an unusable action id."""
        key = None if action_id is None else AnswerKey(actor_id, checked_action_id(action_id))
        digest = hashlib.sha256(encode({"command": what} | to_wire(arguments))).digest()
        return cls(what=what, digest=digest, key=key)


def checked_action_id(text: str, path: str = "actionId") -> str:
    """Return an action id of 1 to 128 printable ASCII characters. Raises InvalidInput."""
    if not (1 <= len(text) <= LONGEST_ACTION_ID and text.isascii() and text.isprintable()):
        raise InvalidInput(path, f"must be 1 to {LONGEST_ACTION_ID} printable ASCII characters")
    return text


def replay(stored: StoredAnswer, command: Command, now: datetime, reveal: Reveal | None = None) -> Answer:
    """Return the stored answer again. Raises IdempotencyKeyReused, ReplaySecretExpired."""
    if stored.digest != command.digest:
        raise IdempotencyKeyReused(stored.key.action_id)
    if not stored.hints or reveal is None:
        return Answer(stored.body, stored.code, replayed=True)
    if now - stored.created_at >= timedelta(hours=REPLAY_SECRET_HOURS):
        raise ReplaySecretExpired
    return Answer(_revealed(stored.body, stored.hints, reveal), replayed=True)


def settle(
    unit: UnitOfWork,
    command: Command,
    act: Callable[[], Outcome],
    *,
    binding: Binding,
    now: datetime,
    reveal: Reveal | None = None,
) -> Answer:
    """Carry a command out once, keep its answer in the same unit, commit, and return it.

    `act` decides first and gathers its writes last, so that a refusal leaves nothing gathered. A refusal of an
    unnamed command is raised instead of kept: nobody could ask for it again.
    """
    try:
        outcome = act()
    except StateRefusal as refusal:
        if command.key is None:
            raise
        outcome = Outcome(failure(refusal), code=refusal.code)
    body = encode(outcome.content)
    if command.key is not None:
        unit.add(
            StoredAnswer(
                operator_id=binding.operator_id,
                tenant_id=binding.tenant_id,
                key=command.key,
                digest=command.digest,
                body=body,
                created_at=now,
                code=outcome.code,
                hints=outcome.hints,
                command=command.what,
            )
        )
    unit.commit()
    if outcome.hints and reveal is not None:
        body = _revealed(body, outcome.hints, reveal)
    return Answer(body, outcome.code)


def _revealed(body: bytes, hints: Mapping[str, Any], reveal: Reveal) -> bytes:
    """First answer and replay take this same path, so that they are equal to the byte."""
    content: Content = json.loads(body)
    reveal(content, hints)
    return encode(content)
