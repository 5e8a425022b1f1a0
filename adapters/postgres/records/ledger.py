"""The events of the ledger, and the seals over them."""

from typing import Any, Final

from ....domain.ledger.events import Account, AccountKind, LedgerEvent, Transfer
from ....domain.ledger.seals import Place, Seal
from ..connection.channel import Row
from .mapping import OWN_ROW, OWNER, Column, Group, Mapped


def _transfer_row(event: LedgerEvent) -> Row:
    transfer = event.transfer
    if transfer is None:
        return (event.reported_minor, *(None,) * 6)
    source, target = transfer.source, transfer.target
    return (
        transfer.amount_minor,
        source.kind.value,
        source.owner_id,
        transfer.source_balance_minor,
        target.kind.value,
        target.owner_id,
        transfer.target_balance_minor,
    )


def _transfer(row: Row) -> dict[str, Any]:
    amount_minor, from_kind, from_owner_id, from_balance_minor, to_kind, to_owner_id, to_balance_minor = row
    if from_kind is None:
        return {"reported_minor": amount_minor}
    transfer = Transfer(
        source=Account(AccountKind(from_kind), from_owner_id),
        target=Account(AccountKind(to_kind), to_owner_id),
        amount_minor=amount_minor,
        source_balance_minor=from_balance_minor,
        target_balance_minor=to_balance_minor,
    )
    return {"transfer": transfer}


EVENTS: Final = Mapped(
    LedgerEvent,
    "ledger_events",
    *OWN_ROW,
    Column("event_id", key=True),
    Column("occurred_at"),
    Column("source"),
    Column("event_type"),
    Column("actor_id"),
    Column("action_id"),
    Column("player_id"),
    Column("player_seq"),
    Column("session_id"),
    Column("round_id"),
    Column("agent_id"),
    Column("cashier_id"),
    Column("game_key"),
    Column("provider"),
    Column("region"),
    Column("meta"),
    groups=[
        Group(
            attributes=("transfer", "reported_minor"),
            columns=(
                Column("amount_minor", "reported_minor"),
                Column("from_kind", "transfer.source.kind"),
                Column("from_owner_id", "transfer.source.owner_id"),
                Column("from_balance_minor", "transfer.source_balance_minor"),
                Column("to_kind", "transfer.target.kind"),
                Column("to_owner_id", "transfer.target.owner_id"),
                Column("to_balance_minor", "transfer.target_balance_minor"),
            ),
            write=_transfer_row,
            read=_transfer,
        )
    ],
    by_server=("era", "xact_id"),
)


def _place(name: str) -> tuple[Column, ...]:
    return (
        Column(f"{name}_era", f"{name}.era", "integer"),
        Column(f"{name}_xact_id", f"{name}.xact_id", "xid8", read=int),
        Column(f"{name}_event_id", f"{name}.event_id"),
    )


SEALS: Final = Mapped(
    Seal,
    "seals",
    *OWNER,
    Column("number", key=True),
    *_place("first"),
    *_place("last"),
    Column("event_count"),
    Column("previous_hash"),
    Column("hash"),
    Column("sealed_at"),
)


def place_of(row: Row) -> Place:
    """Return the place that an era, a transaction and an event make."""
    era, xact_id, event_id = row
    return Place(era, int(xact_id), event_id)
