"""Idempotency: a command is decided once; every repetition under its name gets the stored answer.

The name is the caller's action id or Idempotency-Key, within its actor. A command without one gets a new id, which
the caller learns if the outcome is unknown. The name, the digest of the validated command and the bytes of the
answer are written in the command's own transaction. Refusals that depend on the state are answers too, if the
caller named the command. A late retry can then never turn a refusal into a success.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from attrs import field, frozen

from ..domain.errors import InvalidInput, StateRefusal
from .decisions import Decided, Decision
from .errors import IdempotencyKeyReused, ReplaySecretExpired
from .ports.bindings import AnswerKey, Binding, StoredAnswer
from .wire import encode, failure, to_wire

REPLAY_SECRET_HOURS: Final = 24
LONGEST_ACTION_ID: Final = 128

SPIN: Final = "SPIN"
"""The command that is a bet."""

Content = dict[str, Any]
Reveal = Callable[[Content, Mapping[str, Any]], None]
"""Puts the secrets into the content of an answer. It derives them from the hints stored with the answer."""


@frozen
class Answer:
    """A command's answer: its bytes, the code of a refusal (None: success), and whether it is a replay.

    `hints` are the values from which the secrets are derived that the bytes lack; see `revealed`.
    """

    body: bytes
    code: str | None = None
    replayed: bool = False
    hints: Mapping[str, Any] = field(factory=dict, repr=False)

    def content(self) -> Content:
        """Return the answer read back from its bytes."""
        content: Content = json.loads(self.body)
        return content

    def revealed(self, reveal: Reveal) -> "Answer":
        """Return the answer with its secrets put in. First answer and replay get equal bytes."""
        if not self.hints:
            return self
        content = self.content()
        reveal(content, self.hints)
        return Answer(encode(content), self.code, self.replayed)


@frozen(kw_only=True)
class Command:
    """A validated command: its kind, the digest of kind and arguments, and its name.

    `stores_refusals` says whether a state refusal is an answer to store. `game_key` and `provider` are those of a
    spin's game.
    """

    what: str
    digest: bytes
    key: AnswerKey
    stores_refusals: bool = True
    game_key: str | None = None
    provider: str | None = None

    @classmethod
    def of(cls, what: str, actor_id: UUID, action_id: str, **arguments: Any) -> "Command":
        """Return the command `what` with its arguments. Raises InvalidInput for an unusable action id."""
        key = AnswerKey(actor_id, checked_action_id(action_id))
        digest = hashlib.sha256(encode({"command": what} | to_wire(arguments))).digest()
        return cls(what=what, digest=digest, key=key)


def checked_action_id(text: str, path: str = "action_id") -> str:
    """Return an action id of 1 to 128 printable ASCII characters. Raises InvalidInput."""
    if not (1 <= len(text) <= LONGEST_ACTION_ID and text.isascii() and text.isprintable()):
        raise InvalidInput(path, f"must be 1 to {LONGEST_ACTION_ID} printable ASCII characters")
    return text


def replay(stored: StoredAnswer, command: Command, now: datetime) -> Answer:
    """Return the stored answer again. Raises IdempotencyKeyReused, ReplaySecretExpired."""
    if stored.digest != command.digest:
        raise IdempotencyKeyReused(stored.key.action_id)
    if stored.hints and now - stored.created_at >= timedelta(hours=REPLAY_SECRET_HOURS):
        raise ReplaySecretExpired
    return Answer(stored.body, stored.code, replayed=True, hints=stored.hints)


def answered(
    decision: Decision[Content], command: Command, *, binding: Binding, now: datetime
) -> Decision[Answer]:
    """Turn the decision on a command into one with its answer, which is stored.

    A state refusal becomes an answer as well if the command stores refusals. Other refusals are not stored: nobody
    knows a name to ask for them again, or asking again changes nothing.
    """
    if isinstance(decision, Decided):
        content, code, hints = decision.result, None, decision.hints
    elif command.stores_refusals and isinstance(decision.error, StateRefusal):
        content, code, hints = failure(decision.error), decision.error.code, {}
    else:
        return decision
    body = encode(content)
    stored = StoredAnswer(
        operator_id=binding.operator_id,
        tenant_id=binding.tenant_id,
        key=command.key,
        digest=command.digest,
        body=body,
        created_at=now,
        code=code,
        hints=hints,
        command=command.what,
        game_key=None if code is None else command.game_key,
        provider=None if code is None else command.provider,
    )
    answer = Answer(body, code, hints=hints)
    return Decided(answer, added=(*decision.added, stored), saved=decision.saved)
