"""Players: their own state, the acknowledgement of bonuses, and the records that staff see."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen

from ...domain.ledger.events import EventType
from ...domain.play.players import PlayerStatus
from ...domain.play.rounds import Round
from ...domain.play.sessions import Session, SessionEnd
from ...domain.tenancy.staff import Permission
from ...domain.vouchers.bonuses import BonusStatus, oldest_first, total_minor
from ..access import PlayerPrincipal, StaffPrincipal, look, require_session
from ..decisions import Decided, Decision, Moment
from ..errors import NotFound
from ..journal import PlayerJournal
from ..ports.filters import Page, PlayerFilter
from ..ports.play import LockedPlayer, PlayerView
from ..ports.storage import Storage, UnitOfWork
from ..transactions import transact
from ..use_case import WritingUseCase
from ..wire import record_from


@frozen
class PlayerState:
    """A player's own state. Amounts in minor units."""

    player_id: UUID
    tenant_id: UUID
    balance_minor: int
    bonus_pending_minor: int
    bonus_ack_required: bool


@frozen
class PlayerRecord:
    """A player as staff see it."""

    player_id: UUID
    tenant_id: UUID
    login_code: str
    status: PlayerStatus
    balance_minor: int
    bonus_pending_minor: int
    bonus_ack_required: bool
    cashier_id: UUID | None
    region: str | None
    created_at: datetime
    last_active_at: datetime


@frozen
class SessionRecord:
    """A session as staff see it. Amounts in minor units; the net has no bonuses."""

    session_id: UUID
    player_id: UUID
    started_at: datetime
    last_active_at: datetime
    ended_at: datetime | None
    end_reason: SessionEnd | None
    spins: int
    games: Sequence[str]
    bets_minor: int
    wins_minor: int
    net_minor: int
    start_balance_minor: int
    end_balance_minor: int


def session_record(session: Session) -> SessionRecord:
    """Return a session as staff see it."""
    return record_from(SessionRecord, session, net_minor=-session.net_loss_minor)


def player_state(view: PlayerView) -> PlayerState:
    """Return a player's own state."""
    return PlayerState(
        player_id=view.player.player_id,
        tenant_id=view.player.tenant_id,
        balance_minor=view.player.wallet.balance_minor,
        bonus_pending_minor=total_minor(view.bonuses, BonusStatus.PENDING),
        bonus_ack_required=total_minor(view.bonuses, BonusStatus.TRIGGERED) > 0,
    )


def player_record(view: PlayerView) -> PlayerRecord:
    """Return a player as staff see it."""
    player, state = view.player, player_state(view)
    return record_from(
        PlayerRecord,
        player,
        login_code=str(player.login_code),
        balance_minor=state.balance_minor,
        bonus_pending_minor=state.bonus_pending_minor,
        bonus_ack_required=state.bonus_ack_required,
    )


@frozen
class ReadPlayerState:
    """Shows a player their own state."""

    storage: Storage

    def __call__(self, principal: PlayerPrincipal) -> PlayerState:
        """Return the state. Raises InvalidToken when the session has ended."""
        view = transact(self.storage, principal.binding, lambda unit: unit.players.get(principal.player_id))
        found, _ = require_session(view, principal)
        return player_state(found)


@frozen
class AcknowledgeBonus(WritingUseCase):
    """Acknowledges every paid bonus of a player. Moves no money and may be repeated."""

    def __call__(self, principal: PlayerPrincipal) -> PlayerState:
        """Return the state after it. Raises InvalidToken."""
        return self.carry_out_for_player(principal, lambda locked, _, at: decide_acknowledgement(locked, at))


def decide_acknowledgement(locked: LockedPlayer, at: Moment) -> Decision[PlayerState]:
    """Decide to acknowledge all triggered bonuses of a player. Without any nothing is written."""
    unseen = oldest_first(locked.bonuses, BonusStatus.TRIGGERED)
    pending = tuple(bonus for bonus in locked.bonuses if bonus.status is BonusStatus.PENDING)
    state = player_state(PlayerView(locked.player, locked.session, pending))
    if not unseen:
        return Decided(state)
    journal = PlayerJournal.of(locked, at)
    for bonus in unseen:
        journal.note(EventType.BONUS_ACKNOWLEDGED, action_id=str(bonus.bonus_id))
    player = locked.player.active(at.now, last_seq=journal.last_seq)
    acknowledged = (bonus.acknowledge(at.now) for bonus in unseen)
    return Decided(state, added=journal.events, saved=(player, *acknowledged))


@frozen
class ListPlayers:
    """Lists the players that a member of staff may see."""

    storage: Storage

    def __call__(
        self, principal: StaffPrincipal, only: PlayerFilter = PlayerFilter(), page: Page = Page()
    ) -> list[PlayerRecord]:
        """Return players, newest first. Raises Forbidden."""
        principal.require(Permission.READ_PLAYERS)
        views = look(self.storage, principal, lambda unit: unit.players.page(only, page))
        return [player_record(view) for view in views]


@frozen
class ReadPlayer:
    """Shows staff one player."""

    storage: Storage

    def __call__(self, principal: StaffPrincipal, player_id: UUID) -> PlayerRecord:
        """Return the player. Raises Forbidden, NotFound."""
        principal.require(Permission.READ_PLAYERS)
        view = look(self.storage, principal, lambda unit: unit.players.get(player_id))
        if view is None:
            raise NotFound("player")
        return player_record(view)


@frozen
class ListSessions:
    """Lists a player's sessions for staff."""

    storage: Storage

    def __call__(self, principal: StaffPrincipal, player_id: UUID, page: Page = Page()) -> list[SessionRecord]:
        """Return sessions, newest first. Raises Forbidden, NotFound."""
        principal.require(Permission.READ_PLAYERS)

        def read(unit: UnitOfWork) -> Sequence[Session]:
            if unit.players.get(player_id) is None:
                raise NotFound("player")
            return unit.players.sessions(player_id, page)

        return [session_record(session) for session in look(self.storage, principal, read)]


@frozen
class ListRounds:
    """Lists a player's rounds for staff."""

    storage: Storage

    def __call__(self, principal: StaffPrincipal, player_id: UUID, page: Page = Page()) -> list[Round]:
        """Return rounds, newest first. Raises Forbidden, NotFound."""
        principal.require(Permission.READ_PLAYERS)

        def read(unit: UnitOfWork) -> Sequence[Round]:
            if unit.players.get(player_id) is None:
                raise NotFound("player")
            return unit.players.rounds(player_id, page)

        return list(look(self.storage, principal, read))
