"""Play for the tests of the safety engine: spins a second apart, scored by the default policy."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from attrs import evolve

from playtime.domain.safety.fair_losses import FairGame
from playtime.domain.safety.markers import PlayedSpin
from playtime.domain.safety.policy import DEFAULT_POLICY, RiskPolicy
from playtime.domain.safety.risk import Risk, RiskScorer

from support.models import NOW

WHEEL: Final = "demo-wheel"
CHANCES: Final = {WHEEL: Fraction(4105, 10_000), "rare": Fraction(14_285, 100_000), "slot": Fraction(23, 100)}
"""Games by their chance that a win is at least the stake; k* is 16, 45 and 29."""

ODDS: Final = {game_key: FairGame(chance) for game_key, chance in CHANCES.items()}


def spin(
    stake_minor: int = 100, win_minor: int = 0, *, game_key: str = WHEEL, played_at: datetime = NOW
) -> PlayedSpin:
    """Return one spin, lost unless a win is given."""
    return PlayedSpin(game_key=game_key, stake_minor=stake_minor, win_minor=win_minor, played_at=played_at)


def paced(spins: Sequence[PlayedSpin], gap_ms: int = 3_000, until: datetime = NOW) -> list[PlayedSpin]:
    """Return spins at an even pace, the last of them at `until`."""
    gap = timedelta(milliseconds=gap_ms)
    return [evolve(one, played_at=until - gap * (len(spins) - 1 - at)) for at, one in enumerate(spins)]


def staked(*stakes_minor: int) -> list[PlayedSpin]:
    """Return spins of these stakes, each with its stake won back, at an ordinary pace."""
    return paced([spin(stake, stake) for stake in stakes_minor])


def scored(
    spins: Sequence[PlayedSpin],
    *,
    start_balance_minor: int = 100_000,
    now: datetime = NOW,
    policy: RiskPolicy = DEFAULT_POLICY,
    session_spins: int = 0,
) -> Risk:
    """Return the risk of spins."""
    scorer = RiskScorer(policy, ODDS)
    return scorer.score(spins, start_balance_minor=start_balance_minor, now=now, session_spins=session_spins)
