"""The audit's checks of stored rows, in plain Python. The docstring of a check is the query of its findings."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final
from uuid import UUID

from attrs import frozen

from ....application.ports.audit import Found, Stored
from ....domain.games.drift import GameOutcomes, Outcome
from ....domain.ledger.events import Account, AccountKind, AccountTotal, EventSource, EventType, LedgerEvent
from ....domain.play.derived_sessions import EARLIER_BETS, EARLIER_WINS, LOSS_LIMIT
from ....domain.play.players import Player
from ....domain.play.rounds import Round
from ....domain.play.sessions import Session
from ....domain.vouchers.bonuses import TRIGGER_AT_MINOR, Bonus, BonusStatus
from ....domain.vouchers.vouchers import Voucher, VoucherStatus, bonus_for
from ..analytics.totals import game_outcomes, outcome_of
from ..transaction import MemoryTransaction, View
from .ledger import account_totals

_POOLS: Final = frozenset({AccountKind.VOUCHER_POOL, AccountKind.BONUS_POOL})
_WITH_BALANCE_ROW: Final = frozenset({AccountKind.TENANT, AccountKind.PLAYER, AccountKind.JACKPOT})
_ENDS: Final = {
    VoucherStatus.REDEEMED: EventType.VOUCHER_REDEEMED,
    VoucherStatus.VOIDED: EventType.VOUCHER_VOIDED,
    VoucherStatus.EXPIRED: EventType.VOUCHER_EXPIRED,
}


@frozen
class Rows:
    """The rows that a view sees, of the kinds that are checked."""

    view: View
    events: Sequence[LedgerEvent]
    rounds: Sequence[Round]
    vouchers: Sequence[Voucher]
    players: Sequence[Player]
    sessions: Sequence[Session]
    bonuses: Sequence[Bonus]
    totals: Sequence[AccountTotal]

    @classmethod
    def of(cls, view: View) -> "Rows":
        """Read the rows that a view sees."""
        return cls(
            view,
            view.rows(lambda books: books.ledger),
            view.rows(lambda books: books.rounds),
            view.rows(lambda books: books.vouchers),
            view.rows(lambda books: books.players),
            view.rows(lambda books: books.sessions),
            view.rows(lambda books: books.bonuses),
            [total for books in view.books() for total in account_totals(view, books)],
        )

    @property
    def own_events(self) -> Iterator[LedgerEvent]:
        """The events that are not external."""
        return (event for event in self.events if event.source is EventSource.PLAYTIME)

    @property
    def external_events(self) -> Iterator[LedgerEvent]:
        """The external events."""
        return (event for event in self.events if event.source is EventSource.EXTERNAL)

    def of_rounds(self, event_type: EventType) -> Mapping[UUID, list[int]]:
        """Return the amounts of a kind of event by round."""
        amounts: dict[UUID, list[int]] = defaultdict(list)
        for event in self.own_events:
            if event.event_type is event_type and event.round_id is not None:
                amounts[event.round_id].append(event.amount_minor)
        return amounts


@frozen
class MemoryAudit:
    """The audit of the books."""

    transaction: MemoryTransaction

    def find(self, what: Stored, limit: int) -> Found:
        """Find the rows that break a rule, and say in words how they were found."""
        check = CHECKS[what]
        with self.transaction.reading() as view:
            broken = sorted(set(map(str, check(Rows.of(view)))))
        return Found(len(broken), tuple(broken[:limit]), (check.__doc__ or "").strip())

    def play(self) -> Sequence[GameOutcomes]:
        played = defaultdict[tuple[str, str], Counter[Outcome]](Counter)
        with self.transaction.reading() as view:
            for row in view.rows(lambda books: books.rounds):
                played[row.game_key, row.game_version][outcome_of(row.stake_minor, row.win_minor)] += 1
        return game_outcomes(played)


def _sum(rows: Rows) -> Iterator[UUID]:
    """Add up the running totals of an operator's accounts, which must give 0."""
    for books in rows.view.books():
        entries = chain.from_iterable(books.totals.entries[tenant].values() for tenant in books.totals.entries)
        if sum(entries):
            yield next(iter(books.tenants.rows.values())).operator_id


def _accounts(rows: Rows, broken: Callable[[AccountTotal], bool]) -> Iterator[str]:
    return (f"{total.account.kind}:{total.account.owner_id}" for total in rows.totals if broken(total))


def _balances(rows: Rows) -> Iterator[str]:
    """Compare the balance of each account that has a balance row with the sum of its entries."""
    return _accounts(rows, lambda t: t.account.kind in _WITH_BALANCE_ROW and t.stated_minor != t.entries_minor)


