"""An engine for tests: the real use cases on any storage, with deterministic doubles of the services.

The same seed and the same calls give the same ids, tickets, codes and PINs. Engines that share one database
need different seeds: the seed is part of every id.
"""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

import attrs

from ..application.engine import Engine, EngineParts, compose
from ..application.errors import InvalidToken
from ..application.ports.services import Claims, Clock, Ids, Randomness, Stopwatch
from ..application.ports.storage import Storage
from ..domain.access.pins import PinKeys
from ..domain.games.demo import DEMO_GAME
from ..domain.games.fairness import SeedKeys, SeedState
from ..domain.games.game import Draw, Game
from ..domain.tenancy.staff import Role

START: Final = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
"""The moment at which the clocks of tests start."""

PINS: Final = PinKeys(current="test-1", secrets={"test-1": b"a PIN secret of tests, 32 bytes..."})
"""The PIN secrets of every engine of tests."""

LIFETIME_MINUTES: Final = {"access": 60, "refresh": 60 * 24 * 30}
"""The lifetime of each kind of token in tests."""


class SettableClock:
    """A clock that stands still until a test moves it, forwards or backwards."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the moment that was set last."""
        return self._now

    def set(self, moment: datetime) -> None:
        """Show `moment`, which must have a timezone, from now on."""
        self._now = moment.astimezone(UTC)

    def advance(self, **by: float) -> None:
        """Move the clock by a `timedelta` of the arguments: `advance(minutes=31)`."""
        self._now += timedelta(**by)


@attrs.frozen
class ClockStopwatch:
    """A stopwatch that a test moves with its clock."""

    clock: Clock

    def elapsed(self) -> timedelta:
        """Return the time since START."""
        return self.clock.now() - START


class NotedSweep:
    """The end of the last sweep in this process."""

    def __init__(self) -> None:
        self._ended: datetime | None = None

    def note(self, ended: datetime) -> None:
        """Remember the time."""
        self._ended = ended

    def last(self) -> datetime | None:
        """Return the time."""
        return self._ended


class CountingIds:
    """UUIDv7s of the clock's milliseconds, a counter, and the seed, in this order."""

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self._clock = clock
        digest = hashlib.sha256(f"ids:{seed}".encode()).digest()
        self._salt = int.from_bytes(digest[:8], "big") >> 20
        self._count = 0
        self._mutex = threading.Lock()

    def new(self) -> UUID:
        """Return the next id; within a millisecond ids sort by age."""
        with self._mutex:
            self._count += 1
            count = self._count
        millis = int(self._clock.now().timestamp() * 1000)
        high, low = divmod(count % 2**30, 2**18)
        return UUID(int=millis << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low << 44 | self._salt)


class SeededRandomness:
    """Draws that a seed repeats."""

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)
        self._mutex = threading.Lock()

    def below(self, bound: int) -> int:
        """Return the next number of the seed's sequence below `bound`."""
        with self._mutex:
            return self._random.randrange(bound)


class ScriptedRandomness:
    """Draws the numbers of a script, and then those of a seed. A scripted number must fit its bound."""

    def __init__(self, *draws: int, seed: int = 0) -> None:
        self._draws = list(draws)
        self._rest = SeededRandomness(seed)

    def script(self, *draws: int) -> None:
        """Replace the rest of the script."""
        self._draws = list(draws)

    def below(self, bound: int) -> int:
        """Return the next draw of the script."""
        if not self._draws:
            return self._rest.below(bound)
        draw = self._draws.pop(0)
        assert 0 <= draw < bound, f"the script draws {draw} where {bound} is the bound"
        return draw


