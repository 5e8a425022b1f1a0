"""What has to hold of a world of the stateful machine, and all that can be read of it."""

from collections import Counter
from typing import Any

from attrs import evolve

from playtime.application.ports.filters import LedgerFilter, PlayerFilter, VoucherFilter
from playtime.application.ports.safety import SafetyFilter
from playtime.domain.ledger.events import AccountKind, EventType

from support.day import EVERYTHING
from support.machine.world import World


def check(world: World) -> None:
    """Hold the books against the model, and both against the rules."""
    found: Counter[Any] = Counter()
    redeemed = 0
    for books in world.day.engine.verify_ledger():
        assert books.clean, books.disagreements
        assert books.sum_minor == 0
        for total in books.accounts:
            found[total.account.kind, total.account.owner_id] += total.entries_minor
            if total.account.kind not in {AccountKind.ISSUANCE, AccountKind.HOUSE}:
                assert total.entries_minor >= 0
        redeemed += sum(m.count for m in books.movements if m.event_type is EventType.VOUCHER_REDEEMED)
    assert sum(found.values()) == 0
    assert +found == +_balances(world)
    assert -found == -_balances(world)
    assert redeemed == sum(ticket.status == "REDEEMED" for ticket in world.tickets)
    for punter in world.punters:
        state = world.day.record(punter.guest)
        assert (state.status == "CLOSED") is punter.is_closed
        assert (state.balance_minor, state.bonus_pending_minor, state.bonus_ack_required) == (
            punter.balance,
            sum(punter.pending),
            punter.unseen > 0,
        )
        assert state.balance_minor > 100 or state.bonus_pending_minor == 0
        assert not punter.is_closed or state.balance_minor == 0
    check_limits(world)


def check_limits(world: World) -> None:
    """Hold each bet that was accepted against the limit of its session, and the model against the ledger."""
    book = world.losses
    book.read_on(world.day.storage)
    for punter in world.punters:
        session_id = punter.guest.principal.session_id
        assert (book.losses[session_id], book.limits.get(session_id)) == (punter.lost, punter.loss_limit)


def check_stops(world: World) -> None:
    """Hold the STOPs that are kept against the stakes that were refused for a limit."""
    with world.day.storage.begin_owner_read() as unit:
        kept = Counter(action.player_id for action in unit.safety.actions(SafetyFilter(), EVERYTHING))
    assert kept == +Counter({punter.guest.player_id: punter.stops for punter in world.punters})


def check_sessions(world: World) -> int:
    """Hold every session against the ledger; return how many there are."""
    found = world.day.engine.rebuild_sessions(check=True)
    assert [difference for operator in found for difference in operator.differences] == []
    return sum(operator.sessions for operator in found)


def dump(world: World) -> dict[str, Any]:
    """Return all that can be read of the books, for comparison with another storage's."""
    with world.day.storage.begin_owner_read() as unit:
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
            "accounts": [list(books.accounts) for books in world.day.engine.verify_ledger()],
            "actions": list(unit.safety.actions(SafetyFilter(), EVERYTHING)),
            "said": world.said,
        }


def _balances(world: World) -> Counter[Any]:
    kind, balances = AccountKind, Counter[Any]()
    for tenant_id, amount in world.wallets.items():
        balances[kind.TENANT, tenant_id] += amount
    for operator_id, amount in world.issued.items():
        balances[kind.ISSUANCE, operator_id] -= amount
    for tenant_id, amount in world.house.items():
        balances[kind.HOUSE, tenant_id] += amount
    for ticket in world.tickets:
        if ticket.status == "ISSUED":
            cost = ticket.sold.amount_minor + ticket.sold.amount_minor // 2
            balances[kind.VOUCHER_POOL, ticket.desk.tenant_id] += cost
    for punter in world.punters:
        balances[kind.PLAYER, punter.guest.player_id] += punter.balance
        balances[kind.BONUS_POOL, punter.desk.tenant_id] += sum(punter.pending)
    return balances
