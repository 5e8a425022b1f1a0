"""A storm of spins and sales over HTTP, and the checks of the books after any failure during it."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Final

import psycopg
from attrs import define, field, frozen

from support.crash.servers import API, SECONDS, Client, NoAnswer, Reply, Server, client_of
from support.program import Command

OWNER: Final = "owner-1"
PASSWORD: Final = "a long enough password"
FUNDS_MINOR: Final = 50_000_000
RICH_MINOR: Final = 1_000_000
POOR_MINOR: Final = 900
STAKE_MINOR: Final = 100
SALE_MINOR: Final = 1_000
_PAUSE_SECONDS: Final = 0.02
"""The wait of a client between two attempts while it gets 503."""


# --- the house --------------------------------------------------------------------------------------------


@frozen
class StormPlayer:
    """A player who is logged in."""

    player_id: str
    token: str


@frozen
class Casino:
    """An agent with credit, its cash desk and its players."""

    agent_id: str
    desk: str
    players: Sequence[StormPlayer]

    @classmethod
    def opened(cls, url: str, *, rich: int, poor: int) -> "Casino":
        """Open an operator with an agent and its players, over HTTP; the owner is there."""
        with client_of(url) as client:
            owner = _given(client, "/staff/login", {"username": OWNER, "password": PASSWORD})["token"]
            tenant = {"slug": "north", "name": "North", "kind": "OPERATOR"}
            operator_id = _given(client, "/admin/tenants", tenant, owner)["tenant"]["tenantId"]
            head = {"username": "desk", "password": PASSWORD, "role": "operator", "tenantId": operator_id}
            _given(client, "/admin/staff", head, owner)
            credit = {"amountMinor": FUNDS_MINOR, "memo": "opening"}
            _given(client, f"/admin/tenants/{operator_id}/credit", credit, owner)
            login = {"username": "desk", "password": PASSWORD, "tenant": "north"}
            desk = _given(client, "/staff/login", login)["token"]
            tenant = {"slug": "kiosk", "name": "Kiosk", "kind": "AGENT"}
            agent_id = _given(client, "/admin/tenants", tenant, desk)["tenant"]["tenantId"]
            _given(client, f"/admin/tenants/{agent_id}/credit", credit, desk)
            amounts = [RICH_MINOR] * rich + [POOR_MINOR] * poor
            return cls(agent_id, desk, [_new_player(client, desk, agent_id, amount) for amount in amounts])


def open_casino(server: Server, *, rich: int, poor: int) -> Casino:
    """Open a casino on a server that was never used before."""
    made = server.command.run("staff", "create", OWNER, "--password-stdin", given=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr
    return Casino.opened(server.url, rich=rich, poor=poor)


def _new_player(client: Client, desk: str, agent_id: str, amount_minor: int) -> StormPlayer:
    order = {"amountMinor": amount_minor}
    voucher = _given(client, f"/voucher/agents/{agent_id}/vouchers", order, desk)["voucher"]
    redeemed = _given(client, "/voucher/redeem", {"code": voucher["code"], "pin": voucher["pin"]})
    return StormPlayer(redeemed["player"]["playerId"], redeemed["token"])


def _given(client: Client, path: str, body: object, token: str | None = None) -> dict[str, Any]:
    reply = client.post(path, body, token)
    assert reply.status in {200, 201}, (path, reply)
    return reply.content


# --- what is asked ----------------------------------------------------------------------------------------


@define(eq=False)
class Asked:
    """A command under a name of the client's own, and every answer it was given."""

    name: str
    path: str
    body: bytes
    token: str
    player_id: str | None
    """The player of a spin; None for a sale, which has its name as Idempotency-Key."""
    replies: list[Reply] = field(factory=list, init=False)

    @property
    def answer(self) -> Reply | None:
        """The first answer that says how it ended."""
        return self.replies[0] if self.replies else None

    @property
    def went_through(self) -> bool:
        """Whether it was answered that it was done."""
        return self.answer is not None and self.answer.status in {200, 201}

    def ask(self, client: Client) -> Reply:
        """Send the request once and record the answer; a 503 does not count as one. Raises NoAnswer."""
        key = None if self.player_id else self.name
        reply = client.ask("POST", f"{API}{self.path}", self.body, token=self.token, key=key)
        if reply.status != 503:
            self.replies.append(reply)
        return reply

    def check(self) -> None:
        """Check that all answers are the same, and that at most one is not marked as repeated."""
        first = self.answer
        if first is None:
            return
        assert first.status in {200, 201, 409}, (self.name, first)
        assert {reply.body for reply in self.replies} == {first.body}, self.name
        assert {reply.status for reply in self.replies} == {first.status}, self.name
        assert sum(not reply.replayed for reply in self.replies) <= 1, self.name

    def settle(self, client: Client) -> None:
        """Ask until there is an answer, and once more: the replay has the same bytes and is marked as repeated."""
        first = self.answer
        last = self.ask(client)
        if first is None:
            last = self.ask(client)
        assert last.replayed, (self.name, last)
        self.check()