class QuickPasswords:
    """Salted hashes that cost nothing: for tests only."""

    def __init__(self) -> None:
        self._salt = 0

    def is_common(self, text: str) -> bool:
        """Return whether a text is one of two common passwords."""
        return text in {"password", "qwerty"}

    def hash(self, password: str) -> str:
        """Return a salted hash that `verify` accepts."""
        self._salt += 1
        return self._hash(str(self._salt), password)

    def is_outdated(self, password_hash: str) -> bool:
        """Return False for each hash of this class."""
        return "$" not in password_hash

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Return whether the password has this hash; None is the hash of no password."""
        if password_hash is None:
            return False
        salt = password_hash.partition("$")[0]
        return hmac.compare_digest(password_hash, self._hash(salt, password))

    def _hash(self, salt: str, password: str) -> str:
        digest = hashlib.sha256(f"{salt}${password}".encode("utf-8", "surrogatepass")).hexdigest()
        return f"{salt}${digest}"


class QuickTokens:
    """Signed claims that expire by the clock of the test."""

    def __init__(self, clock: Clock, secret: bytes = b"a token secret of tests") -> None:
        self._clock = clock
        self._secret = secret

    def issue(self, claims: Claims) -> str:
        """Return the claims, signed; the same claims always give the same token."""
        content = attrs.asdict(claims, value_serializer=_plain)
        body = base64.urlsafe_b64encode(json.dumps(content, sort_keys=True).encode()).decode()
        return f"{body}.{self._sign(body)}"

    def read(self, token: str, kind: str, use: str) -> Claims:
        """Return the claims of a good token. Raises InvalidToken."""
        body, _, signature = token.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(body).encode()):
            raise InvalidToken
        claims = _claims(json.loads(base64.urlsafe_b64decode(body)))
        life = timedelta(minutes=LIFETIME_MINUTES[claims.use])
        if (claims.kind, claims.use) != (kind, use) or self._clock.now() - claims.issued_at >= life:
            raise InvalidToken
        return claims

    def _sign(self, body: str) -> str:
        return hmac.new(self._secret, body.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


@attrs.frozen
class ScriptedSeeds(SeedKeys):
    """Seed keys whose rounds draw from `randomness`."""

    randomness: Randomness = attrs.field(kw_only=True)

    def draw(self, player_id: UUID, state: SeedState) -> Draw:
        """Return the scripted draw."""
        return self.randomness


def build_parts(
    storage: Storage,
    *,
    seed: int = 0,
    clock: Clock | None = None,
    storage_clock: Clock | None = None,
    stopwatch: Stopwatch | None = None,
    ids: Ids | None = None,
    randomness: Randomness | None = None,
    pins: PinKeys = PINS,
    seeds: SeedKeys | None = None,
    games: Sequence[Game] = (DEMO_GAME,),
    spins_together: int = 32,
) -> EngineParts:
    """Return a storage with the doubles of a seed; each given part replaces its double."""
    clock = clock or SettableClock()
    return EngineParts(
        storage=storage,
        clock=clock,
        storage_clock=storage_clock or clock,
        stopwatch=stopwatch or ClockStopwatch(clock),
        sweep_log=NotedSweep(),
        ids=ids or CountingIds(clock, seed),
        randomness=randomness or SeededRandomness(seed),
        passwords=QuickPasswords(),
        tokens=QuickTokens(clock),
        pins=pins,
        seeds=seeds or _seeds(randomness),
        games=games,
        spins_together=spins_together,
    )


def build_engine(storage: Storage, **parts: Any) -> Engine:
    """Return the real use cases on `storage`; takes the arguments of `build_parts`.

    A `SettableClock` moves the time. A `ScriptedRandomness` chooses the draws of the rounds.
    """
    return compose(build_parts(storage, **parts))


def _seeds(randomness: Randomness | None) -> SeedKeys:
    if isinstance(randomness, ScriptedRandomness):
        return ScriptedSeeds(PINS.current, PINS.secrets, randomness=randomness)
    return SeedKeys(PINS.current, PINS.secrets)


def _plain(_instance: object, _field: object, value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _claims(content: dict[str, Any]) -> Claims:
    for name in ("subject_id", "session_id", "operator_id", "tenant_id"):
        content[name] = UUID(content[name])
    content["issued_at"] = datetime.fromisoformat(content["issued_at"])
    content["role"] = None if content["role"] is None else Role(content["role"])
    return Claims(**content)
