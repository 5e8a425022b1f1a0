"""Each audit rule of the memory storage with its fault, which the test puts into the tables."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve, frozen

from playtime.adapters.memory.books import Books
from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.access import SYSTEM
from playtime.application.ledger import sealing
from playtime.application.ledger.audit import NEWEST_SEALS
from playtime.application.ports.audit import Stored
from playtime.domain.ledger.events import Account, AccountKind, EventSource, EventType, LedgerEvent, Transfer
from playtime.domain.ledger.wallet import Wallet
from playtime.domain.play.players import Player
from playtime.domain.play.rounds import Round
from playtime.domain.play.sessions import Session
from playtime.domain.vouchers.bonuses import TRIGGER_AT_MINOR, Bonus, BonusStatus
from playtime.domain.vouchers.vouchers import Voucher, VoucherStatus

from support.audit_day import AuditedDay

T, K = EventType, AccountKind


@frozen
class Rows:
    """The rows that faults are planted in."""

    books: Books
    player_id: UUID
    voided_id: UUID
    agent_id: UUID

    @property
    def player(self) -> Player:
        """The player."""
        return self.books.players.rows[self.player_id]

    @property
    def session(self) -> Session:
        """The player's session."""
        return next(row for row in self.books.sessions.rows.values() if row.player_id == self.player_id)

    @property
    def won(self) -> Round:
        """The round that the player has won."""
        rounds = (row for row in self.books.rounds.rows.values() if row.player_id == self.player_id)
        return next(row for row in rounds if row.win_minor)

    @property
    def bonus(self) -> Bonus:
        """The player's bonus."""
        return next(row for row in self.books.bonuses.rows.values() if row.player_id == self.player_id)

    def voucher(self, status: VoucherStatus) -> Voucher:
        """Return a voucher in a status."""
        return next(row for row in self.books.vouchers.rows.values() if row.status is status)

    def event(self, event_type: EventType) -> LedgerEvent:
        """Return the player's first event of a kind."""
        events = (row for row in self.books.ledger.rows.values() if row.player_id == self.player_id)
        return min((row for row in events if row.event_type is event_type), key=lambda row: row.player_seq or 0)

    def write(self, event: LedgerEvent) -> None:
        """Write an event."""
        self.books.ledger.rows[event.event_id] = event
        self.books.totals.count(event)

    def report(self, event_type: EventType, **about: Any) -> None:
        """Write an external event, or the note of a conflict with one."""
        named = {"source": EventSource.EXTERNAL, "provider": "them", "player_seq": None} | about
        event = evolve(self._planted(EventType.SPIN, None, None), **named, event_type=event_type)
        self.books.ledger.rows[event.event_id] = event

    def win(self, round_id: UUID) -> None:
        """Write a win of 7 whose accounts are in order."""
        player = self.player.credit(7).numbered(self.player.last_seq + 1)
        self.books.players.rows[self.player_id] = player
        moved = Transfer(
            source=Account(K.HOUSE, self.agent_id),
            target=player.account,
            amount_minor=7,
            target_balance_minor=player.wallet.balance_minor,
        )
        self.write(self._planted(T.WIN, moved, round_id))

    def take_out(self, amount_minor: int = 1_000) -> None:
        """Move an amount from the player to the agent, bonus or no bonus."""
        player = self.player.debit(amount_minor).numbered(self.player.last_seq + 1)
        self.books.players.rows[self.player_id] = player
        wallet = self.books.wallets.rows[self.agent_id].credit(amount_minor)
        self.books.wallets.rows[self.agent_id] = wallet
        moved = Transfer(
            source=player.account,
            target=Account(K.TENANT, self.agent_id),
            amount_minor=amount_minor,
            source_balance_minor=player.wallet.balance_minor,
            target_balance_minor=wallet.wallet.balance_minor,
        )
        self.write(self._planted(T.PLAYER_CLOSED, moved, None))

    def _planted(self, event_type: EventType, moved: Transfer | None, round_id: UUID | None) -> LedgerEvent:
        bet = self.event(T.BET)
        return evolve(
            bet,
            event_id=UUID(int=bet.event_id.int + 1),
            event_type=event_type,
            action_id="planted",
            transfer=moved,
            player_seq=self.player.last_seq,
            session_id=None,
            round_id=round_id,
        )


