"""The risk that play shows: a score from 0 to 100, its band, the reasons, and the figures behind each reason.

A pure function of the session's newest spins, the last five minutes and the balance that it began with, at a
moment that is handed in. It is asked after a round was settled and decides nothing about any: an outcome never
depends on it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from attrs import frozen

from .markers import MARKERS, Figures, Play, PlayedSpin
from .policy import MOST_POINTS, RiskPolicy


class Band(StrEnum):
    """How much a score says, from nothing to much."""

    CALM = "CALM"
    ELEVATED = "ELEVATED"
    TILT_RISK = "TILT_RISK"
    STOP = "STOP"


@frozen
class Risk:
    """What play came to. `reasons` in alphabetical order; `evidence` has the figures of each of them."""

    score: int
    band: Band
    reasons: tuple[str, ...]
    evidence: Mapping[str, Figures]


@frozen
class RiskScorer:
    """Scores play by a policy. `odds` are the games' exact chances that a win is at least the stake."""

    policy: RiskPolicy
    odds: Mapping[str, Fraction]

    def score(self, spins: Sequence[PlayedSpin], *, start_balance_minor: int, now: datetime) -> Risk:
        """Return the risk of a session's spins, in the order in which they were played, as of `now`."""
        play = Play(spins=spins, start_balance_minor=start_balance_minor, now=now, odds=self.odds)
        evidence: dict[str, Figures] = {}
        score = 0
        for reason in sorted(MARKERS):
            marker = self.policy.markers[reason]
            if not (marker.is_on and marker.points):
                continue
            figures = MARKERS[reason].find(play, marker.limits)
            if figures is not None:
                evidence[reason] = figures
                score += marker.points
        score = min(score, MOST_POINTS)
        return Risk(score, self._band(score), tuple(evidence), evidence)

    def _band(self, score: int) -> Band:
        bands = self.policy.bands
        for band, starts in (
            (Band.STOP, bands["stop"]),
            (Band.TILT_RISK, bands["tiltRisk"]),
            (Band.ELEVATED, bands["elevated"]),
        ):
            if score >= starts:
                return band
        return Band.CALM
