"""Lanes: their places, shares and queues."""

import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Hashable
from errno import EMFILE

import pytest
from attrs import evolve

from playtime.adapters.http.app import create_app
from playtime.adapters.http.connections import drop_unread
from playtime.adapters.http.errors import Busy, TooManyAtOnce
from playtime.adapters.http.lanes import SPARE_THREADS, Kind, Lane, Lanes
from playtime.application.access import StaffPrincipal
from playtime.application.authentication import Authenticate
from playtime.application.errors import StorageUnavailable
from playtime.application.play.spins import RUNS
from playtime.domain.errors import DomainError
from playtime.domain.tenancy.staff import Role

from support.day import PASSWORD
from support.http import Reply, Web

A, B = "a", "b"
SECONDS = 30.0


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class _Request:
    """A request in a thread of its own, which leaves its place at `end`."""

    def __init__(self, lane: Lane, caller: Hashable, *, is_verified: bool) -> None:
        self.entered, self._end = threading.Event(), threading.Event()
        self.refusal: DomainError | None = None
        self._thread = threading.Thread(target=self._run, args=(lane, caller, is_verified))
        self._thread.start()

    def _run(self, lane: Lane, caller: Hashable, is_verified: bool) -> None:  # noqa: FBT001 - arguments of a thread
        try:
            lane.enter(caller, is_verified=is_verified)
        except DomainError as error:
            self.refusal = error
            return
        self.entered.set()
        self._end.wait(SECONDS)
        lane.leave(caller)

    def end(self) -> None:
        """Leave, and wait until it has happened."""
        self._end.set()
        self._thread.join()


def _queued(lane: Lane, caller: Hashable, *, is_verified: bool = True) -> _Request:
    """Return a request that waits in the queue."""
    before = len(lane._queue)
    request = _Request(lane, caller, is_verified=is_verified)
    _wait_for(lambda: len(lane._queue) == before + 1)
    return request


# --- places -------------------------------------------------------------------------------------------------


def test_a_caller_takes_its_share_and_no_more() -> None:
    lane = Lane(places=4, share=2, waiting=8)
    for _ in range(2):
        lane.enter(A)
    third = _queued(lane, A)
    lane.enter(B)
    assert not third.entered.is_set()
    lane.leave(A)
    _wait_for(third.entered.is_set)
    third.end()


def test_a_caller_beyond_its_bound_is_refused_at_once() -> None:
    lane = Lane(places=4, share=2, waiting=8, per_caller=3)
    for _ in range(2):
        lane.enter(A)
    third = _queued(lane, A)
    with pytest.raises(TooManyAtOnce):
        lane.enter(A)
    lane.enter(B)
    lane.leave(A)
    third.end()
    lane.enter(A)


def test_a_name_that_anybody_may_claim_has_no_bound_of_its_own() -> None:
    lane = Lane(places=2, share=1, waiting=4, per_caller=1)
    lane.enter(A, is_verified=False)
    waiting = [_queued(lane, A, is_verified=False) for _ in range(2)]
    with pytest.raises(Busy):
        lane.enter(A, is_verified=False)
    lane.enter(B, is_verified=False)
    others = [_queued(lane, name, is_verified=False) for name in ("c", "d")]
    assert not any(request.entered.is_set() for request in waiting)
    for caller in (A, B):
        lane.leave(caller)
    for request in [*waiting, *others]:
        _wait_for(request.entered.is_set)
        request.end()
    assert not lane._running


def test_first_come_is_first_served_unless_at_its_share() -> None:
    lane = Lane(places=2, share=1, waiting=8)
    lane.enter(A)
    lane.enter(B)
    again, first, second = _queued(lane, A), _queued(lane, "c"), _queued(lane, "d")
    lane.leave(B)
    _wait_for(first.entered.is_set)
    assert not again.entered.is_set()
    lane.leave(A)
    _wait_for(again.entered.is_set)
    assert not second.entered.is_set()
    first.end()
    _wait_for(second.entered.is_set)
    again.end()
    second.end()
    assert not lane._running


def test_unknown_callers_share_all_places() -> None:
    lane = Lane(places=2, share=1, waiting=0, per_caller=1)
    for _ in range(2):
        lane.enter(None)
    with pytest.raises(Busy):
        lane.enter(None)


def test_a_full_queue_refuses_at_once() -> None:
    lane = Lane(places=1, share=1, waiting=1)
    lane.enter(A)
    waiting = _queued(lane, B)
    with pytest.raises(Busy):
        lane.enter("c")
    lane.leave(A)
    waiting.end()