def _floors(rows: Rows) -> Iterator[str]:
    """Compare the balance and the sum of the entries of each account with its floor."""
    return _accounts(
        rows,
        lambda t: t.floor_minor is not None and min(t.entries_minor, t.stated_minor or 0) < t.floor_minor,
    )


def _pools(rows: Rows) -> Iterator[str]:
    """Compare each pool's open vouchers or pending bonuses with the sum of its entries."""
    return _accounts(rows, lambda t: t.account.kind in _POOLS and t.stated_minor != t.entries_minor)


def _nothing(_rows: Rows) -> Iterator[str]:
    """Find nothing: in memory there is no stored roll-up that could differ from the events."""
    return iter(())


def _chains(rows: Rows) -> Iterator[str]:
    """Find players' balances that do not follow from the one before, and wallets' not left as often as reached."""
    steps: dict[UUID, list[tuple[int, int, int]]] = defaultdict(list)
    passed: dict[UUID, Counter[int]] = defaultdict(Counter)
    ends: Counter[UUID] = Counter()
    for event in rows.events:
        for account, moved, after in _sides(event):
            if account.kind is AccountKind.PLAYER and event.player_seq is not None:
                steps[account.owner_id].append((event.player_seq, moved, after))
            elif account.kind is AccountKind.TENANT and rows.view.tenant_id in (None, account.owner_id):
                ends[account.owner_id] += moved
                passed[account.owner_id].update({after: 1})
                passed[account.owner_id].subtract({after - moved: 1})
    for player_id, taken in steps.items():
        before = 0
        for _, moved, after in sorted(taken):
            if after != before + moved:
                yield f"PLAYER:{player_id}"
            before = after
    for tenant_id, times in passed.items():
        times.update({0: 1})
        times.subtract({ends[tenant_id]: 1})
        if any(times.values()):
            yield f"TENANT:{tenant_id}"


def _sides(event: LedgerEvent) -> Iterator[tuple[Account, int, int]]:
    moved = event.transfer
    if moved is not None and moved.source_balance_minor is not None:
        yield moved.source, -moved.amount_minor, moved.source_balance_minor
    if moved is not None and moved.target_balance_minor is not None:
        yield moved.target, moved.amount_minor, moved.target_balance_minor


def _vouchers(rows: Rows) -> Iterator[str]:
    """Compare each voucher with the event that issued it, and with the event of its status, by amount."""
    counts: dict[str, Counter[EventType]] = defaultdict(Counter)
    moved: dict[str, Counter[EventType]] = defaultdict(Counter)
    for event in rows.own_events:
        if event.event_type in {EventType.VOUCHER_ISSUED, EventType.BONUS_HELD, *_ENDS.values()}:
            counts[event.action_id][event.event_type] += 1
            moved[event.action_id][event.event_type] += event.amount_minor
    bonuses = {bonus.voucher_id: bonus.amount_minor for bonus in rows.bonuses}
    vouchers = {str(voucher.voucher_id): voucher for voucher in rows.vouchers}
    for name, voucher in vouchers.items():
        amounts = {EventType.VOUCHER_ISSUED: voucher.total_minor}
        if voucher.status in _ENDS:
            amounts[_ENDS[voucher.status]] = voucher.total_minor
        held = voucher.bonus_minor if voucher.status is VoucherStatus.REDEEMED else 0
        if voucher.status is VoucherStatus.REDEEMED:
            amounts[EventType.VOUCHER_REDEEMED] = voucher.amount_minor
        if held:
            amounts[EventType.BONUS_HELD] = held
        once = all(count == 1 for count in counts[name].values())
        if not once or moved[name] != amounts or bonuses.get(voucher.voucher_id, 0) != held:
            yield name
    yield from counts.keys() - vouchers.keys()


def _halves(rows: Rows) -> Iterator[UUID]:
    """Find vouchers with a bonus that differs from half of the amount, rounded down."""
    return (v.voucher_id for v in rows.vouchers if v.bonus_minor != bonus_for(v.amount_minor))


def _overdue(rows: Rows) -> Iterator[UUID]:
    """Find open players with a pending bonus and a balance at or below the trigger."""
    pending = {bonus.player_id for bonus in rows.bonuses if bonus.status is BonusStatus.PENDING}
    return (
        player.player_id
        for player in rows.players
        if player.is_open and player.wallet.balance_minor <= TRIGGER_AT_MINOR and player.player_id in pending
    )


