"""The audit of a storage: it counts all broken rows that the binding sees, and names the first ones."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from attrs import evolve

from ..application.ports.audit import Found, Stored
from ..application.ports.bindings import Binding
from ..application.ports.storage import Record, Storage
from ..domain.games.drift import GameOutcomes
from ..domain.ledger.events import Account, AccountKind, EventSource, EventType, LedgerEvent
from ..domain.play.players import Player
from ..domain.play.sessions import Session
from ..domain.vouchers.vouchers import VoucherStatus
from .house import House
from .plays import generated_play
from .records import NOW, account, fresh_id, fresh_name, movement, read, write

K, E = AccountKind, EventType

Broken = tuple[str, list[Record]]
"""The id that the audit must find, and the records that break the rule."""


def _balance(house: House, player: Player) -> Broken:
    return f"PLAYER:{player.player_id}", [evolve(player, wallet=player.wallet.credit(1))]


def _floor(house: House, player: Player) -> Broken:
    pool, held = account(K.VOUCHER_POOL, house.agent), account(K.BONUS_POOL, house.agent)
    return str_of(pool), [house.event(**movement(E.BONUS_HELD, (pool, None), (held, None), 5))]


def _pool(house: House, player: Player) -> Broken:
    return str_of(account(K.VOUCHER_POOL, house.agent)), [house.voucher()]


def _chain(house: House, player: Player) -> Broken:
    bet = movement(E.BET, (player.account, 7), (account(K.HOUSE, house.agent), None), 5)
    return str_of(player.account), [house.player_event(player, 1, **bet)]


def _voucher(house: House, player: Player) -> Broken:
    expired = house.voucher(status=VoucherStatus.EXPIRED, closed_at=NOW)
    return str(expired.voucher_id), [expired]


def _overdue(house: House, player: Player) -> Broken:
    voucher = house.voucher()
    return str(player.player_id), [player, voucher, house.bonus(player, voucher)]


def _outcome(house: House, player: Player) -> Broken:
    session = house.session(player)
    empty = house.round(session, outcome={})
    return str(empty.round_id), [player, session, empty]


def _round(house: House, player: Player) -> Broken:
    session = house.session(player)
    played = house.round(session)
    return str(played.round_id), [player, session, played]


def _session(house: House, player: Player) -> Broken:
    session = house.session(player, spins=1)
    return str(session.session_id), [player, session]


def _gap(house: House, player: Player) -> Broken:
    return str(player.player_id), [player, house.player_event(player, 2)]


def _limit(house: House, player: Player) -> Broken:
    session, events = _limited(house, player, (5, -6, 7))
    return str(events[1].event_id), [player, session, *events]


def _limited(house: House, player: Player, steps: Sequence[int]) -> tuple[Session, list[LedgerEvent]]:
    """Return a session and its events in order: a limit first, then bets below 0 and wins above."""
    session, bank = house.session(player, loss_limit_minor=steps[0]), account(K.HOUSE, house.agent)
    events = []
    for number, step in enumerate(steps, 1):
        about: dict[str, Any] = {"session_id": session.session_id, "action_id": fresh_name("step")}
        if number == 1:
            about |= {"event_type": E.LIMIT_SET, "meta": {"lossLimitMinor": step}}
        elif step < 0:
            about |= movement(E.BET, (player.account, 0), (bank, None), -step)
        else:
            about |= movement(E.WIN, (bank, None), (player.account, 0), step)
        events.append(house.player_event(player, number, **about))
    return session, events


def _wins(house: House, player: Player, count: int = 1) -> Broken:
    round_id, bank = fresh_id(), account(K.HOUSE, house.agent)
    wins: list[Record] = [
        house.player_event(
            player,
            number,
            round_id=round_id,
            action_id=fresh_name("win"),
            **movement(E.WIN, (bank, None), (player.account, number), 1),
        )
        for number in range(1, count + 1)
    ]
    return str(round_id), wins


def _external(house: House, event_type: EventType, **about: Any) -> LedgerEvent:
    named: dict[str, Any] = {"action_id": "theirs", "provider": "them", "game_key": "elsewhere"}
    named |= {
        "event_type": event_type,
        "source": EventSource.EXTERNAL,
        "actor_id": fresh_id(),
        "reported_minor": 5,
    }
    return house.event(**named | about)


def _external_win(house: House, _: Player) -> Broken:
    """Return a win, and bets of another provider, action id and type."""
    win, paid = _external(house, E.WIN), _external(house, E.WIN, action_id="paid")
    others: list[dict[str, Any]] = [{"provider": "another"}, {"action_id": "another"}, {"event_type": E.SPIN}]
    bets = [_external(house, **{"event_type": E.BET} | about) for about in others]
    return str(win.event_id), [win, paid, _external(house, E.BET, action_id="paid"), *bets]


def _noted_conflict(house: House, _: Player) -> Broken:
    bet = _external(house, E.BET)
    note = house.event(E.EXTERNAL_CONFLICT, actor_id=house.agent.tenant_id, action_id=str(bet.event_id))
    return str(bet.event_id), [bet, note]


def str_of(owned: Account) -> str:
    """Return an account as a finding names it."""
    return f"{owned.kind}:{owned.owner_id}"


DEFECTS: dict[Stored, Callable[[House, Player], Broken]] = {
    Stored.BALANCE_DIFFERS: _balance,
    Stored.BELOW_FLOOR: _floor,
    Stored.POOL_DIFFERS: _pool,
    Stored.BALANCE_CHAIN_BROKEN: _chain,
    Stored.VOUCHER_DIFFERS: _voucher,
    Stored.BONUS_OVERDUE: _overdue,
    Stored.ROUND_WITHOUT_OUTCOME: _outcome,
    Stored.ROUND_DIFFERS: _round,
    Stored.WIN_WITHOUT_BET: _wins,
    Stored.TWO_WINS: lambda house, player: _wins(house, player, 2),
    Stored.SESSION_DIFFERS: _session,
    Stored.PLAYER_SEQ_GAP: _gap,
    Stored.LIMIT_PASSED: _limit,
    Stored.EXTERNAL_WIN_WITHOUT_BET: _external_win,
    Stored.EXTERNAL_CONFLICT: _noted_conflict,
}
"""The rules that a defect of ours could break through the port. A storage's own keys enforce the others."""


