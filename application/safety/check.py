"""The risk of a player's session, and the action that follows from it.

A check happens after a round is settled, or without a round. Nothing here reaches the draw or the settlement.
"""

from collections.abc import Mapping
from datetime import datetime
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
from ...domain.safety.fair_losses import FairGame
from ...domain.safety.markers import PlayedSpin
from ...domain.safety.risk import Risk, RiskScorer
from ..ports.safety import PlayerSafety
from ..ports.services import Ids


@define(kw_only=True, eq=False, slots=False)
class SafetyCheck:
    """A check of a player's open session."""

    player: Player
    session: Session
    settings: SafetySettings
    past: PastActions
    spins: tuple[PlayedSpin, ...]
    odds: Mapping[str, FairGame]
    now: datetime

    @classmethod
    def of(
        cls,
        safety: PlayerSafety,
        player: Player,
        session: Session,
        *,
        odds: Mapping[str, FairGame],
        now: datetime,
    ) -> Self:
        """Return the check of the data that was read of a player."""
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
        """The risk of the play after the last action that the tenant enforces.

        Play starts again after an enforced cooldown: else the first spin after it would lead to the next one.
        """
        since = self.past.last_enforced_at(self.settings)
        if since is None:
            return self.risk
        return self._score(tuple(spin for spin in self.spins if spin.played_at > since))

    def action(
        self, ids: Ids, cause: ActionCause, *, game_key: str, event_type: str | None = None
    ) -> SafetyAction | None:
        """Return the action that is due now, to be stored; None if none is due, or none again so soon."""
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
        return scorer.score(
            spins,
            start_balance_minor=self.session.start_balance_minor,
            now=self.now,
            session_spins=self.session.spins,
        )


def settings_for(player: Player, safety: PlayerSafety) -> SafetySettings:
    """Return the settings of the player's tenant, or the defaults."""
    return safety.settings or SafetySettings(operator_id=player.operator_id, tenant_id=player.tenant_id)
