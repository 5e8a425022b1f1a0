"""A demo day: an owner, an operator, agents, vouchers and many players at once, with every coin accounted for."""

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Final
from uuid import UUID

from attrs import define, field, frozen

from ...application.access import SYSTEM, PlayerPrincipal, StaffPrincipal
from ...application.answers import Answer
from ...application.engine import Engine
from ...application.errors import Forbidden, IdempotencyKeyReused, InvalidCredentials, NotFound
from ...application.play.spins import GameRecord
from ...application.tenancy.tenants import TenantRecord
from ...domain.errors import DomainError
from ...domain.ledger.wallet import InsufficientFunds
from ...domain.tenancy.staff import Role
from ...domain.tenancy.tenants import SlugTaken, TenantKind
from ...domain.vouchers.vouchers import VoucherRedeemed, VoucherVoided
from .guide import CodeAndPin, Guide, StaffLogIn
from .report import PlayedDay

AGENTS: Final = 3
PLAYERS_PER_AGENT: Final = 12
AT_ONCE: Final = 8
OPERATOR_CREDIT_MINOR: Final = 1_000_000_000
AGENT_CREDIT_MINOR: Final = 200_000_000
AMOUNTS_MINOR: Final = (100, 500, 1_000, 2_000, 5_000)
STAKES_MINOR: Final = (5, 10, 20, 50, 100)
REPLAY_EVERY: Final = 25

Voucher = dict[str, Any]

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows a progress bar with a label and a length; gives the function that moves it on."""

Print = Callable[[str], None]
"""Prints a line."""


@frozen
class _Desk:
    """An agent's desk: the tenant and the member of staff who works there."""

    tenant: TenantRecord
    cashier: StaffPrincipal


@define
class _Tally:
    """The checks of the day, counted across threads."""

    counts: Counter[str] = field(factory=Counter)
    faults: list[str] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock)

    def expect(self, what: str, *, held: bool = True) -> None:
        """Count a check; one that did not hold is a fault of the day."""
        with self._lock:
            self.counts[what] += 1
            if not held:
                self.faults.append(what)

    def refused(self, what: str, call: Callable[[], object], error: type[DomainError]) -> None:
        """Expect a call to be refused with this error."""
        try:
            call()
        except error:
            self.expect(f"refused: {what}")
        else:
            self.expect(f"refused: {what}", held=False)


def play_demo(engine: Engine, spins: int, *, progress: Progress, show: Print) -> PlayedDay:
    """Play a day of about `spins` spins on an operator of its own, and show each phase."""
    game = engine.list_games()[0]
    stage = _Stage(engine, game, _stakes_of(game))
    show(f"Creating an operator, {AGENTS} agents and their staff")
    stage.build()
    with progress("Playing the day", spins) as advance:
        _play(stage, spins, advance)
    show("Sending commands that must be refused")
    _try_what_is_refused(stage)
    show("Verifying the books")
    return _close(stage)


def _stakes_of(game: GameRecord) -> Sequence[int]:
    """Return the usual stakes that the game takes, or its smallest one."""
    taken: Sequence[int] = sorted(game.stake_levels_minor) or range(
        game.min_stake_minor, game.max_stake_minor + 1, game.stake_step_minor
    )
    return [stake for stake in STAKES_MINOR if stake in taken] or taken[:1]