@pytest.mark.parametrize("what", Stored)
def test_books_that_are_in_order_break_nothing(storage: Storage, here: House, there: House, what: Stored) -> None:
    for binding in (here.as_operator, here.as_agent, there.as_operator):
        found = _find(storage, binding, what)
        assert (found.count, found.sample) == (0, ())
        assert found.query


@pytest.mark.parametrize("what", sorted(DEFECTS))
def test_what_breaks_a_rule_is_found_by_those_who_see_it(
    storage: Storage, here: House, there: House, what: Stored
) -> None:
    found_as, records = DEFECTS[what](here, here.player())
    write(storage, here.as_agent, *records)
    for binding in (here.as_operator, here.as_agent):
        found = _find(storage, binding, what)
        assert (found.count, found.sample) == (1, (found_as,))
    for binding in (here.as_neighbour, there.as_operator, there.as_agent):
        assert _find(storage, binding, what).count == 0
    with storage.begin_owner_read() as unit:
        by_owner = unit.audit.find(what, 100_000)
    assert found_as in by_owner.sample


def test_what_is_found_is_counted_and_bounded(storage: Storage, here: House) -> None:
    players = [evolve(here.player(), wallet=here.player().wallet.credit(1)) for _ in range(5)]
    write(storage, here.as_agent, *players)
    names = sorted(f"PLAYER:{player.player_id}" for player in players)
    for limit in (1, 3, 5, 9):
        found = _find(storage, here.as_operator, Stored.BALANCE_DIFFERS, limit)
        assert (found.count, list(found.sample)) == (5, names[:limit])