def _outcomes(rows: Rows) -> Iterator[UUID]:
    """Find rounds without an outcome, and bets without a round."""
    stored = {row.round_id for row in rows.rounds}
    yield from (row.round_id for row in rows.rounds if not row.outcome)
    for event in rows.own_events:
        if event.event_type is EventType.BET and event.round_id not in stored:
            yield event.round_id or event.event_id


def _rounds(rows: Rows) -> Iterator[UUID]:
    """Compare each round's stake, win and bonus with its events. Another check finds rounds with two wins."""
    bets, wins = rows.of_rounds(EventType.BET), rows.of_rounds(EventType.WIN)
    bonuses = rows.of_rounds(EventType.BONUS_TRIGGERED)
    for row in rows.rounds:
        won = wins.get(row.round_id, [])
        wrong = len(won) <= 1 and sum(won) != row.win_minor
        staked, paid = sum(bets.get(row.round_id, [])), sum(bonuses.get(row.round_id, []))
        if wrong or staked != row.stake_minor or paid != row.bonus_minor:
            yield row.round_id


def _betless(rows: Rows) -> Iterator[UUID]:
    """Find wins of rounds without a bet."""
    bets = rows.of_rounds(EventType.BET)
    for event in rows.own_events:
        if event.event_type is EventType.WIN and event.round_id not in bets:
            yield event.round_id or event.event_id


def _two_wins(rows: Rows) -> Iterator[UUID]:
    """Find rounds with more than one win."""
    return (round_id for round_id, won in rows.of_rounds(EventType.WIN).items() if len(won) > 1)


def _duplicates(rows: Rows) -> Iterator[UUID]:
    """Find events with the same source, actor, action and type, and rounds with the same player and action."""
    events = ((e.operator_id, e.source, e.actor_id, e.action_id, e.event_type, e.event_id) for e in rows.events)
    rounds = ((r.operator_id, r.player_id, r.action_id, r.round_id) for r in rows.rounds)
    for keys in (events, rounds):
        ids: dict[object, list[UUID]] = defaultdict(list)
        for *key, row_id in keys:
            assert isinstance(row_id, UUID)
            ids[tuple(key)].append(row_id)
        yield from (max(same) for same in ids.values() if len(same) > 1)


def _sessions(rows: Rows) -> Iterator[UUID]:
    """Compare each session's start, totals, games and balances with its events; find sessions that are missing."""
    played: dict[UUID, list[LedgerEvent]] = defaultdict(list)
    for event in rows.own_events:
        if event.session_id is not None:
            played[event.session_id].append(event)
    opened = _opened(rows)
    for session in rows.sessions:
        events = played[session.session_id]
        bets = [event for event in events if event.event_type is EventType.BET]
        wins = (event.amount_minor for event in events if event.event_type is EventType.WIN)
        derived = (
            len(bets),
            sum(event.amount_minor for event in bets),
            sum(wins),
            tuple(sorted({event.game_key for event in bets if event.game_key})),
            _last_balance(events, session.start_balance_minor),
        )
        stored = (
            session.spins,
            session.bets_minor,
            session.wins_minor,
            session.games,
            session.end_balance_minor,
        )
        earlier = (session.earlier_bets_minor, session.earlier_wins_minor)
        start = (session.started_at, session.start_balance_minor, *earlier)
        if not events or derived != stored or opened.get(session.session_id, start) != start:
            yield session.session_id
    yield from opened.keys() - {session.session_id for session in rows.sessions}


def _opened(rows: Rows) -> Mapping[UUID, tuple[datetime, int, int, int]]:
    """Return the time of each session's first login, the player's balance then, and the totals continued."""
    opened: dict[UUID, tuple[datetime, int, int, int]] = {}
    balances: Counter[UUID | None] = Counter()
    for event in sorted(rows.own_events, key=lambda event: event.player_seq or 0):
        if event.player_seq is None:
            continue
        for account, moved, _ in _sides(event):
            if account.kind is AccountKind.PLAYER:
                balances[event.player_id] += moved
        if event.event_type is EventType.LOGIN and event.session_id is not None:
            earlier = (event.meta.get(EARLIER_BETS, 0), event.meta.get(EARLIER_WINS, 0))
            opened.setdefault(event.session_id, (event.occurred_at, balances[event.player_id], *earlier))
    return opened


def _last_balance(events: Iterable[LedgerEvent], before: int) -> int:
    steps = (
        (event.player_seq, after)
        for event in events
        for account, _, after in _sides(event)
        if account.kind is AccountKind.PLAYER and event.player_seq is not None
    )
    return max(steps, default=(0, before))[1]


