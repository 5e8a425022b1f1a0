"""The risk score of play: a score from 0 to 100, its band, the reasons, and the figures of each reason.

The score is a pure function of the session's newest spins, the last five minutes, the start balance and the time.
It is computed after a round was settled, so an outcome never depends on it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from attrs import frozen

from .fair_losses import FairGame
from .markers import MARKERS, Figures, PlayedSpin, SessionPlay
from .policy import MOST_POINTS, RiskPolicy


class Band(StrEnum):
    """The class of a score, from the lowest to the highest risk."""

    CALM = "CALM"
    ELEVATED = "ELEVATED"
    TILT_RISK = "TILT_RISK"
    STOP = "STOP"


@frozen
class Risk:
    """A score with its reasons, in alphabetical order; `evidence` has the figures of each reason."""

    score: int
    band: Band
    reasons: tuple[str, ...]
    evidence: Mapping[str, Figures]


@frozen
class RiskScorer:
    """Scores play by a policy, with the exact odds of the games."""

    policy: RiskPolicy
    odds: Mapping[str, FairGame]

    def score(
        self, spins: Sequence[PlayedSpin], *, start_balance_minor: int, now: datetime, session_spins: int = 0
    ) -> Risk:
        """Return the risk of a session's newest spins, which are in the order of play, at the time `now`.

        `session_spins` counts all spins of the session; without it the given spins are all.
        """
        play = SessionPlay(
            spins=spins,
            start_balance_minor=start_balance_minor,
            now=now,
            odds=self.odds,
            session_spins=session_spins,
        )
        evidence: dict[str, Figures] = {}
        score = 0
        for reason in sorted(MARKERS):
            marker = self.policy.markers[reason]
            if not (marker.is_on and marker.points):
                continue
            figures = MARKERS[reason].find(play, marker.thresholds)
            if figures is not None:
                evidence[reason] = figures
                score += marker.points
        score = min(score, MOST_POINTS)
        return Risk(score, self._band(score), tuple(evidence), evidence)

    def _band(self, score: int) -> Band:
        bands = self.policy.bands
        for band, starts in (
            (Band.STOP, bands["stop"]),
            (Band.TILT_RISK, bands["tilt_risk"]),
            (Band.ELEVATED, bands["elevated"]),
        ):
            if score >= starts:
                return band
        return Band.CALM
