"""Filters of the lists a desk looks things up in."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from playtime.contracts.doubles import START
from playtime.domain.tenancy.staff import Role

from support.day import Sold
from support.http import NOWHERE, Web

MINUTE = timedelta(minutes=1)


def _at(minutes: int) -> str:
    return (START + minutes * MINUTE).isoformat().replace("+00:00", "Z")


@pytest.fixture
def sold(any_web: Web) -> Iterator[list[Sold]]:
    """Four vouchers of a minute each: open, redeemed, voided, open."""
    day = any_web.day
    vouchers = []
    for number in range(4):
        day.clock.set(START + number * MINUTE)
        vouchers.append(day.sell(100 + number))
    day.redeem(vouchers[1])
    day.engine.void_voucher(day.agent.head, vouchers[2].voucher_id)
    yield vouchers
    day.books()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [3, 2, 1, 0]),
        ("status=ISSUED", [3, 0]),
        ("status=REDEEMED", [1]),
        ("status=VOIDED", [2]),
        ("status=EXPIRED", []),
        (f"from={_at(1)}", [3, 2, 1]),
        (f"to={_at(1)}", [0]),
        (f"from={_at(1)}&to={_at(3)}", [2, 1]),
        (f"from={_at(2)}&to={_at(2)}", []),
        (f"from={_at(3)}&to={_at(1)}", []),
        (f"from={_at(1)}&status=ISSUED", [3]),
        ("from=2026-03-01T14%3A01%3A00.250%2B02:00", [3, 2, 1]),
        ("from=2026-03-01t12:01:00.250z&to=2026-03-01T12:01:00.251Z", [1]),
        ("from=0001-01-01T00:00:00%2B14:00&to=9999-12-31T23:59:59-12:00", [3, 2, 1, 0]),
        (f"playerId={NOWHERE}", []),
    ],
)
def test_vouchers_by_status_and_time(any_web: Web, sold: list[Sold], query: str, found: list[int]) -> None:
    token = any_web.log_in(any_web.day.agent, Role.CASHIER)
    path = f"/voucher/agents/{any_web.day.agent.tenant_id}/vouchers?{query}"
    listed = [voucher["code"] for voucher in any_web.get(path, token).content["vouchers"]]
    assert listed == [sold[number].code for number in found]


def test_vouchers_and_players_by_the_end_of_a_code_as_typed(any_web: Web, sold: list[Sold]) -> None:
    web, token = any_web, any_web.log_in(any_web.day.agent, Role.CASHIER)
    path = f"/voucher/agents/{web.day.agent.tenant_id}/vouchers?codeEnds="
    code = sold[0].code
    guest = web.day.welcome(100)
    for whole, name, path_ in (
        (code, "vouchers", path),
        (guest.login_code, "players", "/admin/players?codeEnds="),
    ):
        for typed in (
            whole,
            whole[-6:],
            whole[-6:].lower(),
            whole.replace("-", "").lower(),
            "%20-".join(whole[-6:]),
            whole.replace("1", "l").replace("0", "o"),
            whole.replace("1", "I").replace("0", "O"),
        ):
            (row,) = web.get(f"{path_}{typed}", token).content[name]
            assert row.get("code", row.get("loginCode")) == whole
        assert web.get(f"{path_}{whole[:4]}{whole[-1]}", token).content[name] == []


def test_the_player_of_a_voucher_is_a_filter(any_web: Web, sold: list[Sold]) -> None:
    web, token = any_web, any_web.log_in(any_web.day.agent, Role.CASHIER)
    path = f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    (redeemed,) = web.get(f"{path}?status=REDEEMED", token).content["vouchers"]
    (same,) = web.get(f"{path}?playerId={redeemed['playerId']}", token).content["vouchers"]
    assert same == redeemed
    assert same["code"] == sold[1].code


def test_players_by_status_and_time(any_web: Web) -> None:
    web = any_web
    first = web.day.welcome(1_000)
    web.day.clock.set(START + MINUTE)
    second = web.day.welcome(1_000)
    web.day.engine.close_player(web.day.agent.head, first.player_id)
    token = web.log_in(web.day.agent, Role.CASHIER)

    def found(query: str) -> list[str]:
        return [player["playerId"] for player in web.get(f"/admin/players?{query}", token).content["players"]]

    here, there = str(first.player_id), str(second.player_id)
    assert found("status=OPEN") == [there]
    assert found("status=CLOSED") == [here]
    assert found(f"from={_at(1)}") == [there]
    assert found(f"to={_at(1)}") == [here]
    assert found(f"to={_at(2)}") == [there, here]
    assert found(f"status=OPEN&to={_at(1)}") == []


def test_the_ledger_by_time_and_kind(any_web: Web) -> None:
    web = any_web
    web.day.welcome(1_000)
    web.day.clock.set(START + MINUTE)
    guest = web.day.welcome(2_000)
    token = web.log_in(web.day.agent, Role.ANALYST)

    def amounts(query: str) -> list[int]:
        return [event["amountMinor"] for event in web.get(f"/admin/ledger?{query}", token).content["events"]]

    assert amounts("eventType=VOUCHER_REDEEMED") == [2_000, 1_000]
    assert amounts(f"eventType=VOUCHER_REDEEMED&from={_at(1)}") == [2_000]
    assert amounts(f"eventType=VOUCHER_REDEEMED&to={_at(1)}") == [1_000]
    assert amounts(f"eventType=VOUCHER_REDEEMED&from={_at(2)}") == []
    assert set(amounts(f"playerId={guest.player_id}&from={_at(1)}")) == {2_000, 1_000, 0}
    assert amounts(f"playerId={guest.player_id}&to={_at(1)}") == []


def test_a_filtered_list_is_walked_by_cursor(any_web: Web, sold: list[Sold]) -> None:
    web, token = any_web, any_web.log_in(any_web.day.agent, Role.CASHIER)
    path = f"/voucher/agents/{web.day.agent.tenant_id}/vouchers?status=ISSUED&limit=1"
    first = web.get(path, token).content
    second = web.get(f"{path}&cursor={first['nextCursor']}", token).content
    codes = [content["vouchers"][0]["code"] for content in (first, second)]
    assert codes == [sold[3].code, sold[0].code]
    assert second["nextCursor"] is None


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("status=OPEN", "query.status"),
        ("status=issued", "query.status"),
        ("codeEnds=", "query.codeEnds"),
        ("codeEnds=-", "query.codeEnds"),
        ("codeEnds=U", "query.codeEnds"),
        ("codeEnds=%25", "query.codeEnds"),
        ("codeEnds=_", "query.codeEnds"),
        ("codeEnds=%C4%B1", "query.codeEnds"),
        ("codeEnds=" + "7" * 14, "query.codeEnds"),
        ("codeEnds=7%00", "query.codeEnds"),
        ("codeEnds=7%0A.", "query.codeEnds"),
        ("codeEnds=" + "-" * 100_000, "query.codeEnds"),
        ("playerId=1", "query.playerId"),
        ("from=", "query.from"),
        ("from=2026-03-01", "query.from"),
        ("from=2026-03-01T00:00:00", "query.from"),
        ("from=2026-03-01T00:00:00+01:00", "query.from"),
        ("from=2026-02-30T00:00:00Z", "query.from"),
        ("from=yesterday", "query.from"),
        ("to=1772366400", "query.to"),
        ("to=0000-01-01T00:00:00Z", "query.to"),
        ("from_=2026-03-01T00:00:00Z", "query.from_"),
        ("since=2026-03-01T00:00:00Z", "query.since"),
        ("from=2026-03-01T00:00:00Z&from=2026-03-01T00:00:00Z", "query.from"),
        ("format=xml", "query.format"),
        ("format=CSV", "query.format"),
    ],
)
def test_a_bad_filter_is_refused_by_its_name(web: Web, query: str, path: str) -> None:
    token = web.log_in(web.day.agent, Role.CASHIER)
    reply = web.get(f"/voucher/agents/{web.day.agent.tenant_id}/vouchers?{query}", token)
    assert (reply.status, reply.code, reply.paths) == (400, "VALIDATION_FAILED", [path])


def test_error_for_a_moment_names_the_missing_timezone(web: Web) -> None:
    reply = web.get("/admin/ledger?from=2026-03-01T00:00:00", web.owner)
    assert reply.content["faults"][0]["message"] == (
        "must be a time with an offset, such as 2026-03-01T00:00:00Z (write + as %2B)"
    )