@define
class _Stage:
    """The operator of the day, its agents and staff, and the game that is played, with its stakes."""

    engine: Engine
    game: GameRecord
    stakes: Sequence[int]
    tally: _Tally = field(factory=_Tally)
    staff: list[StaffLogIn] = field(factory=list)
    desks: list[_Desk] = field(factory=list)
    operator: TenantRecord = field(init=False)

    def build(self) -> None:
        """Make owner, operator, agents, their staff and their credit."""
        engine = self.engine
        engine.create_platform()
        self.operator = self._new_operator()
        slug = self.operator.slug
        owner = self._hire(f"owner-{slug}", Role.OWNER, None)
        boss = self._hire("boss", Role.OPERATOR, self.operator)
        engine.give_credit(
            owner, self.operator.tenant_id, amount_minor=OPERATOR_CREDIT_MINOR, memo="opening credit"
        )
        for number in range(1, AGENTS + 1):
            agent = engine.create_tenant(
                boss, slug=f"{slug}-agent-{number}", name=f"Agent {number}", kind=TenantKind.AGENT
            )
            engine.give_credit(boss, agent.tenant_id, amount_minor=AGENT_CREDIT_MINOR, memo="float")
            self._hire("manager", Role.AGENT, agent)
            self.desks.append(_Desk(agent, self._hire("till-1", Role.CASHIER, agent)))

    def sell(self, desk: _Desk) -> Voucher:
        """Issue a voucher over some amount at a desk."""
        amount_minor = max(secrets.choice(AMOUNTS_MINOR), self.stakes[0])
        answer = self.engine.issue_voucher(desk.cashier, desk.tenant.tenant_id, amount_minor=amount_minor)
        self.tally.expect("vouchers issued")
        voucher: Voucher = answer.content()["voucher"]
        return voucher

    def redeem(self, voucher: Voucher, player: PlayerPrincipal | None = None) -> Answer:
        """Redeem a voucher, for a new player or as a top-up."""
        answer = self.engine.redeem_voucher(code=voucher["code"], pin=voucher["pin"], player=player)
        self.tally.expect("vouchers redeemed")
        return answer

    def welcome(self, desk: _Desk) -> PlayerPrincipal:
        """Make a player by redeeming a new voucher."""
        return self.engine.authenticate.player(self.redeem(self.sell(desk)).content()["token"])

    def _new_operator(self) -> TenantRecord:
        number = 1
        while True:
            try:
                return self.engine.create_tenant(
                    SYSTEM, slug=f"demo-{number}", name=f"Demo {number}", kind=TenantKind.OPERATOR
                )
            except SlugTaken:
                number += 1

    def _hire(self, username: str, role: Role, tenant: TenantRecord | None) -> StaffPrincipal:
        password, engine = secrets.token_hex(12), self.engine
        tenant_id, slug = (None, None) if tenant is None else (tenant.tenant_id, tenant.slug)
        engine.create_staff(SYSTEM, username=username, password=password, role=role, tenant_id=tenant_id)
        self.staff.append(StaffLogIn(username, password, slug))
        token = engine.staff_login(username=username, password=password, tenant=slug).token
        return engine.authenticate.staff(token)


def _play(stage: _Stage, spins: int, advance: Callable[[int], None]) -> None:
    """Let every player play their share of the day, some at once."""
    places = [desk for desk in stage.desks for _ in range(PLAYERS_PER_AGENT)]
    showing = threading.Lock()

    def play_share(number: int) -> None:
        desk = places[number]
        share = spins // len(places) + (number < spins % len(places))
        visitor = _Visitor(stage, desk, stage.welcome(desk))
        visitor.acknowledge()
        for turn in range(share):
            visitor.take_turn(turn)
            with showing:
                advance(1)

    with ThreadPoolExecutor(AT_ONCE) as players:
        list(players.map(play_share, range(len(places))))


