"""The play pass: what holds for a player holds for the next account that shows it."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from attrs import evolve

from playtime.application.answers import Answer, Command
from playtime.application.decisions import Moment, Refused
from playtime.application.errors import IdempotencyKeyReused, InvalidCredentials, UnknownPlayPass
from playtime.application.ports.bindings import Binding
from playtime.application.ports.play import LockedPlayer
from playtime.application.vouchers.redemption import LockedVoucher, RedemptionRequest, decide_redemption
from playtime.contracts.doubles import CountingIds, SettableClock
from playtime.domain.access.attempts import Attempts
from playtime.domain.access.codes import make_code
from playtime.domain.errors import DomainError, InvalidInput
from playtime.domain.limits.exclusions import CoolOff, SelfExcluded
from playtime.domain.limits.limits import LimitKind
from playtime.domain.limits.play_passes import PlayPassOfOther

from support.day import LOSE, Day, Guest, Sold
from support.models import AGENT, NOW, OPERATOR, make_player, make_voucher

LOSS, WEEK, TIME = LimitKind


def unknown_code(day: Day, value: int = 12345) -> str:
    return str(make_code(str(day.agent.code_symbols), value))


def _refusal(call: Callable[[], object]) -> tuple[str, str]:
    """Return the code and the sentence of a refusal."""
    with pytest.raises(DomainError) as refused:
        call()
    return refused.value.code, str(refused.value)


def code_of(day: Day, guest: Guest) -> str:
    return day.engine.get_play_pass(guest.principal).code


def redeem(day: Day, voucher: Sold, code: str, guest: Guest | None = None, key: str | None = None) -> Answer:
    return day.engine.redeem_voucher(
        code=voucher.code,
        pin=voucher.pin,
        player=None if guest is None else guest.principal,
        action_id=key,
        play_pass=code,
    )


def follow(day: Day, code: str, amount_minor: int = 10_000) -> Guest:
    """Return a new player who has shown a pass."""
    return day.guest(redeem(day, day.sell(amount_minor), code))


def status(day: Day, voucher: Sold) -> str:
    with day.storage.begin(day.agent.head.binding) as unit:
        found = unit.vouchers.get(voucher.voucher_id)
    assert found is not None
    return found.status.value


def test_a_pass_is_a_code_of_the_agent_and_always_the_same(day: Day) -> None:
    guest = day.welcome(1_000)
    code = code_of(day, guest)
    assert code.startswith(str(day.agent.code_symbols))
    assert code_of(day, guest) == code
    assert code not in (guest.login_code, code_of(day, day.welcome(1_000)))


def test_a_limit_holds_over_all_accounts_of_a_pass(day: Day) -> None:
    first = day.welcome(10_000)
    code = code_of(day, first)
    day.engine.set_limit(first.principal, LOSS, 1_000)
    day.spin(first, 600, LOSE)
    second = follow(day, code.lower().replace("-", " "))
    assert day.spin(second, 401, LOSE).code == "PLAYER_LOSS_LIMIT_REACHED"
    assert day.spin(second, 400, LOSE).code is None
    assert day.spin(first, 1, LOSE).code == "PLAYER_LOSS_LIMIT_REACHED"
    day.engine.set_limit(second.principal, WEEK, 1_000)
    assert day.engine.read_limits(first.principal).limits[1].limit_minor == 1_000
    day.books()


def test_limit_set_without_asking_for_a_pass_is_on_a_pass_too(day: Day) -> None:
    first = day.welcome(10_000)
    day.engine.set_limit(first.principal, LOSS, 500)
    second = follow(day, code_of(day, first))
    assert day.spin(second, 501, LOSE).code == "PLAYER_LOSS_LIMIT_REACHED"


def test_account_that_is_tied_by_a_top_up_brings_its_past_play(day: Day) -> None:
    first, second = day.welcome(10_000), day.welcome(10_000)
    code = code_of(day, first)
    day.engine.set_limit(first.principal, LOSS, 1_000)
    day.spin(second, 700, LOSE)
    redeem(day, day.sell(500), code, second)
    assert day.engine.read_limits(first.principal).limits[0].net_loss_minor == 700
    assert day.spin(first, 301, LOSE).code == "PLAYER_LOSS_LIMIT_REACHED"
    assert day.spin(first, 300, LOSE).code is None
    redeem(day, day.sell(500), code, second)
    assert day.engine.read_limits(first.principal).limits[0].net_loss_minor == 1_000, "not brought twice"
    day.books()


def test_excluded_pass_redeems_nothing_and_voucher_stays_open(day: Day) -> None:
    guest = day.welcome(1_000)
    code, voucher, top_up = code_of(day, guest), day.sell(1_000), day.sell(1_000)
    wallet = day.wallet(day.agent)
    taken = day.engine.start_exclusion.self_exclusion(guest.principal, 6)
    for key in (None, "named", "named"):
        with pytest.raises(UnknownPlayPass):
            redeem(day, voucher, code, key=key)
    with pytest.raises(SelfExcluded) as refused:
        day.redeem(top_up, guest)
    assert refused.value.until == taken.until
    stored = redeem(day, top_up, code, guest, key="named")
    assert (stored.code, stored.content()["until"]) == ("SELF_EXCLUDED", "2026-09-01T12:00:00.250Z")
    assert (status(day, voucher), status(day, top_up)) == ("ISSUED", "ISSUED")
    assert day.wallet(day.agent) == wallet
    again = redeem(day, top_up, code, guest, key="named")
    assert (again.body, again.replayed) == (stored.body, True)
    # It is the pass that is excluded, not the voucher.
    assert day.redeem(voucher).code is None
    day.books()


def test_exclusion_refuses_every_account_of_the_pass(day: Day) -> None:
    first = day.welcome(1_000)
    second = follow(day, code_of(day, first))
    day.engine.start_exclusion.cool_off(first.principal, CoolOff.DAY)
    assert day.spin(second, 1, LOSE).code == "COOLING_OFF"
    day.clock.advance(hours=24)
    assert day.redeem(day.sell(100), second).code is None


def test_an_account_stays_with_its_pass(day: Day) -> None:
    first, second = day.welcome(1_000), day.welcome(1_000)
    mine, other = code_of(day, first), code_of(day, second)
    voucher = day.sell(500)
    with pytest.raises(PlayPassOfOther):
        redeem(day, voucher, other, first)
    assert status(day, voucher) == "ISSUED"
    assert redeem(day, voucher, mine, first).code is None


@pytest.mark.parametrize("whose", ["nobody", "sister", "stranger"])
def test_a_pass_that_the_agent_did_not_give_out_is_unknown(day: Day, whose: str) -> None:
    code = str(make_code(str(day.agent.code_symbols), 12345))
    if whose != "nobody":
        code = code_of(day, day.welcome(1_000, getattr(day, whose)))
    voucher, guest = day.sell(1_000), day.welcome(1_000)
    for who in (None, guest):
        with pytest.raises(UnknownPlayPass):
            redeem(day, voucher, code, who)
    assert status(day, voucher) == "ISSUED"


def test_no_answer_tells_unknown_and_excluded_passes_apart(day: Day) -> None:
    holder, guest = day.welcome(1_000), day.welcome(1_000)
    known = code_of(day, holder)
    day.engine.start_exclusion.self_exclusion(holder.principal, 6)
    said = {
        _refusal(partial(redeem, day, day.sell(100), code, who, key=key))
        for code in (known, unknown_code(day))
        for who in (None, guest)
        for key in (None, "named")
    }
    assert len(said) == 1
    assert said.pop()[0] == "PLAY_PASS_UNKNOWN"


@pytest.mark.parametrize("state", ["redeemed", "voided", "expired"])
def test_voucher_that_is_not_open_tells_nothing_of_passes(day: Day, state: str) -> None:
    excluded, free, guest, voucher = day.welcome(1_000), day.welcome(1_000), day.welcome(1_000), day.sell(1_000)
    codes = [code_of(day, excluded), code_of(day, free), unknown_code(day), None]
    day.engine.start_exclusion.self_exclusion(excluded.principal, 6)
    if state == "redeemed":
        day.redeem(voucher)
    elif state == "voided":
        day.engine.void_voucher(day.agent.head, voucher.voucher_id)
    else:
        day.clock.advance(days=30)
        guest = day.welcome(1_000)
    attempt = partial(day.engine.redeem_voucher, code=voucher.code, pin=voucher.pin)
    said = {
        _refusal(partial(attempt, play_pass=code, player=who))
        for code in codes * 5
        for who in (None, guest.principal)
    }
    assert len(said) == 1
    assert said.pop()[0] == f"VOUCHER_{state.upper()}"


def test_account_with_a_pass_learns_nothing_of_others(day: Day) -> None:
    guest, holder, voucher = day.welcome(1_000), day.welcome(1_000), day.sell(1_000)
    own = code_of(day, guest)
    for code in (code_of(day, holder), unknown_code(day)) * 5:
        with pytest.raises(PlayPassOfOther):
            redeem(day, voucher, code, guest)
    assert redeem(day, voucher, own, guest).code is None


def test_refused_passes_stay_counted_in_spite_of_right_pins(day: Day) -> None:
    """Wherever the attempts at passes come from: a new player, a top-up, or between refusals without a lookup."""
    voucher, guest, tied = day.sell(1_000), day.welcome(1_000), day.welcome(1_000)
    code_of(day, tied)
    for number in range(5):
        with pytest.raises(UnknownPlayPass):
            redeem(day, voucher, unknown_code(day, number), (None, guest)[number % 2])
        if number < 4:
            with pytest.raises(PlayPassOfOther):
                redeem(day, voucher, unknown_code(day, number), tied)
    for who in (None, guest, tied):
        with pytest.raises(InvalidCredentials):
            redeem(day, voucher, unknown_code(day), who)
    day.clock.advance(minutes=5)
    for number in range(5):
        with pytest.raises(UnknownPlayPass):
            redeem(day, voucher, unknown_code(day, number))
    day.clock.advance(minutes=5)
    with pytest.raises(InvalidCredentials):
        day.redeem(voucher)
    day.clock.advance(minutes=5)
    assert day.redeem(voucher).code is None


def test_replays_of_a_redemption_with_a_pass_are_no_attempts(day: Day) -> None:
    code, voucher = code_of(day, day.welcome(1_000)), day.sell(1_000)
    bodies = {redeem(day, voucher, code, key="named").body for _ in range(12)}
    assert len(bodies) == 1


def test_attempts_at_pass_codes_are_throttled(day: Day) -> None:
    voucher = day.sell(1_000)
    for value in range(5):
        with pytest.raises(UnknownPlayPass):
            redeem(day, voucher, str(make_code(str(day.agent.code_symbols), value)))
    with pytest.raises(InvalidCredentials):
        day.redeem(voucher)


@pytest.mark.parametrize("text", ["", "ABC", "ABCD-1234-5678-9!", "x" * 100, "\N{GRINNING FACE}"])
def test_malformed_code_is_refused_before_an_attempt_is_counted(day: Day, text: str) -> None:
    voucher = day.sell(1_000)
    for _ in range(6):
        with pytest.raises(InvalidInput) as refused:
            redeem(day, voucher, text)
        assert refused.value.path == "play_pass"
    assert day.redeem(voucher).code is None


def test_a_pin_is_looked_at_before_the_pass(day: Day) -> None:
    guest, voucher = day.welcome(1_000), day.sell(1_000)
    code = code_of(day, guest)
    day.engine.start_exclusion.self_exclusion(guest.principal, 6)
    wrong = f"{(int(voucher.pin) + 1) % 10**6:06d}"
    with pytest.raises(InvalidCredentials):
        day.engine.redeem_voucher(code=voucher.code, pin=wrong, play_pass=code)


def test_a_named_redemption_with_another_pass_is_another_command(day: Day) -> None:
    first, voucher = day.welcome(1_000), day.sell(1_000)
    code = code_of(day, first)
    made = redeem(day, voucher, code, key="k")
    assert redeem(day, voucher, code, key="k").body == made.body
    for other in (partial(redeem, day, voucher, code_of(day, day.welcome(500))), partial(day.redeem, voucher)):
        with pytest.raises(IdempotencyKeyReused):
            other(key="k")


def test_a_pass_outlives_its_players(day: Day) -> None:
    first = day.welcome(1_000)
    code = code_of(day, first)
    day.engine.set_limit(first.principal, WEEK, 100)
    day.engine.close_player(day.agent.head, first.player_id)
    second = follow(day, code)
    assert day.spin(second, 101, LOSE).code == "PLAYER_LOSS_LIMIT_REACHED"


def test_pass_is_not_looked_at_while_the_voucher_is_locked() -> None:
    """Others may lock the voucher after the PIN was checked and before the pass is read."""
    now, voucher = NOW, make_voucher()
    made = LockedPlayer(make_player(), None, (), None)
    attempts = Attempts(operator_id=OPERATOR, tenant_id=AGENT, subject_id=voucher.voucher_id)
    request = RedemptionRequest(
        command=Command.of("REDEEM", voucher.voucher_id, "key"),
        binding=Binding(operator_id=OPERATOR, tenant_id=AGENT, role="public", user_id=AGENT),
        principal=None,
        shown=make_code("ABCD", 7),
    )
    for locked_until, error in ((None, UnknownPlayPass), (now + timedelta(minutes=1), InvalidCredentials)):
        locked = LockedVoucher(voucher, made, evolve(attempts, locked_until=locked_until))
        decision = decide_redemption(locked, request, Moment(now, CountingIds(SettableClock())))
        assert isinstance(decision, Refused)
        assert type(decision.error) is error
        assert bool(decision.saved) is (error is UnknownPlayPass)
