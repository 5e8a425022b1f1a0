"""Lists as CSV: all rows, for spreadsheets that must not be tricked into computing."""

import csv
import io

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from playtime.adapters.http.app import create_app
from playtime.adapters.http.pages.tables import ROWS_AT_ONCE, table
from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.errors import StorageUnavailable
from playtime.application.ports.filters import Page
from playtime.application.tenancy.credit import WalletBalance
from playtime.application.tenancy.tenants import TenantRecord
from playtime.contracts.doubles import build_engine
from playtime.domain.tenancy.staff import Role
from playtime.domain.tenancy.tenants import TenantKind

from support.http import API, Reply, Web


@frozen
class TextRow:
    """A row with one text."""

    text: str


def _read(reply: Reply) -> list[dict[str, str]]:
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    text = reply.body.decode()
    assert text.count("\r\n") == text.count("\n")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _written(rows: list[object], kind: type) -> str:
    document = table("x", kind, id_field="tenant_id", fetch=lambda _: rows)
    assert not isinstance(document.body, bytes)
    return b"".join(document.body).decode()


def test_vouchers_as_csv_are_those_of_the_list(any_web: Web) -> None:
    web = any_web
    for amount_minor in (100, 200, 300):
        web.day.redeem(web.day.sell(amount_minor))
    web.batch(500, 4)
    token, path = web.log_in(web.day.agent, Role.CASHIER), f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    listed = web.get(path, token).content["vouchers"]
    reply = web.get(f"{path}?format=csv", token)
    assert reply.headers["Content-Disposition"] == 'attachment; filename="vouchers.csv"'
    rows = _read(reply)
    assert list(rows[0]) == list(listed[0])
    assert rows == [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in listed]
    some = _read(web.get(f"{path}?format=csv&status=REDEEMED&limit=1", token))
    assert [row["amountMinor"] for row in some] == ["300", "200", "100"]
    none = web.get(f"{path}?format=csv&status=EXPIRED", token)
    assert none.body.decode() == ",".join(listed[0]) + "\r\n"


def test_ledger_as_csv_has_the_accounts_in_columns_of_their_own(any_web: Web) -> None:
    web = any_web
    guest = web.day.welcome(1_000)
    token = web.log_in(web.day.agent, Role.ANALYST)
    rows = _read(web.get("/admin/ledger?format=csv&eventType=VOUCHER_REDEEMED", token))
    (event,) = web.get("/admin/ledger?eventType=VOUCHER_REDEEMED", token).content["events"]
    (row,) = rows
    assert row["toAccount.kind"] == "PLAYER"
    assert row["toAccount.ownerId"] == str(guest.player_id)
    assert (row["amountMinor"], row["occurredAt"]) == ("1000", event["occurredAt"])
    assert {name.partition(".")[0] for name in row} == set(event)
    (login,) = _read(web.get("/admin/ledger?format=csv&eventType=LOGIN", token))
    assert (login["fromAccount.kind"], login["fromAccount.ownerId"], login["meta"]) == (
        "",
        "",
        '{"resumed":false}',
    )


def test_all_rows_are_walked_and_none_twice(web: Web) -> None:
    batch = web.batch(100, ROWS_AT_ONCE)
    more = [web.batch(100, 1) for _ in range(2)]
    token, path = web.log_in(web.day.agent, Role.CASHIER), f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    rows = _read(web.get(f"{path}?format=csv&limit=3", token))
    issued = [voucher["voucherId"] for content in (batch, *more) for voucher in content["vouchers"]]
    assert sorted(row["voucherId"] for row in rows) == sorted(issued)


def test_rows_that_fill_the_last_page_are_the_last() -> None:
    asked: list[Page] = []
    wallets = [WalletBalance(number) for number in range(2 * ROWS_AT_ONCE)]

    def fetch(page: Page) -> list[WalletBalance]:
        asked.append(page)
        start = (len(asked) - 1) * page.limit
        return wallets[start : start + page.limit]

    document = table("x", WalletBalance, id_field="balance_minor", fetch=fetch)
    assert len(asked) == 1, "the first page is read before anything is sent"
    text = b"".join(document.body).decode()  # type: ignore[arg-type] # parts of bytes
    assert text.split() == ["balanceMinor", *map(str, range(2 * ROWS_AT_ONCE))]
    assert [page.limit for page in asked] == [ROWS_AT_ONCE] * 3


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "\t'=1"),
        ("\r=1", "\r'=1"),
        (" =1+1", "' =1+1"),
        ("\u00a0\u200b\ufeff=1", "'\u00a0\u200b\ufeff=1"),
        ("\u2800\u3164=1", "'\u2800\u3164=1"),
        ("\uff1dcmd", "'\uff1dcmd"),
        (" \uff0b1", "' \uff0b1"),
        ("\ufe631", "'\ufe631"),
        ("\u22121", "'\u22121"),
        ("\uff20SUM(A1)", "'\uff20SUM(A1)"),
        ('"=1"', '\'"=1"'),
        ("a;=1", "a;'=1"),
        ("a; =1;b\t+2", "a;' =1;b\t'+2"),
        ("a\r\n@b", "a\r\n'@b"),
        ("a, =1", "a, =1"),
        ("a;b-1", "a;b-1"),
        ("'=1", "'=1"),
        ("a=1", "a=1"),
        ("1-1", "1-1"),
        ('say "no", or\r\nnot', 'say "no", or\r\nnot'),
        ("Ünïcödé 🎰", "Ünïcödé 🎰"),
    ],
)
def test_text_is_no_formula_and_is_quoted_where_it_has_to_be(web: Web, text: str, cell: str) -> None:
    day = web.day
    tenant = TenantRecord(
        day.agent.tenant_id, "slug", text, TenantKind.AGENT, day.north.tenant_id, "ACTIVE", None, "7777"
    )
    (row,) = csv.DictReader(io.StringIO(_written([tenant], TenantRecord), newline=""))
    assert (row["name"], row["region"], row["codeSymbols"]) == (cell, "", "7777")


