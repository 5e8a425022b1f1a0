"""Redeeming: for a new player, as a top-up, and every way it is refused."""

from datetime import timedelta

import pytest
from attrs import evolve

from playtime.application.errors import InvalidCredentials, InvalidToken, VoucherOfOtherAgent
from playtime.application.ports.filters import VoucherFilter
from playtime.contracts.doubles import START
from playtime.domain.access.pins import PinKind
from playtime.domain.errors import DomainError, InvalidInput
from playtime.domain.ledger.events import Account, AccountKind, EventType
from playtime.domain.tenancy.tenants import TenantStatus
from playtime.domain.vouchers.vouchers import VoucherExpired, VoucherRedeemed, VoucherStatus, VoucherVoided

from support.day import LOSE, Day, Guest, Sold, kinds, other_pin, pin_of

T, K = EventType, AccountKind

NASTY = ["", "%", "_", "' OR 1=1", "\0", "\ud800", "0" * 13, "0" * 10**6, "\u0660" * 13, "ZZZZ-ZZZZ-ZZZZ-Z"]


def _status(day: Day, voucher: Sold) -> VoucherStatus:
    rows = day.engine.list_vouchers(day.owner, VoucherFilter(tenant_id=day.agent.tenant_id))
    return next(row.status for row in rows if row.voucher_id == voucher.voucher_id)


def _refused(day: Day, voucher: Sold, kind: type[DomainError], guest: Guest | None = None) -> None:
    """Refuse with exactly this, and only after a right PIN; a wrong one always gets the same answer."""
    wallet, written = day.wallet(day.agent), len(day.events())
    with pytest.raises(kind) as refused:
        day.redeem(voucher, guest)
    assert type(refused.value) is kind
    with pytest.raises(InvalidCredentials) as blind:
        day.redeem(evolve(voucher, pin=other_pin(voucher.pin)), guest)
    assert type(blind.value) is InvalidCredentials
    assert (day.wallet(day.agent), len(day.events())) == (wallet, written)
    day.books()


def test_a_voucher_becomes_a_player(day: Day) -> None:
    voucher = day.sell(1001)
    content = day.redeem(voucher).content()
    assert list(content) == ["ok", "player", "token", "refreshToken", "sessionId"]
    player = content["player"]
    assert list(player) == ["playerId", "loginCode", "pin", "balanceMinor", "bonusPendingMinor"]
    assert (player["balanceMinor"], player["bonusPendingMinor"]) == (1001, 500)
    assert player["loginCode"][:4] == day.agent.code_symbols
    guest = day.guest(day.redeem(day.sell(500)))
    assert guest.pin == pin_of(PinKind.PLAYER, guest.player_id)
    assert day.wallet(day.agent) == (0, 0, 750, 0)
    assert _status(day, voucher) is VoucherStatus.REDEEMED
    day.books()


def test_the_movements_of_a_redemption(day: Day) -> None:
    voucher = day.sell(1001)
    guest = day.guest(day.redeem(voucher))
    redeemed, held, login = day.events(of=guest)
    pool, bonus = (Account(kind, day.agent.tenant_id) for kind in (K.VOUCHER_POOL, K.BONUS_POOL))
    assert (redeemed.event_type, held.event_type, login.event_type) == (T.VOUCHER_REDEEMED, T.BONUS_HELD, T.LOGIN)
    assert (redeemed.from_account, redeemed.to_account) == (pool, Account(K.PLAYER, guest.player_id))
    assert (redeemed.amount_minor, redeemed.from_balance_minor, redeemed.to_balance_minor) == (1001, None, 1001)
    assert (held.from_account, held.to_account, held.amount_minor) == (pool, bonus, 500)
    assert (held.from_balance_minor, held.to_balance_minor) == (None, None)
    assert (login.amount_minor, login.meta) == (0, {"resumed": False})
    assert [event.player_seq for event in (redeemed, held, login)] == [1, 2, 3]
    assert {event.session_id for event in (redeemed, held, login)} == {guest.principal.session_id}


def test_a_code_is_read_as_people_type_it(day: Day) -> None:
    voucher = day.sell(1000)
    typed = voucher.code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert day.redeem(evolve(voucher, code=typed)).content()["ok"]


