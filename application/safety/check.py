"""Looking after a player: the risk of a session's play, and what is to be done about it.

Everything here happens after a round is settled, or without one. Nothing of it is handed to what draws or settles.
"""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from functools import cached_property
from typing import Self

from attrs import define

from ...domain.play.players import Player
from ...domain.play.sessions import Session
from ...domain.safety.actions import (
    ActionCause,
    PastActions,
    SafetyAction,
    SafetySettings,
    evidence_of,
    pause_seconds_of,
)
from ...domain.safety.markers import PlayedSpin
from ...domain.safety.risk import Risk, RiskScorer
from ..ports.safety import PlayerSafety
from ..ports.services import Ids


@define(kw_only=True, eq=False, slots=False)
class SafetyCheck:
    """One look at a player's open session."""

    player: Player
    session: Session
    settings: SafetySettings
    past: PastActions
    spins: tuple[PlayedSpin, ...]
    odds: Mapping[str, Fraction]
    now: datetime

    @classmethod
    def of(
        cls,
        safety: PlayerSafety,
        player: Player,
        session: Session,
        *,
        odds: Mapping[str, Fraction],
        now: datetime,
    ) -> Self:
        """Return the look at what was read of a player."""
        return cls(
            player=player,
            session=session,
            settings=settings_for(player, safety),
            past=safety.past,
            spins=safety.spins,
            odds=odds,
            now=now,
        )

    @cached_property
    def risk(self) -> Risk:
        """The risk of the session's play."""
        return self._score(self.spins)

    @cached_property
    def fresh_risk(self) -> Risk:
        """The risk of what was played since something was last done about it that the tenant enforces.

        A pause that was held to starts play anew: else the first spin after it would lead to the next one.
        """
        since = self.past.acted_on_at(self.settings)
        if since is None:
            return self.risk
        return self._score(tuple(spin for spin in self.spins if spin.played_at > since))

    def action(
        self, ids: Ids, cause: ActionCause, *, game_key: str, event_type: str | None = None
    ) -> SafetyAction | None:
        """Return what is to be done now, to be kept; None for nothing, or nothing again so soon."""
        risk = self.fresh_risk
        action_type = self.past.action_for(risk.band, self.now)
        if action_type is None:
            return None
        return SafetyAction(
            action_id=ids.new(),
            operator_id=self.player.operator_id,
            tenant_id=self.player.tenant_id,
            player_id=self.player.player_id,
            session_id=self.session.session_id,
            acted_at=self.now,
            action_type=action_type,
            cause=cause,
            score=risk.score,
            band=risk.band,
            reasons=risk.reasons,
            evidence=evidence_of(risk),
            pause_seconds=pause_seconds_of(action_type, self.past, self.settings, self.now),
            game_key=game_key,
            event_type=event_type,
        )

    def _score(self, spins: tuple[PlayedSpin, ...]) -> Risk:
        scorer = RiskScorer(self.settings.policy, self.odds)
        return scorer.score(spins, start_balance_minor=self.session.start_balance_minor, now=self.now)


def settings_for(player: Player, safety: PlayerSafety) -> SafetySettings:
    """Return what the player's tenant has set, or what holds where it has set nothing."""
    return safety.settings or SafetySettings(operator_id=player.operator_id, tenant_id=player.tenant_id)