@given(st.text(st.sampled_from("=+-@\uff1d\u2212;\t\r\n \u200b\"',a1"), max_size=12))
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_is_a_formula_in_any_locale(separator: str, text: str) -> None:
    """Reads the file with each separator, and drops what a spreadsheet may drop in front of a cell."""
    rows = csv.reader(io.StringIO(_written([TextRow(text)], TextRow), newline=""), delimiter=separator)
    for cell in (cell for row in rows for cell in row):
        seen = cell.lstrip(' \t\r\n\u200b"')
        assert not seen.startswith(("=", "+", "-", "@", "\uff1d", "\u2212")), cell


def test_excel_gets_a_byte_order_mark(web: Web) -> None:
    web.day.sell(1_000)
    token, path = web.log_in(web.day.agent, Role.AGENT), f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    for plain in (f"{path}?format=csv", "/admin/ledger?format=csv", "/admin/analytics/revenue?format=csv"):
        body = web.get(plain, token).body
        assert not body.startswith(b"\xef\xbb\xbf")
        assert web.get(f"{plain}&excel=true", token).body == b"\xef\xbb\xbf" + body
        assert web.get(f"{plain}&excel=false", token).body == body
        assert web.get(f"{plain}&excel=1", token).paths == ["query.excel"]


def test_a_number_below_zero_stays_a_number() -> None:
    assert _written([WalletBalance(-5)], WalletBalance) == "balanceMinor\r\n-5\r\n"


def test_what_is_refused_is_refused_in_json(web: Web) -> None:
    token = web.log_in(web.day.agent, Role.CASHIER)
    missing = web.get(f"/voucher/agents/{web.day.stranger.tenant_id}/vouchers?format=csv", token)
    assert (missing.status, missing.code) == (404, "NOT_FOUND")
    assert web.get("/admin/ledger?format=csv").code == "UNAUTHORIZED"


def test_a_table_that_breaks_off_says_so(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    """A server may end an answer that broke off as if it were whole."""
    web.batch(100, ROWS_AT_ONCE + 1)
    whole, pages = web.day.engine.list_vouchers, 0

    def fail_later(*given: object) -> object:
        nonlocal pages
        pages += 1
        if pages > 1:
            raise StorageUnavailable("host=db-7")
        return whole(*given)  # type: ignore[arg-type] # as it was called

    engine = evolve(web.day.engine, list_vouchers=fail_later)  # type: ignore[arg-type] # stands in for the use case
    headers = {"Authorization": f"Bearer {web.log_in(web.day.agent, Role.CASHIER)}"}
    path = f"{API}/voucher/agents/{web.day.agent.tenant_id}/vouchers?format=csv"
    response = create_app(engine).test_client().get(path, headers=headers)
    assert response.status_code == 200
    *rows, last = response.data.decode().splitlines()
    assert len(rows) == 1 + ROWS_AT_ONCE
    assert last.startswith("INCOMPLETE")
    assert "db-7" not in response.text
    assert response.headers["X-Request-Id"] in caplog.text


def test_a_storage_that_is_down_from_the_start_is_a_503(web: Web) -> None:
    def fail(*_: object) -> object:
        raise StorageUnavailable("host=db-7")

    engine = evolve(build_engine(MemoryStorage()), authenticate=web.day.engine.authenticate)
    app = create_app(evolve(engine, list_ledger=fail))  # type: ignore[arg-type] # stands in for the use case
    headers = {"Authorization": f"Bearer {web.owner}"}
    response = app.test_client().get(f"{API}/admin/ledger?format=csv", headers=headers)
    assert (response.status_code, response.mimetype) == (503, "application/json")
