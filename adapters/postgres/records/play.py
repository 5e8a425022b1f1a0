"""Rows of what is played with: vouchers, players, sessions, bonuses, rounds, and the ledger of it all."""

from operator import attrgetter
from typing import Final

from ....domain.access.codes import Code
from ....domain.access.pins import PinRef
from ....domain.games.fairness import RevealedSeed, SeedState
from ....domain.ledger.events import Account, AccountKind, EventSource, EventType, LedgerEvent, Transfer
from ....domain.ledger.wallet import Wallet
from ....domain.play.players import Player, PlayerStatus
from ....domain.play.rounds import Round
from ....domain.play.sessions import Session, SessionEnd
from ....domain.vouchers.bonuses import Bonus, BonusStatus
from ....domain.vouchers.vouchers import Voucher, VoucherStatus
from ..connection.channel import Row
from . import tables
from .mapping import Kept


def _voucher(row: Row) -> Voucher:
    return Voucher(
        operator_id=row[0],
        tenant_id=row[1],
        voucher_id=row[2],
        code=Code(row[3]),
        pin=PinRef(row[4], row[5]),
        amount_minor=row[6],
        bonus_minor=row[7],
        issued_by=row[8],
        issued_at=row[9],
        expires_at=row[10],
        status=VoucherStatus(row[11]),
        closed_at=row[12],
        player_id=row[13],
        batch_id=row[14],
        number=row[15],
        prints=row[16],
    )


VOUCHERS: Final = Kept(
    tables.vouchers,
    attrgetter(
        "operator_id",
        "tenant_id",
        "voucher_id",
        "code.symbols",
        "pin.key_id",
        "pin.generation",
        "amount_minor",
        "bonus_minor",
        "issued_by",
        "issued_at",
        "expires_at",
        "status",
        "closed_at",
        "player_id",
        "batch_id",
        "number",
        "prints",
    ),
    _voucher,
    frozenset({"pin_key_id", "pin_generation", "expires_at", "status", "closed_at", "player_id", "prints"}),
)


def _player(row: Row) -> Player:
    return Player(
        operator_id=row[0],
        tenant_id=row[1],
        player_id=row[2],
        login_code=Code(row[3]),
        pin=PinRef(row[4], row[5]),
        wallet=Wallet(row[6]),
        last_seq=row[7],
        status=PlayerStatus(row[8]),
        cashier_id=row[9],
        region=row[10],
        created_at=row[11],
        last_active_at=row[12],
        seeds=SeedState(row[13], row[16], row[14], row[15]),
        pass_id=row[17],
    )


PLAYERS: Final = Kept(
    tables.players,
    attrgetter(
        "operator_id",
        "tenant_id",
        "player_id",
        "login_code.symbols",
        "pin.key_id",
        "pin.generation",
        "wallet.balance_minor",
        "last_seq",
        "status",
        "cashier_id",
        "region",
        "created_at",
        "last_active_at",
        "seeds.key_id",
        "seeds.number",
        "seeds.nonce",
        "seeds.client_seed",
        "pass_id",
    ),
    _player,
    frozenset(
        {
            "pin_key_id",
            "pin_generation",
            "balance_minor",
            "last_seq",
            "status",
            "last_active_at",
            "seed_key_id",
            "seed_number",
            "seed_nonce",
            "client_seed",
            "pass_id",
        }
    ),
)


def _session(row: Row) -> Session:
    return Session(
        operator_id=row[0],
        tenant_id=row[1],
        session_id=row[2],
        player_id=row[3],
        started_at=row[4],
        last_active_at=row[5],
        start_balance_minor=row[6],
        end_balance_minor=row[7],
        spins=row[8],
        bets_minor=row[9],
        wins_minor=row[10],
        games=tuple(row[11]),
        ended_at=row[12],
        end_reason=None if row[13] is None else SessionEnd(row[13]),
        refresh_generation=row[14],
        loss_limit_minor=row[15],
        checked_at=row[16],
    )


SESSIONS: Final = Kept(
    tables.sessions,
    attrgetter(
        "operator_id",
        "tenant_id",
        "session_id",
        "player_id",
        "started_at",
        "last_active_at",
        "start_balance_minor",
        "end_balance_minor",
        "spins",
        "bets_minor",
        "wins_minor",
        "games",
        "ended_at",
        "end_reason",
        "refresh_generation",
        "loss_limit_minor",
        "checked_at",
    ),
    _session,
    frozenset(
        {
            "last_active_at",
            "end_balance_minor",
            "spins",
            "bets_minor",
            "wins_minor",
            "games",
            "ended_at",
            "end_reason",
            "refresh_generation",
            "loss_limit_minor",
            "checked_at",
        }
    ),
)


