"""Rows of seals."""

from typing import Final

from ....domain.ledger.seals import Place, Seal
from ..connection.channel import Row
from . import tables
from .mapping import Kept


def _seal_row(seal: Seal) -> Row:
    first, last = seal.first, seal.last
    return (
        seal.operator_id,
        seal.tenant_id,
        seal.number,
        first.era,
        first.xact_id,
        first.event_id,
        last.era,
        last.xact_id,
        last.event_id,
        seal.event_count,
        seal.previous_hash,
        seal.hash,
        seal.sealed_at,
    )


def _seal(row: Row) -> Seal:
    return Seal(
        operator_id=row[0],
        tenant_id=row[1],
        number=row[2],
        first=place_of(row[3:6]),
        last=place_of(row[6:9]),
        event_count=row[9],
        previous_hash=bytes(row[10]),
        hash=bytes(row[11]),
        sealed_at=row[12],
    )


def place_of(row: Row) -> Place:
    """Return the place that an era, a transaction and an event make."""
    era, xact_id, event_id = row
    return Place(era, int(xact_id), event_id)


SEALS: Final = Kept(tables.seals, _seal_row, _seal)
