"""Decisions and their settlement: a refused operation commits only the records that its refusal names."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

import pytest
from attrs import evolve, field, frozen

from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.decisions import Decided, Decision, Refused, deciding, settle
from playtime.application.ports.bindings import Binding
from playtime.application.ports.filters import VoucherFilter
from playtime.application.ports.storage import Record, Storage, UnitOfWork
from playtime.contracts.house import House
from playtime.contracts.records import player_view, write
from playtime.domain.access.pins import PinKeys
from playtime.domain.errors import DomainError
from playtime.domain.ledger.wallet import InsufficientFunds
from playtime.domain.limits.exclusions import CoolOff
from playtime.domain.limits.limits import LimitKind
from playtime.domain.play.players import Player
from playtime.domain.play.sessions import REPEAT_SECONDS
from playtime.domain.tenancy.tenants import TenantKind

from support.day import LOSE, PASSWORD, Day, Guest, build_day, other_pin

ATTEMPT: Final = ["Attempts"]
PASS_COUNTED: Final = ["Attempts"]


# --- the values -------------------------------------------------------------------------------------------------


@deciding
def debited(player: Player, amount_minor: int) -> Decision[int]:
    """Decide to debit a player twice."""
    once = player.debit(amount_minor)
    twice = once.debit(amount_minor)
    return Decided(twice.wallet.balance_minor, saved=(once, None, twice))


@pytest.fixture
def storage() -> MemoryStorage:
    """An empty storage."""
    return MemoryStorage()


@pytest.fixture
def house(storage: MemoryStorage) -> House:
    """A house in that storage."""
    return House.built(storage)


def test_error_that_is_raised_becomes_a_refusal(house: House) -> None:
    decision = debited(house.player(balance_minor=150), 100)
    assert isinstance(decision, Refused)
    assert not decision.added + decision.saved
    with pytest.raises(InsufficientFunds):
        decision.outcome()


def test_decision_leaves_missing_records_out(house: House) -> None:
    decision = debited(house.player(balance_minor=200), 100)
    assert [record.wallet.balance_minor for record in decision.saved if isinstance(record, Player)] == [100, 0]
    assert decision.outcome() == 0


def test_other_exceptions_are_not_refusals(house: House) -> None:
    @deciding
    def defective(player: Player) -> Decision[int]:
        raise KeyError(player.player_id)

    with pytest.raises(KeyError):
        defective(house.player())


def test_settled_refusal_commits_only_what_it_names(storage: MemoryStorage, house: House) -> None:
    player, other = house.player(balance_minor=150), house.player(balance_minor=150)
    write(storage, house.as_agent, player, other)
    refused = debited(player, 100).saving(other.credit(1))
    with storage.begin(house.as_agent) as unit:
        unit.players.lock(player.player_id)
        settle(unit, refused)
    found = [player_view(storage, house.as_agent, one).player.wallet.balance_minor for one in (player, other)]
    assert found == [150, 151]


def test_decision_without_records_commits_nothing(storage: MemoryStorage, house: House) -> None:
    recording = Recording(storage)
    with recording.begin(house.as_agent) as unit:
        settle(unit, Decided(1), Refused(InsufficientFunds(2, 1)))
    assert recording.commits == []


# --- the use cases ----------------------------------------------------------------------------------------------


class Recording:
    """A storage that remembers the types of the records of each commit."""

    def __init__(self, inner: Storage) -> None:
        self.inner = inner
        self.commits: list[list[str]] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the inner one
        return getattr(self.inner, name)

    def begin(self, binding: Binding) -> Any:  # noqa: ANN401 - a unit of work
        """Begin a unit that remembers as well."""
        return _RecordingUnit(self.inner.begin(binding), self.commits)


@frozen
class _RecordingUnit:
    inner: UnitOfWork
    commits: list[list[str]]
    names: list[str] = field(factory=list)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the inner one
        return getattr(self.inner, name)

    def __enter__(self) -> Self:
        self.inner.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.inner.__exit__(exc_type, exc, traceback)

    def add(self, *records: Record) -> None:
        self.names.extend(type(record).__name__ for record in records)
        self.inner.add(*records)

    def save(self, *records: Record) -> None:
        self.names.extend(type(record).__name__ for record in records)
        self.inner.save(*records)

    def commit(self) -> None:
        self.inner.commit()
        self.commits.append(list(self.names))


Attempt = Callable[[], object]


def spin_without_funds(day: Day) -> Attempt:
    guest = day.welcome(200)
    return lambda: day.spin(guest, 300)


def spin_at_the_loss_limit(day: Day) -> Attempt:
    guest = day.welcome(1_000)
    day.engine.set_loss_limit(guest.principal, loss_limit_minor=10)
    return lambda: day.spin(guest, 11)


def spin_in_a_cool_off(day: Day) -> Attempt:
    guest = day.welcome(1_000)
    day.engine.start_exclusion.cool_off(guest.principal, next(iter(CoolOff)))
    return lambda: day.spin(guest, 1)


def spin_before_the_acknowledgement(day: Day) -> Attempt:
    guest = day.welcome(200)
    day.spin(guest, 150, LOSE)
    return lambda: day.spin(guest, 1)


def redeem_a_voided_voucher(day: Day, key: str | None = None) -> Attempt:
    voucher = day.sell(1_000)
    day.engine.void_voucher(day.agent.head, voucher.voucher_id)
    return lambda: day.redeem(voucher, key=key)


def redeem_a_voided_voucher_by_name(day: Day) -> Attempt:
    return redeem_a_voided_voucher(day, "a key")


def redeem_under_a_key_of_another_command(day: Day) -> Attempt:
    guest, voucher = day.welcome(1_000), day.sell(1_000)
    day.spin(guest, 1, LOSE, key="a key")
    return lambda: day.redeem(voucher, guest, key="a key")


def redeem_with_an_unknown_pass(day: Day) -> Attempt:
    voucher = day.sell(1_000)
    code = str(day.engine.get_play_pass(day.welcome(100, day.stranger).principal).code)
    return lambda: day.engine.redeem_voucher(code=voucher.code, pin=voucher.pin, play_pass=code)


def top_up_with_another_agents_voucher(day: Day) -> Attempt:
    guest, voucher = day.welcome(1_000), day.sell(1_000, day.sister)
    return lambda: day.redeem(voucher, guest)


def top_up_after_the_logout(day: Day) -> Attempt:
    guest, voucher = day.welcome(1_000), day.sell(1_000)
    day.engine.player_logout(guest.principal)
    return lambda: day.redeem(voucher, guest)


def log_in(day: Day, guest: Guest, pin: str) -> Attempt:
    return lambda: day.engine.player_login(login_code=guest.login_code, pin=pin)


def log_in_with_a_wrong_pin(day: Day) -> Attempt:
    guest = day.welcome(1_000)
    return log_in(day, guest, other_pin(guest.pin))


def log_in_as_a_closed_player(day: Day) -> Attempt:
    guest = day.welcome(1_000)
    day.engine.close_player(day.agent.head, guest.player_id)
    return log_in(day, guest, guest.pin)


def refresh_a_player_twice(day: Day) -> Attempt:
    guest = day.welcome(1_000)
    day.engine.refresh_player(guest.refresh_token)
    day.clock.advance(seconds=REPEAT_SECONDS + 1)
    return lambda: day.engine.refresh_player(guest.refresh_token)


def refresh_staff_twice(day: Day) -> Attempt:
    login = day.engine.staff_login(username="north-operator", password=PASSWORD, tenant="north")
    day.engine.refresh_staff(login.refresh_token)
    day.clock.advance(seconds=REPEAT_SECONDS + 1)
    return lambda: day.engine.refresh_staff(login.refresh_token)


def issue_without_funds(day: Day, key: str | None = None) -> Attempt:
    desk = day.agent
    return lambda: day.engine.issue_voucher(desk.cashier, desk.tenant_id, amount_minor=1, action_id=key)


def issue_without_funds_by_name(day: Day) -> Attempt:
    return issue_without_funds(day, "a key")


def void_a_redeemed_voucher(day: Day) -> Attempt:
    voucher = day.sell(1_000)
    day.redeem(voucher)
    return lambda: day.engine.void_voucher(day.agent.head, voucher.voucher_id)


def close_a_closed_player(day: Day) -> Attempt:
    guest = day.welcome(1_000)
    day.engine.close_player(day.agent.head, guest.player_id)
    return lambda: day.engine.close_player(day.agent.head, guest.player_id)


def return_more_credit_than_there_is(day: Day) -> Attempt:
    desk = day.agent
    return lambda: day.engine.return_credit(desk.head, desk.tenant_id, amount_minor=1, memo="back")


def raise_a_loss_limit(day: Day) -> Attempt:
    guest = day.welcome(1_000)
    day.engine.set_loss_limit(guest.principal, loss_limit_minor=10)
    return lambda: day.engine.set_loss_limit(guest.principal, loss_limit_minor=11)


def confirm_a_raise_that_is_not_pending(day: Day) -> Attempt:
    guest = day.welcome(1_000)
    return lambda: day.engine.confirm_limit(guest.principal, LimitKind.LOSS_24H)


def print_a_sheet_with_a_retired_secret(day: Day) -> Attempt:
    voucher = day.sell(1_000)
    [record] = day.engine.list_vouchers(day.agent.head, VoucherFilter())
    assert record.voucher_id == voucher.voucher_id
    printing = evolve(day.engine.print_sheet, pins=PinKeys(current="new", secrets={"new": b"x" * 32}))
    return lambda: printing(day.agent.cashier, record.batch_id)


def create_an_agent_of_a_taken_slug(day: Day) -> Attempt:
    return lambda: day.engine.create_tenant(day.owner, slug="north", name="N", kind=TenantKind.OPERATOR)


@pytest.mark.parametrize(
    ("prepare", "commits"),
    [
        (spin_without_funds, [["StoredAnswer"]]),
        (spin_at_the_loss_limit, [["SafetyAction", "StoredAnswer"]]),
        (spin_in_a_cool_off, [["StoredAnswer"]]),
        (spin_before_the_acknowledgement, [["StoredAnswer"]]),
        (redeem_a_voided_voucher, [ATTEMPT]),
        (redeem_a_voided_voucher_by_name, [ATTEMPT, ["StoredAnswer"]]),
        (redeem_under_a_key_of_another_command, [ATTEMPT]),
        (redeem_with_an_unknown_pass, [ATTEMPT, PASS_COUNTED]),
        (top_up_with_another_agents_voucher, [ATTEMPT]),
        (top_up_after_the_logout, [ATTEMPT]),
        (log_in_with_a_wrong_pin, [ATTEMPT]),
        (log_in_as_a_closed_player, [ATTEMPT]),
        (refresh_a_player_twice, [["LedgerEvent", "Player", "Session"]]),
        (refresh_staff_twice, [["TrailEvent", "StaffSession"]]),
        (issue_without_funds, []),
        (issue_without_funds_by_name, [["StoredAnswer", "TrailEvent"]]),
        (void_a_redeemed_voucher, []),
        (close_a_closed_player, []),
        (return_more_credit_than_there_is, []),
        (raise_a_loss_limit, []),
        (confirm_a_raise_that_is_not_pending, []),
        (print_a_sheet_with_a_retired_secret, []),
        (create_an_agent_of_a_taken_slug, []),
    ],
)
def test_refused_use_case_commits_only_what_it_names(
    storage: MemoryStorage, prepare: Callable[[Day], Attempt], commits: list[list[str]]
) -> None:
    recording: Any = Recording(storage)
    attempt = prepare(build_day(recording))
    recording.commits.clear()
    try:
        answer: Any = attempt()
    except DomainError:
        pass
    else:
        assert answer.code is not None
    assert recording.commits == commits
