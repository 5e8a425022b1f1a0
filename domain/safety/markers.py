"""Markers of risky play: one small function and one row of a table for each, without clock or state.

The signs are known from research on harmful play. The thresholds are our own defaults. A benchmark compares them
with fair play (docs/safety.md), and a tenant's policy may change them. A marker describes play, not a person: none
is a diagnosis.

* BET_ACCEL: DSM-5 names increasing stakes and the chasing of losses. Growing bets predicted later high-risk play
  online (Braverman and Shaffer, European Journal of Public Health 22, 2012). Three raises in twenty spins are our
  own threshold.
* SPIN_RATE: fast play goes with longer play and less control over it (Harris and Griffiths, Journal of Gambling
  Studies 34, 2018, a review). Great Britain limits online slots to one spin in 2.5 seconds. The 1.2 s are our own
  threshold.
* LOSS_STREAK: players chase losses after losing runs that chance does not explain. `losing_runs.py` computes
  exactly what chance explains; 5 % in 100 spins is our own threshold.
* LOSS_CLUSTER: a loss of much of the start balance in a short time. Share, floor and minutes are our own.
* GAME_HOP: the number of games played is a marker of involvement (LaPlante, Nelson and Gray, Psychology of
  Addictive Behaviors 28, 2014). Three games within five minutes are our own threshold.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Final

from attrs import field, frozen

from .losing_runs import FAIR_SPINS, fair_run

NEWEST_SPINS: Final = 20
"""The number of newest spins that BET_ACCEL and SPIN_RATE use."""

LAST_MINUTES: Final = 5
"""The minutes that LOSS_CLUSTER and GAME_HOP use. A spin of exactly that age is included."""

STREAK_SPINS: Final = FAIR_SPINS + 1
"""The longest streak that can be needed: no k* is larger."""

Figures = Mapping[str, int]
Thresholds = Mapping[str, int]


@frozen(kw_only=True)
class PlayedSpin:
    """A spin as the markers use it. Amounts in minor units."""

    game_key: str
    stake_minor: int
    win_minor: int
    played_at: datetime

    @property
    def is_lost(self) -> bool:
        """Whether the win is less than the stake."""
        return self.win_minor < self.stake_minor


@frozen(kw_only=True)
class SessionPlay:
    """A session's recent play, as the markers use it.

    `spins` are in the order of play, the newest last, independent of the clock. They include at least the last
    five minutes and the longest k*. `odds` are the games' exact chances that a win is at least the stake.
    """

    spins: Sequence[PlayedSpin]
    start_balance_minor: int
    now: datetime
    odds: Mapping[str, Fraction]
    recent: Sequence[PlayedSpin] = field(init=False)
    """The spins of the last five minutes by their own time, including spins with a time after now."""

    def __attrs_post_init__(self) -> None:
        """Select the recent spins once."""
        since = self.now - timedelta(minutes=LAST_MINUTES)
        object.__setattr__(self, "recent", [spin for spin in self.spins if spin.played_at >= since])

    @property
    def newest(self) -> Sequence[PlayedSpin]:
        """The newest spins, at most twenty."""
        return self.spins[-NEWEST_SPINS:]


def bet_acceleration(play: SessionPlay, thresholds: Thresholds) -> Figures | None:
    """Find several raised stakes among the newest spins, each compared with the stake before it."""
    raises = sum(later.stake_minor > earlier.stake_minor for earlier, later in pairwise(play.newest))
    if raises < thresholds["raises"]:
        return None
    return {
        "raises": raises,
        "spins": len(play.newest),
        "first_stake_minor": play.newest[0].stake_minor,
        "last_stake_minor": play.newest[-1].stake_minor,
    }


def spin_rate(play: SessionPlay, thresholds: Thresholds) -> Figures | None:
    """Find fast play: a small median gap between the newest spins. A step back of the clock is a gap of 0."""
    spins = play.newest
    if len(spins) < thresholds["spins"]:
        return None
    gaps = sorted(max(timedelta(), later.played_at - earlier.played_at) for earlier, later in pairwise(spins))
    twice_median = gaps[(len(gaps) - 1) // 2] + gaps[len(gaps) // 2]
    if twice_median >= 2 * timedelta(milliseconds=thresholds["gap_ms"]):
        return None
    return {"median_gap_ms": twice_median // timedelta(milliseconds=2), "spins": len(spins)}


def loss_streak(play: SessionPlay, thresholds: Thresholds) -> Figures | None:
    """Find a run of lost spins up to the newest one that is very unlikely in fair play.

    k* is the smallest run that 100 fair spins of a game contain with a probability of at most 5 %. A run over
    several games must reach the largest k* of these games. A run in one game therefore counts by that game alone,
    regardless of earlier play. So each game adds at most its own 5 % in any 100 fair spins. A game that is no
    longer offered counts as one that never wins.
    """
    at_most = Fraction(thresholds["chance_percent"], 100)
    needed = 0
    found: Figures | None = None
    for run, spin in enumerate(reversed(play.spins), start=1):
        if not spin.is_lost:
            break
        needed = max(needed, fair_run(play.odds.get(spin.game_key, Fraction(0)), at_most=at_most))
        if run >= needed:
            found = {"lost_in_a_row": run, "fair_run": needed}
    return found


def loss_cluster(play: SessionPlay, thresholds: Thresholds) -> Figures | None:
    """Find a net loss in the last minutes above the floor and above a share of the session's start balance."""
    lost_minor = sum(spin.stake_minor - spin.win_minor for spin in play.recent)
    share_minor = -(-play.start_balance_minor * thresholds["share_percent"] // 100)
    needed_minor = max(thresholds["floor_minor"], share_minor)
    if lost_minor < needed_minor:
        return None
    return {"net_loss_minor": lost_minor, "from_minor": needed_minor, "spins": len(play.recent)}


def game_hop(play: SessionPlay, thresholds: Thresholds) -> Figures | None:
    """Find many different games in the last minutes."""
    games = len({spin.game_key for spin in play.recent})
    return {"games": games, "spins": len(play.recent)} if games >= thresholds["games"] else None


@frozen
class Threshold:
    """A threshold of a marker: its default, and the range that a policy may set."""

    default: int
    lowest: int
    highest: int


@frozen
class Marker:
    """A row of the table: the function, the default points, and the thresholds by name."""

    find: Callable[[SessionPlay, Thresholds], Figures | None]
    points: int
    thresholds: Mapping[str, Threshold]


MARKERS: Final[Mapping[str, Marker]] = {
    "BET_ACCEL": Marker(bet_acceleration, 35, {"raises": Threshold(3, 1, NEWEST_SPINS - 1)}),
    "SPIN_RATE": Marker(
        spin_rate, 30, {"spins": Threshold(6, 2, NEWEST_SPINS), "gap_ms": Threshold(1_200, 1, 60_000)}
    ),
    "LOSS_STREAK": Marker(loss_streak, 30, {"chance_percent": Threshold(5, 1, 50)}),
    "LOSS_CLUSTER": Marker(
        loss_cluster, 25, {"floor_minor": Threshold(5_000, 1, 10**12), "share_percent": Threshold(30, 0, 100)}
    ),
    "GAME_HOP": Marker(game_hop, 15, {"games": Threshold(3, 2, 100)}),
}
"""All markers by reason. A new one is a function and a row."""