def _sum(rows: Rows) -> None:
    rows.books.totals.entries[rows.agent_id][Account(K.HOUSE, rows.agent_id)] += 1


def _wallet(rows: Rows) -> None:
    wallet = rows.books.wallets.rows[rows.agent_id]
    rows.books.wallets.rows[rows.agent_id] = wallet.credit(1)


def _floor(rows: Rows) -> None:
    wallet = rows.books.wallets.rows[rows.agent_id]
    balance_minor = wallet.wallet.balance_minor
    low = Wallet.__new__(Wallet)
    object.__setattr__(low, "balance_minor", balance_minor)
    object.__setattr__(low, "floor_minor", balance_minor + 1)
    rows.books.wallets.rows[rows.agent_id] = evolve(wallet, wallet=low)


def _pool(rows: Rows) -> None:
    entries = rows.books.totals.entries[rows.agent_id]
    entries[Account(K.BONUS_POOL, rows.agent_id)] += 1
    entries[Account(K.HOUSE, rows.agent_id)] -= 1


def _chain(rows: Rows) -> None:
    bet = rows.event(T.BET)
    assert bet.transfer is not None
    assert bet.transfer.source_balance_minor is not None
    moved = evolve(bet.transfer, source_balance_minor=bet.transfer.source_balance_minor + 1)
    rows.books.ledger.rows[bet.event_id] = evolve(bet, transfer=moved)


def _wallet_chain(rows: Rows) -> None:
    events = rows.books.ledger.rows.values()
    issued = next(row for row in events if row.event_type is T.VOUCHER_ISSUED and row.tenant_id == rows.agent_id)
    assert issued.transfer is not None
    assert issued.transfer.source_balance_minor is not None
    moved = evolve(issued.transfer, source_balance_minor=issued.transfer.source_balance_minor + 1)
    rows.books.ledger.rows[issued.event_id] = evolve(issued, transfer=moved)


def _status(rows: Rows) -> None:
    redeemed = rows.voucher(VoucherStatus.REDEEMED)
    changed = evolve(redeemed, status=VoucherStatus.EXPIRED, player_id=None)
    rows.books.vouchers.rows[redeemed.voucher_id] = changed


def _paid_early(rows: Rows) -> None:
    """Pay 10 of the bonus at once, and let all that follows agree with it."""
    for event in [row for row in rows.books.ledger.rows.values() if row.player_id == rows.player_id]:
        moved = event.transfer
        more = {T.VOUCHER_REDEEMED: 10, T.BONUS_HELD: -10}.get(event.event_type, 0)
        if moved is not None:
            source, target = moved.source_balance_minor, moved.target_balance_minor
            changed = evolve(
                moved,
                amount_minor=moved.amount_minor + more,
                source_balance_minor=source if source is None else source + 10,
                target_balance_minor=target if target is None else target + 10,
            )
            rows.books.ledger.rows[event.event_id] = evolve(event, transfer=changed)
    rows.books.bonuses.rows[rows.bonus.bonus_id] = evolve(rows.bonus, amount_minor=rows.bonus.amount_minor - 10)
    rows.books.players.rows[rows.player_id] = rows.player.credit(10)
    entries = rows.books.totals.entries[rows.agent_id]
    entries[rows.player.account] += 10
    entries[Account(K.BONUS_POOL, rows.agent_id)] -= 10
    session = rows.session
    _keep(
        rows,
        start_balance_minor=session.start_balance_minor + 10,
        end_balance_minor=session.end_balance_minor + 10,
    )


def _returned_bonus(rows: Rows) -> None:
    bonuses = (row for row in rows.books.bonuses.rows.values() if row.tenant_id == rows.agent_id)
    bonus = next(row for row in bonuses if row.status is BonusStatus.RETURNED)
    rows.books.bonuses.rows[bonus.bonus_id] = evolve(bonus, amount_minor=bonus.amount_minor + 1)


def _keep(rows: Rows, **about: object) -> None:
    """Keep the player's session otherwise."""
    changed: Any = about
    rows.books.sessions.rows[rows.session.session_id] = evolve(rows.session, **changed)


def _half(rows: Rows) -> None:
    voided = rows.books.vouchers.rows[rows.voided_id]
    amount_minor, bonus_minor = voided.amount_minor + 1, voided.bonus_minor - 1
    changed = evolve(voided, amount_minor=amount_minor, bonus_minor=bonus_minor)
    rows.books.vouchers.rows[voided.voucher_id] = changed


