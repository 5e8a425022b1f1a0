"""What looks after the player of one spin: before the stake is taken, and once the round is settled."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from attrs import evolve, frozen

from ...domain.play.rounds import Round
from ...domain.safety.actions import (
    ActionCause,
    ActionType,
    LossLimitReached,
    SafetyAction,
    require_loss_within,
    require_not_held,
)
from ...domain.safety.markers import PlayedSpin
from ..answers import Outcome
from ..ports.play import LockedPlayer
from ..ports.services import Ids
from ..ports.storage import UnitOfWork
from ..wire import failure
from .check import SafetyCheck
from .messages import told

LOSS_LIMIT = "LOSS_LIMIT"
"""The reason of a STOP that the player's own limit led to."""


@frozen(kw_only=True)
class SpinSafety:
    """One spin of a locked player, looked after. It sees the round once that is settled, and changes nothing."""

    ids: Ids
    now: datetime
    seat: LockedPlayer
    odds: Mapping[str, Fraction]

    def require_open(self) -> None:
        """Raise CooldownActive or PlayStopped while play is held up by what the tenant enforces."""
        check = self._check()
        if check is not None:
            require_not_held(check.past, check.settings, self.now)

    def stop_at_limit(self, unit: UnitOfWork, *, stake_minor: int, game_key: str) -> Outcome | None:
        """Return the refusal of a stake that could pass the session's loss limit, its STOP gathered; else None."""
        session = self.seat.session
        if session is None:
            return None
        try:
            require_loss_within(session, stake_minor)
        except LossLimitReached as reached:
            figures = {
                "lossLimitMinor": session.loss_limit_minor,
                "netLossMinor": session.net_loss_minor,
                "stakeMinor": stake_minor,
            }
            unit.add(
                SafetyAction(
                    action_id=self.ids.new(),
                    operator_id=session.operator_id,
                    tenant_id=session.tenant_id,
                    player_id=session.player_id,
                    session_id=session.session_id,
                    acted_at=self.now,
                    action_type=ActionType.STOP,
                    cause=ActionCause.LOSS_LIMIT,
                    reasons=(LOSS_LIMIT,),
                    evidence={LOSS_LIMIT: figures},
                    game_key=game_key,
                )
            )
            return Outcome(failure(reached), code=reached.code)
        return None

    def act_on(self, unit: UnitOfWork, played: Round) -> dict[str, Any]:
        """Gather what is to be done about a settled round, and return what its answer says of it, by name.

        Only where the tenant enforces something: a spin scores itself then.
        """
        check = self._check()
        if check is None:
            return {}
        spin = PlayedSpin(
            game_key=played.game_key,
            stake_minor=played.stake_minor,
            win_minor=played.win_minor,
            played_at=played.played_at,
        )
        check = evolve(check, spins=(*check.spins, spin))
        action = check.action(self.ids, ActionCause.SPIN, game_key=played.game_key)
        if action is None:
            return {}
        unit.add(action)
        return {"action": told(action)}

    def _check(self) -> SafetyCheck | None:
        seat = self.seat
        if seat.safety is None or seat.session is None:
            return None
        return SafetyCheck.of(seat.safety, seat.player, seat.session, odds=self.odds, now=self.now)