@pytest.mark.parametrize("write", [" {}", "{} ", "{}\r\n", "\u3000{}\u200b"])
def test_pins_are_read_as_people_type_them(day: Day, write: str) -> None:
    voucher = day.sell(1000)
    guest = day.guest(day.redeem(evolve(voucher, pin=write.format(f"{voucher.pin[:3]} {voucher.pin[3:]}"))))
    login = day.engine.player_login(login_code=guest.login_code, pin=write.format(guest.pin))
    assert login.session_id == guest.principal.session_id


@pytest.mark.parametrize(
    "pin", ["", " ", "0", "12345", "1234567", "12345a", "\0" * 6, "\u0660" * 6, "\ud800", "9" * 10**6, "' OR 1"]
)
def test_what_cannot_be_a_pin_counts_no_attempt(day: Day, pin: str) -> None:
    voucher, guest = day.sell(1000), day.welcome(1000)
    for _ in range(6):
        with pytest.raises(InvalidInput) as refused:
            day.redeem(evolve(voucher, pin=pin))
        assert refused.value.path == "pin"
        with pytest.raises(InvalidInput):
            day.engine.player_login(login_code=guest.login_code, pin=pin)
    assert day.redeem(voucher).code is None
    login = day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    assert login.session_id == guest.principal.session_id


def test_a_voucher_is_redeemed_once(day: Day) -> None:
    voucher = day.sell(1000)
    guest = day.guest(day.redeem(voucher))
    _refused(day, voucher, VoucherRedeemed)
    _refused(day, voucher, VoucherRedeemed, guest)
    assert day.state(guest).balance_minor == 1000


def test_a_voided_voucher_is_not_redeemed(day: Day) -> None:
    voucher = day.sell(1000)
    day.engine.void_voucher(day.agent.head, voucher.voucher_id)
    _refused(day, voucher, VoucherVoided)


def test_a_voucher_expires_after_thirty_days_to_the_moment(day: Day) -> None:
    last, late = day.sell(1000), day.sell(1000)
    day.clock.set(START + timedelta(days=30, microseconds=-1))
    assert day.redeem(last).content()["ok"]
    day.clock.set(START + timedelta(days=30))
    _refused(day, late, VoucherExpired)
    assert day.wallet(day.agent)[1] == 1500


def test_a_top_up_goes_to_the_player_who_is_logged_in(day: Day) -> None:
    guest = day.welcome(1000)
    content = day.redeem(day.sell(301), guest).content()
    assert content["player"]["playerId"] == str(guest.player_id)
    assert content["player"]["pin"] is None
    assert (content["player"]["balanceMinor"], content["player"]["bonusPendingMinor"]) == (1301, 650)
    assert content["sessionId"] == str(guest.principal.session_id)
    assert day.engine.authenticate.player(content["token"]) == guest.principal
    assert len(day.engine.list_players(day.owner)) == 1
    assert kinds(day.events(of=guest)) == [
        T.VOUCHER_REDEEMED,
        T.BONUS_HELD,
        T.LOGIN,
        T.VOUCHER_REDEEMED,
        T.BONUS_HELD,
    ]
    day.books()


def test_top_up_from_another_agent_is_refused_after_a_right_pin(day: Day) -> None:
    guest = day.welcome(1000)
    for desk in (day.sister, day.stranger):
        voucher = day.sell(500, desk)
        _refused(day, voucher, VoucherOfOtherAgent, guest)
        assert day.redeem(voucher).content()["ok"]
    assert day.state(guest).balance_minor == 1000


def test_top_up_of_an_ended_session_is_refused_without_a_player(day: Day) -> None:
    guest = day.welcome(1000)
    voucher = day.sell(500)
    day.clock.advance(minutes=30)
    day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    for _ in range(7):  # the PIN is right each time, so nothing is ever locked
        with pytest.raises(InvalidToken):
            day.redeem(voucher, guest)
    assert len(day.engine.list_players(day.owner)) == 1
    assert _status(day, voucher) is VoucherStatus.ISSUED
    assert day.redeem(voucher).content()["ok"]


def test_a_top_up_of_an_idle_session_goes_on_with_it(day: Day) -> None:
    guest = day.welcome(1000)
    voucher = day.sell(500)
    day.clock.advance(hours=5)
    content = day.redeem(voucher, guest).content()
    assert content["sessionId"] == str(guest.principal.session_id)
    assert day.state(guest).balance_minor == 1500
    day.books()


