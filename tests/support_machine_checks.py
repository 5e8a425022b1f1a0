"""What has to hold of a world of the stateful machine, and all that can be read of it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from attrs import evolve
from support_day import EVERYTHING
from support_machine import World

from playtime.application.ports import LedgerFilter, PlayerFilter, VoucherFilter
from playtime.domain.ledger import AccountKind, EventType, LedgerEvent


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


def check_sessions(world: World) -> None:
    """Hold every session's totals against those that the ledger gives."""
    with world.day.storage.begin_owner_read() as unit:
        for punter in world.punters:
            player_id = punter.guest.player_id
            events = list(unit.ledger.page(LedgerFilter(player_id=player_id), EVERYTHING))
            kept = {
                session.session_id: (
                    session.spins,
                    session.bets_minor,
                    session.wins_minor,
                    list(session.games),
                    session.start_balance_minor,
                    session.end_balance_minor,
                )
                for session in unit.players.sessions(player_id, EVERYTHING)
            }
            assert kept == _rebuilt(events)


def _rebuilt(events: Sequence[LedgerEvent]) -> dict[UUID, Any]:
    """Make sessions of a player's events: spins, bets, wins, games, first and last balance."""
    sessions: dict[UUID, Any] = {}
    balance_minor = 0
    for event in sorted(events, key=lambda event: event.player_seq or 0):
        delta = _delta(event)
        balance_minor += delta
        if event.session_id is None:
            continue
        if event.event_type is EventType.LOGIN and not event.meta["resumed"]:
            sessions[event.session_id] = 0, 0, 0, [], balance_minor, balance_minor
        if event.session_id not in sessions:
            continue  # the voucher that made the player, and with it the session
        spins, bets, wins, games, start, end = sessions[event.session_id]
        if event.event_type is EventType.BET:
            spins, bets = spins + 1, bets - delta
            games = sorted({*games, event.game_key})
        elif event.event_type is EventType.WIN:
            wins += delta
        sessions[event.session_id] = spins, bets, wins, games, start, balance_minor if delta else end
    return sessions


def _delta(event: LedgerEvent) -> int:
    """Return what an event does to the player's balance."""
    transfer = event.transfer
    if transfer is None:
        return 0
    gains = transfer.target.kind is AccountKind.PLAYER
    spends = transfer.source.kind is AccountKind.PLAYER
    return transfer.amount_minor * (gains - spends)


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
