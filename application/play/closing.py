"""Closing players: what is left goes back to the agent that sold it."""

from datetime import datetime
from functools import partial
from uuid import UUID

from attrs import frozen

from ...domain.games.fairness import SeedKeys
from ...domain.ledger.events import Account, AccountKind, EventType
from ...domain.money import amounts_of
from ...domain.play.players import Player
from ...domain.play.sessions import SessionEnd
from ...domain.tenancy.staff import Permission
from ...domain.tenancy.tenants import TenantWallet
from ...domain.vouchers.bonuses import BonusStatus, oldest_first
from ..access import StaffPrincipal
from ..answers import Answer, Command, Outcome, replay, settle
from ..errors import NotFound
from ..journal import PlayerJournal
from ..ports.play import LockedPlayer, PlayerView
from ..ports.services import Clock, Ids
from ..ports.storage import Storage, UnitOfWork
from ..transactions import transact
from ..wire import success
from .fairness import spend_seed
from .players import player_record
from .sessions import note_end


@frozen
class ClosePlayer:
    """Closes a player for staff: balance and held bonuses return to the agent, the session ends."""

    storage: Storage
    clock: Clock
    ids: Ids
    seeds: SeedKeys

    def __call__(self, principal: StaffPrincipal, player_id: UUID, *, action_id: str | None = None) -> Answer:
        """Close the player. Raises Forbidden, NotFound, PlayerClosed."""
        principal.require(Permission.CLOSE_PLAYERS)
        binding = principal.binding
        command = Command.of("CLOSE_PLAYER", principal.staff_id, action_id, player_id=player_id)

        def work(unit: UnitOfWork) -> Answer:
            seat = unit.players.lock(player_id, command.key)
            if seat is None:
                raise NotFound("player")
            now = self.clock.now()
            if seat.answer is not None:
                return replay(seat.answer, command, now)
            closing = lock_for_closing(
                unit, seat, ids=self.ids, seeds=self.seeds, now=now, closed_by=principal.staff_id
            )
            act = partial(closing.act, unit)
            return settle(unit, command, act, binding=binding, now=now)

        return transact(self.storage, binding, work)


@frozen(kw_only=True)
class Closing:
    """One closing, with the player and the agent's wallet locked, in this order."""

    ids: Ids
    seeds: SeedKeys
    now: datetime
    closed_by: UUID
    seat: LockedPlayer
    wallet: TenantWallet

    def act(self, unit: UnitOfWork) -> Outcome:
        """Gather the closing and return its answer. Raises PlayerClosed."""
        seat, closed = self.seat, self.seat.player.close()
        session_id = None if seat.session is None else seat.session.session_id
        journal = PlayerJournal(ids=self.ids, now=self.now, player=seat.player, session_id=session_id)
        returned = [bonus.return_to_agent() for bonus in oldest_first(seat.bonuses, BonusStatus.PENDING)]
        closed, wallet = self._emptied(journal, closed)
        for bonus in returned:
            wallet = wallet.credit(bonus.amount_minor)
            self._move(
                journal,
                EventType.BONUS_RETURNED,
                wallet,
                amount_minor=bonus.amount_minor,
                balance_minor=None,
                named=str(bonus.bonus_id),
            )
        if seat.session is not None:
            ended = seat.session.active(self.now, balance_minor=0).end(self.now, SessionEnd.PLAYER_CLOSED)
            note_end(journal, ended)
            unit.save(ended)
        closed = closed.numbered(journal.last_seq)
        revealed = spend_seed(self.seeds, closed, self.now)
        if revealed is not None:
            # Nothing more is played with it, and the last rounds can be checked as well.
            closed = closed.with_seeds(closed.seeds.rotated())
            unit.add(revealed)
        unit.save(closed, *returned)
        if wallet != self.wallet:
            unit.save(wallet)
        unit.add(*journal.events)
        unseen = tuple(bonus for bonus in seat.bonuses if bonus.status is BonusStatus.TRIGGERED)
        return Outcome(success(player=player_record(PlayerView(closed, None, unseen))))

    def _emptied(self, journal: PlayerJournal, player: Player) -> tuple[Player, TenantWallet]:
        """Write the balance's way to the agent's wallet and return both sides; it may be more than one amount."""
        wallet, named = self.wallet, str(player.player_id)
        for number, amount_minor in enumerate(amounts_of(player.wallet.balance_minor), start=1):
            player, wallet = player.debit(amount_minor), wallet.credit(amount_minor)
            self._move(
                journal,
                EventType.PLAYER_CLOSED,
                wallet,
                amount_minor=amount_minor,
                balance_minor=player.wallet.balance_minor,
                named=named if number == 1 else f"{named}/{number}",
            )
        return player, wallet

    def _move(
        self,
        journal: PlayerJournal,
        event_type: EventType,
        wallet: TenantWallet,
        *,
        amount_minor: int,
        balance_minor: int | None,
        named: str,
    ) -> None:
        """Write a movement to the agent's wallet, named after what it empties so that it cannot happen twice."""
        pool = Account(AccountKind.BONUS_POOL, wallet.tenant_id)
        journal.move(
            event_type,
            pool if balance_minor is None else journal.player.account,
            Account(AccountKind.TENANT, wallet.tenant_id),
            amount_minor,
            balance_minor=balance_minor,
            tenant_balance_minor=wallet.wallet.balance_minor,
            action_id=named,
            actor_id=wallet.tenant_id,
            cashier_id=self.closed_by,
        )


def lock_for_closing(
    unit: UnitOfWork, seat: LockedPlayer, *, ids: Ids, seeds: SeedKeys, now: datetime, closed_by: UUID
) -> Closing:
    """Lock the wallet of a locked player's agent and return the closing that can be carried out."""
    wallets, _ = unit.wallets.lock([seat.player.tenant_id])
    wallet = wallets[seat.player.tenant_id]
    return Closing(ids=ids, seeds=seeds, now=now, closed_by=closed_by, seat=seat, wallet=wallet)