def test_a_request_gives_up_after_a_time() -> None:
    lane = Lane(places=1, share=1, waiting=1, patience_seconds=0.01)
    lane.enter(A)
    with pytest.raises(Busy):
        lane.enter(B)
    lane.leave(A)
    lane.enter(B)


@pytest.mark.parametrize("bets_together", [True, False])
@pytest.mark.parametrize(("threads", "connections"), [(1, 1), (1, 10), (4, 10), (16, 10), (16, 200), (256, 200)])
def test_no_caller_takes_a_lane_and_no_lane_all_threads(
    threads: int, connections: int, *, bets_together: bool
) -> None:
    lanes = Lanes.sized(
        threads,
        connections,
        bets_together=bets_together,
        exclusive=Lanes.unbounded().exclusive,
        begin_download=lambda: None,
    )
    assert lanes.of.keys() == set(Kind)
    assert all(lane.share < lane.places for lane in lanes.of.values())
    others = sum(lanes.of[kind].places for kind in (Kind.PLAY, Kind.DESK, Kind.PUBLIC))
    bets = 2 * RUNS if bets_together else lanes.of[Kind.BETS].places
    assert others + bets <= max(connections, 10)
    assert lanes.most_threads - sum(lane.places + lane.waiting for lane in lanes.of.values()) == SPARE_THREADS


# --- over HTTP ----------------------------------------------------------------------------------------------


def _full(*kinds: Kind) -> Lanes:
    """Return lanes of which some have no place."""
    return Lanes({kind: Lane(places=0, share=0, waiting=0) for kind in kinds})


def test_each_kind_of_work_has_its_lane(web: Web) -> None:
    guest, desk = web.day.welcome(1_000), web.log_in(web.day.agent, Role.AGENT)
    vouchers = f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    login = {"username": "north-a-agent", "password": PASSWORD, "tenant": "north-a"}
    calls: dict[Kind, Callable[[], Reply]] = {
        Kind.BETS: lambda: web.post("/bet/spin", {"stakeMinor": 100, "gameKey": "demo-wheel"}, guest.token),
        Kind.PLAY: lambda: web.get("/player/me", guest.token),
        Kind.DESK: lambda: web.get(vouchers, desk),
        Kind.PUBLIC: lambda: web.get("/games"),
        Kind.LOGINS: lambda: web.post("/staff/login", login),
        Kind.LONG: lambda: web.get(f"{vouchers}?format=csv", desk),
    }
    assert calls.keys() == set(Kind)
    for full in Kind:
        web.app = create_app(web.day.engine, lanes=_full(full))
        for kind, call in calls.items():
            reply = call()
            assert reply.status == (503 if kind is full else 200), (full, kind)
            if kind is full:
                assert (reply.code, reply.headers["Retry-After"]) == ("BUSY", "1")
    web.app = create_app(web.day.engine, lanes=_full(*Kind))
    assert web.ask("GET", "/api/health").status == 200


def test_a_caller_with_too_many_requests_gets_429(web: Web) -> None:
    guest = web.day.welcome(1_000)
    lane = Lane(places=2, share=1, waiting=1, per_caller=0)
    web.app = create_app(web.day.engine, lanes=Lanes({Kind.PLAY: lane}))
    reply = web.get("/player/me", guest.token)
    assert (reply.status, reply.code, reply.headers["Retry-After"]) == (429, "TOO_MANY_AT_ONCE", "1")


def test_logins_under_a_name_do_not_keep_its_owner_out(web: Web) -> None:
    guest = web.day.welcome(1_000)
    lane = Lane(places=2, share=1, waiting=1, per_caller=0)
    web.app = create_app(web.day.engine, lanes=Lanes({Kind.PUBLIC: lane, Kind.LOGINS: lane}))
    member = {"username": "nobody", "password": "a long enough password"}
    player = {"loginCode": "AAAA-AAAA", "pin": "000000"}
    voucher = {"code": "AAAA-AAAA", "pin": "000000"}
    refresh = {"refreshToken": "x"}
    for path, body in (
        ("/staff/login", member),
        ("/player/login", player),
        ("/staff/refresh", refresh),
        ("/player/refresh", refresh),
        ("/voucher/redeem", voucher),
    ):
        reply = web.post(path, body)
        assert (reply.status, reply.code) != (429, "TOO_MANY_AT_ONCE"), path
    reply = web.post("/voucher/redeem", voucher, guest.token)
    assert (reply.status, reply.code) == (429, "TOO_MANY_AT_ONCE"), "this caller is known"


