"""Provably fair draws: outcomes that a player can check without trusting us.

The house commits to a server seed by publishing its SHA-256, and that of the next one, before anything is played
with it. The player adds a seed of their own. Every round takes the next nonce, and its numbers are 32-bit words
of HMAC-SHA256(server seed, "clientSeed:nonce:block"), turned into numbers below a bound by rejection, so that
all are equally likely. When the player rotates, the server seed is told, and every round played with it can be
recomputed (`docs/fairness.md`, `docs/verify_round.py`). Neither side could have chosen an outcome: the house
knew no client seed when it committed to the seed after the present one, and the player knows the server seed
only when it is spent.

Server seeds are derived, not stored, as PINs are: a stolen database tells no outcome that is still to come.
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
"""What a restore writes in place of a seed that it passes over, before the id: the database has no secrets."""
LONGEST_CLIENT_SEED: Final = 64
CLIENT_SEED_VALUES: Final = 16**16
"""How many client seeds there are that a player is given at first: 16 hexadecimal digits."""
WORD_VALUES: Final = 2**32
_WORD_BYTES: Final = 4
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and halves of characters, which have no bytes."""
_ID_SYMBOLS: Final = 26
_GUARD_SYMBOLS: Final = 16
LINK_SYMBOLS: Final = AGENT_SYMBOLS + _ID_SYMBOLS + _GUARD_SYMBOLS


@define
class SeedRetired(StateRefusal):
    """Raised when the secret that a player's seeds derive from is no longer there. Rotating takes a new one."""

    code: ClassVar[str] = "SEED_RETIRED"
    text: ClassVar[str] = "The server seed can no longer be used: rotate it to play on."
    player_id: UUID


@frozen
class SeedState:
    """Where a player stands: the secret that the seeds derive from, which seed it is, and what was played with it.

    `nonce` is that of the next round; as it counts from 0, it is also how many rounds the seed has decided.
    """

    key_id: str
    client_seed: str
    number: int = 1
    nonce: int = 0

    def played(self) -> "SeedState":
        """Return the state after one more round."""
        return evolve(self, nonce=self.nonce + 1)

    def rotated(self, client_seed: str | None = None) -> "SeedState":
        """Return the state with the next server seed, and a new client seed if one is given."""
        seed = self.client_seed if client_seed is None else client_seed
        return evolve(self, client_seed=seed, number=self.number + 1, nonce=0)

    def moved_to(self, key_id: str) -> "SeedState":
        """Return the state with seeds of another secret: the only way on when its own was retired."""
        return evolve(self, key_id=key_id)


@frozen(kw_only=True)
class RevealedSeed:
    """A server seed that is spent, told to everybody, with what it takes to check the rounds it decided."""

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
        """The hash that was published before it was played with."""
        return commitment_of(self.server_seed)


@frozen
class SeedKeys:
    """The secrets that server seeds derive from, by key id, and the id under which new players get theirs."""

    current: str
    secrets: Mapping[str, bytes] = field(repr=False)

    def new_state(self, client_seed_value: int) -> SeedState:
        """Return the state of a new player, for a random value below CLIENT_SEED_VALUES."""
        return SeedState(self.current, f"{client_seed_value:016x}")

    def server_seed(self, player_id: UUID, state: SeedState) -> bytes:
        """Return the server seed in force. Raises SeedRetired."""
        secret = self.secrets.get(state.key_id)
        if secret is None:
            raise SeedRetired(player_id)
        return hmac.digest(secret, f"server-seed:{player_id}:{state.number}".encode(), "sha256")

    def told(self, seed: RevealedSeed) -> RevealedSeed:
        """Return a seed with its bytes, also where a restore passed it over. Raises SeedRetired."""
        if not seed.server_seed.startswith(DERIVED):
            return seed
        state = SeedState(seed.server_seed.removeprefix(DERIVED).decode(), seed.client_seed, seed.number)
        return evolve(seed, server_seed=self.server_seed(seed.player_id, state))

    def draws(self, player_id: UUID, state: SeedState) -> Draw:
        """Return the draws of the next round. Raises SeedRetired."""
        return Stream(self.server_seed(player_id, state), state.client_seed, state.nonce)

    def link(self, agent_symbols: str, round_id: UUID) -> "RoundLink":
        """Return the link of a round."""
        return RoundLink(agent_symbols, round_id, self._guard(self.current, agent_symbols, round_id))

    def is_genuine(self, link: "RoundLink") -> bool:
        """Whether a link was made here, in the same time whatever it holds."""
        guards = [self._guard(key_id, link.agent_symbols, link.round_id) for key_id in self.secrets]
        return any([hmac.compare_digest(guard, link.guard) for guard in guards])  # noqa: C419 - all are compared

    def _guard(self, key_id: str, agent_symbols: str, round_id: UUID) -> str:
        message = f"round-link:{agent_symbols}:{round_id}".encode()
        digest = hmac.digest(self.secrets[key_id], message, "sha256")
        return symbols_of(int.from_bytes(digest) >> len(digest) * 8 - _GUARD_SYMBOLS * 5, _GUARD_SYMBOLS)


class Stream:
    """The draws of one round: numbers below bounds, from the words of the HMAC, block after block."""

    def __init__(self, server_seed: bytes, client_seed: str, nonce: int) -> None:
        """Begin at the first word."""
        self._words = words_of(server_seed, client_seed, nonce)

    def below(self, bound: int) -> int:
        """Return the next integer in [0, bound), each equally likely; `bound` is 1 to 2^32.

        Words that would favour the low numbers are passed over: those in the last, incomplete run of `bound`.
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
    """Return what is published of a server seed before it is played with: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(server_seed).hexdigest()


def checked_client_seed(text: str) -> str:
    """Return a client seed of 1 to 64 characters, whichever but control characters. Raises InvalidInput."""
    path = "clientSeed"
    if not 1 <= len(text) <= LONGEST_CLIENT_SEED:
        raise InvalidInput(path, f"must be 1 to {LONGEST_CLIENT_SEED} characters")
    if _UNSEEN.search(text):
        raise InvalidInput(path, "must hold no control characters")
    return text


# --- links ------------------------------------------------------------------------------------------------


@define
class MalformedLink(DomainError):
    """Raised for a text that cannot be the link of a round."""

    code: ClassVar[str] = "NOT_FOUND"
    text: ClassVar[str] = "This is not the link of a round."


@frozen
class RoundLink:
    """The public name of a round: the symbols of its agent, its id, and a guard that nobody can guess (80 bits).

    The guard derives from the same secrets as the seeds, so that a link needs no row to be found by.
    """

    agent_symbols: str
    round_id: UUID
    guard: str

    def __str__(self) -> str:
        """Return the link as it stands in an address."""
        return f"{self.agent_symbols}{symbols_of(self.round_id.int, _ID_SYMBOLS)}{self.guard}"

    def __repr__(self) -> str:
        """Keep the guard out of logs and tracebacks."""
        return f"RoundLink({self.agent_symbols}, {self.round_id})"


def parse_link(text: str) -> RoundLink:
    """Read a link, in any case. Raises MalformedLink when it cannot be one."""
    symbols = text.upper()
    if len(symbols) != LINK_SYMBOLS or any(symbol not in ALPHABET for symbol in symbols):
        raise MalformedLink
    number = 0
    for symbol in symbols[AGENT_SYMBOLS:-_GUARD_SYMBOLS]:
        number = number << 5 | ALPHABET.index(symbol)
    if number >= 2**128:
        raise MalformedLink
    return RoundLink(symbols[:AGENT_SYMBOLS], UUID(int=number), symbols[-_GUARD_SYMBOLS:])
