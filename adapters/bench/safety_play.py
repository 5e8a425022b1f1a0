"""Sessions for the benchmark of the safety engine: ordinary play in three styles, and planted signs of risk.

Ordinary play is fair, at a stake that stays even, varies slowly, or changes at random with each spin. A planted
sign begins after ordinary even play. The stake doubles after each loss, or it grows by half each fifth spin, or
five minutes of spins are all lost.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, repeat
from random import Random
from typing import Final

from attrs import define, field, frozen

from ...application.safety.odds import GameOdds
from ...domain.games.game import Game
from ...domain.safety.markers import PlayedSpin
from ...domain.safety.policy import DEFAULT_POLICY
from ...domain.safety.risk import Risk, RiskScorer

START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAKE_MINOR: Final = 100
START_BALANCE_MINOR: Final = 10_000
GAP_MS: Final = (2_000, 6_000)
"""The time between spins at an ordinary pace, uniformly distributed: 1,000 spins take a little over an hour."""

LENGTHS: Final = (50, 100, 200, 500, 1_000)
LADDER_MINOR: Final = (100, 200, 300, 400, 500)
MIXED_MINOR: Final = (100, 200, 400, 1_000)
STAYS_SPINS: Final = (20, 60)
READ_SPINS: Final = 160
"""More spins than the markers look at: five minutes at the fastest ordinary pace."""

ORDINARY_BEFORE: Final = 100
FOUND_WITHIN: Final = (10, 20, 40, 75)
LARGEST_CHASED_MINOR: Final = 64 * STAKE_MINOR


@frozen
class RandomDraw:
    """Draws of a pseudo-random generator: cheaper than the seeds of players, and repeatable."""

    random: Random

    def below(self, bound: int) -> int:
        """Return the next draw, below `bound`."""
        return self.random.randrange(bound)


def even_stakes(_random: Random) -> Iterator[int]:
    """Yield the same stake."""
    return repeat(STAKE_MINOR)


def slow_stakes(random: Random) -> Iterator[int]:
    """Yield stakes that go a step up or down a ladder after some minutes."""
    step = 0
    while True:
        yield from repeat(LADDER_MINOR[step], random.randint(*STAYS_SPINS))
        step = min(max(step + random.choice((-1, 1)), 0), len(LADDER_MINOR) - 1)


def mixed_stakes(random: Random) -> Iterator[int]:
    """Yield stakes at random."""
    while True:
        yield random.choice(MIXED_MINOR)


STYLES: Final[Mapping[str, Callable[[Random], Iterator[int]]]] = {
    "even": even_stakes,
    "slow": slow_stakes,
    "mixed": mixed_stakes,
}


@define
class ScoredSession:
    """A session that is played and scored spin by spin."""

    game: Game
    scorer: RiskScorer
    random: Random
    spins: list[PlayedSpin] = field(factory=list)
    _moment: datetime = START

    def play(self, stake_minor: int, *, lost: bool = False) -> PlayedSpin:
        """Play one spin at an ordinary pace."""
        self._moment += timedelta(milliseconds=self.random.randint(*GAP_MS))
        coins = 0 if lost else self.game.play(RandomDraw(self.random)).coins
        win_minor = coins * stake_minor // self.game.stake.coins
        spin = PlayedSpin(
            game_key=self.game.game_key, stake_minor=stake_minor, win_minor=win_minor, played_at=self._moment
        )
        self.spins.append(spin)
        return spin

    @property
    def risk(self) -> Risk:
        """The present risk."""
        return self.scorer.score(
            self.spins[-READ_SPINS:],
            start_balance_minor=START_BALANCE_MINOR,
            now=self._moment,
            session_spins=len(self.spins),
        )


@frozen
class FairPlay:
    """The first spins at which fair sessions of a game and style reached ELEVATED and TILT_RISK, if they did.

    `reasons` are the markers at ELEVATED, with the number of sessions.
    """

    game_key: str
    style: str
    elevated: Sequence[int | None]
    tilt_risk: Sequence[int | None]
    reasons: Mapping[str, int] = field(factory=dict)

    def shares(self, spins: int) -> tuple[float, float]:
        """Return the shares of sessions of a length that reached each band."""
        first, second = (
            sum(at is not None and at <= spins for at in reached) / len(reached)
            for reached in (self.elevated, self.tilt_risk)
        )
        return first, second


def fair_play(
    game: Game, games: Sequence[Game], style: str, *, sessions: int, seed: int, lengths: Sequence[int] = LENGTHS
) -> FairPlay:
    """Play fair sessions of the greatest length, and score each spin of them."""
    random = Random(f"{style}:{game.game_key}:{seed}")  # noqa: S311 - repeatable
    scorer = RiskScorer(DEFAULT_POLICY, GameOdds(games))
    reasons: Counter[str] = Counter()
    reached = [
        _first_reached(ScoredSession(game, scorer, random), islice(STYLES[style](random), lengths[-1]), reasons)
        for _ in range(sessions)
    ]
    elevated, tilt_risk = zip(*reached, strict=True)
    return FairPlay(game.game_key, style, elevated, tilt_risk, reasons)


def _first_reached(
    session: ScoredSession, stakes: Iterable[int], reasons: Counter[str]
) -> tuple[int | None, int | None]:
    """Play a session, and count its reasons at ELEVATED."""
    elevated = None
    for number, stake_minor in enumerate(stakes, start=1):
        session.play(stake_minor)
        risk = session.risk
        if elevated is None and risk.score >= DEFAULT_POLICY.bands["elevated"]:
            elevated = number
            reasons.update(risk.reasons)
        if risk.score >= DEFAULT_POLICY.bands["tilt_risk"]:
            return elevated, number
    return elevated, None


# --- planted signs --------------------------------------------------------------------------------------------

Plant = Callable[[ScoredSession, int], PlayedSpin]
"""Plays one spin of a planted sign, by its number from 0."""


def chasing(session: ScoredSession, _number: int) -> PlayedSpin:
    """Double the stake after a lost spin, and go back after any other."""
    last = session.spins[-1]
    return session.play(min(2 * last.stake_minor, LARGEST_CHASED_MINOR) if last.is_lost else STAKE_MINOR)


def acceleration(session: ScoredSession, number: int) -> PlayedSpin:
    """Raise the stake by half after each fifth spin, six times."""
    return session.play(STAKE_MINOR * 3 ** min(number // 5, 6) // 2 ** min(number // 5, 6))


def cluster(session: ScoredSession, _number: int) -> PlayedSpin:
    """Lose every spin at the ordinary stake."""
    return session.play(STAKE_MINOR, lost=True)


PLANTS: Final[Mapping[str, Plant]] = {"chasing": chasing, "acceleration": acceleration, "cluster": cluster}


@frozen
class Planted:
    """The numbers of planted spins after which sessions reached ELEVATED; None for those that did not."""

    game_key: str
    plant: str
    found: Sequence[int | None]

    def share(self, spins: int) -> float:
        """Return the share of sessions that were found within some spins."""
        return sum(at is not None and at <= spins for at in self.found) / len(self.found)


def planted(game: Game, games: Sequence[Game], plant: str, *, sessions: int, seed: int) -> Planted:
    """Play sessions with a planted sign, and score each of its spins."""
    random = Random(f"{plant}:{game.game_key}:{seed}")  # noqa: S311 - repeatable
    scorer = RiskScorer(DEFAULT_POLICY, GameOdds(games))
    return Planted(
        game.game_key, plant, [_found(ScoredSession(game, scorer, random), PLANTS[plant]) for _ in range(sessions)]
    )


def _found(session: ScoredSession, plant: Plant) -> int | None:
    for _ in range(ORDINARY_BEFORE):
        session.play(STAKE_MINOR)
    for number in range(FOUND_WITHIN[-1]):
        plant(session, number)
        if session.risk.score >= DEFAULT_POLICY.bands["elevated"]:
            return number + 1
    return None
