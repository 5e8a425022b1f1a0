"""The ledger events of one operation on a player."""

from typing import Any, Self
from uuid import UUID

from attrs import define, field

from ..domain.ledger.events import Account, AccountKind, EventType, LedgerEvent, Transfer
from ..domain.play.players import Player
from ..domain.vouchers.bonuses import Bonus
from ..domain.wire_names import camel_keys
from .decisions import Moment
from .ports.play import LockedPlayer


@define(kw_only=True)
class PlayerJournal:
    """Collects the events of one operation on a locked player, numbered by the player's sequence.

    Every event copies the player's agent, region and cashier of the first voucher. Analytics group by them without
    a join.
    """

    at: Moment
    player: Player
    session_id: UUID | None = None
    events: list[LedgerEvent] = field(init=False, factory=list)

    @classmethod
    def of(cls, locked: LockedPlayer, at: Moment) -> Self:
        """Return a journal for an operation in the open session of a locked player, if there is one."""
        session_id = None if locked.session is None else locked.session.session_id
        return cls(at=at, player=locked.player, session_id=session_id)

    @property
    def last_seq(self) -> int:
        """The number of the last event collected so far."""
        return self.player.last_seq + len(self.events)

    def move(
        self,
        event_type: EventType,
        source: Account,
        target: Account,
        amount_minor: int,
        *,
        balance_minor: int | None,
        action_id: str,
        actor_id: UUID | None = None,
        tenant_balance_minor: int | None = None,
        **about: Any,
    ) -> None:
        """Note a movement. `balance_minor` is the player's balance after it, None if the player takes no part."""
        balances = {AccountKind.PLAYER: balance_minor, AccountKind.TENANT: tenant_balance_minor}
        transfer = Transfer(
            source=source,
            target=target,
            amount_minor=amount_minor,
            source_balance_minor=balances.get(source.kind),
            target_balance_minor=balances.get(target.kind),
        )
        self._append(event_type, transfer, action_id=action_id, actor_id=actor_id, about=about)

    def note(self, event_type: EventType, *, action_id: str, **about: Any) -> None:
        """Note an event that moves nothing."""
        self._append(event_type, None, action_id=action_id, actor_id=None, about=about)

    def trigger_bonuses(self, triggered: tuple[Bonus, ...], balance_minor: int, **about: Any) -> None:
        """Note the payment of bonuses. `balance_minor` is the player's balance before them."""
        pool = Account(AccountKind.BONUS_POOL, self.player.tenant_id)
        for bonus in triggered:
            balance_minor += bonus.amount_minor
            # Named after the bonus, so that the ledger's own unique key forbids paying it twice.
            self.move(
                EventType.BONUS_TRIGGERED,
                pool,
                self.player.account,
                bonus.amount_minor,
                balance_minor=balance_minor,
                action_id=str(bonus.bonus_id),
                cashier_id=bonus.cashier_id,
                **about,
            )

    def _append(
        self,
        event_type: EventType,
        transfer: Transfer | None,
        *,
        action_id: str,
        actor_id: UUID | None,
        about: dict[str, Any],
    ) -> None:
        player = self.player
        about.setdefault("cashier_id", player.cashier_id)
        # Lines of the ledger hold the meta as it is stored: under published names.
        about["meta"] = camel_keys(about.get("meta", {}))
        self.events.append(
            LedgerEvent(
                event_id=self.at.new_id(),
                operator_id=player.operator_id,
                tenant_id=player.tenant_id,
                occurred_at=self.at.now,
                event_type=event_type,
                actor_id=actor_id or player.player_id,
                action_id=action_id,
                transfer=transfer,
                player_id=player.player_id,
                player_seq=self.last_seq + 1,
                session_id=self.session_id,
                agent_id=player.tenant_id,
                region=player.region,
                **about,
            )
        )