class TestLossLimits:
    """A limit binds what comes after it in the player's own order, until a lower one does."""

    @pytest.mark.parametrize(
        ("steps", "passed"),
        [
            ((10, -10), []),
            ((10, -11), [1]),
            ((10, -10, -1), [2]),
            ((10, -10, 1, -1), []),
            ((10, -10, 1, -2, 50, -49, -1), [3, 6]),
            ((0, 5, -5, -1), [3]),
            ((0, -1, -1), [1, 2]),
        ],
    )
    def test_what_passes_one(self, storage: Storage, here: House, steps: Sequence[int], passed: list[int]) -> None:
        player = here.player()
        session, events = _limited(here, player, steps)
        write(storage, here.as_agent, player, session, *events[::-1])
        found = _find(storage, here.as_agent, Stored.LIMIT_PASSED)
        assert list(found.sample) == sorted(str(events[at].event_id) for at in passed)

    def test_play_before_one_and_in_other_sessions_is_free(self, storage: Storage, here: House) -> None:
        player = here.player()
        session, (limit, *_) = _limited(here, player, (5,))
        bank = account(K.HOUSE, here.agent)
        bet = movement(E.BET, (player.account, 0), (bank, None), 100)
        named: dict[str, Any] = {"session_id": session.session_id}
        before = here.player_event(player, 1, action_id=fresh_name("a"), **named, **bet)
        other = here.player_event(player, 3, action_id=fresh_name("b"), session_id=fresh_id(), **bet)
        own = here.player_event(player, 4, E.LIMIT_SET, action_id=fresh_name("c"), meta={"kind": "DAY"}, **named)
        write(storage, here.as_agent, player, session, before, evolve(limit, player_seq=2), other, own)
        assert _find(storage, here.as_agent, Stored.LIMIT_PASSED).count == 0
        late = here.player_event(player, 5, action_id=fresh_name("d"), **named, **bet)
        write(storage, here.as_agent, late)
        assert _find(storage, here.as_agent, Stored.LIMIT_PASSED).sample == (str(late.event_id),)

    def test_the_lower_of_two_binds(self, storage: Storage, here: House) -> None:
        player = here.player()
        session, (limit, *rest) = _limited(here, player, (50, -10, -1))
        lower = {"lossLimitMinor": 10}
        second = evolve(limit, event_id=fresh_id(), action_id=fresh_name("lower"), meta=lower, player_seq=4)
        bet = evolve(rest[1], event_id=fresh_id(), action_id=fresh_name("bet"), player_seq=5)
        limited = evolve(session, loss_limit_minor=10)
        write(storage, here.as_agent, player, limited, limit, *rest, second, bet)
        assert _find(storage, here.as_agent, Stored.LIMIT_PASSED).sample == (str(bet.event_id),)

    @pytest.mark.parametrize("limit_minor", [None, 4, 6])
    def test_a_session_keeps_the_one_that_was_set(
        self, storage: Storage, here: House, limit_minor: int | None
    ) -> None:
        player = here.player()
        session, events = _limited(here, player, (5,))
        write(storage, here.as_agent, player, evolve(session, loss_limit_minor=limit_minor), *events)
        assert _find(storage, here.as_agent, Stored.LIMIT_PASSED).sample == (str(session.session_id),)


def test_buckets_agree_with_the_ledger_after_any_roll_up(storage: Storage, here: House) -> None:
    random = Random(1)
    for limit in (0, 7, 50, 1_000):
        play = generated_play(here, random)
        write(storage, here.as_operator, *play.players, *play.events)
        if limit:
            read(storage, here.as_operator, lambda unit: unit.roll_up.buckets(limit))  # noqa: B023 - asked at once
        for binding in (here.as_operator, here.as_agent, here.as_neighbour):
            assert _find(storage, binding, Stored.ROLLUP_DIFFERS).count == 0
    for _ in range(2):
        with storage.begin(here.as_operator) as unit:
            unit.roll_up.reset_buckets()
        read(storage, here.as_operator, lambda unit: unit.roll_up.buckets(100))
        assert _find(storage, here.as_operator, Stored.ROLLUP_DIFFERS).count == 0


