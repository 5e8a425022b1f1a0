"""Every record comes back as it was written: equal, of the same types, in UTC to the microsecond."""

import string
from datetime import timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from ..application.ports.bindings import AnswerKey
from ..application.ports.filters import LedgerFilter, Page
from ..application.ports.storage import Storage, UnitOfWork
from ..domain.access.pins import PinRef
from ..domain.ledger.events import (
    KEEPS_BALANCE,
    MOVEMENTS,
    Account,
    AccountKind,
    EventSource,
    EventType,
    LedgerEvent,
)
from ..domain.ledger.wallet import Wallet
from ..domain.money import MAX_AMOUNT_MINOR
from ..domain.periods import Span
from ..domain.play.players import PlayerStatus
from ..domain.tenancy.staff import Role, StaffStatus
from ..domain.tenancy.tenants import TenantKind, TenantStatus
from ..domain.vouchers.bonuses import BonusStatus
from ..domain.vouchers.vouchers import VoucherStatus
from .house import House
from .records import LATER, NOW, account, assert_same, fresh_id, fresh_tenant, movement, player_view, read, write

HUGE = 2**62
PUNCTUATION = "a'b\"c%d_e\\f;g--h" + string.punctuation
NESTED: dict[str, Any] = {
    "text": "Ünïcødé 🎰 \u200b 'quoted' \"twice\" \\ %s %(x)s",
    "empty": {"list": [], "object": {}, "text": "", "nothing": None},
    "numbers": [0, -1, 2**53 + 1, HUGE],
    "truth": [True, False],
    "deep": {"a": [{"b": [{"ключ": "値"}]}]},
}


class TestTenants:
    def test_every_field(self, storage: Storage, here: House) -> None:
        tenant = fresh_tenant(
            TenantKind.AGENT,
            here.operator.tenant_id,
            name="Ünïcødé 🎰 & 'Söhne'",
            created_at=NOW,
            status=TenantStatus.SUSPENDED,
            region="US-CA",
            suspended_at=LATER,
            suspensions=(Span(NOW, LATER), Span(LATER, LATER)),
        )
        write(storage, here.as_operator, tenant)
        assert_same(read(storage, here.as_operator, lambda unit: unit.tenants.get(tenant.tenant_id)), tenant)

    def test_every_none(self, storage: Storage, here: House) -> None:
        found = read(storage, here.as_operator, lambda unit: unit.tenants.get(here.operator.tenant_id))
        assert_same(found, here.operator)
        assert (here.operator.region, here.operator.code_symbols) == (None, None)

    def test_a_new_state(self, storage: Storage, here: House) -> None:
        closed = evolve(here.neighbour.close(), code_symbols="7ZZ7")
        with storage.begin(here.as_operator) as unit:
            unit.tenants.get(closed.tenant_id)
            unit.save(closed)
            unit.commit()
        assert_same(read(storage, here.as_operator, lambda unit: unit.tenants.get(closed.tenant_id)), closed)

    @pytest.mark.parametrize(
        ("balance_minor", "floor_minor"), [(0, 0), (HUGE, 0), (-500, -500), (-HUGE, -HUGE), (3, -1_000)]
    )
    def test_wallets(self, storage: Storage, here: House, balance_minor: int, floor_minor: int) -> None:
        tenant = fresh_tenant(TenantKind.AGENT, here.operator.tenant_id)
        wallet = here.wallet(tenant, balance_minor, floor_minor)
        write(storage, here.as_operator, tenant, wallet)
        wallets, _ = read(storage, here.as_operator, lambda unit: unit.wallets.lock([tenant.tenant_id]))
        assert_same(wallets[tenant.tenant_id], wallet)


class TestStaff:
    @pytest.mark.parametrize("role", [Role.AGENT, Role.CASHIER, Role.ANALYST])
    def test_members(self, storage: Storage, here: House, role: Role) -> None:
        member = here.staff_member(
            role=role,
            password_hash="$argon2id$v=19$m=65536,t=3,p=4$" + PUNCTUATION,
            status=StaffStatus.DEACTIVATED,
            must_change_password=True,
        )
        write(storage, here.as_agent, member)
        assert_same(read(storage, here.as_agent, lambda unit: unit.staff.get(member.staff_id)), member)

    def test_sessions(self, storage: Storage, here: House) -> None:
        for session in (
            here.staff_session(),
            here.staff_session(last_active_at=LATER, ended_at=LATER, refresh_generation=7),
        ):
            write(storage, here.as_agent, session)
            with storage.begin(here.as_agent) as unit:
                assert_same(unit.staff.lock_session(session.session_id), session)

    def test_a_sessions_new_state(self, storage: Storage, here: House) -> None:
        session = here.staff_session()
        write(storage, here.as_agent, session)
        rotated = session.rotate_refresh(LATER)
        with storage.begin(here.as_agent) as unit:
            unit.staff.lock_session(session.session_id)
            unit.save(rotated)
            unit.commit()
        found = read(storage, here.as_agent, lambda unit: unit.staff.lock_session(session.session_id))
        assert_same(found, rotated)