def _gaps(rows: Rows) -> Iterator[UUID]:
    """Find players with a gap in the numbers of their events, from 1 to the last."""
    numbers: dict[UUID, list[int]] = defaultdict(list)
    for event in rows.events:
        if event.player_id is not None and event.player_seq is not None:
            numbers[event.player_id].append(event.player_seq)
    for player in rows.players:
        own = sorted(numbers[player.player_id])
        if len(own) != player.last_seq or own != list(range(1, len(own) + 1)):
            yield player.player_id


def _lost_minor(event: LedgerEvent) -> int:
    """Return the change of a session's net loss, which begins with the loss of the sessions that it continues."""
    match event.event_type:
        case EventType.BET:
            return event.amount_minor
        case EventType.WIN:
            return -event.amount_minor
        case EventType.LOGIN:
            return int(event.meta.get(EARLIER_BETS, 0) - event.meta.get(EARLIER_WINS, 0))
        case _:
            return 0


def _limits(rows: Rows) -> Iterator[UUID]:
    """Find bets that could pass the loss limit in force, and sessions with another limit than was set."""
    numbered: dict[UUID, list[LedgerEvent]] = defaultdict(list)
    for event in rows.own_events:
        if event.session_id is not None and event.player_seq is not None:
            numbered[event.session_id].append(event)
    for session in rows.sessions:
        lost_minor = 0
        limit_minor: int | None = None
        for event in sorted(numbered[session.session_id], key=lambda event: event.player_seq or 0):
            lost_minor += _lost_minor(event)
            if event.event_type in {EventType.LIMIT_SET, EventType.LOGIN} and LOSS_LIMIT in event.meta:
                set_minor = event.meta[LOSS_LIMIT]
                limit_minor = set_minor if limit_minor is None else min(limit_minor, set_minor)
            if event.event_type is EventType.BET and limit_minor is not None and lost_minor > limit_minor:
                yield event.event_id
        if limit_minor != session.loss_limit_minor:
            yield session.session_id


def _external_wins(rows: Rows) -> Iterator[UUID]:
    """Find external wins without an external bet of the same tenant, provider and action id."""
    bets = {_round_of(event) for event in rows.external_events if event.event_type is EventType.BET}
    for event in rows.external_events:
        if event.event_type is EventType.WIN and _round_of(event) not in bets:
            yield event.event_id


def _external_conflicts(rows: Rows) -> Iterator[str]:
    """Find external events that were reported again with a difference, and those that differ by actor."""
    yield from (e.action_id for e in rows.own_events if e.event_type is EventType.EXTERNAL_CONFLICT)
    first: dict[object, object] = {}
    for event in sorted(rows.external_events, key=lambda event: event.event_id):
        said = (event.amount_minor, event.game_key, event.player_id)
        if event.provider is not None and first.setdefault((*_round_of(event), event.event_type), said) != said:
            yield str(event.event_id)


def _round_of(event: LedgerEvent) -> tuple[object, ...]:
    return event.operator_id, event.tenant_id, event.provider, event.action_id


CHECKS: Final[Mapping[Stored, Callable[[Rows], Iterable[object]]]] = {
    Stored.SUM_NOT_ZERO: _sum,
    Stored.BALANCE_DIFFERS: _balances,
    Stored.BELOW_FLOOR: _floors,
    Stored.POOL_DIFFERS: _pools,
    Stored.FOLD_DIFFERS: _nothing,
    Stored.BALANCE_CHAIN_BROKEN: _chains,
    Stored.VOUCHER_DIFFERS: _vouchers,
    Stored.BONUS_NOT_HALF: _halves,
    Stored.BONUS_OVERDUE: _overdue,
    Stored.ROUND_WITHOUT_OUTCOME: _outcomes,
    Stored.ROUND_DIFFERS: _rounds,
    Stored.WIN_WITHOUT_BET: _betless,
    Stored.TWO_WINS: _two_wins,
    Stored.DUPLICATE_ACTION: _duplicates,
    Stored.SESSION_DIFFERS: _sessions,
    Stored.PLAYER_SEQ_GAP: _gaps,
    Stored.LIMIT_PASSED: _limits,
    Stored.ROLLUP_DIFFERS: _nothing,
    Stored.EXTERNAL_WIN_WITHOUT_BET: _external_wins,
    Stored.EXTERNAL_CONFLICT: _external_conflicts,
}
"""The check of each rule."""