def test_a_closed_player_takes_no_voucher(day: Day) -> None:
    guest = day.welcome(1000)
    voucher = day.sell(500)
    day.engine.close_player(day.agent.head, guest.player_id)
    with pytest.raises(InvalidToken):
        day.redeem(voucher, guest)
    assert _status(day, voucher) is VoucherStatus.ISSUED


@pytest.mark.parametrize("code", NASTY)
def test_malformed_code_is_refused_like_a_wrong_pin(day: Day, code: str) -> None:
    voucher = day.sell(1000)
    wallet, written = day.wallet(day.agent), len(day.events())
    for pin in (voucher.pin, "000000", "999999"):
        with pytest.raises(InvalidCredentials):
            day.engine.redeem_voucher(code=code, pin=pin)
    assert (day.wallet(day.agent), len(day.events())) == (wallet, written)


def test_the_pin_of_another_voucher_or_kind_is_wrong(day: Day) -> None:
    one, other = day.sell(1000), day.sell(1000)
    for pin in (other.pin, pin_of(PinKind.PLAYER, one.voucher_id)):
        with pytest.raises(InvalidCredentials):
            day.redeem(evolve(one, pin=pin))


def test_five_wrong_pins_lock_a_voucher_also_for_the_right_one(day: Day) -> None:
    voucher = day.sell(1000)
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            day.redeem(evolve(voucher, pin=other_pin(voucher.pin)))
    with pytest.raises(InvalidCredentials):
        day.redeem(voucher)
    day.clock.advance(minutes=5)
    assert day.redeem(voucher).content()["ok"]


def test_right_pins_never_lock(day: Day) -> None:
    voucher = day.sell(1000)
    day.redeem(voucher)
    for _ in range(12):
        with pytest.raises(VoucherRedeemed):
            day.redeem(voucher)
    for _ in range(4):
        with pytest.raises(InvalidCredentials):
            day.redeem(evolve(voucher, pin=other_pin(voucher.pin)))
    with pytest.raises(VoucherRedeemed):
        day.redeem(voucher)


def test_another_agents_voucher_never_locks_either(day: Day) -> None:
    guest, voucher = day.welcome(1000), day.sell(500, day.sister)
    for _ in range(12):
        with pytest.raises(VoucherOfOtherAgent):
            day.redeem(voucher, guest)
    assert day.redeem(voucher).content()["ok"]


@pytest.mark.parametrize("status", [TenantStatus.SUSPENDED, TenantStatus.CLOSED])
def test_codes_of_a_tenant_that_is_not_served_are_unknown(day: Day, status: TenantStatus) -> None:
    voucher, guest = day.sell(1000), day.welcome(1000)
    entry = day.storage.directory.by_tenant(day.agent.tenant_id)
    assert entry is not None
    assert day.storage.directory.register(evolve(entry, status=status)) == "done"
    with pytest.raises(InvalidCredentials):
        day.redeem(voucher)
    with pytest.raises(InvalidCredentials):
        day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    with pytest.raises(InvalidCredentials):
        day.engine.staff_login(username="north-a-agent", password="correct horse", tenant="north-a")


def test_a_login_code_is_no_voucher_and_a_voucher_no_login_code(day: Day) -> None:
    guest, voucher = day.welcome(1000), day.sell(1000)
    with pytest.raises(InvalidCredentials):
        day.engine.redeem_voucher(code=guest.login_code, pin=guest.pin)
    with pytest.raises(InvalidCredentials):
        day.engine.player_login(login_code=voucher.code, pin=voucher.pin)


def test_a_login_code_that_is_taken_is_drawn_again(day: Day) -> None:
    one, other = day.sell(1000), day.sell(1000)
    # A redemption draws the login code, then the client seed.
    day.randomness.script(5, 0, 5, 0, 6, 0)
    first, second = day.guest(day.redeem(one)), day.guest(day.redeem(other))
    assert first.login_code != second.login_code
    assert day.spin(second, 1, LOSE).code is None
    day.books()


def test_new_player_has_region_and_cashier_of_the_voucher(day: Day) -> None:
    record = day.record(day.welcome(100))
    assert (record.region, record.cashier_id) == ("Nevada", day.agent.cashier.staff_id)
    assert day.record(day.welcome(100, day.sister)).region is None
