"""Player protection that players ask for: the risk after an event, and the loss limit of a session."""

from collections.abc import Sequence
from functools import partial

from attrs import frozen

from ...domain.games.game import Game
from ...domain.ledger.events import EventType
from ...domain.play.sessions import Session
from ...domain.safety.actions import ActionCause, with_loss_limit
from ...domain.safety.risk import Band
from ..access import PlayerPrincipal
from ..decisions import Decided, Decision, Moment
from ..errors import InvalidToken, NotFound
from ..journal import PlayerJournal
from ..ports.play import LockedPlayer
from ..ports.safety import SafetyWatch
from ..ports.services import Ids
from ..use_case import WritingUseCase
from .check import SafetyCheck
from .messages import GivenAction, given_action
from .odds import GameOdds


@frozen
class RiskScore:
    """The risk of a session's play as its player sees it."""

    score: int
    band: Band
    reasons: Sequence[str]


@frozen
class SafetyAnswer:
    """The risk after an event, and the action for it; None if none is due, or none again so soon."""

    risk: RiskScore
    action: GivenAction | None


@frozen
class NoteSafetyEvent(WritingUseCase):
    """Scores a player's session and stores the action that is due. Writes nothing to the ledger.

    The player is locked: of two events at once one leads to an action, and the other sees that action.
    """

    games: Sequence[Game]

    def __call__(self, principal: PlayerPrincipal, *, game_key: str, event_type: str) -> SafetyAnswer:
        """Return risk and action. Raises NotFound, InvalidToken."""
        if not any(game.game_key == game_key for game in self.games):
            raise NotFound("game")

        def decide(locked: LockedPlayer, session: Session, at: Moment) -> Decision[SafetyAnswer]:
            if locked.safety is None:
                raise InvalidToken
            odds = GameOdds(self.games)
            check = SafetyCheck.of(locked.safety, locked.player, session, odds=odds, now=at.now)
            return decide_event(check, at.ids, game_key=game_key, event_type=event_type)

        watch = SafetyWatch(asked_at=self.clock.now())
        return self.carry_out_for_player(principal, decide, watch=watch)


def decide_event(check: SafetyCheck, ids: Ids, *, game_key: str, event_type: str) -> Decision[SafetyAnswer]:
    """Decide the action for an event of a player's session."""
    action = check.action(ids, ActionCause.EVENT, game_key=game_key, event_type=event_type)
    risk = RiskScore(check.risk.score, check.risk.band, check.risk.reasons)
    answer = SafetyAnswer(risk, None if action is None else given_action(action))
    return Decided(answer, added=(action,))


@frozen
class LossLimit:
    """The loss limit of a session in minor units; once set it is locked against being raised."""

    loss_limit_cents: int
    locked: bool


@frozen
class SetLossLimit(WritingUseCase):
    """Sets or lowers the loss limit of a player's session. The present limit again changes nothing."""

    def __call__(self, principal: PlayerPrincipal, *, loss_limit_minor: int) -> LossLimit:
        """Return the limit. Raises InvalidInput, LossLimitLocked, InvalidToken."""
        return self.carry_out_for_player(principal, partial(decide_loss_limit, loss_limit_minor))


def decide_loss_limit(
    loss_limit_minor: int, locked: LockedPlayer, session: Session, at: Moment
) -> Decision[LossLimit]:
    """Decide to set the loss limit of a session. Raises InvalidInput, LossLimitLocked."""
    limited, limit = with_loss_limit(session, loss_limit_minor), LossLimit(loss_limit_minor, locked=True)
    if limited == session:
        return Decided(limit)
    journal = PlayerJournal.of(locked, at)
    meta = {"loss_limit_minor": loss_limit_minor, "loss_limit_before_minor": session.loss_limit_minor}
    # A limit is only ever lowered, so each has an action id of its own.
    action_id = f"loss:{session.session_id}:{loss_limit_minor}"
    journal.note(EventType.LIMIT_SET, action_id=action_id, meta=meta)
    player = locked.player.active(at.now, last_seq=journal.last_seq)
    return Decided(limit, added=journal.events, saved=(player, limited))