def spin_of(player: StormPlayer, name: str) -> Asked:
    """Return a spin that is yet to be asked for."""
    body = {"stakeMinor": STAKE_MINOR, "gameKey": "demo-wheel", "actionId": name}
    return Asked(name, "/bet/spin", _raw(body), player.token, player.player_id)


@define(eq=False)
class Storm:
    """Clients that spin and sell as fast as they can.

    Each rich player has two clients that ask for the same spins at once. A client that gets no answer tries again
    if it `stays`; otherwise it stops.
    """

    url: str
    casino: Casino
    name: str
    stays: bool = False
    refused: int = field(default=0, init=False)
    """The number of 503 answers."""
    unanswered: int = field(default=0, init=False)
    _asked: dict[tuple[str, str], Asked] = field(factory=dict, init=False)
    _answered: int = field(default=0, init=False)
    _faults: list[BaseException] = field(factory=list, init=False)
    _over: threading.Event = field(factory=threading.Event, init=False)
    _changed: threading.Condition = field(factory=threading.Condition, init=False)

    @property
    def answered(self) -> int:
        """The number of final answers."""
        return self._answered

    @property
    def asked(self) -> list[Asked]:
        """Everything that was asked."""
        return list(self._asked.values())

    @contextmanager
    def raging(self) -> Iterator["Storm"]:
        """Rage for a block; all clients are home afterwards."""
        lanes = [(player, twin) for player in self.casino.players for twin in range(2)]
        threads = [threading.Thread(target=self._run, args=(self._spin, player)) for player, _ in lanes]
        threads.append(threading.Thread(target=self._run, args=(self._sell, None)))
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join(SECONDS)
            assert not any(thread.is_alive() for thread in threads), "a client did not come home"
        assert not self._faults, self._faults

    def wait(self, reached: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
        """Wait until a condition is true, or a client has failed."""
        with self._changed:
            held = self._changed.wait_for(lambda: reached() or self._faults, seconds)
        assert not self._faults, self._faults
        assert held, f"{what}: not within {seconds:.0f} s"

    def wait_for_answers(self, more: int) -> None:
        """Wait until so many more answers were given."""
        goal = self._answered + more
        self.wait(lambda: self._answered >= goal, f"{more} more answers")

    def _run(self, work: Callable[[Client, Any], None], about: object) -> None:
        try:
            with client_of(self.url) as client:
                work(client, about)
        except BaseException as fault:  # noqa: BLE001 - reported by the thread that waits
            with self._changed:
                self._faults.append(fault)
                self._changed.notify_all()

    def _spin(self, client: Client, player: StormPlayer) -> None:
        for number in count():
            reply = self._ask(client, spin_of(player, f"{self.name}-{number}"))
            if reply is None:
                return
            if reply.code == "BONUS_ACK_REQUIRED":
                self._acknowledge(client, player)

    def _acknowledge(self, client: Client, player: StormPlayer) -> None:
        """Acknowledge bonuses. An error is ignored: the next refusal leads to another attempt."""
        try:
            client.post("/player/bonus/ack", {}, player.token)
        except NoAnswer:
            return

    def _sell(self, client: Client, _: object) -> None:
        path = f"/voucher/agents/{self.casino.agent_id}/vouchers"
        for number in count():
            body = _raw({"amountMinor": SALE_MINOR})
            sale = Asked(f"sale-{self.name}-{number}", path, body, self.casino.desk, None)
            if self._ask(client, sale) is None:
                return

    def _ask(self, client: Client, new: Asked) -> Reply | None:
        """Ask until there is a final answer; return None at the end of the storm."""
        with self._changed:
            asked = self._asked.setdefault((new.player_id or "", new.name), new)
        while not self._over.is_set():
            try:
                reply = asked.ask(client)
            except NoAnswer:
                self._note("unanswered")
                if not self.stays:
                    return None
                time.sleep(_PAUSE_SECONDS)
                continue
            if reply.status != 503:
                self._note("_answered")
                return reply
            self._note("refused")
            time.sleep(_PAUSE_SECONDS)
        return None

    def _note(self, what: str) -> None:
        with self._changed:
            setattr(self, what, getattr(self, what) + 1)
            self._changed.notify_all()


def _raw(body: object) -> bytes:
    return json.dumps(body).encode()


def settle(url: str, asked: Iterable[Asked]) -> None:
    """Ask for everything again: answered requests are in the books, and all others are done once."""
    with client_of(url) as client:
        for one in asked:
            one.check()
            one.settle(client)


def verify(command: Command) -> None:
    """Hold `playtime ledger verify` to be clean."""
    verified = command.run("ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert ": clean; " in verified.stdout


# --- the books --------------------------------------------------------------------------------------------


def hold_books(superuser_url: str, asked: Sequence[Asked]) -> None:
    """Check the database against all answers, with SQL of the tests' own.

    `asked` has all requests of the tests, each of them settled.
    """
    with psycopg.connect(superuser_url) as connection:
        _hold_spins(connection, [one for one in asked if one.player_id])
        _hold_sales(connection, [one for one in asked if not one.player_id])
        hold_balances(connection)


def _hold_spins(connection: psycopg.Connection[Any], spins: Sequence[Asked]) -> None:
    rounds = connection.execute(
        "select player_id::text, action_id, round_id::text, win_minor, balance_minor from playtime.rounds"
    ).fetchall()
    played = {(player, action): rest for player, action, *rest in rounds}
    assert len(played) == len(rounds), "an action was played twice"
    assert set(played) == {(one.player_id, one.name) for one in spins if one.went_through}
    for one in spins:
        if one.went_through:
            assert one.answer is not None
            result = one.answer.content["result"]
            answered = [result["roundId"], result["winMinor"], result["balanceMinor"]]
            assert played[str(one.player_id), one.name] == answered
    for kind in ("BET", "WIN"):
        events = connection.execute(
            "select player_id::text, action_id, round_id::text, amount_minor from playtime.ledger_events"
            " where event_type = %s",
            (kind,),
        ).fetchall()
        times = Counter((player, action) for player, action, *_ in events)
        moved = {
            key: (round_id, STAKE_MINOR if kind == "BET" else win)
            for key, (round_id, win, _) in played.items()
            if kind == "BET" or win
        }
        assert times == Counter(moved.keys()), f"{kind}: not once a round"
        assert {(player, action): (which, amount) for player, action, which, amount in events} == moved


def _hold_sales(connection: psycopg.Connection[Any], sales: Sequence[Asked]) -> None:
    """Check that every voucher was answered to a client and paid once; the first ones made the players."""
    sold = {one.answer.content["voucher"]["voucherId"] for one in sales if one.answer and one.went_through}
    assert len(sold) == len(sales)
    found = connection.execute("select voucher_id::text, player_id from playtime.vouchers").fetchall()
    assert {voucher for voucher, player in found if player is None} == sold
    (issued,) = connection.execute(
        "select count(*) from playtime.ledger_events where event_type = 'VOUCHER_ISSUED'"
    ).fetchone() or (None,)
    assert issued == len(found)


def hold_balances(connection: psycopg.Connection[Any]) -> None:
    """Check that each balance is the sum of its entries, and that each entry starts from the previous balance."""
    wrong = connection.execute(
        "with moved as ("
        " select to_owner_id as owner, to_kind as kind, amount_minor as amount from playtime.ledger_events"
        " union all select from_owner_id, from_kind, -amount_minor from playtime.ledger_events"
        "), entries as (select owner, kind, sum(amount) as amount from moved where kind is not null group by 1, 2)"
        " select p.player_id, p.balance_minor, e.amount from playtime.players p"
        " left join entries e on e.owner = p.player_id and e.kind = 'PLAYER'"
        " where p.balance_minor <> coalesce(e.amount, 0)"
        " union all select w.tenant_id, w.balance_minor, e.amount from playtime.wallets w"
        " left join entries e on e.owner = w.tenant_id and e.kind = 'TENANT'"
        " where w.balance_minor <> coalesce(e.amount, 0)"
    ).fetchall()
    assert not wrong
    gaps = connection.execute(
        "select player_id, count(*), max(player_seq) from playtime.ledger_events where player_id is not null"
        " group by player_id having count(*) <> max(player_seq) or count(*) <> count(distinct player_seq)"
    ).fetchall()
    assert not gaps, "a player's events are numbered without a gap"