def _outcome(rows: Rows) -> None:
    rows.books.rounds.rows[rows.won.round_id] = evolve(rows.won, outcome={})


def _no_round(rows: Rows) -> None:
    del rows.books.rounds.rows[rows.won.round_id]


def _more_won(rows: Rows) -> None:
    rows.books.rounds.rows[rows.won.round_id] = evolve(rows.won, win_minor=rows.won.win_minor + 1)


def _twice(rows: Rows) -> None:
    login = rows.event(T.LOGIN)
    rows.write(evolve(login, event_id=UUID(int=login.event_id.int + 1), player_seq=None))


def _unopened(rows: Rows) -> None:
    session = rows.session
    rows.books.sessions.rows[UUID(int=6)] = Session(
        session_id=UUID(int=6),
        operator_id=session.operator_id,
        tenant_id=session.tenant_id,
        player_id=UUID(int=7),
        started_at=session.started_at,
        last_active_at=session.started_at,
        start_balance_minor=0,
        end_balance_minor=0,
    )


def _gone(rows: Rows) -> None:
    del rows.books.sessions.rows[rows.session.session_id]


def _gap(rows: Rows) -> None:
    rows.books.players.rows[rows.player_id] = rows.player.numbered(rows.player.last_seq + 1)


def _to_the_threshold(rows: Rows) -> None:
    rows.take_out(rows.player.wallet.balance_minor - TRIGGER_AT_MINOR)
    assert rows.player.wallet.balance_minor == TRIGGER_AT_MINOR


def _voucher_gone(rows: Rows) -> None:
    del rows.books.vouchers.rows[rows.voided_id]


def _same_number(rows: Rows) -> None:
    limit = rows.event(T.LIMIT_SET)
    assert limit.player_seq is not None
    rows.books.ledger.rows[limit.event_id] = evolve(limit, player_seq=limit.player_seq + 1)


def _more_staked(rows: Rows) -> None:
    rows.books.rounds.rows[rows.won.round_id] = evolve(rows.won, stake_minor=rows.won.stake_minor + 1)


def _limit(rows: Rows, limit_minor: int = 10) -> None:
    limit = rows.event(T.LIMIT_SET)
    changed = evolve(limit, meta=dict(limit.meta) | {"lossLimitMinor": limit_minor})
    rows.books.ledger.rows[limit.event_id] = changed
    _keep(rows, loss_limit_minor=limit_minor)


