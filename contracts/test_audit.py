"""What a storage finds of broken rules: all that the binding sees, nothing else, counted and bounded."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from ..application.audit_ports import Found, Stored
from ..application.ports import Binding, Record, Storage
from ..domain.ledger import Account, AccountKind, EventType
from ..domain.players import Player
from ..domain.rtp_alarm import GamePlay
from ..domain.vouchers import VoucherStatus
from .house import House
from .records import NOW, account, fresh_id, fresh_name, movement, read, write

K, E = AccountKind, EventType

Broken = tuple[str, list[Record]]
"""The id under which it is found, and the records that are to be written."""


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


def str_of(owned: Account) -> str:
    """Return an account as a finding names it."""
    return f"{owned.kind}:{owned.owner_id}"


BREAKS: dict[Stored, Callable[[House, Player], Broken]] = {
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
}
"""How rules can be broken through the port, as a defect of ours would; the others a storage's own keys hold."""


@pytest.mark.parametrize("what", Stored)
def test_books_that_are_in_order_break_nothing(storage: Storage, here: House, there: House, what: Stored) -> None:
    for binding in (here.as_operator, here.as_agent, there.as_operator):
        found = _find(storage, binding, what)
        assert (found.count, found.sample) == (0, ())
        assert found.query


@pytest.mark.parametrize("what", sorted(BREAKS))
def test_what_breaks_a_rule_is_found_by_those_who_see_it(
    storage: Storage, here: House, there: House, what: Stored
) -> None:
    found_as, records = BREAKS[what](here, here.player())
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


class TestPlay:
    def test_is_summed_by_game(self, storage: Storage, here: House, there: House) -> None:
        _play(storage, here, "one", (100, 0), (50, 300))
        _play(storage, here, "two", (10**12, 10**12), (10**12, 1))
        _play(storage, there, "one", (7, 7))
        expected = [
            GamePlay("one", 2, 150, 300, 12_500, 100),
            GamePlay("two", 2, 2 * 10**12, 10**12 + 1, 2 * 10**24, 10**12),
        ]
        for binding in (here.as_operator, here.as_agent):
            assert list(read(storage, binding, lambda unit: unit.audit.play())) == expected
        assert list(read(storage, here.as_neighbour, lambda unit: unit.audit.play())) == []
        assert list(read(storage, there.as_operator, lambda unit: unit.audit.play())) == [
            GamePlay("one", 1, 7, 7, 49, 7)
        ]

    def test_of_nobody_is_none(self, storage: Storage, here: House) -> None:
        assert list(read(storage, here.as_operator, lambda unit: unit.audit.play())) == []


def _play(storage: Storage, house: House, game_key: str, *rounds: tuple[int, int]) -> None:
    player = house.player()
    session = house.session(player)
    about: dict[str, Any] = {"game_key": game_key}
    played = [house.round(session, stake_minor=stake, win_minor=win, **about) for stake, win in rounds]
    write(storage, house.as_agent, player, session, *played)


def _find(storage: Storage, binding: Binding, what: Stored, limit: int = 10) -> Found:
    return read(storage, binding, lambda unit: unit.audit.find(what, limit))
