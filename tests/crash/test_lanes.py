"""A server of which one caller, or one kind of work, wants everything: all others are answered meanwhile."""

import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from playtime.adapters.http.lanes import PER_CALLER

from support.crash.servers import (
    API,
    Client,
    Reply,
    Server,
    backends_of,
    client_of,
    embedded_url,
    serving,
    wait_for,
)
from support.crash.storm import (
    OWNER,
    PASSWORD,
    Casino,
    StormPlayer,
    hold_balances,
    open_casino,
    spin_of,
)
from support.program import new_command

WORKERS = 2
PATIENCE_SECONDS = "30"
"""The longest wait for the database: longer than any step below, so that blocked requests stay blocked."""
UNREAD_SECONDS = 3
LARGE_ROWS = 6_000
ROW_BYTES = 4_000
"""A ledger of 24 MB: more than the kernel buffers for a client that does not read."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    settings = {"PLAYTIME_DATABASE_SECONDS": PATIENCE_SECONDS, "PLAYTIME_REPORT_SECONDS": PATIENCE_SECONDS}
    with new_command(**settings) as command, serving(command) as server:
        yield server


@pytest.fixture(scope="module")
def casino(server: Server) -> Casino:
    return open_casino(server, rich=2, poor=1)


def _owner(client: Client) -> str:
    token: str = client.post("/staff/login", {"username": OWNER, "password": PASSWORD}).content["token"]
    return token


class Crowd:
    """Clients that send one request each at the same time."""

    def __init__(self, requests: Sequence[threading.Thread], replies: list[Reply]) -> None:
        self._requests = requests
        self.replies = replies

    @property
    def waiting(self) -> int:
        """The number of clients without an answer."""
        return sum(request.is_alive() for request in self._requests)

    @property
    def statuses(self) -> Counter[tuple[int, str | None]]:
        """The number of answers with each status and code."""
        return Counter((reply.status, reply.code) for reply in self.replies)


Ask = tuple[str, str, bytes, str | None]
"""Method, path, body and token of a request."""


@contextmanager
def _crowd(server: Server, asks: Sequence[Ask]) -> Iterator[Crowd]:
    """Send requests at once; all are answered at the end of the block."""
    replies: list[Reply] = []

    def ask(method: str, path: str, body: bytes, token: str | None) -> None:
        with client_of(server.url) as client:
            replies.append(client.ask(method, f"{API}{path}", body, token=token))

    requests = [threading.Thread(target=ask, args=arguments) for arguments in asks]
    for request in requests:
        request.start()
    try:
        yield Crowd(requests, replies)
    finally:
        for request in requests:
            request.join()
    assert len(replies) == len(requests), "all are answered"


def _spin(client: Client, player: StormPlayer, name: str) -> Reply:
    reply = spin_of(player, name).ask(client)
    if reply.code == "BONUS_ACK_REQUIRED":
        client.post("/player/bonus/ack", {}, player.token)
    return reply


def _others_are_answered(server: Server, casino: Casino, name: str) -> None:
    """Ask for play, work of a desk and health, more often than the server has places."""
    with client_of(server.url) as client:
        for number in range(20):
            reply = _spin(client, casino.players[1], f"{name}-{number}")
            assert reply.status in {200, 409}, reply
            assert client.ask("GET", "/api/health").status == 200
            assert client.get(f"/voucher/agents/{casino.agent_id}/vouchers", casino.desk).status == 200


@contextmanager
def _locked(server: Server, statement: str, *values: object) -> Iterator[None]:
    with psycopg.connect(embedded_url(server.command.home)) as connection:
        connection.execute(statement, values)
        yield


def _blocked(server: Server) -> int:
    return len(backends_of(embedded_url(server.command.home), that_wait=True))


def _blocked_audits(server: Server) -> int:
    """Return the number of audits of the owner, which has a login of its own, that wait for a lock."""
    with psycopg.connect(embedded_url(server.command.home)) as connection:
        ((count,),) = connection.execute(
            "select count(*) from pg_stat_activity"
            " where usename = 'playtime_owner_read' and wait_event_type = 'Lock'"
        ).fetchall()
    return int(count)


# --- one player ---------------------------------------------------------------------------------------------


def test_one_locked_player_holds_up_nobody_else(server: Server, casino: Casino) -> None:
    player = casino.players[0]
    spins = [spin_of(player, f"locked-{number}") for number in range(50)]
    asks = [("POST", spin.path, spin.body, spin.token) for spin in spins]
    with ExitStack() as stack:
        lock = stack.enter_context(ExitStack())
        lock.enter_context(
            _locked(server, "select from playtime.players where player_id = %s for update", player.player_id)
        )
        crowd = stack.enter_context(_crowd(server, asks))
        most = WORKERS * PER_CALLER
        wait_for(lambda: crowd.waiting <= most, "the rest is refused at once")
        assert set(crowd.statuses) == {(429, "TOO_MANY_AT_ONCE")}
        wait_for(lambda: _blocked(server) > 0, "the player's spins wait for the row")
        _others_are_answered(server, casino, "beside-locked")
        assert _blocked(server) > 0, "they are still blocked"
        assert crowd.statuses[429, "TOO_MANY_AT_ONCE"] >= 50 - most
        lock.close()
    answered = {200, 409, 429, 503}
    assert {reply.status for reply in crowd.replies} <= answered
    assert any(reply.status == 200 for reply in crowd.replies)
    with psycopg.connect(embedded_url(server.command.home)) as connection:
        hold_balances(connection)


def test_logins_to_one_locked_player_leave_a_place(server: Server, casino: Casino) -> None:
    with client_of(server.url) as client:
        order = client.post(f"/voucher/agents/{casino.agent_id}/vouchers", {"amountMinor": 1_000}, casino.desk)
        voucher = order.content["voucher"]
        made = client.post("/voucher/redeem", {"code": voucher["code"], "pin": voucher["pin"]}).content["player"]
    body = b'{"loginCode": "%s", "pin": "%s"}' % (made["loginCode"].encode(), made["pin"].encode())
    lock = "select from playtime.players where player_id = %s for update"
    with ExitStack() as stack:
        held = stack.enter_context(ExitStack())
        held.enter_context(_locked(server, lock, made["playerId"]))
        crowd = stack.enter_context(_crowd(server, [("POST", "/player/login", body, None)] * 20))
        wait_for(lambda: _blocked(server) > 0, "a login waits for the row")
        with client_of(server.url) as client:
            assert client.post("/staff/login", {"username": OWNER, "password": PASSWORD}).status == 200
        assert _blocked(server) > 0
        held.close()
    assert {reply.status for reply in crowd.replies} <= {200, 401, 429, 503}


# --- everything ---------------------------------------------------------------------------------------------


def test_health_answers_while_all_places_are_taken(server: Server, casino: Casino) -> None:
    vouchers = f"/voucher/agents/{casino.agent_id}/vouchers"
    sale = b'{"amountMinor": 100}'
    asks: list[Ask] = [("GET", "/player/me", b"", player.token) for player in casino.players for _ in range(10)]
    asks += [("POST", vouchers, sale, casino.desk)] * 10
    asks += [
        ("POST", "/staff/login", b'{"username": "u%d", "password": "%s"}' % (n, b"p" * 12), None)
        for n in range(30)
    ]
    asks += [("GET", f"{vouchers}?format=csv", b"", casino.desk)] * 10
    with ExitStack() as stack:
        lock = stack.enter_context(ExitStack())
        tables = "playtime.players, playtime.staff, playtime.wallets, playtime.attempts, playtime.vouchers"
        lock.enter_context(_locked(server, f"lock table {tables} in access exclusive mode"))
        crowd = stack.enter_context(_crowd(server, asks))
        wait_for(lambda: _blocked(server) >= 2 * WORKERS, "requests of several kinds wait")
        with client_of(server.url) as client:
            for _ in range(20):
                assert client.ask("GET", "/api/health").status == 200
        assert crowd.waiting > _blocked(server) > 0, "more wait for places than for the database"
        lock.close()
    assert {reply.status for reply in crowd.replies} <= {200, 201, 401, 409, 429, 503}


# --- audits -------------------------------------------------------------------------------------------------


def test_eight_audits_at_once_hold_up_nobody_else(server: Server, casino: Casino) -> None:
    with client_of(server.url) as client:
        owner = _owner(client)
    with ExitStack() as stack:
        lock = stack.enter_context(ExitStack())
        lock.enter_context(_locked(server, "lock table playtime.seals in access exclusive mode"))
        crowd = stack.enter_context(_crowd(server, [("GET", "/admin/audit/run", b"", owner)] * 8))
        wait_for(lambda: _blocked_audits(server) > 0, "an audit waits")
        _others_are_answered(server, casino, "beside-audits")
        wait_for(lambda: crowd.statuses[503, "BUSY"] > 0, "another audit is refused")
        assert _blocked_audits(server) == 1, "one runs in all processes"
        lock.close()
    assert set(crowd.statuses) <= {(200, None), (503, "BUSY")}
    assert crowd.statuses[200, None] >= 1
    first = next(reply.content["audit"] for reply in crowd.replies if reply.status == 200)
    with client_of(server.url) as client:
        assert client.get("/admin/audit/run", owner).content["audit"]["checks"] == first["checks"]


# --- unread downloads ---------------------------------------------------------------------------------------


def _fill_ledger(server: Server) -> None:
    """Add many large events of the agent."""
    with psycopg.connect(embedded_url(server.command.home)) as connection:
        connection.execute(
            "insert into playtime.ledger_events (operator_id, tenant_id, event_id, occurred_at, source,"
            " event_type, actor_id, action_id, amount_minor, meta) select operator_id, tenant_id,"
            " gen_random_uuid(), now(), 'PLAYTIME', 'LOGIN', tenant_id, 'copy-' || n, 0,"
            " jsonb_build_object('pad', repeat('x', %s))"
            " from playtime.tenants, generate_series(1, %s) n where kind = 'AGENT'",
            (ROW_BYTES, LARGE_ROWS),
        )


def _unread(server: Server, token: str) -> socket.socket:
    """Return the connection of a client that asks for the ledger and reads nothing."""
    client = socket.create_connection(("127.0.0.1", server.command.port), timeout=30)
    head = f"GET {API}/admin/ledger?format=csv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    client.sendall(head.encode())
    return client


def _has_begun(client: socket.socket) -> bool:
    """Return whether an answer has begun to arrive, without reading it."""
    try:
        return client.recv(12, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"HTTP/1.1 200"
    except BlockingIOError:
        return False


def _is_whole(client: socket.socket) -> bool:
    """Read the rest of an answer, and return whether it is whole."""
    end = b""
    try:
        while data := client.recv(1 << 20):
            end = data[-16:]
    except ConnectionResetError:
        return False
    return end.endswith(b"\r\n0\r\n\r\n")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the timeout of the kernel")
def test_unread_downloads_hold_up_nobody_and_are_dropped() -> None:
    settings = {"PLAYTIME_REPORT_SECONDS": str(UNREAD_SECONDS), "PLAYTIME_WORKERS": "1"}
    with new_command(**settings) as command, serving(command) as server, ExitStack() as stack:
        casino = open_casino(server, rich=2, poor=1)
        _fill_ledger(server)
        client = stack.enter_context(client_of(server.url))
        owner = _owner(client)
        clients = [stack.enter_context(_unread(server, owner)) for _ in range(8)]
        wait_for(lambda: any(map(_has_begun, clients)), "a download begins")
        begun = [one for one in clients if _has_begun(one)]
        _others_are_answered(server, casino, "beside-downloads")
        # The audit is the last in the queue of the owner.
        wait_for(lambda: client.get("/admin/audit/run", owner).status == 200, "the downloads are dropped")
        assert not any(map(_is_whole, begun))
