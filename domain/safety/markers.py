"""Markers of risky play: one small function and one row of a table each, no clock and no state.

What they look at is known from research on play that runs away with a player; the figures are our own defaults,
held against fair play by a benchmark (docs/safety.md) and open to a tenant's policy. A marker describes play, not
a person: none of this is a diagnosis.

* BET_ACCEL: staking increasing amounts and chasing losses are both named in DSM-5, and a growing size of bets was
  found to tell later high-risk play apart online (Braverman and Shaffer, European Journal of Public Health 22,
  2012). Three raises in twenty spins are our own line.
* SPIN_RATE: fast play goes with longer play and less control over it (Harris and Griffiths, Journal of Gambling
  Studies 34, 2018, a review); Great Britain holds online slots to 2.5 seconds a spin. The 1.2 s are our own line.
* LOSS_STREAK: losing longer than chance explains is when losses are chased. What chance explains is worked out
  exactly (losing_runs.py); 5 % in 100 spins is our own line.
* LOSS_CLUSTER: losing much of what one came with in a short time; share, floor and minutes are our own.
* GAME_HOP: the number of games played is a marker of involvement (LaPlante, Nelson and Gray, Psychology of
  Addictive Behaviors 28, 2014); that it counts within five minutes, and three of them, is our own line.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Final

from attrs import field, frozen

from .losing_runs import FAIR_SPINS, fair_run

NEWEST_SPINS: Final = 20
"""How many of the newest spins BET_ACCEL and SPIN_RATE look at."""

LAST_MINUTES: Final = 5
"""The minutes that LOSS_CLUSTER and GAME_HOP look at. A spin exactly so old is in them."""

STREAK_SPINS: Final = FAIR_SPINS + 1
"""No streak has to be longer to be counted: no k* is above it."""

Figures = Mapping[str, int]
Limits = Mapping[str, int]


@frozen(kw_only=True)
class PlayedSpin:
    """What is looked at of a spin. Amounts in minor units."""

    game_key: str
    stake_minor: int
    win_minor: int
    played_at: datetime

    @property
    def is_lost(self) -> bool:
        """Whether less came back than was staked."""
        return self.win_minor < self.stake_minor


@frozen(kw_only=True)
class Play:
    """A session's play as the markers see it.

    `spins` stand in the order in which they were played, the newest last: that is their order in time, whatever
    the clock said. They reach back over the last five minutes and the longest k*. `odds` are the games' exact
    chances that a win is at least the stake.
    """

    spins: Sequence[PlayedSpin]
    start_balance_minor: int
    now: datetime
    odds: Mapping[str, Fraction]
    recent: Sequence[PlayedSpin] = field(init=False)
    """The spins of the last five minutes by their own clock; also those that a clock ahead has put after now."""

    def __attrs_post_init__(self) -> None:
        """Find the spins of the last minutes once."""
        since = self.now - timedelta(minutes=LAST_MINUTES)
        object.__setattr__(self, "recent", [spin for spin in self.spins if spin.played_at >= since])

    @property
    def newest(self) -> Sequence[PlayedSpin]:
        """The newest spins, at most twenty."""
        return self.spins[-NEWEST_SPINS:]


def bet_acceleration(play: Play, limits: Limits) -> Figures | None:
    """Find stakes that were raised over the one before, several times within the newest spins."""
    raises = sum(later.stake_minor > earlier.stake_minor for earlier, later in pairwise(play.newest))
    if raises < limits["raises"]:
        return None
    return {
        "raises": raises,
        "spins": len(play.newest),
        "firstStakeMinor": play.newest[0].stake_minor,
        "lastStakeMinor": play.newest[-1].stake_minor,
    }


def spin_rate(play: Play, limits: Limits) -> Figures | None:
    """Find a quick hand: a small median gap between the newest spins, where a step back is a gap of 0."""
    spins = play.newest
    if len(spins) < limits["spins"]:
        return None
    gaps = sorted(max(timedelta(), later.played_at - earlier.played_at) for earlier, later in pairwise(spins))
    twice_median = gaps[(len(gaps) - 1) // 2] + gaps[len(gaps) // 2]
    if twice_median >= 2 * timedelta(milliseconds=limits["gapMs"]):
        return None
    return {"medianGapMs": twice_median // timedelta(milliseconds=2), "spins": len(spins)}


def loss_streak(play: Play, limits: Limits) -> Figures | None:
    """Find a run of lost spins, back from the newest, that fair play hardly ever brings.

    k* is the smallest run that 100 fair spins of a game bring with a chance of at most 5 %. Where a session mixes
    games, a run has to be at least as long as the k* of every game in it: so a run in one game counts by itself,
    whatever was played before it, and one that goes over several is held against the game that loses longest. In
    any 100 fair spins each game so adds at most its own 5 %. A game that is no longer offered counts as one that
    never wins.
    """
    at_most = Fraction(limits["chancePercent"], 100)
    needed = 0
    found: Figures | None = None
    for run, spin in enumerate(reversed(play.spins), start=1):
        if not spin.is_lost:
            break
        needed = max(needed, fair_run(play.odds.get(spin.game_key, Fraction(0)), at_most=at_most))
        if run >= needed:
            found = {"lostInARow": run, "fairRun": needed}
    return found


def loss_cluster(play: Play, limits: Limits) -> Figures | None:
    """Find a net loss within the last minutes that is large, and large beside what the session began with."""
    lost_minor = sum(spin.stake_minor - spin.win_minor for spin in play.recent)
    share_minor = -(-play.start_balance_minor * limits["sharePercent"] // 100)
    needed_minor = max(limits["floorMinor"], share_minor)
    if lost_minor < needed_minor:
        return None
    return {"netLossMinor": lost_minor, "fromMinor": needed_minor, "spins": len(play.recent)}


def game_hop(play: Play, limits: Limits) -> Figures | None:
    """Find many games within the last minutes."""
    games = len({spin.game_key for spin in play.recent})
    return {"games": games, "spins": len(play.recent)} if games >= limits["games"] else None


@frozen
class Limit:
    """A threshold of a marker: its default, and what a policy may set it to."""

    default: int
    lowest: int
    highest: int


@frozen
class Marker:
    """A row of the table: how a marker is found, its points by default, and its thresholds by name."""

    find: Callable[[Play, Limits], Figures | None]
    points: int
    limits: Mapping[str, Limit]


MARKERS: Final[Mapping[str, Marker]] = {
    "BET_ACCEL": Marker(bet_acceleration, 35, {"raises": Limit(3, 1, NEWEST_SPINS - 1)}),
    "SPIN_RATE": Marker(spin_rate, 30, {"spins": Limit(6, 2, NEWEST_SPINS), "gapMs": Limit(1_200, 1, 60_000)}),
    "LOSS_STREAK": Marker(loss_streak, 30, {"chancePercent": Limit(5, 1, 50)}),
    "LOSS_CLUSTER": Marker(
        loss_cluster, 25, {"floorMinor": Limit(5_000, 1, 10**12), "sharePercent": Limit(30, 0, 100)}
    ),
    "GAME_HOP": Marker(game_hop, 15, {"games": Limit(3, 2, 100)}),
}
"""Every marker by the reason that it gives. A new one is a function and a row."""
