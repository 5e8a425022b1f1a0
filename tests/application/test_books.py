"""The books: who is named on which event, and whether a planted fault is found."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from playtime.application.access import SYSTEM
from playtime.application.errors import Forbidden, NotFound
from playtime.application.ledger.books import OperatorBooks
from playtime.application.ports.bindings import SYSTEM_ID
from playtime.application.ports.filters import VoucherFilter
from playtime.application.ports.storage import UnitOfWork
from playtime.contracts.records import fresh_id
from playtime.domain.ledger.events import Account, AccountKind, AccountTotal, EventType, LedgerEvent, Transfer
from playtime.domain.ledger.wallet import Wallet
from playtime.domain.tenancy.tenants import PLATFORM_ID
from playtime.domain.vouchers.vouchers import VoucherStatus

from support.day import DOUBLE, EVERYTHING, LOSE, Day, kinds

T, K = EventType, AccountKind
Plant = Callable[[Day, UnitOfWork], None]


def test_play_events_name_agent_region_and_first_cashier(day: Day) -> None:
    first = day.sell(1000)
    guest = day.guest(day.redeem(first))
    day.fund(day.agent, 1000)
    answer = day.engine.issue_voucher(day.agent.head, day.agent.tenant_id, amount_minor=100)
    second = answer.content()["voucher"]
    day.engine.redeem_voucher(code=second["code"], pin=second["pin"], player=guest.principal)
    day.spin(guest, 100, DOUBLE)
    day.spin(guest, 1200, LOSE)
    day.acknowledge(guest)
    day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    events = day.events(of=guest)
    assert {event.agent_id for event in events} == {day.agent.tenant_id}
    assert {event.region for event in events} == {"Nevada"}
    assert {event.tenant_id for event in events} == {day.agent.tenant_id}
    assert {event.operator_id for event in events} == {day.north.operator_id}
    seller, head = day.agent.cashier.staff_id, day.agent.head.staff_id
    cashiers = [(event.event_type, event.cashier_id) for event in events]
    assert cashiers[:3] == [(T.VOUCHER_REDEEMED, seller), (T.BONUS_HELD, seller), (T.LOGIN, seller)]
    assert cashiers[3:5] == [(T.VOUCHER_REDEEMED, head), (T.BONUS_HELD, head)]
    assert {cashier for _, cashier in cashiers[5:]} == {seller}
    assert day.record(guest).cashier_id == seller


def test_bet_and_win_name_round_game_and_the_callers_action(day: Day) -> None:
    guest = day.welcome(1000)
    result = day.spin(guest, 100, DOUBLE, key="mine").content()["result"]
    bet, win = day.events(of=guest)[-2:]
    assert kinds([bet, win]) == [T.BET, T.WIN]
    player, tavern = Account(K.PLAYER, guest.player_id), Account(K.HOUSE, day.agent.tenant_id)
    assert (bet.from_account, bet.to_account, bet.amount_minor) == (player, tavern, 100)
    assert (win.from_account, win.to_account, win.amount_minor) == (tavern, player, 200)
    assert (bet.from_balance_minor, win.to_balance_minor) == (900, 1100)
    for event in (bet, win):
        assert (event.game_key, event.provider, event.action_id) == ("demo-wheel", "playtime", "mine")
        assert str(event.round_id) == result["roundId"]
        assert event.session_id == guest.principal.session_id
        assert (event.actor_id, event.source) == (guest.player_id, "PLAYTIME")


def test_what_happens_outside_of_a_round_names_no_game(day: Day) -> None:
    guest = day.welcome(100)
    day.acknowledge(guest)
    assert {(event.game_key, event.round_id) for event in day.events()} == {(None, None)}
    day.spin(guest, 10, LOSE)
    assert day.events()[-1].game_key == "demo-wheel"


def test_the_answer_of_a_spin(day: Day) -> None:
    guest = day.welcome(1000)
    content = day.spin(guest, 100, DOUBLE, key="mine").content()
    round_id, proof = content["result"].pop("roundId"), content["result"].pop("proof")
    assert str(UUID(round_id)) == round_id
    assert proof.keys() == {"link", "gameVersion", "serverSeedHash", "clientSeed", "nonce"}
    assert content == {
        "ok": True,
        "result": {
            "actionId": "mine",
            "gameKey": "demo-wheel",
            "outcome": {
                "stops": [2],
                "window": [["candle"]],
                "lineWins": [{"line": 1, "symbol": "candle", "count": 1, "winMinor": 200}],
                "scatterWinMinor": 0,
                "freeSpins": [],
            },
            "stakeMinor": 100,
            "winMinor": 200,
            "balanceMinor": 1100,
            "bonusTriggered": False,
            "bonusMinor": 0,
        },
    }


def test_the_games_of_the_lobby_state_their_exact_return(day: Day) -> None:
    (game,) = day.engine.list_games()
    assert (game.game_key, game.name, game.rtp, game.rtp_exact) == (
        "demo-wheel",
        "Lantern Wheel",
        "0.950000",
        "19/20",
    )
    assert (game.min_stake_minor, game.max_stake_minor) == (1, 100_000)


def test_a_day_adds_up(day: Day) -> None:
    guest = day.welcome(1000)
    day.welcome(50, day.sister)
    day.welcome(1, day.stranger)
    day.engine.void_voucher(day.agent.head, day.sell(500).voucher_id)
    day.sell(200)
    for number in range(30):
        day.spin(guest, 20 + number)
        day.acknowledge(guest)
    books = {book.slug: book for book in day.books()}
    assert set(books) == {"platform", "north", "south"}
    north = books["north"]
    assert north.sum_minor == 0
    assert north.sum_of(K.ISSUANCE) == -(1500 + 75 + 750 + 300)
    assert north.sum_of(K.VOUCHER_POOL) == 300
    assert north.moved(T.VOUCHER_VOIDED) == 750
    assert north.moved(T.BET) - north.moved(T.WIN) == north.sum_of(K.HOUSE)
    assert north.sum_of(K.PLAYER) == day.state(guest).balance_minor + 75
    assert books["south"].sum_of(K.PLAYER) == 1
    (alone,) = day.engine.verify_ledger(SYSTEM, day.south.operator_id)
    assert alone.slug == "south"
    (platform,) = day.engine.verify_ledger(SYSTEM, PLATFORM_ID)
    assert {total.entries_minor for total in platform.accounts} <= {0}


def test_books_are_those_that_the_principal_sees(day: Day) -> None:
    verify, seals = day.engine.verify_ledger, day.engine.verify_seals
    assert [books.slug for books in verify(SYSTEM)] == ["platform", "north", "south"]
    assert [books.slug for books in verify(day.owner)] == ["platform", "north", "south"]
    assert [books.slug for books in verify(day.north.head)] == ["north"]
    assert verify(day.north.head, day.north.operator_id) == verify(SYSTEM, day.north.operator_id)
    assert [books.slug for books in seals(day.north.head)] == ["north"]
    for check in (verify, seals):
        for unknown in (fresh_id(), day.agent.tenant_id, SYSTEM_ID):
            with pytest.raises(NotFound):
                check(SYSTEM, unknown)
        with pytest.raises(NotFound):
            check(day.north.head, day.south.operator_id)
        for principal in (day.agent.head, day.agent.cashier):
            with pytest.raises(Forbidden):
                check(principal)
    with pytest.raises(NotFound):
        day.engine.rebuild_analytics(day.agent.tenant_id)


def _event(day: Day, source: Account, target: Account, **balances: Any) -> LedgerEvent:
    kinds_of = (source.kind, target.kind)
    event_type = {
        (K.TENANT, K.VOUCHER_POOL): T.VOUCHER_ISSUED,
        (K.VOUCHER_POOL, K.TENANT): T.VOUCHER_VOIDED,
        (K.VOUCHER_POOL, K.BONUS_POOL): T.BONUS_HELD,
        (K.ISSUANCE, K.TENANT): T.CREDIT_ISSUED,
    }[kinds_of]
    return LedgerEvent(
        event_id=UUID(int=1 << 100 | 7 << 76 | 0b10 << 62),
        operator_id=day.north.operator_id,
        tenant_id=day.agent.tenant_id,
        occurred_at=day.clock.now(),
        event_type=event_type,
        actor_id=day.agent.tenant_id,
        action_id="planted",
        transfer=Transfer(source=source, target=target, amount_minor=7, **balances),
    )


def _account(kind: AccountKind) -> Callable[[Day], Account]:
    return lambda day: Account(kind, day.north.operator_id if kind is K.ISSUANCE else day.agent.tenant_id)


def _plant_event(source: AccountKind, target: AccountKind, **balances: int) -> Plant:
    def plant(day: Day, unit: UnitOfWork) -> None:
        unit.add(_event(day, _account(source)(day), _account(target)(day), **balances))

    return plant


def _plant_wallet(day: Day, unit: UnitOfWork) -> None:
    wallets, _ = unit.wallets.lock([day.agent.tenant_id])
    present = wallets[day.agent.tenant_id]
    unit.save(evolve(present, wallet=Wallet(present.wallet.balance_minor + 1)))


def _plant_player(day: Day, unit: UnitOfWork) -> None:
    locked = unit.players.lock(day.engine.list_players(day.owner)[0].player_id)
    assert locked is not None
    unit.save(locked.player.credit(1))


def _plant_voucher(day: Day, unit: UnitOfWork) -> None:
    only = VoucherFilter(tenant_id=day.agent.tenant_id, status=VoucherStatus.ISSUED)
    (voucher,) = unit.vouchers.page(only, EVERYTHING)
    unit.save(voucher.void(day.clock.now()))


def _plant_bonus(day: Day, unit: UnitOfWork) -> None:
    locked = unit.players.lock(day.engine.list_players(day.owner)[0].player_id)
    assert locked is not None
    unit.save(locked.bonuses[0].trigger(day.clock.now()))


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (_plant_event(K.TENANT, K.VOUCHER_POOL, source_balance_minor=0), {K.TENANT, K.VOUCHER_POOL}),
        (_plant_event(K.VOUCHER_POOL, K.TENANT, target_balance_minor=0), {K.TENANT, K.VOUCHER_POOL}),
        (_plant_event(K.VOUCHER_POOL, K.BONUS_POOL), {K.VOUCHER_POOL, K.BONUS_POOL}),
        (_plant_event(K.ISSUANCE, K.TENANT, target_balance_minor=0), {K.TENANT}),
        (_plant_wallet, {K.TENANT}),
        (_plant_player, {K.PLAYER}),
        (_plant_voucher, {K.VOUCHER_POOL}),
        (_plant_bonus, {K.BONUS_POOL}),
    ],
    ids=["issued", "voided", "held", "credit", "wallet", "player", "voucher", "bonus"],
)
def test_a_planted_fault_is_found_where_it_is(day: Day, plant: Plant, found: set[AccountKind]) -> None:
    day.welcome(1000)
    day.sell(1000)
    assert all(book.clean for book in day.engine.verify_ledger(SYSTEM))
    with day.storage.begin(day.north.head.binding) as unit:
        plant(day, unit)
        unit.commit()
    faults = {book.slug: book for book in day.engine.verify_ledger(SYSTEM) if not book.clean}
    assert set(faults) == {"north"}
    assert {total.account.kind for total in faults["north"].disagreements} == found
    assert not faults["north"].clean


def test_books_whose_sum_is_not_zero_are_not_clean() -> None:
    assert OperatorBooks(PLATFORM_ID, "platform", [], []).clean
    house = AccountTotal(Account(K.HOUSE, PLATFORM_ID), entries_minor=5)
    assert house.agrees
    assert not OperatorBooks(PLATFORM_ID, "platform", [house], []).clean


def test_health(day: Day) -> None:
    day.engine.check_health()