@frozen
class _Visitor:
    """One player at play."""

    stage: _Stage
    desk: _Desk
    player: PlayerPrincipal

    def take_turn(self, turn: int) -> None:
        """Spin once; buy another voucher when the money is gone, acknowledge a bonus when one was paid."""
        stake, action_id = secrets.choice(self.stage.stakes), f"turn-{turn}"
        answer = self._spin(stake, action_id)
        if answer.code == InsufficientFunds.code:
            self.stage.tally.expect("refused: a spin beyond the balance")
            self.stage.redeem(self.stage.sell(self.desk), self.player)
            self.acknowledge()
            # The refusal is a stored answer: only a new action may try again.
            self.stage.tally.expect("refusals replayed", held=self._spin(stake, action_id) == _again(answer))
            answer = self._spin(self.stage.stakes[0], f"{action_id}-b")
        self.stage.tally.expect("spins", held=answer.code is None)
        if turn % REPLAY_EVERY == 0:
            self._replay(stake, action_id)
        if answer.code is None and answer.content()["result"]["bonusTriggered"]:
            held = self._spin(stake, f"{action_id}-early").code == "BONUS_ACK_REQUIRED"
            self.stage.tally.expect("refused: a spin before acknowledging", held=held)
            self.acknowledge()

    def _spin(self, stake_minor: int, action_id: str) -> Answer:
        game_key = self.stage.game.game_key
        return self.stage.engine.spin(self.player, stake_minor=stake_minor, game_key=game_key, action_id=action_id)

    def acknowledge(self) -> None:
        """Acknowledge paid bonuses, if there are any. The bonus of a small voucher is paid at once."""
        if not self.stage.engine.read_player_state(self.player).bonus_ack_required:
            return
        state = self.stage.engine.acknowledge_bonus(self.player)
        self.stage.tally.expect("bonuses acknowledged", held=not state.bonus_ack_required)

    def _replay(self, stake_minor: int, action_id: str) -> None:
        first, second = self._spin(stake_minor, action_id), self._spin(stake_minor, action_id)
        self.stage.tally.expect("spins replayed", held=first == second and second.replayed)
        other = next((stake for stake in self.stage.stakes if stake != stake_minor), None)
        if other is not None:
            again = partial(self._spin, other, action_id)
            self.stage.tally.refused("a key with another stake", again, IdempotencyKeyReused)


def _again(answer: Answer) -> Answer:
    return Answer(answer.body, answer.code, replayed=True)


def _try_what_is_refused(stage: _Stage) -> None:
    """Send commands that must be refused."""
    engine, tally, desk = stage.engine, stage.tally, stage.desks[0]
    agent_id, stranger = desk.tenant.tenant_id, stage.desks[1].cashier
    redeemed, voided, open_one = stage.sell(desk), stage.sell(desk), stage.sell(desk)
    stage.redeem(redeemed)
    engine.void_voucher(desk.cashier, UUID(voided["voucherId"]))
    tally.expect("vouchers voided")
    wrong_pin = f"{(int(open_one['pin']) + 1) % 10**6:06d}"

    def redeem(voucher: Voucher, pin: str | None = None) -> Answer:
        return engine.redeem_voucher(code=voucher["code"], pin=pin or voucher["pin"])

    tally.refused("a wrong PIN", lambda: redeem(open_one, wrong_pin), InvalidCredentials)
    tally.refused("a voucher redeemed before", lambda: redeem(redeemed), VoucherRedeemed)
    tally.refused("a voided voucher", lambda: redeem(voided), VoucherVoided)
    tally.refused(
        "a voucher beyond the agent's credit",
        lambda: engine.issue_voucher(desk.cashier, agent_id, amount_minor=AGENT_CREDIT_MINOR),
        InsufficientFunds,
    )
    tally.refused(
        "staff made by a cashier",
        lambda: engine.create_staff(desk.cashier, username="me-too", password="x" * 12, role=Role.AGENT),
        Forbidden,
    )
    tally.refused(
        "another agent's voucher", lambda: engine.void_voucher(stranger, UUID(open_one["voucherId"])), NotFound
    )


def _close(stage: _Stage) -> PlayedDay:
    """Verify the books, and prepare a player and vouchers to go on with by hand."""
    engine, desk = stage.engine, stage.desks[0]
    guest = stage.redeem(stage.sell(desk)).content()["player"]
    for_redeeming, for_voiding = stage.sell(desk), stage.sell(desk)
    return PlayedDay(
        books=engine.verify_ledger(SYSTEM, stage.operator.tenant_id)[0],
        exact_rtp=stage.game.rtp,
        counts=stage.tally.counts,
        faults=stage.tally.faults,
        guide=Guide(
            staff=stage.staff,
            player=CodeAndPin(guest["loginCode"], guest["pin"]),
            player_id=guest["playerId"],
            voucher=CodeAndPin(for_redeeming["code"], for_redeeming["pin"]),
            open_voucher_id=for_voiding["voucherId"],
            agent_id=str(desk.tenant.tenant_id),
            operator_id=str(stage.operator.tenant_id),
            game_key=stage.game.game_key,
            stake_minor=stage.stakes[0],
        ),
    )
