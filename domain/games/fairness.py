"""Provably fair draws: outcomes that a player can check without trust in us.

The house commits to a server seed, and to the next one, by publishing their SHA-256 before any play with them. The
player adds a client seed. Every round takes the next nonce. Its random values are 32-bit words of
HMAC-SHA256(server seed, "client_seed:nonce:block"), reduced to a bound by rejection, so that all are equally
likely. When the player rotates, the server seed is revealed, and every round played with it can be recomputed
(`docs/fairness.md`, `docs/verify_round.py`).

Neither side can choose an outcome. The house did not know the client seed when it committed to the seed after the
current one. The player learns a server seed only after it was replaced.

Server seeds are derived, not stored, like PINs: a stolen database reveals no future outcome.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from attrs import define, evolve, field, frozen

from ..access.codes import AGENT_SYMBOLS, ALPHABET, symbols_of
from ..errors import DomainError, InvalidInput, StateRefusal
from .game import Draw

DERIVED: Final = b"derived from the secret with the id "
"""The prefix of a seed that a restore skipped, before its key id: the database has no secrets."""
LONGEST_CLIENT_SEED: Final = 64
CLIENT_SEED_VALUES: Final = 16**16
"""The number of initial client seeds of a player: 16 hexadecimal digits."""
WORD_VALUES: Final = 2**32
_WORD_BYTES: Final = 4
_NOT_ALLOWED: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and surrogates, which have no bytes in UTF-8."""
_ID_SYMBOLS: Final = 26
_GUARD_SYMBOLS: Final = 16
LINK_SYMBOLS: Final = AGENT_SYMBOLS + _ID_SYMBOLS + _GUARD_SYMBOLS


@define
class SeedRetired(StateRefusal):
    """Raised when the secret of a player's seeds was removed. A rotation switches to the current secret."""

    code: ClassVar[str] = "SEED_RETIRED"
    text: ClassVar[str] = "The server seed can no longer be used: rotate it to play on."
    player_id: UUID


@frozen
class SeedState:
    """A player's place in the sequence of draws: the secret's key id, the client seed, the server seed's number.

    `nonce` is the nonce of the next round. It counts from 0, so it is also the number of rounds of this seed.
    """

    key_id: str
    client_seed: str
    number: int = 1
    nonce: int = 0

    def played(self) -> "SeedState":
        """Return the state after another round."""
        return evolve(self, nonce=self.nonce + 1)

    def rotated(self, client_seed: str | None = None) -> "SeedState":
        """Return the state with the next server seed, and a new client seed if one is given."""
        seed = self.client_seed if client_seed is None else client_seed
        return evolve(self, client_seed=seed, number=self.number + 1, nonce=0)

    def moved_to(self, key_id: str) -> "SeedState":
        """Return the state with seeds from another secret, as needed when its own was retired."""
        return evolve(self, key_id=key_id)


@frozen(kw_only=True)
class RevealedSeed:
    """A server seed that was replaced and is now public, with the data that its rounds are checked with."""

    operator_id: UUID
    tenant_id: UUID
    player_id: UUID
    number: int
    server_seed: bytes
    client_seed: str
    rounds: int
    revealed_at: datetime

    @property
    def commitment(self) -> str:
        """The hash that was published before play."""
        return commitment_of(self.server_seed)