FAULTS: dict[str, tuple[Stored, Callable[[Rows], None]]] = {
    "sum": (Stored.SUM_NOT_ZERO, _sum),
    "wallet": (Stored.BALANCE_DIFFERS, _wallet),
    "floor": (Stored.BELOW_FLOOR, _floor),
    "pool": (Stored.POOL_DIFFERS, _pool),
    "chain": (Stored.BALANCE_CHAIN_BROKEN, _chain),
    "wallet's chain": (Stored.BALANCE_CHAIN_BROKEN, _wallet_chain),
    "voucher": (Stored.VOUCHER_DIFFERS, _status),
    "paid early": (Stored.VOUCHER_DIFFERS, _paid_early),
    "returned bonus": (Stored.VOUCHER_DIFFERS, _returned_bonus),
    "half": (Stored.BONUS_NOT_HALF, _half),
    "overdue": (Stored.BONUS_OVERDUE, Rows.take_out),
    "outcome": (Stored.ROUND_WITHOUT_OUTCOME, _outcome),
    "round": (Stored.ROUND_WITHOUT_OUTCOME, _no_round),
    "won": (Stored.ROUND_DIFFERS, _more_won),
    "no bet": (Stored.WIN_WITHOUT_BET, lambda rows: rows.win(UUID(int=5))),
    "two wins": (Stored.TWO_WINS, lambda rows: rows.win(rows.won.round_id)),
    "twice": (Stored.DUPLICATE_ACTION, _twice),
    "session": (Stored.SESSION_DIFFERS, lambda rows: _keep(rows, spins=rows.session.spins + 1)),
    "another loss before": (Stored.SESSION_DIFFERS, lambda rows: _keep(rows, earlier_bets_minor=1)),
    "start balance": (
        Stored.SESSION_DIFFERS,
        lambda rows: _keep(rows, start_balance_minor=rows.session.start_balance_minor + 1),
    ),
    "start": (
        Stored.SESSION_DIFFERS,
        lambda rows: _keep(rows, started_at=rows.session.started_at - timedelta(hours=5)),
    ),
    "no session": (Stored.SESSION_DIFFERS, _gone),
    "nobody's session": (Stored.SESSION_DIFFERS, _unopened),
    "gap": (Stored.PLAYER_SEQ_GAP, _gap),
    "limit": (Stored.LIMIT_PASSED, _limit),
    "limit by one": (Stored.LIMIT_PASSED, partial(_limit, limit_minor=99)),
    "overdue at exactly the threshold": (Stored.BONUS_OVERDUE, _to_the_threshold),
    "voucher is gone": (Stored.VOUCHER_DIFFERS, _voucher_gone),
    "two events of one number": (Stored.PLAYER_SEQ_GAP, _same_number),
    "staked": (Stored.ROUND_DIFFERS, _more_staked),
    "external win": (Stored.EXTERNAL_WIN_WITHOUT_BET, lambda rows: rows.report(T.WIN)),
    "external conflict": (
        Stored.EXTERNAL_CONFLICT,
        lambda rows: rows.report(T.EXTERNAL_CONFLICT, source=EventSource.PLAYTIME),
    ),
    "lifted": (Stored.LIMIT_PASSED, lambda rows: _keep(rows, loss_limit_minor=None)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_exactly_that_fault_is_found(fault: str) -> None:
    storage = MemoryStorage()
    audited = AuditedDay.played(storage)
    day = audited.day
    books = storage._shelf[day.north.operator_id]
    rows = Rows(books, audited.guest.player_id, audited.voided.voucher_id, day.agent.tenant_id)
    assert audited.broken() == {}
    code, plant = FAULTS[fault]
    plant(rows)
    for principal in (SYSTEM, day.north.head):
        found = audited.audit(principal).findings
        assert [(finding.code, finding.count) for finding in found] == [(code, 1)]
        assert found[0].query
    assert audited.broken(day.south.head) == {}


def test_every_rule_except_that_of_roll_ups_has_its_fault() -> None:
    """The memory storage has no roll-ups."""
    assert {code for code, _ in FAULTS.values()} | {Stored.FOLD_DIFFERS, Stored.ROLLUP_DIFFERS} == set(Stored)


def test_a_changed_event_breaks_its_seal() -> None:
    storage = MemoryStorage()
    audited = AuditedDay.played(storage)
    audited.day.engine.sweep()
    assert audited.broken() == {}
    books = storage._shelf[audited.day.north.operator_id]
    event = next(iter(books.ledger.rows.values()))
    books.ledger.rows[event.event_id] = evolve(event, meta={"a": 1})
    assert audited.broken() == {"SEAL_BROKEN": ("north:1",)}


def test_newest_seals_are_not_trusted_if_those_before_are_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sealing, "SEAL_BATCH", 1)
    storage = MemoryStorage()
    audited = AuditedDay.played(storage)
    day = audited.day
    books = storage._shelf[day.north.operator_id]
    for _ in books.ledger.rows:
        day.engine.sweep()
    assert day.engine.run_audit(day.north.head).findings == []
    seals = sorted(books.seals.rows.values(), key=lambda seal: seal.number)
    newest = seals[-1].number
    assert newest > NEWEST_SEALS
    for key, seal in list(books.seals.rows.items()):
        if newest - NEWEST_SEALS <= seal.number < newest:
            del books.seals.rows[key]
    hidden = books.ledger.rows[seals[-2].last.event_id]
    books.ledger.rows[hidden.event_id] = evolve(hidden, meta={"a": 1})
    for newest_seals in (NEWEST_SEALS, None):
        (finding,) = day.engine.run_audit(day.north.head, newest_seals=newest_seals).findings
        assert (finding.code, finding.sample) == ("SEAL_BROKEN", (f"north:{newest}",))


def test_books_at_the_very_edge_of_the_rules_are_clean() -> None:
    storage = MemoryStorage()
    audited = AuditedDay.played(storage)
    books = storage._shelf[audited.day.north.operator_id]
    rows = Rows(books, audited.guest.player_id, audited.voided.voucher_id, audited.day.agent.tenant_id)
    _limit(rows, limit_minor=100)
    rows.take_out(rows.player.wallet.balance_minor - TRIGGER_AT_MINOR - 1)
    assert audited.broken() == {}
