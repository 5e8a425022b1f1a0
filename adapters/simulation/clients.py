"""The clients of a simulation: what they can do, and what they make of the answers."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from attrs import define, field

from ...application.access import SYSTEM, PlayerPrincipal, StaffPrincipal
from ...application.answers import Answer
from ...application.engine import Engine
from ...application.errors import InvalidToken, ReplaySecretExpired, StorageError
from ...application.ports.filters import LedgerFilter, Page, PlayerFilter, VoucherFilter
from ...domain.errors import DomainError
from ...domain.limits.limits import LimitKind
from ...domain.tenancy.staff import Role
from .model import CLOCK_SLACK, EVERYTHING, Action, Clerk, House, Learn, Model, Patron, Slip, held
from .stage import Cancelled, SimulationFailed, Stage

PASSWORD: Final = "simulated password"  # noqa: S105 - guards nothing
SUMS: Final = (1, 2, 3, 99, 100, 101, 150, 200, 333, 1000, 5000)


@define(kw_only=True)
class Clients:
    """Staff and players, who send commands and remember what they were answered."""

    stage: Stage
    engine: Engine
    model: Model = field(factory=Model)
    operators: list[House] = field(factory=list)
    houses: list[House] = field(factory=list)
    clerks: dict[UUID, Clerk] = field(factory=dict)
    actions: list[Action] = field(factory=list)
    suspended: set[UUID] = field(factory=set)
    batches: list[tuple[House, UUID]] = field(factory=list)

    def hire(self, house: House, role: Role) -> None:
        """Give a tenant its head."""
        clerk = Clerk(f"{house.slug}-head", house.slug)
        self.engine.create_staff(
            SYSTEM, username=clerk.username, password=PASSWORD, role=role, tenant_id=house.tenant_id
        )
        self.clerks[house.tenant_id] = clerk

    def endow(self, house: House, amount_minor: int) -> None:
        """Let a tenant have credit."""
        self.engine.give_credit(SYSTEM, house.operator_id, amount_minor=amount_minor, memo="funding")
        self.model.issued[house.operator_id] += amount_minor
        if house.tenant_id != house.operator_id:
            self.as_clerk(
                self.operators[[o.tenant_id for o in self.operators].index(house.operator_id)],
                lambda who: self.engine.give_credit(who, house.tenant_id, amount_minor=amount_minor, memo="fund"),
            )
        self.model.wallets[house.tenant_id] += amount_minor

    # --- who acts ----------------------------------------------------------------------------------------

    def as_clerk(self, house: House, act: Callable[[StaffPrincipal], Any]) -> Any:  # noqa: ANN401 - as `act`
        """Act as the head of a tenant, logged in again where the token is no longer good."""
        clerk, engine = self.clerks[house.tenant_id], self.engine
        try:
            who = engine.authenticate.staff(clerk.token)
        except InvalidToken:
            result = engine.staff_login(username=clerk.username, password=PASSWORD, tenant=clerk.slug)
            clerk.token, clerk.refresh_token = result.token, result.refresh_token
            who = engine.authenticate.staff(result.token)
        return act(who)

    def _as_patron(self, patron: Patron, act: Callable[[PlayerPrincipal], Any]) -> Any:  # noqa: ANN401 - as `act`
        """Act as a player, logged in again where the token is no longer good."""
        engine = self.engine
        try:
            return act(engine.authenticate.player(patron.token))
        except InvalidToken:
            self._log_in(patron)
            return act(engine.authenticate.player(patron.token))

    def _log_in(self, patron: Patron) -> None:
        began = self.stage.moment
        result = self.engine.player_login(login_code=patron.login_code, pin=patron.pin)
        patron.token, patron.refresh_token = result.token, result.refresh_token
        patron.was_active(began)

    def operator_of(self, house: House) -> House:
        """Return the operator of a tenant."""
        return next(operator for operator in self.operators if operator.tenant_id == house.operator_id)

    # --- what is done ------------------------------------------------------------------------------------

    def draw(self) -> Callable[[], None]:
        """Draw the next command."""
        random = self.stage.random
        chosen = random.choices(_DRAWN, _WEIGHTS)[0]
        work = chosen(self)
        self.stage.note(f"next {chosen.__name__}")
        return work

    def attempt(self, action: Action) -> None:
        """Send an action once and hold its answer against the one that was given before."""
        action.under_way += 1
        try:
            answer = action.send()
        except (StorageError, Cancelled):
            action.may_have_happened, action.is_dropped = True, False
            raise
        except ReplaySecretExpired:
            held(what=action.body is not None, otherwise=f"{action.key}: too old to be shown, but never answered")
            return
        except DomainError as refusal:
            if action.under_way == 1 and not action.may_have_happened and action.body is None:
                action.is_dropped = True
            self.stage.note(f"{action.key}: {refusal.code}")
            return
        finally:
            action.under_way -= 1
        self._answered(action, answer)

    def _answered(self, action: Action, answer: Answer) -> None:
        self.stage.note(f"{action.key}: {answer.code} ")
        self.stage.note(answer.body)
        if action.body is None:
            action.body, action.code = answer.body, answer.code
            if answer.code is None:
                action.learn(answer.content())
        else:
            held(
                what=(action.body, action.code) == (answer.body, answer.code),
                otherwise=f"{action.key} was answered {action.body!r}, and now {answer.body!r}",
            )

    def _named(self, send: Callable[[str], Answer], change: Callable[[str], Answer], learn: Learn) -> Action:
        key = f"key {len(self.actions)}"
        action = Action(key=key, send=partial(send, key), change=partial(change, key), learn=learn)
        self.actions.append(action)
        return action

    def fund(self) -> Callable[[], None]:
        """Issue credit to an operator, or move an operator's to an agent."""
        random, model = self.stage.random, self.model
        house = random.choice([*self.operators, *self.houses])
        amount, top = random.choice(SUMS), house.tenant_id == house.operator_id
        back = random.random() < 0.3  # noqa: PLR2004 - a chance

        def send(key: str, more: int = 0) -> Answer:
            call = self.engine.return_credit if back else self.engine.give_credit
            give = partial(call, tenant_id=house.tenant_id, amount_minor=amount + more, memo="m", action_id=key)
            if top:
                return give(SYSTEM)
            answer: Answer = self.as_clerk(self.operator_of(house), give)
            return answer

        def learn(_: dict[str, Any]) -> None:
            signed = -amount if back else amount
            model.wallets[house.tenant_id] += signed
            (model.issued if top else model.wallets)[house.operator_id] += signed if top else -signed

        return partial(self.attempt, self._named(send, partial(send, more=1), learn))

    def sell(self) -> Callable[[], None]:
        """Sell a voucher."""
        random = self.stage.random
        house, amount = random.choice(self.houses), random.choice(SUMS)

        def send(key: str, more: int = 0) -> Answer:
            issue = partial(
                self.engine.issue_voucher, tenant_id=house.tenant_id, amount_minor=amount + more, action_id=key
            )
            answer: Answer = self.as_clerk(house, issue)
            return answer

        def learn(content: dict[str, Any]) -> None:
            self._sold(house, amount, [content["voucher"]])

        return partial(self.attempt, self._named(send, partial(send, more=1), learn))

    def sell_batch(self) -> Callable[[], None]:
        """Sell a few vouchers at once."""
        random = self.stage.random
        house, amount, count = random.choice(self.houses), random.choice(SUMS), random.randrange(1, 6)

        def send(key: str, more: int = 0) -> Answer:
            issue = partial(
                self.engine.issue_vouchers,
                tenant_id=house.tenant_id,
                amount_minor=amount,
                count=count + more,
                action_id=key,
            )
            answer: Answer = self.as_clerk(house, issue)
            return answer

        def learn(content: dict[str, Any]) -> None:
            held(what=len(content["vouchers"]) == count, otherwise="a batch of another size was sold")
            self.batches.append((house, UUID(content["batch"]["batchId"])))
            self._sold(house, amount, content["vouchers"])

        return partial(self.attempt, self._named(send, partial(send, more=1), learn))

    def _sold(self, house: House, amount_minor: int, vouchers: Sequence[dict[str, Any]]) -> None:
        for voucher in vouchers:
            slip = Slip(
                voucher_id=UUID(voucher["voucherId"]),
                code=voucher["code"],
                pin=voucher["pin"],
                house=house,
                amount_minor=amount_minor,
                expires_at=datetime.fromisoformat(voucher["expiresAt"]),
            )
            held(what=voucher["bonusAmountMinor"] == amount_minor // 2, otherwise=f"{slip.code}: another bonus")
            self.model.slips[slip.voucher_id] = slip
            self.model.wallets[house.tenant_id] -= slip.total_minor

    def _some_slip(self, house: House | None = None) -> Slip | None:
        """Return a voucher, more often an open one, and more often one of a house that is named."""
        slips = list(self.model.slips.values())
        if house is not None and self.stage.random.random() < 0.8:  # noqa: PLR2004 - a chance
            slips = [slip for slip in slips if slip.house == house]
        fresh = [slip for slip in slips if slip.status == "ISSUED"]
        often = fresh if fresh and self.stage.random.random() < 0.8 else slips  # noqa: PLR2004 - a chance
        return self.stage.random.choice(often) if often else None

    def _some_patron(self) -> Patron | None:
        patrons = list(self.model.patrons.values())
        present = [patron for patron in patrons if patron.status == "OPEN"]
        # Many at the same few, so that they are in each other's way.
        present = present[-2:] if self.stage.random.random() < 0.5 else present  # noqa: PLR2004 - a chance
        often = present if present and self.stage.random.random() < 0.9 else patrons  # noqa: PLR2004 - a chance
        return self.stage.random.choice(often) if often else None

    def void(self) -> Callable[[], None]:
        """Void a voucher."""
        slip, other = self._some_slip(), self._some_slip()
        if slip is None or other is None:
            return self.fund()

        def send(key: str, which: Slip = slip) -> Answer:
            void = partial(self.engine.void_voucher, voucher_id=which.voucher_id, action_id=key)
            answer: Answer = self.as_clerk(self.operator_of(slip.house), void)
            return answer

        action = self._named(send, partial(send, which=other), lambda _: self.model.close_slip(slip, "VOIDED"))
        return partial(self.attempt, action)

    def redeem(self) -> Callable[[], None]:
        """Redeem a voucher for a new player."""
        slip, began = self._some_slip(), self.stage.moment
        if slip is None:
            return self.sell()
        shown = slip.house.pass_code if self.stage.random.random() < 0.4 else None  # noqa: PLR2004 - a chance

        def send(key: str) -> Answer:
            return self.engine.redeem_voucher(code=slip.code, pin=slip.pin, action_id=key, play_pass=shown)

        def learn(content: dict[str, Any]) -> None:
            player = content["player"]
            patron = Patron(
                player_id=UUID(player["playerId"]),
                login_code=player["loginCode"],
                pin=player["pin"],
                house=slip.house,
                token=content["token"],
                refresh_token=content["refreshToken"],
                active_at=began - CLOCK_SLACK,
            )
            self.model.patrons[patron.player_id] = patron
            self.model.close_slip(slip, "REDEEMED", patron.player_id)

        return partial(self.attempt, self._named(send, send, learn))

    def top_up(self) -> Callable[[], None]:
        """Redeem a voucher to a player."""
        patron = self._some_patron()
        slip = self._some_slip(None if patron is None else patron.house)
        if slip is None or patron is None:
            return self.redeem()

        def send(key: str) -> Answer:
            def act(who: PlayerPrincipal) -> Answer:
                return self.engine.redeem_voucher(code=slip.code, pin=slip.pin, player=who, action_id=key)

            answer: Answer = self._as_patron(patron, act)
            return answer

        def learn(_: dict[str, Any]) -> None:
            self.model.close_slip(slip, "REDEEMED", patron.player_id)

        action = self._named(send, partial(self._spin, patron, 1), learn)
        action.look_up = partial(self._look_up_slip, action, slip, patron)
        return partial(self.attempt, action)

    def spin(self) -> Callable[[], None]:
        """Play a round."""
        patron = self._some_patron()
        if patron is None:
            return self.redeem()
        stake, began = self.stage.random.choice((1, 50, 99, 100, 101, 300, 1000)), self.stage.moment

        def learn(content: dict[str, Any]) -> None:
            result = content["result"]
            self.model.played(patron, action.key, stake, result["winMinor"])
            patron.was_active(began)

        send = partial(self._spin, patron, stake)
        action = self._named(send, partial(self._spin, patron, stake + 1), learn)
        action.look_up = partial(self._look_up_round, action, patron)
        return partial(self.attempt, action)

    def _spin(self, patron: Patron, stake_minor: int, key: str) -> Answer:
        game = self.engine.list_games()[0]

        def act(who: PlayerPrincipal) -> Answer:
            if self.stage.random.random() < 0.7:  # noqa: PLR2004 - a chance
                self.engine.acknowledge_bonus(who)
                self.engine.acknowledge_reality_check(who)
            return self.engine.spin(who, stake_minor=stake_minor, game_key=game.game_key, action_id=key)

        answer: Answer = self._as_patron(patron, act)
        return answer

    def limit(self) -> Callable[[], None]:
        """Set a player's own limit; those who come next show this player's pass."""
        patron, minor = self._some_patron(), self.stage.random.choice((300, 3_000, 30_000))
        if patron is None:
            return self.redeem()

        def act(who: PlayerPrincipal) -> None:
            self.engine.set_limit(who, LimitKind.LOSS_7D, minor)
            patron.house.pass_code = self.engine.get_play_pass(who).code

        return lambda: self._as_patron(patron, act)

    def close(self) -> Callable[[], None]:
        """Close a player."""
        patron = self._some_patron()
        if patron is None or self.stage.random.random() < 0.6:  # noqa: PLR2004 - a chance
            return self.spin()

        def send(key: str) -> Answer:
            answer: Answer = self.as_clerk(
                self.operator_of(patron.house),
                partial(self.engine.close_player, player_id=patron.player_id, action_id=key),
            )
            return answer

        def learn(content: dict[str, Any]) -> None:
            held(what=content["player"]["balanceMinor"] == 0, otherwise="a closed player has a balance")
            held(what=patron.status == "OPEN", otherwise=f"player {patron.login_code} was closed twice")
            patron.status = "CLOSED"

        return partial(self.attempt, self._named(send, send, learn))

    def again(self) -> Callable[[], None]:
        """Send an action again: one that is under way, one that failed, one that was answered long ago."""
        random = self.stage.random
        if not self.actions:
            return self.fund()
        recent = self.actions[-8:] if random.random() < 0.7 else self.actions  # noqa: PLR2004 - a chance
        action = random.choice(recent)
        return partial(self.attempt, action)

    def changed(self) -> Callable[[], None]:
        """Send something else under the name of an answered action: refused, whatever it is."""
        answered = [action for action in self.actions if action.body is not None]
        if not answered:
            return self.fund()
        action = self.stage.random.choice(answered)

        def work() -> None:
            try:
                answer = action.change()
            except DomainError:
                return
            same = (action.body, action.code) == (answer.body, answer.code)
            held(what=same, otherwise=f"{action.key} was changed and answered {answer.body!r}")

        return work

    def acknowledge(self) -> Callable[[], None]:
        """Acknowledge paid bonuses."""
        patron = self._some_patron()
        if patron is None:
            return self.redeem()
        return lambda: self._as_patron(patron, self.engine.acknowledge_bonus)

    def refresh(self) -> Callable[[], None]:
        """Exchange a player's or a clerk's refresh token."""
        patron, random = self._some_patron(), self.stage.random
        clerk = random.choice(list(self.clerks.values()))

        def of_patron(patron: Patron) -> None:
            player = self.engine.refresh_player(patron.refresh_token)
            patron.token, patron.refresh_token = player.token, player.refresh_token

        def of_clerk() -> None:
            staff = self.engine.refresh_staff(clerk.refresh_token)
            clerk.token, clerk.refresh_token = staff.token, staff.refresh_token

        return of_clerk if patron is None or random.random() < 0.3 else partial(of_patron, patron)  # noqa: PLR2004 - a chance

    def log_out(self) -> Callable[[], None]:
        """End a player's session: what was its token opens nothing from then on."""
        patron = self._some_patron()
        if patron is None:
            return self.redeem()

        def work() -> None:
            who = self.engine.authenticate.player(patron.token)
            self.engine.player_logout(who)
            try:
                self.engine.read_player_state(who)
            except (InvalidToken, StorageError):
                return
            raise SimulationFailed(f"player {patron.login_code} is still in after logging out")

        return work

    def suspend(self) -> Callable[[], None]:
        """Suspend an agent or take it up again."""
        house = self.stage.random.choice(self.houses)
        back = house.tenant_id in self.suspended
        (self.suspended.discard if back else self.suspended.add)(house.tenant_id)
        change = self.engine.set_tenant_status.resume if back else self.engine.set_tenant_status.suspend
        return lambda: self.as_clerk(self.operator_of(house), partial(change, tenant_id=house.tenant_id))

    def sheet(self) -> Callable[[], None]:
        """Print a batch."""
        if not self.batches:
            return self.sell_batch()
        house, batch_id = self.stage.random.choice(self.batches)
        print_it = partial(self.engine.print_sheet, batch_id=batch_id)
        return lambda: self.as_clerk(self.operator_of(house), print_it)

    def sweep(self) -> Callable[[], None]:
        """Do what is due, perhaps stopped between two batches."""
        stopped = partial(self.stage.strikes, 0.2)

        def work() -> None:
            try:
                self.engine.sweep(stopped)
            finally:
                self.model.latest_sweep = self.stage.latest

        return work

    def read(self) -> Callable[[], None]:
        """Read lists, as a desk does while others write."""
        house = self.stage.random.choice([*self.operators, *self.houses])

        def work() -> None:
            self.as_clerk(house, lambda who: self.engine.list_ledger(who, LedgerFilter(), Page(5)))
            self.as_clerk(house, lambda who: self.engine.list_players(who, PlayerFilter(), Page(5)))
            only = VoucherFilter(tenant_id=house.tenant_id)
            self.as_clerk(house, lambda who: self.engine.list_vouchers(who, only, Page(5)))

        return work

    def _look_up_round(self, action: Action, patron: Patron) -> None:
        for played in self.engine.list_rounds(SYSTEM, patron.player_id, EVERYTHING):
            if played.action_id == action.key and action.key not in patron.rounds:
                self.model.played(patron, action.key, played.stake_minor, played.win_minor)

    def _look_up_slip(self, action: Action, slip: Slip, patron: Patron) -> None:
        only = VoucherFilter(player_id=patron.player_id)
        found = self.engine.list_vouchers(SYSTEM, only, EVERYTHING)
        if slip.status == "ISSUED" and any(row.voucher_id == slip.voucher_id for row in found):
            self.stage.note(f"{action.key} had happened")
            self.model.close_slip(slip, "REDEEMED", patron.player_id)


_DRAWN: Final = (
    Clients.fund,
    Clients.sell,
    Clients.sell_batch,
    Clients.void,
    Clients.redeem,
    Clients.top_up,
    Clients.spin,
    Clients.limit,
    Clients.close,
    Clients.again,
    Clients.changed,
    Clients.acknowledge,
    Clients.refresh,
    Clients.log_out,
    Clients.suspend,
    Clients.sheet,
    Clients.sweep,
    Clients.read,
)
_WEIGHTS: Final = (5, 6, 2, 4, 8, 7, 25, 2, 3, 14, 3, 10, 3, 2, 2, 1, 2, 2)