@frozen
class SeedKeys:
    """The secrets that server seeds derive from, by key id; `current` is the key id for new players."""

    current: str
    secrets: Mapping[str, bytes] = field(repr=False)

    def new_state(self, client_seed_value: int) -> SeedState:
        """Return the state of a new player, from a random value below CLIENT_SEED_VALUES."""
        return SeedState(self.current, f"{client_seed_value:016x}")

    def server_seed(self, player_id: UUID, state: SeedState) -> bytes:
        """Return the current server seed of the state. Raises SeedRetired."""
        secret = self.secrets.get(state.key_id)
        if secret is None:
            raise SeedRetired(player_id)
        return hmac.digest(secret, f"server-seed:{player_id}:{state.number}".encode(), "sha256")

    def with_server_seed(self, seed: RevealedSeed) -> RevealedSeed:
        """Return the seed with its bytes, which are derived if a restore skipped it. Raises SeedRetired."""
        if not seed.server_seed.startswith(DERIVED):
            return seed
        state = SeedState(seed.server_seed.removeprefix(DERIVED).decode(), seed.client_seed, seed.number)
        return evolve(seed, server_seed=self.server_seed(seed.player_id, state))

    def draw(self, player_id: UUID, state: SeedState) -> Draw:
        """Return the draw of the next round. Raises SeedRetired."""
        return HmacDraw(self.server_seed(player_id, state), state.client_seed, state.nonce)

    def link(self, agent_symbols: str, round_id: UUID) -> "RoundLink":
        """Return the link of a round."""
        return RoundLink(agent_symbols, round_id, self._guard(self.current, agent_symbols, round_id))

    def is_genuine(self, link: "RoundLink") -> bool:
        """Return whether a link was made here, in constant time."""
        guards = [self._guard(key_id, link.agent_symbols, link.round_id) for key_id in self.secrets]
        return any([hmac.compare_digest(guard, link.guard) for guard in guards])  # noqa: C419 - all are compared

    def _guard(self, key_id: str, agent_symbols: str, round_id: UUID) -> str:
        message = f"round-link:{agent_symbols}:{round_id}".encode()
        digest = hmac.digest(self.secrets[key_id], message, "sha256")
        return symbols_of(int.from_bytes(digest) >> len(digest) * 8 - _GUARD_SYMBOLS * 5, _GUARD_SYMBOLS)


class HmacDraw:
    """The draw of one round, from the words of the HMAC, block after block."""

    def __init__(self, server_seed: bytes, client_seed: str, nonce: int) -> None:
        """Start at the first word."""
        self._words = words_of(server_seed, client_seed, nonce)

    def below(self, bound: int) -> int:
        """Return the next integer in [0, bound), each equally likely; `bound` is from 1 to 2^32.

        Words in the last, incomplete run of `bound` are skipped, because they would favour the low values.
        """
        accepted = WORD_VALUES - WORD_VALUES % bound
        return next(word for word in self._words if word < accepted) % bound


def words_of(server_seed: bytes, client_seed: str, nonce: int) -> Iterator[int]:
    """Yield the 32-bit words of a round: eight of each block, most significant byte first."""
    block = 0
    while True:
        digest = hmac.digest(server_seed, f"{client_seed}:{nonce}:{block}".encode(), "sha256")
        for at in range(0, len(digest), _WORD_BYTES):
            yield int.from_bytes(digest[at : at + _WORD_BYTES], "big")
        block += 1


def commitment_of(server_seed: bytes) -> str:
    """Return the commitment to a server seed: its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(server_seed).hexdigest()


def checked_client_seed(text: str) -> str:
    """Return the client seed if it has 1 to 64 characters and no control characters. Raises InvalidInput."""
    path = "client_seed"
    if not 1 <= len(text) <= LONGEST_CLIENT_SEED:
        raise InvalidInput(path, f"must be 1 to {LONGEST_CLIENT_SEED} characters")
    if _NOT_ALLOWED.search(text):
        raise InvalidInput(path, "must not have control characters")
    return text


# --- links ------------------------------------------------------------------------------------------------


@define
class MalformedLink(DomainError):
    """Raised for a text that cannot be the link of a round."""

    code: ClassVar[str] = "NOT_FOUND"
    text: ClassVar[str] = "This is not the link of a round."


@frozen
class RoundLink:
    """The public name of a round: its agent's symbols, its id, and an unguessable guard of 80 bits.

    The guard derives from the same secrets as the seeds, so that no table of links is needed.
    """

    agent_symbols: str
    round_id: UUID
    guard: str

    def __str__(self) -> str:
        """Return the link's text, as used in addresses."""
        return f"{self.agent_symbols}{symbols_of(self.round_id.int, _ID_SYMBOLS)}{self.guard}"

    def __repr__(self) -> str:
        """Keep the guard out of logs and tracebacks."""
        return f"RoundLink({self.agent_symbols}, {self.round_id})"


def parse_link(text: str) -> RoundLink:
    """Parse a link, upper or lower case. Raises MalformedLink if the text cannot be a link."""
    symbols = text.upper()
    if len(symbols) != LINK_SYMBOLS or any(symbol not in ALPHABET for symbol in symbols):
        raise MalformedLink
    number = 0
    for symbol in symbols[AGENT_SYMBOLS:-_GUARD_SYMBOLS]:
        number = number << 5 | ALPHABET.index(symbol)
    if number >= 2**128:
        raise MalformedLink
    return RoundLink(symbols[:AGENT_SYMBOLS], UUID(int=number), symbols[-_GUARD_SYMBOLS:])
