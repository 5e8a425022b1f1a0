"""Vouchers by the batch: issued in one request, and printed."""

import re
from html import unescape

import pytest
import segno

from playtime.adapters.http.pages.sheet import SLIPS_ON_A4, TEST_PRINT
from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.vouchers.sales import LARGEST_BATCH
from playtime.domain.tenancy.staff import Role
from playtime.domain.tenancy.tenants import TenantKind

from support.http import NOWHERE, Content, Web, build_web


def test_a_batch_of_1000_in_one_request(any_web: Web) -> None:
    web, desk = any_web, any_web.day.agent
    web.day.fund(desk, 1_500 * LARGEST_BATCH)
    token, path = web.log_in(desk, Role.CASHIER), f"/voucher/agents/{desk.tenant_id}/vouchers/batch"
    order = {"amountMinor": 1_000, "count": LARGEST_BATCH}
    first = web.post(path, order, token, Idempotency_Key="k")
    assert first.status == 201
    assert first.content["batch"] == {
        "batchId": first.content["vouchers"][0]["batchId"],
        "count": LARGEST_BATCH,
        "amountMinor": 1_000,
        "totalCostMinor": 1_500 * LARGEST_BATCH,
    }
    vouchers = first.content["vouchers"]
    assert len({voucher["code"] for voucher in vouchers}) == LARGEST_BATCH
    assert [voucher["number"] for voucher in vouchers] == [*range(1, LARGEST_BATCH + 1)]
    assert {len(voucher["pin"]) for voucher in vouchers} == {6}
    assert web.day.balance(desk) == 0

    again = web.post(path, order, token, Idempotency_Key="k")
    assert (again.status, again.body, again.replayed) == (201, first.body, True)
    assert web.post(path, order | {"count": 999}, token, Idempotency_Key="k").status == 422
    last = vouchers[-1]
    assert web.post("/voucher/redeem", {"code": last["code"], "pin": last["pin"]}).status == 201
    web.day.books()


def test_a_batch_is_issued_whole_or_not_at_all(any_web: Web) -> None:
    web, desk = any_web, any_web.day.agent
    web.day.fund(desk, 449)
    token, path = web.log_in(desk, Role.CASHIER), f"/voucher/agents/{desk.tenant_id}/vouchers/batch"
    before = web.day.events()
    short = web.post(path, {"amountMinor": 100, "count": 3}, token)
    assert (short.status, short.code) == (409, "INSUFFICIENT_FUNDS")
    assert web.day.events() == before
    assert web.post(path, {"amountMinor": 100, "count": 2}, token).status == 201


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"count": 0}, "$.count"),
        ({"count": LARGEST_BATCH + 1}, "$.count"),
        ({"count": "3"}, "$.count"),
        ({"count": 1.0}, "$.count"),
        ({"count": None}, "$.count"),
        ({"amountMinor": 0}, "$.amountMinor"),
        ({"size": 3}, "$.size"),
    ],
)
def test_a_malformed_order_is_refused(web: Web, change: Content, place: str) -> None:
    path = f"/voucher/agents/{web.day.agent.tenant_id}/vouchers/batch"
    reply = web.post(path, {"amountMinor": 100, "count": 3} | change, web.log_in(web.day.agent, Role.AGENT))
    assert (reply.status, reply.paths) == (400, [place])


def test_an_operator_issues_nothing_itself(web: Web) -> None:
    path = f"/voucher/agents/{web.day.north.tenant_id}/vouchers/batch"
    reply = web.post(path, {"amountMinor": 1, "count": 2}, web.log_in(web.day.north, Role.OPERATOR))
    assert (reply.status, reply.code) == (409, "TENANT_CANNOT_ISSUE")


# --- the sheet ------------------------------------------------------------------------------------------------


def _slips(page: str) -> list[str]:
    return page.split('<article class="slip">')[1:]


