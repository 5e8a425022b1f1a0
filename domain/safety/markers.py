"""Markers of risky play: one small function and one row of a table for each, without clock or state.

The signs are known from research on harmful play. The thresholds are our own defaults. A benchmark compares them
with fair play (docs/safety.md), and a tenant's policy may change them. A marker describes play, not a person: none
is a diagnosis.

* BET_ACCEL: DSM-5 names increasing stakes and the chasing of losses. Growing bets predicted later high-risk play
  online (Braverman and Shaffer, European Journal of Public Health 22, 2012). Three raises to new highs in twenty
  spins are our own threshold.
* SPIN_RATE: fast play goes with longer play and less control over it (Harris and Griffiths, Journal of Gambling
  Studies 34, 2018, a review). Great Britain limits online slots to one spin in 2.5 seconds. The 1.2 s are our own
  threshold.
* LOSS_STREAK: players chase losses after losing runs that chance does not explain. `losing_runs.py` computes
  exactly what chance explains; 1 % in 100 spins is our own threshold.
* LOSS_CLUSTER: a loss of much of the start balance in a short time, above the loss that chance explains at the
  session's ordinary stake (`fair_losses.py`). Share, floor and minutes are our own.
* GAME_HOP: the number of games played is a marker of involvement (LaPlante, Nelson and Gray, Psychology of
  Addictive Behaviors 28, 2014). Three games within five minutes are our own threshold.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Final

from attrs import field, frozen

from .fair_losses import FairGame
from .losing_runs import FAIR_SPINS, fair_run, judged_spins

NEWEST_SPINS: Final = 20
"""The number of newest spins that BET_ACCEL and SPIN_RATE use."""

LAST_MINUTES: Final = 5
"""The minutes that LOSS_CLUSTER and GAME_HOP use. A spin of exactly that age is included."""

HIGH_SPINS: Final = 100
"""The number of spins before a raise whose stakes it must exceed to count for BET_ACCEL."""

ORDINARY_TIMES: Final = 5
"""A stake is ordinary if it is at most this many times the largest one before, for LOSS_CLUSTER."""

CHASE_MORE: Final = 4
"""The raises that BET_ACCEL needs more if each follows a lost spin than if they are new highs."""

STREAK_SPINS: Final = HIGH_SPINS + NEWEST_SPINS
"""The longest streak that is found, and the number of newest spins that the markers need."""

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
    five minutes and the newest `STREAK_SPINS`. `session_spins` counts all spins of the session.
    """

    spins: Sequence[PlayedSpin]
    start_balance_minor: int
    now: datetime
    odds: Mapping[str, FairGame]
    session_spins: int = 0
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

    @property
    def judged_spins(self) -> int:
        """The number of fair spins in which the session is judged."""
        return judged_spins(max(self.session_spins, len(self.spins)))


def bet_acceleration(play: SessionPlay, thresholds: Thresholds) -> Figures | None:
    """Find raised stakes among the newest spins: a climb to new highs, or a raise after each lost spin.

    Play that changes between the same few stakes at random does neither for long. A raise after each lost spin and
    none after another needs four raises more than a climb, because a few of these happen at random.
    """
    climbed, chased = _climb(play), _chase(play.newest)
    if climbed < thresholds["raises"] and chased < thresholds["raises"] + CHASE_MORE:
        return None
    return {
        "raises": max(climbed, chased),
        "spins": len(play.newest),
        "first_stake_minor": play.newest[0].stake_minor,
        "last_stake_minor": play.newest[-1].stake_minor,
    }


def _climb(play: SessionPlay) -> int:
    """Return the most raises to new highs among the newest spins that no lower stake interrupts.

    A new high exceeds the stakes of the 100 spins before.
    """
    stakes = [spin.stake_minor for spin in play.spins]
    raises = most = 0
    for number in range(max(len(stakes) - NEWEST_SPINS, 0) + 1, len(stakes)):
        if stakes[number] < stakes[number - 1]:
            raises = 0
        elif stakes[number] > stakes[number - 1]:
            raises += stakes[number] > max(stakes[max(number - HIGH_SPINS, 0) : number])
            most = max(most, raises)
    return most


