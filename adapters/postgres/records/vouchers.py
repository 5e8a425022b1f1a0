"""Vouchers and bonuses."""

from typing import Final

from ....domain.vouchers.bonuses import Bonus
from ....domain.vouchers.vouchers import Voucher
from .mapping import OWNER, Column, Mapped

VOUCHERS: Final = Mapped(
    Voucher,
    "vouchers",
    *OWNER,
    Column("voucher_id", key=True),
    Column("code", "code.symbols"),
    Column("pin_key_id", "pin.key_id", changes=True),
    Column("pin_generation", "pin.generation", "integer", changes=True),
    Column("amount_minor"),
    Column("bonus_minor"),
    Column("issued_by"),
    Column("issued_at"),
    Column("expires_at", changes=True),
    Column("status", changes=True),
    Column("closed_at", changes=True),
    Column("player_id", changes=True),
    Column("batch_id"),
    Column("number", type="integer"),
    Column("prints", type="integer", changes=True),
)

BONUSES: Final = Mapped(
    Bonus,
    "bonuses",
    *OWNER,
    Column("bonus_id", key=True),
    Column("player_id"),
    Column("voucher_id"),
    Column("amount_minor"),
    Column("status", changes=True),
    Column("held_at"),
    Column("triggered_at", changes=True),
    Column("acknowledged_at", changes=True),
    Column("cashier_id"),
)