@pytest.mark.parametrize("about", [{"reported_minor": 6}, {"game_key": "another"}, {"player_id": fresh_id()}])
def test_events_of_one_name_that_differ_by_actor_are_found(
    storage: Storage, here: House, about: dict[str, Any]
) -> None:
    first_id, second_id, last_id = sorted(fresh_id() for _ in range(3))
    others: list[dict[str, Any]] = [{"action_id": "apart"}, {"event_type": E.WIN}, {"provider": None}]
    apart = [_external(here, **{"event_type": E.BET} | other) for other in others]
    same = [_external(here, E.BET, event_id=event_id) for event_id in (first_id, second_id)]
    write(storage, here.as_agent, *same, *apart)
    assert _find(storage, here.as_agent, Stored.EXTERNAL_CONFLICT).count == 0
    write(storage, here.as_agent, _external(here, E.BET, event_id=last_id, **about))
    found = _find(storage, here.as_agent, Stored.EXTERNAL_CONFLICT)
    assert (found.count, found.sample) == (1, (str(last_id),))


VERSION = "ab" * 32


class TestPlay:
    def test_is_counted_by_outcome(self, storage: Storage, here: House, there: House) -> None:
        """Stakes of 100 to 199 are level 7. A win of 200 for 150 is 1.333333 stakes, rounded down."""
        _play(storage, here, "one", (100, 0), (150, 200), (199, 0), (200, 600))
        _play(storage, here, "two", (10**12, 10**12), (10**12, 1), (1, 10**12))
        _play(storage, there, "one", (7, 7))
        expected = [
            GameOutcomes("one", {(7, 0): 2, (7, 1_333_333): 1, (8, 3_000_000): 1}, VERSION),
            GameOutcomes("two", {(37, 1_000_000): 1, (37, 0): 1, (1, 10**18): 1}, VERSION),
        ]
        for binding in (here.as_operator, here.as_agent):
            assert list(read(storage, binding, lambda unit: unit.audit.play())) == expected
        assert list(read(storage, here.as_neighbour, lambda unit: unit.audit.play())) == []
        assert list(read(storage, there.as_operator, lambda unit: unit.audit.play())) == [
            GameOutcomes("one", {(3, 1_000_000): 1}, VERSION)
        ]

    def test_is_counted_by_version(self, storage: Storage, here: House) -> None:
        for version, wins in (("b" * 64, 3), ("a" * 64, 5), ("b" * 64, 3)):
            _play(storage, here, "one", (2, wins), game_version=version)
        assert list(read(storage, here.as_agent, lambda unit: unit.audit.play())) == [
            GameOutcomes("one", {(2, 2_500_000): 1}, "a" * 64),
            GameOutcomes("one", {(2, 1_500_000): 2}, "b" * 64),
        ]

    def test_of_nobody_is_none(self, storage: Storage, here: House) -> None:
        assert list(read(storage, here.as_operator, lambda unit: unit.audit.play())) == []


def _play(storage: Storage, house: House, game_key: str, *rounds: tuple[int, int], **about: Any) -> None:
    player = house.player()
    session = house.session(player)
    about |= {"game_key": game_key}
    played = [house.round(session, stake_minor=stake, win_minor=win, **about) for stake, win in rounds]
    write(storage, house.as_agent, player, session, *played)


def _find(storage: Storage, binding: Binding, what: Stored, limit: int = 10) -> Found:
    return read(storage, binding, lambda unit: unit.audit.find(what, limit))