def _chase(spins: Sequence[PlayedSpin]) -> int:
    """Return the number of raises if there is one after each lost spin and after no other, else 0."""
    raised = [later.stake_minor > earlier.stake_minor for earlier, later in pairwise(spins)]
    return sum(raised) if raised == [spin.is_lost for spin in spins[:-1]] else 0


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

    k* is the smallest run that fair spins of a game contain with a probability of at most 1 %. There are as many
    of these as the session is judged by. A run over several games must reach the largest k* of these games. A run
    in one game therefore counts by that game alone, regardless of earlier play. A game that is no longer offered
    needs 101.
    """
    at_most = Fraction(thresholds["chance_percent"], 100)
    needed = 0
    found: Figures | None = None
    for run, spin in enumerate(reversed(play.spins), start=1):
        if not spin.is_lost:
            break
        game = play.odds.get(spin.game_key)
        needed = max(needed, _fair_run(game, at_most, play.judged_spins))
        if run >= needed:
            found = {"lost_in_a_row": run, "fair_run": needed}
    return found


def _fair_run(game: FairGame | None, at_most: Fraction, spins: int) -> int:
    return FAIR_SPINS + 1 if game is None else fair_run(game.end_chance, at_most=at_most, spins=spins)


def loss_cluster(play: SessionPlay, thresholds: Thresholds) -> Figures | None:
    """Find a net loss in the last minutes above the floor, a share of the start balance, and the fair loss.

    The fair loss is the one that chance explains in as many spins, at the ordinary ones of the stakes.
    """
    lost_minor = sum(spin.stake_minor - spin.win_minor for spin in play.recent)
    share_minor = -(-play.start_balance_minor * thresholds["share_percent"] // 100)
    needed_minor = max(thresholds["floor_minor"], share_minor)
    if lost_minor < needed_minor:
        return None
    # One spin after another is looked at: the chances add up to that of the session at most.
    at_most = Fraction(thresholds["chance_percent"], 100) / play.judged_spins
    needed_minor = max(needed_minor, _fair_loss_minor(play, at_most))
    if lost_minor < needed_minor:
        return None
    return {"net_loss_minor": lost_minor, "from_minor": needed_minor, "spins": len(play.recent)}


def _fair_loss_minor(play: SessionPlay, at_most: Fraction) -> int:
    """Return the loss of the recent spins that chance explains, at the stakes that are ordinary in the session.

    Unequal stakes count as fewer equal ones with the same sum and the same sum of squares. Let K(x) be the ln of
    E exp(x (1 - m)). If K(x) / x is concave, the equal stakes have the larger sum of K(l s). This is Jensen's
    inequality with the stakes as weights. So Chernoff's bound holds for unequal stakes, too.
    """
    games = [game for key in {spin.game_key for spin in play.recent} if (game := play.odds.get(key))]
    if not games:
        return 0
    largest = _largest_ordinary_minor(play)
    stakes = [min(spin.stake_minor, largest) for spin in play.recent]
    stake = Fraction(sum(stake**2 for stake in stakes), sum(stakes))
    rounds = sum(stakes) / stake
    return ceil(stake * max(game.fair_loss(rounds, at_most) for game in games))


def _largest_ordinary_minor(play: SessionPlay) -> int:
    """Return the largest stake that is ordinary after the spins before the recent ones.

    If these are few, the older half of all spins takes their place. Below 20 of them every stake is ordinary.
    """
    before = len(play.spins) - len(play.recent)
    earlier = play.spins[: before if before >= NEWEST_SPINS else len(play.spins) // 2]
    if len(earlier) < NEWEST_SPINS:
        return max(spin.stake_minor for spin in play.spins)
    return ORDINARY_TIMES * max(spin.stake_minor for spin in earlier)


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
    "LOSS_STREAK": Marker(loss_streak, 30, {"chance_percent": Threshold(1, 1, 50)}),
    "LOSS_CLUSTER": Marker(
        loss_cluster,
        25,
        {
            "floor_minor": Threshold(5_000, 1, 10**12),
            "share_percent": Threshold(30, 0, 100),
            "chance_percent": Threshold(1, 1, 50),
        },
    ),
    "GAME_HOP": Marker(game_hop, 15, {"games": Threshold(3, 2, 100)}),
}
"""All markers by reason. A new one is a function and a row."""