def test_places_are_left_after_every_answer(web: Web) -> None:
    guest, desk = web.day.welcome(1_000), web.log_in(web.day.agent, Role.AGENT)
    lanes = Lanes({kind: Lane(places=1, share=1, waiting=0) for kind in Kind})
    engine = web.day.engine

    def fail(*_: object) -> object:
        raise RuntimeError

    web.app = create_app(evolve(engine, list_tenants=fail), lanes=lanes)  # type: ignore[arg-type] # stands in
    vouchers = f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    for _ in range(3):
        assert web.app.test_client().get("/api/v1/admin/tenants", headers=_bearer(desk)).status_code == 500
        assert web.post("/bet/spin", {"stakeMinor": 0}, guest.token).status == 400
        assert web.get("/player/me", guest.token).status == 200
        csv = web.app.test_client().get(f"/api/v1{vouchers}?format=csv", headers=_bearer(desk), buffered=True)
        assert csv.status_code == 200
        assert web.get("/admin/audit/run", desk).status == 200


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_download_holds_its_place_until_it_is_sent(web: Web) -> None:
    desk = web.log_in(web.day.agent, Role.AGENT)
    begun: list[None] = []
    lanes = Lanes({Kind.LONG: Lane(places=1, share=1, waiting=0)}, begin_download=lambda: begun.append(None))
    client = create_app(web.day.engine, lanes=lanes).test_client()
    path = f"/api/v1/voucher/agents/{web.day.agent.tenant_id}/vouchers?format=csv"
    first = client.get(path, headers=_bearer(desk), buffered=False)
    assert (first.status_code, len(begun)) == (200, 1)
    assert client.get(path, headers=_bearer(desk)).status_code == 503
    first.close()
    assert client.get(path, headers=_bearer(desk)).status_code == 200


def test_a_download_that_fails_to_begin_leaves_its_place(web: Web) -> None:
    desk = web.log_in(web.day.agent, Role.AGENT)
    failing = [OSError(EMFILE, "too many open files"), RuntimeError()]

    def begin() -> None:
        if failing:
            raise failing.pop()

    lanes = Lanes({Kind.LONG: Lane(places=1, share=1, waiting=0)}, begin_download=begin)
    client = create_app(web.day.engine, lanes=lanes).test_client()
    path = f"/api/v1/voucher/agents/{web.day.agent.tenant_id}/vouchers?format=csv"
    statuses = [client.get(path, headers=_bearer(desk)).status_code for _ in range(3)]
    assert statuses == [500, 500, 200]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the timeout of the kernel")
def test_a_download_begins_without_a_free_descriptor() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            os.dup(0)
        drop_unread(8_000, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_long_reads_have_an_engine_of_their_own(web: Web) -> None:
    desk = web.log_in(web.day.agent, Role.AGENT)

    def fail(*_: object, **__: object) -> object:
        raise StorageUnavailable("the other connections")

    long_reads = evolve(web.day.engine, list_vouchers=fail, run_audit=fail, read_overview=fail)  # type: ignore[arg-type] # stand in
    web.app = create_app(web.day.engine, long_reads=long_reads)
    vouchers = f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    assert web.get(vouchers, desk).status == 200
    for path in (f"{vouchers}?format=csv", "/admin/audit/run", "/admin/analytics/overview"):
        assert web.get(path, desk).status == 503


class _Away(Authenticate):
    """A check of sessions without a connection to the database."""

    def active(self, principal: StaffPrincipal, *, is_changing_password: bool = False) -> StaffPrincipal:
        """Raise StorageUnavailable."""
        raise StorageUnavailable(f"no session of {principal.staff_id} is read, {is_changing_password}")


def test_sessions_are_checked_by_the_engine_of_the_lane(web: Web) -> None:
    desk, engine = web.log_in(web.day.agent, Role.AGENT), web.day.engine
    away = evolve(engine, authenticate=_Away(engine.authenticate.storage, engine.authenticate.tokens))
    vouchers = f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    long = (f"{vouchers}?format=csv", "/admin/audit/run", "/admin/analytics/overview")
    web.app = create_app(away, long_reads=engine)
    for path in (vouchers, *long):
        assert web.get(path, desk).status == (200 if path in long else 503), path
    web.app = create_app(engine, long_reads=away)
    for path in (vouchers, *long):
        assert web.get(path, desk).status == (503 if path in long else 200), path