def _words(slip: str) -> str:
    """Return the text of a slip."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", slip)).split())


def test_the_sheet_says_all_there_is_to_say(any_web: Web) -> None:
    web = any_web
    batch = web.batch(1_250, 14)
    page = web.sheet(batch).body.decode()
    slips = _slips(page)
    assert len(slips) == 14
    assert page.count('<section class="page">') == 2
    for number, (slip, voucher) in enumerate(zip(slips, batch["vouchers"], strict=True), start=1):
        words = _words(slip)
        for said in (
            "North-A",
            f"No. {number} of 14",
            "12.50 FUN",
            "twelve FUN and fifty hundredths",
            "Bonus 6.25 FUN",
            voucher["code"],
            f"PIN {voucher['pin']}",
            "Expires 31 Mar 2026, 05:00 PDT",
        ):
            assert said in words
        assert "DUPLICATE" not in words


def test_a_sheet_that_is_printed_again_says_so(any_web: Web) -> None:
    web = any_web
    batch = web.batch(1_000, 3)
    first, second = (_slips(web.sheet(batch).body.decode()) for _ in range(2))
    assert ["DUPLICATE" in slip for slip in first] == [False] * 3
    assert [_words(slip).count("DUPLICATE") for slip in second] == [1] * 3
    assert [_words(slip).replace(" DUPLICATE", "") for slip in second] == [_words(slip) for slip in first]
    token, path = web.log_in(web.day.agent, Role.CASHIER), f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    assert {voucher["prints"] for voucher in web.get(path, token).content["vouchers"]} == {2}


def test_only_open_vouchers_are_printed(any_web: Web) -> None:
    web = any_web
    batch = web.batch(1_000, 4)
    redeemed, voided = batch["vouchers"][0], batch["vouchers"][2]
    web.post("/voucher/redeem", {"code": redeemed["code"], "pin": redeemed["pin"]})
    web.post(f"/voucher/{voided['voucherId']}/void", None, web.log_in(web.day.agent, Role.AGENT))
    slips = [_words(slip) for slip in _slips(web.sheet(batch).body.decode())]
    assert ["No. 2 of 4" in slips[0], "No. 4 of 4" in slips[1], len(slips)] == [True, True, 2]


def test_a_batch_of_which_nothing_is_open_gives_an_empty_sheet(web: Web) -> None:
    batch = web.batch(1_000, 1)
    (voucher,) = batch["vouchers"]
    web.post("/voucher/redeem", {"code": voucher["code"], "pin": voucher["pin"]})
    page = web.sheet(batch).body.decode()
    assert not _slips(page)
    assert "No voucher of this batch is open any more." in page


def test_qr_code_opens_the_page_with_the_code_and_not_the_pin() -> None:
    web = build_web(MemoryStorage(), public_url="https://play.example.com/fun")
    batch = web.batch(1_000, 3)
    page = web.sheet(batch).body.decode()
    mask = None
    for slip, voucher in zip(_slips(page), batch["vouchers"], strict=True):
        url = f"https://play.example.com/fun/redeem?code={voucher['code']}"
        drawn = segno.make_qr(url, error="m", mask=mask)
        mask = drawn.mask
        assert drawn.svg_inline(omitsize=True, svgclass=None, lineclass=None) in slip
        assert voucher["pin"] not in slip.replace(f"<dd>{voucher['pin']}</dd>", "")
        assert "open play.example.com/fun/redeem" in _words(slip)


def test_without_a_public_address_it_is_a_test_print(web: Web) -> None:
    batch = web.batch(1_000, 2)
    for query in ("", "?paper=80mm"):
        reply = web.sheet(batch, query)
        page = reply.body.decode()
        assert reply.headers[TEST_PRINT] == "PLAYTIME_PUBLIC_URL is not set"
        assert all("TEST PRINT" in slip for slip in _slips(page))
        assert "TEST PRINT. PLAYTIME_PUBLIC_URL is not set: there are no QR codes." in _words(page)
        assert not re.search(r"<svg|/redeem", page)


def test_with_a_public_address_it_is_no_test_print() -> None:
    web = build_web(MemoryStorage(), public_url="https://play.example.com/fun")
    reply = web.sheet(web.batch(1_000, 1))
    assert TEST_PRINT not in reply.headers
    assert "TEST PRINT" not in reply.body.decode()


@pytest.mark.parametrize("public_url", [None, "https://play.example.com"])
def test_the_host_header_never_decides_what_is_printed(public_url: str | None) -> None:
    web = build_web(MemoryStorage(), public_url=public_url)
    batch = web.batch(1_000, 1)
    path = f"/api/v1/voucher/batches/{batch['batch']['batchId']}/sheet"
    token = web.log_in(web.day.agent, Role.AGENT)
    web.ask("POST", path, token=token)
    plain = web.ask("POST", path, token=token).body
    for host in ("till-1.example.com:8443", "127.0.0.1", "a b", '"><script>', "", "a" * 300):
        for name in ("Host", "X-Forwarded-Host"):
            reply = web.ask("POST", path, token=token, headers={name: host})
            assert reply.body == plain or reply.paths == ["header.Host"]


def test_the_expiry_is_in_the_agents_timezone(web: Web) -> None:
    batch = web.batch(1_000, 1)
    assert "Expires 31 Mar 2026, 05:00 PDT" in _words(web.sheet(batch).body.decode())
    boss = web.log_in(web.day.north, Role.OPERATOR)
    path = f"/api/v1/admin/tenants/{web.day.agent.tenant_id}/safety"
    assert web.ask("PUT", path, b'{"enforce":"off","zone":"Europe/Berlin"}', token=boss).status == 200
    assert "Expires 31 Mar 2026, 14:00 CEST" in _words(web.sheet(batch).body.decode())
    assert "Expires 31 Mar 2026, 09:00 UTC-03" in _words(
        web.sheet(batch, "?timezone=America/Sao_Paulo").body.decode()
    )
    assert "Expires 31 Mar 2026, 12:00 UTC" in _words(web.sheet(batch, "?timezone=UTC").body.decode())
    assert web.sheet(batch, "?timezone=Mars").paths == ["query.timezone"]


def test_the_sheet_needs_nothing_and_runs_nothing(web: Web) -> None:
    for paper in ("a4", "80mm"):
        reply = web.sheet(web.batch(1_000, 2), f"?paper={paper}")
        page, policy = reply.body.decode(), reply.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert not re.search(r"<script|<link|<img|\bon\w+=|javascript:|@import|url\(|https?://(?!localhost)", page)
        assert "style=" not in page


def test_the_paper_is_chosen_by_the_query(web: Web) -> None:
    batch = web.batch(1_000, SLIPS_ON_A4 + 1)
    a4, roll = (web.sheet(batch, query).body.decode() for query in ("", "?paper=80mm"))
    assert "size: A4" in a4
    assert "size: 80mm" in roll
    assert len(_slips(a4)) == len(_slips(roll)) == SLIPS_ON_A4 + 1
    for query in ("?paper=letter", "?paper=", "?paper=A4"):
        assert web.sheet(batch, query).paths == ["query.paper"]
    assert web.sheet(batch, "?size=a4").paths == ["query.size"]


def test_names_are_text_and_nothing_else(web: Web) -> None:
    day, name = web.day, """</p><script>alert("1")</script> & 'Sons'"""
    made = day.engine.create_tenant(day.north.head, slug="odd", name=name, kind=TenantKind.AGENT)
    desk = day._staffed(made.tenant_id, day.north.operator_id, "odd", made.code_symbols)
    page = web.sheet(web.batch(1_000, 1, desk), desk=desk).body.decode()
    assert "<script" not in page
    assert _words(_slips(page)[0]).startswith(name)


def test_a_batch_of_others_is_not_there(web: Web) -> None:
    batch = web.batch(1_000, 1, web.day.stranger)
    for batch_id in (batch["batch"]["batchId"], NOWHERE):
        reply = web.post(f"/voucher/batches/{batch_id}/sheet", None, web.log_in(web.day.agent, Role.AGENT))
        assert (reply.status, reply.code) == (404, "NOT_FOUND")
    assert web.sheet(batch, desk=web.day.stranger).body.decode().count("DUPLICATE") == 0


def test_a_single_voucher_is_a_batch_of_one_and_printed_as_such(web: Web) -> None:
    desk = web.day.agent
    web.day.fund(desk, 1_500)
    token = web.log_in(desk, Role.AGENT)
    issued = web.post(f"/voucher/agents/{desk.tenant_id}/vouchers", {"amountMinor": 1_000}, token).content
    page = web.sheet({"batch": issued["voucher"]}).body.decode()
    assert "No. 1 of 1" in _words(page)
