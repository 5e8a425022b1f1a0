"""A world of use cases beside a simple model of its own, and everything that has to hold after each step.

The model knows the rules from the design alone: it shares no line with the product.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from attrs import define, evolve, field

from playtime.application.access import SYSTEM, StaffPrincipal
from playtime.application.answers import Answer
from playtime.application.play.login import PlayerLoginResult
from playtime.application.ports.storage import Storage

from support.day import Day, Desk, Sold, build_day, other_pin, sold, sold_batch
from support.machine.limits import LossBook
from support.machine.model import (
    INSTANT,
    MULTIPLIERS,
    OUT,
    WEIGHTS,
    WRONG,
    Guesses,
    Past,
    Punter,
    Ticket,
    refusal_of,
    said,
)


@define
class World:
    """The use cases on one storage, and the model of what they have done."""

    day: Day
    wallets: Counter[Any] = field(factory=Counter)
    issued: Counter[Any] = field(factory=Counter)
    house: Counter[Any] = field(factory=Counter)
    tickets: list[Ticket] = field(factory=list)
    punters: list[Punter] = field(factory=list)
    past: list[Past] = field(factory=list)
    suspended: set[Any] = field(factory=set)
    keys: int = 0
    said: list[Any] = field(factory=list)
    losses: LossBook = field(factory=LossBook)

    @property
    def now(self) -> datetime:
        """The present moment."""
        return self.day.clock.now()

    @property
    def desks(self) -> list[Desk]:
        """Both operators and all agents."""
        return [self.day.north, self.day.south, *self.agents]

    @property
    def agents(self) -> list[Desk]:
        """Agents of both operators."""
        return [self.day.agent, self.day.sister, self.day.stranger]

    def boss(self, desk: Desk) -> StaffPrincipal:
        """Return the head of the operator that a tenant belongs to."""
        north = desk.operator_id == self.day.north.operator_id
        return (self.day.north if north else self.day.south).head

    # --- commands ---------------------------------------------------------------------------------------

    def give(self, at: int, amount: int, *, named: bool) -> None:
        """Issue credit to an operator, or move an operator's to an agent."""
        desk, key = _pick(self.desks, at), self._key(named=named)
        top = desk.tenant_id == desk.operator_id
        who = SYSTEM if top else self.boss(desk)

        def send(amount: int = amount) -> Answer:
            return self.day.engine.give_credit(who, desk.tenant_id, amount_minor=amount, memo="m", action_id=key)

        poor = not top and self.wallets[desk.operator_id] < amount
        self._named(key, send, lambda: send(amount + 1), "INSUFFICIENT_FUNDS" if poor else None)
        if not poor:
            (self.issued if top else self.wallets)[desk.operator_id] += amount if top else -amount
            self.wallets[desk.tenant_id] += amount

    def give_back(self, at: int, amount: int, *, own: bool, named: bool) -> None:
        """Return credit to the tenant above; the owner asks for an operator's, an operator for an agent's."""
        desk, key = _pick(self.desks, at), self._key(named=named)
        top = desk.tenant_id == desk.operator_id
        who = desk.head if own else SYSTEM if top else self.boss(desk)

        def send(amount: int = amount) -> Answer:
            return self.day.engine.return_credit(who, desk.tenant_id, amount_minor=amount, memo="m", action_id=key)

        poor = self.wallets[desk.tenant_id] < amount
        self._named(key, send, lambda: send(amount + 1), "INSUFFICIENT_FUNDS" if poor else None)
        if not poor:
            self.wallets[desk.tenant_id] -= amount
            (self.issued if top else self.wallets)[desk.operator_id] += -amount if top else amount

    def sell(self, at: int, amount: int, *, named: bool) -> None:
        """Issue a voucher."""
        desk, key = _pick(self.agents, at), self._key(named=named)

        def send(amount: int = amount) -> Answer:
            return self.day.engine.issue_voucher(desk.cashier, desk.tenant_id, amount_minor=amount, action_id=key)

        cost = amount + amount // 2
        expected = self._refusal_of_sale(desk, cost)
        answer = self._named(key, send, lambda: send(amount + 1), expected, has_secret=expected is None)
        if answer is not None and expected is None:
            assert sold(answer).bonus_minor == amount // 2
            self.wallets[desk.tenant_id] -= cost
            self.tickets.append(Ticket(sold(answer), desk, self.now + timedelta(days=30)))

    def sell_batch(self, at: int, amount: int, count: int, *, named: bool) -> None:
        """Issue a batch of vouchers, all or none."""
        desk, key = _pick(self.agents, at), self._key(named=named)

        def send(count: int = count) -> Answer:
            return self.day.engine.issue_vouchers(
                desk.cashier, desk.tenant_id, amount_minor=amount, count=count, action_id=key
            )

        cost = count * (amount + amount // 2)
        expected = self._refusal_of_sale(desk, cost)
        answer = self._named(key, send, lambda: send(count + 1), expected, has_secret=expected is None)
        if answer is not None and expected is None:
            self.wallets[desk.tenant_id] -= cost
            batch = sold_batch(answer)
            assert len({voucher.code for voucher in batch}) == count
            ends = self.now + timedelta(days=30)
            self.tickets += (Ticket(voucher, desk, ends) for voucher in batch)

    def void(self, at: int, *, named: bool) -> None:
        """Void a voucher, whatever became of it."""
        if not self.tickets:
            return
        ticket, key = _pick(self.tickets, at), self._key(named=named)
        other = _pick(self.tickets, at + 1)

        def send(voucher: Ticket = ticket) -> Answer:
            return self.day.engine.void_voucher(self.boss(ticket.desk), voucher.sold.voucher_id, action_id=key)

        same = other is ticket or other.desk.operator_id != ticket.desk.operator_id
        closed = None if ticket.status == "ISSUED" else f"VOUCHER_{ticket.status}"
        self._named(key, send, None if same else lambda: send(other), closed)
        if closed is None:
            ticket.status = "VOIDED"
            self.wallets[ticket.desk.tenant_id] += ticket.sold.amount_minor + ticket.sold.bonus_minor

    def redeem(self, at: int, *, right: bool, named: bool) -> None:
        """Redeem a voucher for a new player."""
        if not self.tickets:
            return
        ticket, key = _pick(self.tickets, at), self._key(named=named)
        shown = self._shown(ticket, right=right)
        expected = self._judge(ticket, right=right)

        def send() -> Answer:
            return self.day.redeem(shown, key=key)

        answer = self._named(
            key,
            send,
            None,
            expected,
            has_secret=expected is None,
            guesses=ticket.guesses,
            keeps=expected != WRONG,
            desk=ticket.desk,
        )
        if answer is not None and expected is None:
            guest, now = self.day.guest(answer), self.now
            punter = Punter(guest, ticket.desk, 0, [], 0, now, now, (guest.refresh_token, now), now)
            self.punters.append(punter)
            self._credit(ticket, punter)

    def top_up(self, at: int, who: int, *, right: bool, named: bool) -> None:
        """Redeem a voucher to a player who is logged in."""
        if not self.tickets or not self.punters:
            return
        ticket, punter, key = _pick(self.tickets, at), _pick(self.punters, who), self._key(named=named)
        shown = self._shown(ticket, right=right)
        expected = self._judge(ticket, right=right)
        if expected != WRONG:
            foreign = ticket.desk.tenant_id != punter.desk.tenant_id
            expected = "VOUCHER_OF_OTHER_AGENT" if foreign else expected if punter.is_in else OUT

        def send() -> Answer:
            return self.day.redeem(shown, punter.guest, key)

        def change() -> Answer:
            return self.day.spin(punter.guest, 1, key=key)

        answer = self._named(
            key,
            send,
            change,
            expected,
            has_secret=expected is None,
            guesses=ticket.guesses,
            keeps=expected not in {WRONG, OUT, "VOUCHER_OF_OTHER_AGENT"},
            desk=ticket.desk,
            punter=punter,
        )
        if answer is not None and expected is None:
            self._credit(ticket, punter)

    def spin(self, who: int, stake: int, ticket: int, *, leave: bool, named: bool) -> None:
        """Play a round; with `leave`, stake all but so much."""
        if not self.punters:
            return
        punter, key = _pick(self.punters, who), self._key(named=named)
        stake = punter.balance - stake if leave else stake

        def send(stake: int = stake) -> Answer:
            return self.day.spin(punter.guest, stake, key=key)

        expected = refusal_of(punter, stake, self.now)
        valid = expected not in {"INVALID_INPUT", "STAKE_OUT_OF_RANGE", OUT}
        if valid:
            self.day.randomness.script(ticket)
        changed = stake - 1 if stake > 1 else 2
        answer = self._named(key, send, lambda: send(changed), expected, keeps=valid, punter=punter)
        self.day.randomness.script()
        if answer is not None and expected == "LOSS_LIMIT_REACHED":
            assert answer.content()["action"] == {"actionType": "STOP"}
            punter.stops += 1
        if expected is None:
            win = stake * MULTIPLIERS[bisect_right(list(accumulate(WEIGHTS)), ticket)]
            assert answer is not None
            assert answer.content()["result"]["winMinor"] == win
            punter.balance += win - stake
            self.house[punter.desk.tenant_id] += stake - win
            punter.lost += stake - win
            punter.settle()
            punter.active_at = punter.seen_at = self.now

    def acknowledge(self, who: int) -> None:
        """Acknowledge paid bonuses."""
        if not self.punters:
            return
        punter = _pick(self.punters, who)
        if not punter.is_in:
            self._refused(lambda: self.day.acknowledge(punter.guest), OUT)
            return
        if punter.unseen:
            punter.seen_at = self.now
        punter.unseen = 0
        self.said.append(self.day.acknowledge(punter.guest))

    def check_reality(self, who: int) -> None:
        """Acknowledge the reality check, whether it is due or not."""
        if not self.punters:
            return
        punter = _pick(self.punters, who)
        if not punter.is_in:
            self._refused(lambda: self.day.engine.acknowledge_reality_check(punter.guest.principal), OUT)
            return
        check = self.day.engine.acknowledge_reality_check(punter.guest.principal)
        if self.now - punter.check_from >= timedelta(minutes=60):
            punter.check_from = punter.seen_at = self.now
        assert check.due_at == punter.check_from + timedelta(minutes=60)
        self.said.append(check)

    def login(self, who: int, *, right: bool) -> None:
        """Log a player in."""
        if not self.punters:
            return
        punter = _pick(self.punters, who)
        guest = punter.guest if right else evolve(punter.guest, pin=other_pin(punter.guest.pin))
        looked_at = not self._is_suspended(punter.desk) and punter.guesses.admit(self.now)

        def call() -> PlayerLoginResult:
            return self.day.engine.player_login(login_code=guest.login_code, pin=guest.pin)

        if not (right and looked_at):
            self._refused(call, WRONG)
            return
        punter.guesses.forgive()
        if punter.is_closed:
            self._refused(call, "PLAYER_CLOSED")
            return
        result = call()
        principal = self.day.engine.authenticate.player(result.token)
        resumed = punter.is_in and self.now - punter.active_at < timedelta(minutes=30)
        assert (principal.session_id == guest.principal.session_id) is resumed
        if not resumed:
            punter.leave()
            punter.enter(self.now)
        punter.guest, punter.is_in = evolve(guest, principal=principal), True
        punter.active_at = punter.seen_at = self.now
        punter.refresh = (result.refresh_token, self.now)
        self.said.append(result)

    def logout(self, who: int) -> None:
        """Log a player out."""
        if not self.punters:
            return
        punter = _pick(self.punters, who)

        def call() -> str:
            self.day.engine.player_logout(punter.guest.principal)
            return "out"

        if punter.is_in:
            self.said.append(call())
            punter.leave()
        self._refused(call, OUT)

    def refresh(self, who: int, *, again: bool) -> None:
        """Exchange a player's refresh token, or one that was exchanged before."""
        if not self.punters:
            return
        punter = _pick(self.punters, who)
        token, made_at = (punter.used if again else None) or punter.refresh
        known = not self._is_suspended(punter.desk) and self.now - made_at < timedelta(days=30)
        if punter.is_in and known and token == punter.refresh[0]:
            result = self.day.engine.refresh_player(token)
            assert result.session_id == punter.guest.principal.session_id
            assert result.player == self.day.state(punter.guest)
            punter.refresh, punter.used = (result.refresh_token, self.now), (token, made_at)
            self.said.append(result)
            return
        self._refused(lambda: self.day.engine.refresh_player(token), OUT)
        if punter.is_in and known:
            punter.leave()

    def close(self, who: int, *, named: bool) -> None:
        """Close a player."""
        if not self.punters:
            return
        punter, key = _pick(self.punters, who), self._key(named=named)

        def send() -> Answer:
            return self.day.engine.close_player(self.boss(punter.desk), punter.guest.player_id, action_id=key)

        self._named(key, send, None, "PLAYER_CLOSED" if punter.is_closed else None)
        if not punter.is_closed:
            self._empty(punter)

    def sweep(self) -> None:
        """Do what is due, and find nothing left to do."""
        late = [ticket for ticket in self.tickets if ticket.status == "ISSUED" and self.now >= ticket.expires_at]
        idle = [
            punter
            for punter in self.punters
            if not punter.is_closed and self.now - punter.seen_at >= timedelta(days=30)
        ]
        for expected in ((len(late), len(idle)), (0, 0)):
            swept = self.day.engine.sweep()
            assert (swept.vouchers_expired, swept.players_closed) == expected
        for ticket in late:
            ticket.status = "EXPIRED"
            self.wallets[ticket.desk.tenant_id] += ticket.sold.amount_minor + ticket.sold.bonus_minor
        for punter in idle:
            self._empty(punter)

    def suspend(self, at: int, *, back: bool) -> None:
        """Suspend a tenant, or take it up again."""
        desk = _pick(self.desks, at)
        who = SYSTEM if desk.tenant_id == desk.operator_id else self.boss(desk)
        change = self.day.engine.set_tenant_status.resume if back else self.day.engine.set_tenant_status.suspend
        if (desk.tenant_id in self.suspended) is not back:
            self._refused(lambda: change(who, desk.tenant_id), "TENANT_NOT_IN_STATUS")
            return
        self.said.append(change(who, desk.tenant_id))
        (self.suspended.discard if back else self.suspended.add)(desk.tenant_id)

    def wait(self, minutes: int) -> None:
        """Let time pass."""
        self.day.clock.advance(minutes=minutes)

    def wait_for_edge(self, at: int, *, early: bool) -> None:
        """Go to the moment at which a lock, a session, a voucher or a shown secret ends, or just before it."""
        ends = [ticket.expires_at for ticket in self.tickets]
        ends += [punter.active_at + timedelta(minutes=30) for punter in self.punters]
        ends += [punter.seen_at + timedelta(days=30) for punter in self.punters]
        ends += [punter.check_from + timedelta(minutes=60) for punter in self.punters]
        ends += [past.at + timedelta(hours=24) for past in self.past if past.has_secret]
        guesses = [ticket.guesses for ticket in self.tickets] + [punter.guesses for punter in self.punters]
        ends += [counted.until for counted in guesses if counted.until]
        coming = sorted({end for end in ends if end - INSTANT > self.now})
        if coming:
            self.day.clock.set(_pick(coming, at) - (INSTANT if early else timedelta()))

    def again(self, at: int, *, changed: bool) -> None:
        """Send an earlier command again, as it was or changed: nothing happens but the same answer."""
        if not self.past:
            return
        past, before = _pick(self.past, at), self.written()
        out = past.punter is not None and not past.punter.is_in
        if changed and past.change is not None:
            self._refused(past.change, OUT if out else "IDEMPOTENCY_KEY_REUSED")
        elif (past.desk is not None and self._is_suspended(past.desk)) or (
            past.guesses is not None and not past.guesses.admit(self.now)
        ):
            self._refused(past.send, WRONG)
        else:
            if past.guesses is not None:
                past.guesses.forgive()
            if out:
                self._refused(past.send, OUT)
            elif past.has_secret and self.now - past.at >= timedelta(hours=24):
                self._refused(past.send, "REPLAY_SECRET_EXPIRED")
            else:
                answer = past.send()
                assert (answer.body, answer.code, answer.replayed) == (past.body, past.code, True)
        assert self.written() == before

    def written(self) -> list[Any]:
        """Return how much of everything the ledger holds."""
        return [(books.movements, books.accounts) for books in self.day.engine.verify_ledger()]

    # --- how a command is sent --------------------------------------------------------------------------

    def _key(self, *, named: bool) -> str | None:
        self.keys += 1
        return f"key {self.keys}" if named else None

    def _named(
        self,
        key: str | None,
        send: Callable[[], Answer],
        change: Callable[[], Answer] | None,
        expected: str | None,
        *,
        has_secret: bool = False,
        guesses: Guesses | None = None,
        keeps: bool = True,
        desk: Desk | None = None,
        punter: Punter | None = None,
    ) -> Answer | None:
        """Send a command, hold what came of it against what was expected, and remember it if it has a name."""
        answer, refused = said(send)
        if answer is None:
            self.said.append(refused)
            assert refused[0] == expected
            assert key is None or not keeps
            return None
        self.said.append(answer)
        assert (answer.code, answer.replayed) == (expected, False)
        if key is not None:
            self.past.append(
                Past(send, change, answer.body, answer.code, self.now, has_secret, guesses, desk, punter)
            )
        return answer

    def _refused(self, call: Callable[[], object], code: str) -> None:
        answer, refused = said(call)
        assert (answer, refused[0]) == (None, code)
        self.said.append(refused)

    def _shown(self, ticket: Ticket, *, right: bool) -> Sold:
        return ticket.sold if right else evolve(ticket.sold, pin=other_pin(ticket.sold.pin))

    def _judge(self, ticket: Ticket, *, right: bool) -> str | None:
        """Return how a redemption is refused, if it is; the guess is counted, and given back if right."""
        if self._is_suspended(ticket.desk) or not ticket.guesses.admit(self.now) or not right:
            return WRONG
        ticket.guesses.forgive()
        if ticket.status != "ISSUED":
            return f"VOUCHER_{ticket.status}"
        return "VOUCHER_EXPIRED" if self.now >= ticket.expires_at else None

    def _credit(self, ticket: Ticket, punter: Punter) -> None:
        ticket.status = "REDEEMED"
        punter.balance += ticket.sold.amount_minor
        if ticket.sold.amount_minor // 2:
            punter.pending.append(ticket.sold.amount_minor // 2)
        punter.settle()
        punter.active_at = punter.seen_at = self.now

    def _empty(self, punter: Punter) -> None:
        self.wallets[punter.desk.tenant_id] += punter.balance + sum(punter.pending)
        punter.balance, punter.pending, punter.is_closed = 0, [], True
        punter.leave()

    def _is_suspended(self, desk: Desk) -> bool:
        return bool(self.suspended & {desk.tenant_id, desk.operator_id})

    def _refusal_of_sale(self, desk: Desk, cost: int) -> str | None:
        if self._is_suspended(desk):
            return "TENANT_NOT_IN_STATUS"
        return "INSUFFICIENT_FUNDS" if self.wallets[desk.tenant_id] < cost else None


def build_world(storage: Storage, seed: int = 0) -> World:
    """Return a world on an empty storage."""
    return World(build_day(storage, seed=seed))


def _pick(choices: list[Any], at: int) -> Any:  # noqa: ANN401 - whatever the list holds
    return choices[at % len(choices)]
