"""Closing players: their balance and held bonuses return to the agent."""

from typing import Any
from uuid import UUID

from attrs import define, frozen

from ...domain.games.fairness import SeedKeys
from ...domain.ledger.events import Account, AccountKind, EventType
from ...domain.money import amounts_of
from ...domain.play.players import Player, PlayerStatus
from ...domain.play.sessions import SessionEnd
from ...domain.tenancy.staff import Permission
from ...domain.tenancy.tenants import TenantWallet
from ...domain.tenancy.trail import ActionName, StaffAction
from ...domain.vouchers.bonuses import Bonus, BonusStatus, oldest_first
from ..access import StaffPrincipal
from ..answers import Answer, Content
from ..decisions import Decided, Decision, Moment, deciding
from ..errors import NotFound
from ..journal import PlayerJournal
from ..ports.bindings import StoredAnswer
from ..ports.play import LockedPlayer, PlayerView
from ..ports.storage import UnitOfWork
from ..trail import described
from ..use_case import StaffUseCase
from ..wire import success
from .fairness import spend_seed
from .players import player_record
from .sessions import note_end


@frozen
class ClosePlayer(StaffUseCase):
    """Closes a player for staff: balance and held bonuses return to the agent, the session ends."""

    seeds: SeedKeys

    def __call__(self, principal: StaffPrincipal, player_id: UUID, *, action_id: str | None = None) -> Answer:
        """Close the player. Raises Forbidden, NotFound, PlayerClosed."""
        principal.require(Permission.CLOSE_PLAYERS)
        command = self.command("CLOSE_PLAYER", principal.staff_id, action_id, player_id=player_id)

        def read(unit: UnitOfWork) -> StoredAnswer | ClosingPlayer:
            locked = unit.players.lock(player_id, command.key)
            if locked is None:
                raise NotFound("player")
            return locked.answer or lock_for_closing(unit, locked)

        def decide(found: ClosingPlayer, at: Moment) -> Decision[Content]:
            player = found.locked.player
            return described(
                decide_closing(found, at, self.seeds, closed_by=principal.staff_id),
                before={"status": player.status, "balance_minor": player.wallet.balance_minor},
                after={"status": PlayerStatus.CLOSED, "balance_minor": 0},
            )

        action = StaffAction(name=ActionName.CLOSE_PLAYER, object_kind="player", object_id=str(player_id))
        return self.act_on_command(principal, command, read, decide, action=action)


@frozen
class ClosingPlayer:
    """A locked player, and the locked wallet of the player's agent. They are locked in this order."""

    locked: LockedPlayer
    wallet: TenantWallet


def lock_for_closing(unit: UnitOfWork, locked: LockedPlayer) -> ClosingPlayer:
    """Lock the wallet of a locked player's agent."""
    wallets, _ = unit.wallets.lock([locked.player.tenant_id])
    return ClosingPlayer(locked, wallets[locked.player.tenant_id])


@deciding
def decide_closing(found: ClosingPlayer, at: Moment, seeds: SeedKeys, *, closed_by: UUID) -> Decision[Content]:
    """Decide to close a player. Raises PlayerClosed."""
    locked, closed = found.locked, found.locked.player.close()
    refunds = _Refunds(PlayerJournal.of(locked, at), found.wallet, closed_by)
    closed = refunds.empty(closed)
    returned = [bonus.return_to_agent() for bonus in oldest_first(locked.bonuses, BonusStatus.PENDING)]
    for bonus in returned:
        refunds.return_bonus(bonus)
    ended = None
    if locked.session is not None:
        ended = locked.session.active(at.now, balance_minor=0).end(at.now, SessionEnd.PLAYER_CLOSED)
        note_end(refunds.journal, ended)
    closed = closed.numbered(refunds.journal.last_seq)
    revealed = spend_seed(seeds, closed, at.now)
    if revealed is not None:
        # Nothing more is played with it, so that the last rounds can be checked as well.
        closed = closed.with_seeds(closed.seeds.rotated())
    unseen = tuple(bonus for bonus in locked.bonuses if bonus.status is BonusStatus.TRIGGERED)
    return Decided(
        success(player=player_record(PlayerView(closed, None, unseen))),
        added=(revealed, *refunds.journal.events),
        saved=(ended, closed, *returned, None if refunds.wallet == found.wallet else refunds.wallet),
    )


@define
class _Refunds:
    """The movements from a player who is closed to the agent's wallet."""

    journal: PlayerJournal
    wallet: TenantWallet
    closed_by: UUID

    def empty(self, player: Player) -> Player:
        """Move the player's balance and return the player; a large balance needs more than one movement."""
        named = str(player.player_id)
        for number, amount_minor in enumerate(amounts_of(player.wallet.balance_minor), start=1):
            player = player.debit(amount_minor)
            self._move(
                EventType.PLAYER_CLOSED,
                player.account,
                amount_minor,
                balance_minor=player.wallet.balance_minor,
                named=named if number == 1 else f"{named}/{number}",
                cashier_id=self.closed_by,
            )
        return player

    def return_bonus(self, bonus: Bonus) -> None:
        """Move a held bonus. Its event has the cashier of its voucher; `closed_by` is beside it."""
        self._move(
            EventType.BONUS_RETURNED,
            Account(AccountKind.BONUS_POOL, bonus.tenant_id),
            bonus.amount_minor,
            balance_minor=None,
            named=str(bonus.bonus_id),
            cashier_id=bonus.cashier_id,
            meta={"closed_by": str(self.closed_by)},
        )

    def _move(
        self,
        event_type: EventType,
        source: Account,
        amount_minor: int,
        *,
        balance_minor: int | None,
        named: str,
        **about: Any,
    ) -> None:
        """Note a movement, named after its source so that it cannot happen twice."""
        self.wallet = self.wallet.credit(amount_minor)
        self.journal.move(
            event_type,
            source,
            Account(AccountKind.TENANT, self.wallet.tenant_id),
            amount_minor,
            balance_minor=balance_minor,
            tenant_balance_minor=self.wallet.wallet.balance_minor,
            action_id=named,
            actor_id=self.wallet.tenant_id,
            **about,
        )
