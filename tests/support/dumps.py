"""Everything that can be read of the books of a modelled day, for comparison with another storage's."""

from typing import Any

from attrs import evolve

from playtime.application.access import SYSTEM
from playtime.application.ports.filters import LedgerFilter, PlayerFilter, VoucherFilter
from playtime.application.ports.safety import SafetyFilter

from support.day import EVERYTHING
from support.modelled_day import ModelledDay


def dump(modelled: ModelledDay) -> dict[str, Any]:
    """Return everything that can be read of the books, for comparison with another storage's."""
    with modelled.day.storage.begin_owner_read() as unit:
        players = unit.players.page(PlayerFilter(), EVERYTHING)
        return {
            "tenants": list(unit.tenants.page(EVERYTHING)),
            "vouchers": list(unit.vouchers.page(VoucherFilter(), EVERYTHING)),
            "players": [
                evolve(view, bonuses=tuple(sorted(view.bonuses, key=lambda bonus: bonus.bonus_id)))
                for view in players
            ],
            "sessions": [list(unit.players.sessions(view.player.player_id, EVERYTHING)) for view in players],
            "rounds": [list(unit.players.rounds(view.player.player_id, EVERYTHING)) for view in players],
            "events": list(unit.ledger.page(LedgerFilter(), EVERYTHING)),
            "accounts": [list(books.accounts) for books in modelled.day.engine.verify_ledger(SYSTEM)],
            "actions": list(unit.safety.actions(SafetyFilter(), EVERYTHING)),
            "said": modelled.said,
        }