class TestVouchers:
    def test_open(self, storage: Storage, here: House) -> None:
        voucher = here.voucher(amount_minor=1, pin=PinRef("key-'2'", 9))
        write(storage, here.as_agent, voucher)
        assert_same(read(storage, here.as_agent, lambda unit: unit.vouchers.get(voucher.voucher_id)), voucher)

    @pytest.mark.parametrize("status", [VoucherStatus.REDEEMED, VoucherStatus.VOIDED, VoucherStatus.EXPIRED])
    def test_a_new_state(self, storage: Storage, here: House, status: VoucherStatus) -> None:
        voucher, player = here.voucher(amount_minor=MAX_AMOUNT_MINOR * 2 // 3), here.player()
        write(storage, here.as_agent, voucher, player)
        player_id = player.player_id if status is VoucherStatus.REDEEMED else None
        closed = evolve(voucher, status=status, closed_at=LATER, player_id=player_id)
        with storage.begin(here.as_agent) as unit:
            unit.vouchers.lock(voucher.voucher_id)
            unit.save(closed)
            unit.commit()
        assert_same(read(storage, here.as_agent, lambda unit: unit.vouchers.get(voucher.voucher_id)), closed)


class TestPlayers:
    def test_every_field(self, storage: Storage, here: House) -> None:
        player = here.player(
            balance_minor=HUGE,
            pin=PinRef("key-2", 3),
            last_active_at=LATER,
            last_seq=2_000_000_000,
            status=PlayerStatus.CLOSED,
            cashier_id=here.cashier.staff_id,
            region="Kärnten",
        )
        write(storage, here.as_agent, player)
        view = player_view(storage, here.as_agent, player)
        assert_same(view.player, player)
        assert (view.session, view.bonuses) == (None, ())

    def test_every_none_and_a_new_state(self, storage: Storage, here: House) -> None:
        player = here.player()
        write(storage, here.as_agent, player)
        changed = evolve(
            player,
            pin=PinRef("key-9", 2),
            wallet=Wallet(HUGE),
            last_seq=12,
            last_active_at=LATER,
            status=PlayerStatus.CLOSED,
            last_session_id=fresh_id(),
            idle_from=LATER,
        )
        with storage.begin(here.as_agent) as unit:
            locked = unit.players.lock(player.player_id)
            assert locked is not None
            assert_same(locked.player, player)
            unit.save(changed)
            unit.commit()
        view = player_view(storage, here.as_agent, player)
        assert_same(view.player, changed)

    def test_an_open_session(self, storage: Storage, here: House) -> None:
        player = here.player()
        session = here.session(
            player,
            last_active_at=LATER,
            start_balance_minor=HUGE,
            end_balance_minor=HUGE - 1,
            spins=3,
            bets_minor=HUGE,
            wins_minor=HUGE - 5,
            games=("demo-wheel", "zebra"),
            refresh_generation=4,
            refreshed_at=LATER,
            loss_limit_minor=MAX_AMOUNT_MINOR,
            checked_at=LATER,
            earlier_bets_minor=HUGE - 2,
            earlier_wins_minor=HUGE - 3,
            play_began_at=LATER,
        )
        write(storage, here.as_agent, player, session)
        view = player_view(storage, here.as_agent, player)
        assert_same(view.session, session)

    def test_open_bonuses(self, storage: Storage, here: House) -> None:
        player, vouchers = here.player(), [here.voucher(), here.voucher()]
        pending = here.bonus(player, vouchers[0])
        triggered = here.bonus(player, vouchers[1], status=BonusStatus.TRIGGERED, triggered_at=LATER)
        write(storage, here.as_agent, player, *vouchers, pending, triggered)
        view = player_view(storage, here.as_agent, player)
        by_id = tuple(sorted(view.bonuses, key=lambda bonus: bonus.bonus_id))
        assert_same(by_id, tuple(sorted((pending, triggered), key=lambda bonus: bonus.bonus_id)))

    def test_rounds(self, storage: Storage, here: House) -> None:
        player = here.player()
        session = here.session(player)
        played = here.round(
            session,
            action_id=PUNCTUATION,
            stake_minor=MAX_AMOUNT_MINOR,
            win_minor=MAX_AMOUNT_MINOR,
            bonus_minor=MAX_AMOUNT_MINOR,
            balance_minor=HUGE,
            outcome=NESTED,
            played_at=LATER,
        )
        write(storage, here.as_agent, player, session, played)
        found = read(storage, here.as_agent, lambda unit: unit.players.rounds(player.player_id, Page()))
        assert_same(tuple(found), (played,))


class TestEvents:
    def test_every_field(self, storage: Storage, here: House) -> None:
        player = here.player()
        session = here.session(player)
        played = here.round(session)
        event = here.event(
            **movement(
                EventType.BET,
                (player.account, HUGE),
                (account(AccountKind.HOUSE, here.agent), None),
                MAX_AMOUNT_MINOR,
            ),
            actor_id=player.player_id,
            action_id=PUNCTUATION,
            player_id=player.player_id,
            player_seq=2_000_000_000,
            session_id=session.session_id,
            round_id=played.round_id,
            agent_id=here.agent.tenant_id,
            cashier_id=here.cashier.staff_id,
            game_key="demo-wheel",
            provider="playtime",
            region="Kärnten",
            meta=NESTED,
        )
        write(storage, here.as_agent, player, session, played, event)
        assert_same(_events(storage, here), (event,))

    def test_every_none(self, storage: Storage, here: House) -> None:
        event = here.event(EventType.ERROR)
        write(storage, here.as_agent, event)
        assert_same(_events(storage, here), (event,))

    def test_an_external_event_moves_nothing(self, storage: Storage, here: House) -> None:
        event = here.event(EventType.BET, source=EventSource.EXTERNAL, provider="elsewhere", meta={"stake": 5})
        write(storage, here.as_agent, event)
        assert_same(_events(storage, here), (event,))

    def test_every_movement(self, storage: Storage, here: House) -> None:
        player = here.player()
        write(storage, here.as_operator, player)
        routes = [(kind, *route) for kind, allowed in MOVEMENTS.items() for route in sorted(allowed)]
        events = []
        for number, (event_type, source, target) in enumerate(routes, start=1):
            giver = Account(source, _owner_id(here, source, player.player_id))
            taker = Account(target, _owner_id(here, target, player.player_id))
            if giver == taker:
                taker = Account(target, here.neighbour.tenant_id)
            sides = (giver, _balance_of(source, number)), (taker, _balance_of(target, 1_000 + number))
            events.append(here.event(**movement(event_type, *sides, number)))
        write(storage, here.as_operator, *events)
        newest_first = tuple(sorted(events, key=lambda event: event.event_id, reverse=True))
        assert_same(_events(storage, here), newest_first)

    def test_a_moment_of_another_timezone_is_the_same_moment(self, storage: Storage, here: House) -> None:
        event = here.event(occurred_at=NOW.astimezone(timezone(timedelta(hours=5, minutes=45))))
        write(storage, here.as_agent, event)
        assert _events(storage, here)[0].occurred_at == NOW

    def test_later_changes_of_the_caller_do_not_reach_the_event(self, storage: Storage, here: House) -> None:
        memo = {"memo": "before"}
        event = here.event(meta=memo)
        with storage.begin(here.as_agent) as unit:
            unit.add(event)
            unit.commit()
        memo["memo"] = "after"
        assert _events(storage, here)[0].meta == {"memo": "before"}


class TestAnswersAndAttempts:
    @pytest.mark.parametrize(
        "given",
        [
            {"code": None, "hints": {}},
            {"code": "INSUFFICIENT_FUNDS", "hints": NESTED},
            {
                "body": ' {"b":1,\n "a" : "Ünï 🎰"}\x00'.encode(),
                "digest": bytes(range(224, 256)),
                "created_at": LATER,
            },
        ],
    )
    def test_answers(self, storage: Storage, here: House, given: dict[str, Any]) -> None:
        answer = here.answer(AnswerKey(fresh_id(), PUNCTUATION), **given)
        write(storage, here.as_agent, answer)
        _, found = read(storage, here.as_agent, lambda unit: unit.wallets.lock([], answer.key))
        assert_same(found, answer)

    def test_attempts(self, storage: Storage, here: House) -> None:
        subject_id = fresh_id()
        counted = here.attempts(subject_id, counted=4, locks=3, refused_passes=9, locked_until=LATER, last_at=NOW)
        for state in (counted, here.attempts(subject_id)):
            with storage.begin(here.as_agent) as unit:
                unit.attempts.lock(subject_id)
                unit.save(state)
                unit.commit()
            assert_same(read(storage, here.as_agent, lambda unit: unit.attempts.lock(subject_id)), state)


def _events(storage: Storage, here: House) -> tuple[LedgerEvent, ...]:
    def newest(unit: UnitOfWork) -> tuple[LedgerEvent, ...]:
        return tuple(unit.ledger.page(LedgerFilter(), Page()))

    return read(storage, here.as_operator, newest)


def _owner_id(here: House, kind: AccountKind, player_id: UUID) -> UUID:
    if kind is AccountKind.ISSUANCE:
        return here.operator.tenant_id
    return player_id if kind is AccountKind.PLAYER else here.agent.tenant_id


def _balance_of(kind: AccountKind, number: int) -> int | None:
    return number if kind in KEEPS_BALANCE else None
