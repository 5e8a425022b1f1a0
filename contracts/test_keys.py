"""Keys: each is unique within its operator, and other operators may use the same key."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import attrs
import pytest
from attrs import evolve

from ..application.errors import AlreadyExists, TransientConflict
from ..application.ports.filters import Page
from ..application.ports.storage import Record, Storage
from ..domain.access.attempts import Attempts
from ..domain.ledger.events import EventSource, EventType
from ..domain.play.players import Player
from ..domain.play.sessions import SessionEnd
from ..domain.tenancy.tenants import TenantKind
from ..domain.vouchers.bonuses import BonusStatus
from .house import House
from .records import NOW, add_and_commit, fresh_id, fresh_tenant, player_view, read, write

Pair = tuple[list[Record], Record, Record]
"""The records that both need, a record, and another with the same key."""


def _tenant_id(house: House) -> Pair:
    tenant = fresh_tenant(TenantKind.AGENT, house.operator.tenant_id)
    other = fresh_tenant(TenantKind.AGENT, house.operator.tenant_id, tenant_id=tenant.tenant_id)
    return [], tenant, other


def _slug(house: House) -> Pair:
    tenant = fresh_tenant(TenantKind.AGENT, house.operator.tenant_id)
    return [], tenant, fresh_tenant(TenantKind.AGENT, house.operator.tenant_id, slug=tenant.slug)


def _wallet(house: House) -> Pair:
    tenant = fresh_tenant(TenantKind.AGENT, house.operator.tenant_id)
    return [tenant], house.wallet(tenant), house.wallet(tenant, balance_minor=5)


def _staff_id(house: House) -> Pair:
    member = house.staff_member()
    return [], member, house.staff_member(staff_id=member.staff_id)


def _username(house: House) -> Pair:
    member = house.staff_member()
    return [], member, house.staff_member(username=member.username)


def _staff_session_id(house: House) -> Pair:
    session = house.staff_session()
    return [], session, session


def _voucher_id(house: House) -> Pair:
    voucher = house.voucher()
    return [], voucher, house.voucher(voucher_id=voucher.voucher_id)


def _voucher_code(house: House) -> Pair:
    voucher = house.voucher()
    return [], voucher, house.voucher(house.neighbour, code=voucher.code)


def _player_id(house: House) -> Pair:
    player = house.player()
    return [], player, house.player(player_id=player.player_id)


def _login_code(house: House) -> Pair:
    player = house.player()
    return [], player, house.player(house.neighbour, login_code=player.login_code)


def _bonus_id(house: House) -> Pair:
    player, voucher, other = house.player(), house.voucher(), house.voucher()
    bonus = house.bonus(player, voucher)
    return [player, voucher, other], bonus, house.bonus(player, other, bonus_id=bonus.bonus_id)


def _bonus_of_voucher(house: House) -> Pair:
    player, other, voucher = house.player(), house.player(), house.voucher()
    acknowledged = house.bonus(
        player, voucher, status=BonusStatus.ACKNOWLEDGED, triggered_at=NOW, acknowledged_at=NOW
    )
    return [player, other, voucher], acknowledged, house.bonus(other, voucher)


def _session_id(house: House) -> Pair:
    player, other = house.player(), house.player()
    session = house.session(player)
    return [player, other], session, house.session(other, session_id=session.session_id)


def _open_session(house: House) -> Pair:
    player = house.player()
    return [player], house.session(player), house.session(player)


def _round_id(house: House) -> Pair:
    player = house.player()
    session = house.session(player)
    played = house.round(session)
    return [player, session], played, house.round(session, round_id=played.round_id)


def _event_id(house: House) -> Pair:
    event = house.event()
    return [], event, house.event(event_id=event.event_id)


def _event_action(house: House) -> Pair:
    event = house.event()
    # Another tenant's event is not visible to the agent, and the name is taken all the same.
    return [], event, house.event(tenant=house.neighbour, action_id=event.action_id)


def _external_bet(house: House) -> Pair:
    bet = house.event(EventType.BET, source=EventSource.EXTERNAL)
    return [], bet, house.event(EventType.BET, source=EventSource.EXTERNAL, action_id=bet.action_id)


def _player_seq(house: House) -> Pair:
    player = house.player()
    return [player], house.player_event(player, 7), house.player_event(player, 7)


def _answer(house: House) -> Pair:
    answer = house.answer()
    return [], answer, house.answer(answer.key, house.neighbour, digest=b"\xff" * 32)


def _attempts(house: House) -> Pair:
    attempts = house.attempts(fresh_id())
    return [], attempts, evolve(attempts, counted=2)


def _safety_settings(house: House) -> Pair:
    return [], house.safety_settings(), house.safety_settings(timezone="UTC")


def _safety_action_id(house: House) -> Pair:
    player = house.player()
    action = house.safety_action(player)
    return [player], action, house.safety_action(player, action_id=action.action_id)


PAIRS: dict[str, Callable[[House], Pair]] = {
    "tenant id": _tenant_id,
    "slug": _slug,
    "wallet": _wallet,
    "staff id": _staff_id,
    "username": _username,
    "staff session id": _staff_session_id,
    "voucher id": _voucher_id,
    "voucher code": _voucher_code,
    "player id": _player_id,
    "login code": _login_code,
    "bonus id": _bonus_id,
    "bonus of a voucher": _bonus_of_voucher,
    "session id": _session_id,
    "open session": _open_session,
    "round id": _round_id,
    "event id": _event_id,
    "event action": _event_action,
    "external bet": _external_bet,
    "player seq": _player_seq,
    "answer": _answer,
    "attempts": _attempts,
    "safety settings": _safety_settings,
    "safety action id": _safety_action_id,
}
each_key = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())


@each_key
class TestAKeyIsUnique:
    def test_in_its_operator(self, storage: Storage, here: House, pair: Callable[[House], Pair]) -> None:
        needed, first, second = pair(here)
        write(storage, here.as_operator, *needed, first)
        bystander = here.voucher()
        with storage.begin(here.as_operator) as unit, pytest.raises(AlreadyExists) as caught:
            add_and_commit(unit, bystander, second)
        assert isinstance(caught.value, TransientConflict)
        assert read(storage, here.as_operator, lambda unit: unit.vouchers.get(bystander.voucher_id)) is None

    def test_in_one_unit(self, storage: Storage, here: House, pair: Callable[[House], Pair]) -> None:
        needed, first, second = pair(here)
        with storage.begin(here.as_operator) as unit, pytest.raises(AlreadyExists):
            add_and_commit(unit, *needed, first, second)
        write(storage, here.as_operator, *needed, first)

    def test_and_does_not_bind_another_operator(
        self, storage: Storage, here: House, there: House, pair: Callable[[House], Pair]
    ) -> None:
        needed, first, _ = pair(here)
        write(storage, here.as_operator, *needed, first)
        moved = [_moved(record, here, there) for record in (*needed, first)]
        write(storage, there.as_operator, *moved)
        # Each still has its own.
        with storage.begin(there.as_operator) as unit, pytest.raises(AlreadyExists):
            add_and_commit(unit, moved[-1])


class TestWhatIsNoConflict:
    def test_a_username_in_another_tenant(self, storage: Storage, here: House) -> None:
        here_too = here.staff_member(here.neighbour, username=here.cashier.username)
        write(storage, here.as_operator, here_too)
        for tenant, member in ((here.agent, here.cashier), (here.neighbour, here_too)):
            with storage.begin(here.as_operator) as unit:
                assert unit.staff.by_username(tenant.tenant_id, here.cashier.username) == member

    def test_ended_sessions_beside_the_open_one(self, storage: Storage, here: House) -> None:
        player = here.player()
        session = here.session(player)
        write(storage, here.as_agent, player, _ended(here, player), session, _ended(here, player))
        view = player_view(storage, here.as_agent, player)
        assert view.session == session

    def test_events_that_differ_in_one_part_of_their_name(self, storage: Storage, here: House) -> None:
        event = here.event(EventType.LOGIN)
        others = [
            evolve(event, event_id=fresh_id(), event_type=EventType.LOGOUT),
            evolve(event, event_id=fresh_id(), actor_id=fresh_id()),
            evolve(event, event_id=fresh_id(), action_id=event.action_id + "'"),
            evolve(event, event_id=fresh_id(), source=EventSource.EXTERNAL),
        ]
        write(storage, here.as_agent, event, *others)
        counted = read(storage, here.as_agent, lambda unit: unit.ledger.movement_totals())
        assert {total.event_type: total.count for total in counted} == {EventType.LOGIN: 4, EventType.LOGOUT: 1}

    def test_the_same_number_of_different_players(self, storage: Storage, here: House) -> None:
        one, other = here.player(), here.player()
        write(storage, here.as_agent, one, other, here.player_event(one, 1), here.player_event(other, 1))

    def test_events_without_a_number(self, storage: Storage, here: House) -> None:
        player = here.player()
        unnumbered = [here.event(player_id=player.player_id) for _ in range(2)]
        write(storage, here.as_agent, player, *unnumbered)

    def test_the_same_action_of_different_players(self, storage: Storage, here: House) -> None:
        players = [here.player(), here.player()]
        sessions = [here.session(player) for player in players]
        rounds = [here.round(session, action_id="spin-1") for session in sessions]
        write(storage, here.as_agent, *players, *sessions, *rounds)
        for player, played in zip(players, rounds, strict=True):
            with storage.begin(here.as_agent) as unit:
                assert list(unit.players.rounds(player.player_id, Page())) == [played]

    def test_attempts_on_the_same_subject_in_different_tenants(self, storage: Storage, here: House) -> None:
        """Attempts on an unknown subject are counted in each tenant, also in two agents of one operator."""
        subject_id = fresh_id()
        for binding, tenant, counted in (
            (here.as_agent, here.agent, 1),
            (here.as_neighbour, here.neighbour, 2),
            (here.as_operator, here.operator, 3),
        ):
            with storage.begin(binding) as unit:
                assert unit.attempts.lock(subject_id) == here.attempts(subject_id, tenant)
                unit.save(here.attempts(subject_id, tenant, counted=counted))
                unit.commit()
        for binding, counted in ((here.as_agent, 1), (here.as_neighbour, 2), (here.as_operator, 3)):
            found: Attempts = read(storage, binding, lambda unit: unit.attempts.lock(subject_id))
            assert found.counted == counted


def _ended(house: House, player: Player) -> Record:
    return house.session(player).end(NOW, SessionEnd.LOGOUT)


def _moved(record: Record, here: House, there: House) -> Record:
    """Return the record, its own keys unchanged, as one of another operator."""
    places = {
        here.operator.tenant_id: there.operator.tenant_id,
        here.agent.tenant_id: there.agent.tenant_id,
        here.neighbour.tenant_id: there.neighbour.tenant_id,
        here.cashier.staff_id: there.cashier.staff_id,
    }
    fields = {part.name: getattr(record, part.name) for part in attrs.fields(type(record)) if part.init}
    moved: dict[str, Any] = {
        name: places[value] for name, value in fields.items() if type(value) is UUID and value in places
    }
    return type(record)(**(fields | moved))