def _bonus(row: Row) -> Bonus:
    return Bonus(
        operator_id=row[0],
        tenant_id=row[1],
        bonus_id=row[2],
        player_id=row[3],
        voucher_id=row[4],
        amount_minor=row[5],
        status=BonusStatus(row[6]),
        held_at=row[7],
        triggered_at=row[8],
        acknowledged_at=row[9],
    )


BONUSES: Final = Kept(
    tables.bonuses,
    attrgetter(
        "operator_id",
        "tenant_id",
        "bonus_id",
        "player_id",
        "voucher_id",
        "amount_minor",
        "status",
        "held_at",
        "triggered_at",
        "acknowledged_at",
    ),
    _bonus,
    frozenset({"status", "triggered_at", "acknowledged_at"}),
)


def _round(row: Row) -> Round:
    return Round(
        operator_id=row[0],
        tenant_id=row[1],
        round_id=row[2],
        player_id=row[3],
        session_id=row[4],
        action_id=row[5],
        game_key=row[6],
        stake_minor=row[7],
        win_minor=row[8],
        bonus_minor=row[9],
        balance_minor=row[10],
        outcome=row[11],
        played_at=row[12],
        game_version=row[13],
        seed_number=row[14],
        nonce=row[15],
    )


ROUNDS: Final = Kept(
    tables.rounds,
    attrgetter(
        "operator_id",
        "tenant_id",
        "round_id",
        "player_id",
        "session_id",
        "action_id",
        "game_key",
        "stake_minor",
        "win_minor",
        "bonus_minor",
        "balance_minor",
        "outcome",
        "played_at",
        "game_version",
        "seed_number",
        "nonce",
    ),
    _round,
)


def _revealed_seed(row: Row) -> RevealedSeed:
    return RevealedSeed(
        operator_id=row[0],
        tenant_id=row[1],
        player_id=row[2],
        number=row[3],
        server_seed=row[4],
        client_seed=row[5],
        rounds=row[6],
        revealed_at=row[7],
    )


REVEALED_SEEDS: Final = Kept(
    tables.revealed_seeds,
    attrgetter(
        "operator_id",
        "tenant_id",
        "player_id",
        "number",
        "server_seed",
        "client_seed",
        "rounds",
        "revealed_at",
    ),
    _revealed_seed,
)


def _event_row(event: LedgerEvent) -> Row:
    return (
        event.operator_id,
        event.tenant_id,
        event.event_id,
        event.occurred_at,
        event.source.value,
        event.event_type.value,
        event.actor_id,
        event.action_id,
        event.player_id,
        event.player_seq,
        event.session_id,
        event.round_id,
        event.agent_id,
        event.cashier_id,
        event.game_key,
        event.provider,
        event.region,
        event.amount_minor,
        *_sides(event.transfer),
        event.meta,
    )


def _sides(transfer: Transfer | None) -> Row:
    if transfer is None:
        return (None,) * 6
    return (
        transfer.source.kind.value,
        transfer.source.owner_id,
        transfer.source_balance_minor,
        transfer.target.kind.value,
        transfer.target.owner_id,
        transfer.target_balance_minor,
    )


def _event(row: Row) -> LedgerEvent:
    return LedgerEvent(
        operator_id=row[0],
        tenant_id=row[1],
        event_id=row[2],
        occurred_at=row[3],
        source=EventSource(row[4]),
        event_type=EventType(row[5]),
        actor_id=row[6],
        action_id=row[7],
        player_id=row[8],
        player_seq=row[9],
        session_id=row[10],
        round_id=row[11],
        agent_id=row[12],
        cashier_id=row[13],
        game_key=row[14],
        provider=row[15],
        region=row[16],
        transfer=_transfer(row[17], row[18:24]),
        reported_minor=row[17] if row[18] is None else 0,
        meta=row[24],
    )


def _transfer(amount_minor: int, sides: Row) -> Transfer | None:
    from_kind, from_owner_id, from_balance_minor, to_kind, to_owner_id, to_balance_minor = sides
    if from_kind is None:
        return None
    return Transfer(
        source=Account(AccountKind(from_kind), from_owner_id),
        target=Account(AccountKind(to_kind), to_owner_id),
        amount_minor=amount_minor,
        source_balance_minor=from_balance_minor,
        target_balance_minor=to_balance_minor,
    )


EVENTS: Final = Kept(tables.ledger_events, _event_row, _event)
