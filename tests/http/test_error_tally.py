"""Failed requests: counted by route and code for the caller's tenant, and written together."""

import time
from collections import Counter
from collections.abc import Mapping
from uuid import UUID

import pytest
from attrs import evolve

from playtime.adapters.http.app import create_app
from playtime.adapters.http.calls import MAX_BODY_BYTES
from playtime.adapters.http.error_tally import MOST_KINDS, ErrorTally
from playtime.application.analytics.failed_requests import FailedRequest
from playtime.application.errors import OutcomeUnknown, StorageUnavailable
from playtime.domain.ledger.events import EventType
from playtime.domain.tenancy.staff import Role
from playtime.domain.tenancy.tenants import PLATFORM_ID

from support.http import API, Web


@pytest.fixture
def tally(any_web: Web) -> ErrorTally:
    tally = ErrorTally(any_web.day.engine.record_errors, seconds=None)
    any_web.app = create_app(any_web.day.engine, errors=tally)
    return tally


def errors(web: Web, token: str) -> dict[tuple[str, str], int]:
    rows = web.get("/admin/analytics/ops", token).content["data"]["errors"]
    return {(row["route"], row["code"]): row["count"] for row in rows}


def test_are_shown_by_route_and_code_to_the_tenants_concerned(any_web: Web, tally: ErrorTally) -> None:
    web, day = any_web, any_web.day
    agent, boss = web.log_in(day.agent, Role.AGENT), web.log_in(day.north, Role.OPERATOR)
    stranger = web.log_in(day.south, Role.OPERATOR)
    before = len(day.events())
    for _ in range(3):
        web.post("/bet/spin", {"stakeMinor": 0}, day.welcome(1_000).token)
    web.post("/admin/tenants", {"slug": "x", "name": "x", "kind": "AGENT"}, agent)
    web.get("/admin/players", "no token")
    web.ask("GET", f"{API}/nowhere")
    assert errors(web, boss) == {}
    assert [event for event in day.events()[before:] if event.event_type is EventType.ERROR] == []
    tally.flush()
    own = {("spin", "VALIDATION_FAILED"): 3, ("createTenant", "FORBIDDEN"): 1}
    assert errors(web, agent) == errors(web, boss) == own
    assert errors(web, stranger) == {}
    assert errors(web, web.owner).items() >= (own | {("listPlayers", "INVALID_TOKEN"): 1}).items()
    tally.flush()
    assert errors(web, boss) == own
    day.books()


def test_defects_and_what_is_not_served_are_counted_as_well(any_web: Web, tally: ErrorTally) -> None:
    web, day = any_web, any_web.day
    agent = web.log_in(day.agent, Role.AGENT)

    def fail(*_: object) -> object:
        raise RuntimeError

    engine = evolve(day.engine, list_tenants=fail)  # type: ignore[arg-type] # stands in for the use case
    headers = {"Authorization": f"Bearer {agent}"}
    client = create_app(engine, errors=tally).test_client()
    assert client.get(f"{API}/admin/tenants", headers=headers).status_code == 500
    assert web.send("/player/login", b'{"loginCode":"' + b"A" * MAX_BODY_BYTES + b'"}').status == 413
    assert web.ask("BREW", f"{API}/health").status == 404
    assert web.ask("DELETE", f"{API}/bet/spin").status == 405
    tally.flush()
    assert errors(web, agent) == {("listTenants", "INTERNAL_ERROR"): 1}
    assert errors(web, web.owner) == {
        ("listTenants", "INTERNAL_ERROR"): 1,
        ("logPlayerIn", "BODY_TOO_LARGE"): 1,
        ("unknown", "NOT_FOUND"): 1,
        ("unknown", "METHOD_NOT_ALLOWED"): 1,
    }


def test_a_refusal_is_counted_once_whether_or_not_it_has_a_name(any_web: Web, tally: ErrorTally) -> None:
    web, day = any_web, any_web.day
    cashier, path = web.log_in(day.agent, Role.CASHIER), f"/voucher/agents/{day.agent.tenant_id}/vouchers"
    order = {"amountMinor": 10**9}
    assert web.post(path, order, cashier).code == "INSUFFICIENT_FUNDS"
    first = web.post(path, order, cashier, Idempotency_Key="a")
    again = web.post(path, order, cashier, Idempotency_Key="a")
    assert (first.code, first.replayed) == ("INSUFFICIENT_FUNDS", False)
    assert (again.code, again.replayed) == ("INSUFFICIENT_FUNDS", True)
    # A refused bet counts as a refused bet, and not as an error, too.
    assert web.spin(day.welcome(1_000), 100_000, 0).status == 409
    tally.flush()
    boss = web.log_in(day.north, Role.OPERATOR)
    assert errors(web, boss) == {("issueVoucher", "INSUFFICIENT_FUNDS"): 2}
    data = web.get("/admin/analytics/ops", boss).content["data"]
    assert data["refusedBets"] == [{"code": "INSUFFICIENT_FUNDS", "count": 1}]


