"""Player protection of one spin: before the stake is taken, and after the round is settled."""

from collections.abc import Mapping

from attrs import evolve, frozen

from ...domain.play.rounds import Round
from ...domain.play.sessions import Session
from ...domain.safety.actions import (
    ActionCause,
    ActionType,
    LossLimitReached,
    SafetyAction,
    require_loss_within,
    require_not_blocked,
)
from ...domain.safety.fair_losses import FairGame
from ...domain.safety.markers import PlayedSpin
from ...domain.wire_names import camel_keys
from ..decisions import Moment, Refused
from ..ports.play import LockedPlayer
from ..wire import record_from
from .check import SafetyCheck

LOSS_LIMIT = "LOSS_LIMIT"
"""The reason of a STOP for the player's own loss limit."""


@frozen(kw_only=True)
class SpinSafety:
    """Player protection of one spin. It sees the round only after it is settled, and changes nothing."""

    at: Moment
    locked: LockedPlayer
    session: Session
    odds: Mapping[str, FairGame]

    def require_open(self) -> None:
        """Raise CooldownActive or PlayStopped while the tenant enforces a cooldown or a STOP."""
        check = self._check()
        if check is not None:
            require_not_blocked(check.past, check.settings, self.at.now)

    def refusal_at_limit(self, *, stake_minor: int, game_key: str) -> Refused | None:
        """Return the refusal of a stake that could pass the session's loss limit. It writes a STOP."""
        session = self.session
        try:
            require_loss_within(session, stake_minor)
        except LossLimitReached as reached:
            figures = {
                "loss_limit_minor": session.loss_limit_minor,
                "net_loss_minor": session.total_loss_minor,
                "stake_minor": stake_minor,
            }
            stop = SafetyAction(
                action_id=self.at.new_id(),
                operator_id=session.operator_id,
                tenant_id=session.tenant_id,
                player_id=session.player_id,
                session_id=session.session_id,
                acted_at=self.at.now,
                action_type=ActionType.STOP,
                cause=ActionCause.LOSS_LIMIT,
                reasons=(LOSS_LIMIT,),
                evidence={LOSS_LIMIT: camel_keys(figures)},
                game_key=game_key,
            )
            return Refused(reached, added=(stop,))
        return None

    def action_after(self, played: Round) -> SafetyAction | None:
        """Return the action that a settled round leads to, if the tenant enforces actions."""
        check = self._check()
        if check is None:
            return None
        check = evolve(check, spins=(*check.spins, record_from(PlayedSpin, played)))
        return check.action(self.at.ids, ActionCause.SPIN, game_key=played.game_key)

    def _check(self) -> SafetyCheck | None:
        safety = self.locked.safety
        if safety is None:
            return None
        return SafetyCheck.of(safety, self.locked.player, self.session, odds=self.odds, now=self.at.now)
