"""What players do for their own safety: report an event, and limit what a session may lose."""

from collections.abc import Sequence

from attrs import frozen

from ...domain.games.game import Game
from ...domain.ledger.events import EventType
from ...domain.play.session_folding import LOSS_LIMIT
from ...domain.safety.actions import ActionCause, limit_loss
from ...domain.safety.risk import Band
from ..access import PlayerPrincipal, require_seat
from ..errors import InvalidToken, NotFound
from ..journal import PlayerJournal
from ..ports.safety import SafetyWatch
from ..ports.services import Clock, Ids
from ..ports.storage import Storage, UnitOfWork
from ..transactions import transact
from .check import SafetyCheck
from .messages import GivenAction, told
from .odds import odds_of


@frozen
class RiskScore:
    """The risk of a session's play as its player sees it."""

    score: int
    band: Band
    reasons: Sequence[str]


@frozen
class SafetyAnswer:
    """What a reported event came to; `action` is None when there is nothing to do, or nothing again so soon."""

    risk: RiskScore
    action: GivenAction | None


@frozen
class NoteSafetyEvent:
    """Scores a player's session, and says and keeps what is to be done about it. Writes nothing to the ledger.

    The player is locked, so that of two events at once one leads to an action and the other sees it.
    """

    storage: Storage
    clock: Clock
    ids: Ids
    games: Sequence[Game]

    def __call__(self, principal: PlayerPrincipal, *, game_key: str, event_type: str) -> SafetyAnswer:
        """Return risk and action. Raises NotFound, InvalidToken."""
        if not any(game.game_key == game_key for game in self.games):
            raise NotFound("game")

        def work(unit: UnitOfWork) -> SafetyAnswer:
            watch = SafetyWatch(asked_at=self.clock.now())
            seat = require_seat(unit.players.lock(principal.player_id, watch=watch), principal)
            if seat.safety is None or seat.session is None:
                raise InvalidToken
            check = SafetyCheck.of(
                seat.safety, seat.player, seat.session, odds=odds_of(self.games), now=self.clock.now()
            )
            action = check.action(self.ids, ActionCause.EVENT, game_key=game_key, event_type=event_type)
            if action is not None:
                unit.add(action)
                unit.commit()
            risk = check.risk
            return SafetyAnswer(
                RiskScore(risk.score, risk.band, risk.reasons), None if action is None else told(action)
            )

        return transact(self.storage, principal.binding, work)


@frozen
class LossLimit:
    """The loss limit of a session in minor units; once set it is locked against being raised."""

    loss_limit_cents: int
    locked: bool


@frozen
class SetLossLimit:
    """Sets the loss limit of a player's session, or lowers it. Setting it to what it is changes nothing."""

    storage: Storage
    clock: Clock
    ids: Ids

    def __call__(self, principal: PlayerPrincipal, *, loss_limit_minor: int) -> LossLimit:
        """Return the limit. Raises InvalidInput, LossLimitLocked, InvalidToken."""

        def work(unit: UnitOfWork) -> LossLimit:
            seat = require_seat(unit.players.lock(principal.player_id), principal)
            if seat.session is None:
                raise InvalidToken
            now, limited = self.clock.now(), limit_loss(seat.session, loss_limit_minor)
            if limited != seat.session:
                session_id = limited.session_id
                journal = PlayerJournal(ids=self.ids, now=now, player=seat.player, session_id=session_id)
                # A limit only ever gets lower, so each has a name of its own.
                journal.note(
                    EventType.LIMIT_SET,
                    action_id=f"loss:{session_id}:{loss_limit_minor}",
                    meta={
                        LOSS_LIMIT: loss_limit_minor,
                        "lossLimitBeforeMinor": seat.session.loss_limit_minor,
                    },
                )
                unit.save(seat.player.active(now, last_seq=journal.last_seq), limited)
                unit.add(*journal.events)
                unit.commit()
            return LossLimit(loss_limit_minor, locked=True)

        return transact(self.storage, principal.binding, work)