def test_refused_bets_are_counted_by_their_reason(any_web: Web) -> None:
    web, day = any_web, any_web.day
    guest = day.welcome(200)
    assert web.spin(guest, 100_000, 0).status == 409
    assert web.spin(guest, 90_000, 0).status == 409
    data = web.get("/admin/analytics/ops", web.log_in(day.north, Role.OPERATOR)).content["data"]
    assert data["refusedBets"] == [{"code": "INSUFFICIENT_FUNDS", "count": 2}]
    boss = web.log_in(day.north, Role.OPERATOR)
    for narrowed in ("gameKey=demo-wheel", "provider=playtime", "gameKey=demo-wheel&provider=playtime"):
        part = web.get(f"/admin/analytics/ops?{narrowed}", boss).content["data"]
        assert part["refusedBets"] == data["refusedBets"]
    for other in ("gameKey=other", "provider=other"):
        assert web.get(f"/admin/analytics/ops?{other}", boss).content["data"]["refusedBets"] == []
    assert (data["vouchers"]["issued"], data["vouchers"]["redeemed"]) == (1, 1)
    assert data["redemption"] == {"medianSeconds": "0.000", "p90Seconds": "0.000"}


def test_is_written_automatically_after_a_while_and_starts_again(web: Web) -> None:
    written: list[dict[FailedRequest, int]] = []

    def record(counts: Mapping[FailedRequest, int]) -> None:
        written.append(dict(counts))

    tally = ErrorTally(record, seconds=0.05)
    web.app = create_app(web.day.engine, errors=tally)
    for times in (2, 1):
        for _ in range(times):
            web.get("/admin/players", "no token")
        deadline = time.monotonic() + 10
        while (
            not written or sum(map(sum, (w.values() for w in written))) < times
        ) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sum(sum(counts.values()) for counts in written) == times
        written.clear()


def test_counts_stay_while_the_storage_is_away(any_web: Web) -> None:
    web, day = any_web, any_web.day
    is_away, written = [True], day.engine.record_errors

    def record(counts: Mapping[FailedRequest, int]) -> None:
        if is_away[0]:
            raise StorageUnavailable("away")
        written(counts)

    tally = ErrorTally(record, seconds=None)
    web.app = create_app(day.engine, errors=tally)
    agent, stranger = web.log_in(day.agent, Role.AGENT), web.log_in(day.south, Role.OPERATOR)
    for token in (agent, stranger):
        for _ in range(2):
            assert web.post("/admin/tenants", {"slug": "x", "name": "x", "kind": "OPERATOR"}, token).status == 403
        tally.flush()
    is_away[0] = False
    assert web.post("/admin/tenants", {"slug": "x", "name": "x", "kind": "OPERATOR"}, agent).status == 403
    for _ in range(2):
        tally.flush()
    assert errors(web, agent) == {("createTenant", "FORBIDDEN"): 3}
    assert errors(web, stranger) == {("createTenant", "FORBIDDEN"): 2}


def test_one_operator_away_does_not_count_others_twice(web: Web) -> None:
    written: Counter[FailedRequest] = Counter()
    north, south = web.day.north.tenant_id, web.day.south.tenant_id

    def record(counts: Mapping[FailedRequest, int]) -> None:
        if any(failed.operator_id == south for failed in counts) and not written[failure(south)]:
            written[failure(south)] = -2
            raise StorageUnavailable("away")
        written.update(counts)

    def failure(tenant_id: UUID) -> FailedRequest:
        return FailedRequest(tenant_id, tenant_id, "spin", "FORBIDDEN")

    tally = ErrorTally(record, seconds=None)
    for tenant_id in (north, south, south):
        tally.note(failure(tenant_id))
    for _ in range(3):
        tally.flush()
    assert written == {failure(north): 1, failure(south): 0}


def test_counts_of_an_unknown_outcome_are_not_written_again() -> None:
    calls: list[int] = []

    def record(counts: Mapping[FailedRequest, int]) -> None:
        calls.append(len(counts))
        raise OutcomeUnknown("the link broke")

    tally = ErrorTally(record, seconds=None)
    tally.note(FailedRequest(PLATFORM_ID, PLATFORM_ID, "spin", "X"))
    for _ in range(2):
        tally.flush()
    assert calls == [1]


def test_memory_is_bounded_while_the_storage_is_away() -> None:
    sizes: list[int] = []

    def fail(counts: Mapping[FailedRequest, int]) -> None:
        sizes.append(len(counts))
        raise StorageUnavailable("away")

    tally = ErrorTally(fail, seconds=None)
    for turn in range(3):
        for number in range(MOST_KINDS):
            tally.note(FailedRequest(PLATFORM_ID, PLATFORM_ID, f"{turn}-{number}", "X"))
        tally.flush()
    assert sizes == [MOST_KINDS] * 3


def test_is_tried_again_by_itself() -> None:
    written: list[int] = []

    def record(counts: Mapping[FailedRequest, int]) -> None:
        written.append(sum(counts.values()))
        if len(written) < 3:
            raise StorageUnavailable("away")

    tally = ErrorTally(record, seconds=0.01)
    tally.note(FailedRequest(PLATFORM_ID, PLATFORM_ID, "spin", "X"))
    deadline = time.monotonic() + 10
    while len(written) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert written == [1, 1, 1]
