"""The examples, run from the built wheel in a fresh environment, beside a package called `domain`."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import psycopg
import pytest
from attrs import frozen

from playtime.application.access import SYSTEM
from playtime.application.engine import Engine
from playtime.application.tenancy.tenants import TenantRecord
from playtime.bootstrap import Settings, open_engine
from playtime.domain.tenancy.staff import Role
from playtime.domain.tenancy.tenants import TenantKind

from support.crash.servers import wait_for
from support.postgres.database import TestDatabase
from support.program import free_port
from support.wheel import Host

SECRET = "5e" * 32
START_SECONDS = 60
PRINTED = re.compile(r"(\w{4}-\w{4}-\w{4}-\w) (\d{6})")


def test_a_script_on_memory(host: Host) -> None:
    ran = host.run("python", "-W", "error", "script_on_memory.py", "1000", "500", "7")
    assert ran.returncode == 0, ran.stderr
    *played, books = ran.stdout.splitlines()
    assert [line.partition(":")[0] for line in played] == ["1000 sold", "500 sold", "7 sold"]
    assert books == "books: clean, sum 0"
    refused = host.run("python", "script_on_memory.py", "0")
    assert "amount_minor: must be between 1" in refused.stderr


class TestAWorkerThatOnlySells:
    @pytest.fixture
    def kiosk(self, host: Host, playtime_environ: dict[str, str], settings: Settings) -> TenantRecord:
        """Migrate with the installed command, and open an agent with credit for three vouchers of 1,000."""
        migrated = host.run("playtime", "migrate", **playtime_environ)
        assert migrated.returncode == 0, migrated.stderr
        with open_engine(settings) as engine:
            return self.opened(engine)

    def opened(self, engine: Engine) -> TenantRecord:
        engine.create_platform()
        north = engine.create_tenant(SYSTEM, slug="north", name="North", kind=TenantKind.OPERATOR)
        head = SYSTEM.acting_as(Role.OPERATOR, north.tenant_id, north.tenant_id)
        kiosk = engine.create_tenant(head, slug="kiosk", name="Kiosk", kind=TenantKind.AGENT)
        engine.give_credit(SYSTEM, north.tenant_id, amount_minor=4_500, memo="issue")
        engine.give_credit(head, kiosk.tenant_id, amount_minor=4_500, memo="move")
        return kiosk

    def test_sells_each_line_once_however_often_it_is_run(
        self, host: Host, kiosk: TenantRecord, playtime_environ: dict[str, str], settings: Settings
    ) -> None:
        worker = ("python", "-W", "error", "voucher_worker.py", "kiosk")
        given = "1000\n250\nmany\n0\n3000\n"
        first = host.run(*worker, "monday", given=given, **playtime_environ)
        assert (first.returncode, PRINTED.sub("sold", first.stdout)) == (1, "sold\nsold\n"), first.stderr
        places = [line.partition(":")[0] for line in first.stderr.splitlines()]
        assert places == ["line 3", "line 4", "line 5"]
        assert "line 5: INSUFFICIENT_FUNDS" in first.stderr
        again = host.run(*worker, "monday", given=given, **playtime_environ)
        assert (again.returncode, again.stdout, again.stderr) == (1, first.stdout, first.stderr)
        tuesday = host.run(*worker, "tuesday", given="1000\n", **playtime_environ)
        assert tuesday.returncode == 0, tuesday.stderr
        with open_engine(settings) as engine:
            for code, pin in PRINTED.findall(first.stdout + tuesday.stdout):
                assert engine.redeem_voucher(code=code, pin=pin).code is None
            operator_id = engine.find_tenant(slug="kiosk").operator_id
            head = SYSTEM.acting_as(Role.OPERATOR, operator_id, operator_id)
            assert engine.read_wallet(head, kiosk.tenant_id).balance_minor == 4_500 - 1_500 - 375 - 1_500
            assert all(books.clean for books in engine.verify_ledger(SYSTEM))

    def test_says_who_is_not_there(
        self, host: Host, kiosk: TenantRecord, playtime_environ: dict[str, str]
    ) -> None:
        ran = host.run("python", "voucher_worker.py", "nobody", "monday", given="1\n", **playtime_environ)
        assert ran.returncode == 1
        assert ran.stderr.splitlines()[-1].endswith("NotFound: There is no such tenant.")


@frozen
class Shop:
    """The Starlette host as its clients see it."""

    port: int

    def post(self, path: str, body: object = None, **headers: str) -> tuple[int, dict[str, Any]]:
        """Post and return status and content."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", path, body if isinstance(body, bytes) else json.dumps(body), named)
        response = connection.getresponse()
        content: dict[str, Any] = json.loads(response.read())
        connection.close()
        return response.status, content


def connections_of_the_app(database: TestDatabase) -> int:
    with psycopg.connect(database.superuser_url) as connection:
        row = connection.execute(
            "select count(*) from pg_stat_activity where usename = 'playtime_app' and datname = current_database()"
        ).fetchone()
    assert row is not None
    count: int = row[0]
    return count


@contextmanager
def serving(host: Host, environ: dict[str, str]) -> Iterator[tuple[Shop, subprocess.Popen[str]]]:
    """Serve the Starlette host with two workers, from its first answer on."""
    shop = Shop(free_port())
    words = ["--interface", "asgi", "--workers", "2", "--port", str(shop.port), "starlette_on_postgres:app"]
    server = subprocess.Popen(
        [str(host.python), "-m", "granian", *words],
        cwd=host.folder,
        env=host.environ(**environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                shop.post("/spins")
            except OSError:
                assert server.poll() is None, server.communicate()[0]
                assert time.monotonic() < deadline, "the host did not answer in time"
                time.sleep(0.1)
            else:
                break
        yield shop, server
    finally:
        server.kill()
        server.wait()


class TestAStarletteAppOnPostgres:
    @pytest.fixture
    def environ(self, host: Host, database: TestDatabase, playtime_environ: dict[str, str]) -> dict[str, str]:
        """Migrate, and return the settings under the host's own names."""
        migrated = host.run("playtime", "migrate", **playtime_environ)
        assert migrated.returncode == 0, migrated.stderr
        return {
            "SHOP_DATABASE_URL": database.app_url,
            "SHOP_OWNER_READ_URL": database.owner_read_url,
            "SHOP_TOKEN_SECRET": SECRET,
            "SHOP_PIN_SECRET": SECRET,
            "SHOP_KEY": "open sesame",
        }

    def test_a_day_in_the_shop(self, host: Host, database: TestDatabase, environ: dict[str, str]) -> None:
        with serving(host, environ) as (shop, server):
            self.sell_and_play(shop)
            self.be_refused(shop)
            server.send_signal(signal.SIGTERM)
            output, _ = server.communicate(timeout=30)
        assert server.returncode == 0, output
        assert "Traceback" not in output
        # A backend ends a moment after its client; those of other tests' databases are not the shop's.
        wait_for(lambda: connections_of_the_app(database) == 0, "the shop's connections to end")
        settings = Settings(
            database_url=database.app_url,
            owner_read_url=database.owner_read_url,
            jwt_secret=SECRET,
            pin_secrets={"shop-1": SECRET},
        )
        with open_engine(settings) as engine:
            assert all(books.clean for books in engine.verify_ledger(SYSTEM))
            north_id, shop_id = (engine.find_tenant(slug=slug).tenant_id for slug in ("north", "shop"))
            head = SYSTEM.acting_as(Role.OPERATOR, north_id, north_id)
            # Two workers opened the shop at the same time, and sold it one voucher.
            assert engine.read_wallet(head, shop_id).balance_minor == 1_000_000 - 1_500

    def sell_and_play(self, shop: Shop) -> None:
        key = {"X_Shop_Key": "open sesame", "Idempotency_Key": "order-1"}
        status, sold = shop.post("/vouchers", {"amountMinor": 1_000}, **key)
        assert (status, sold["voucher"]["totalCostMinor"]) == (201, 1_500), sold
        assert shop.post("/vouchers", {"amountMinor": 1_000}, **key) == (201, sold)
        ticket = {name: sold["voucher"][name] for name in ("code", "pin")}
        status, player = shop.post("/players", ticket)
        assert status == 201
        bearer = {"Authorization": f"Bearer {player['token']}", "Idempotency_Key": "spin-1"}
        status, played = shop.post("/spins", **bearer)
        assert (status, played["result"]["stakeMinor"]) == (200, 100)
        assert shop.post("/spins", **bearer) == (200, played)
        assert shop.post("/players", ticket)[0] == 409

    def be_refused(self, shop: Shop) -> None:
        key = {"X_Shop_Key": "open sesame"}
        assert shop.post("/vouchers", {"amountMinor": 1_000})[0] == 401
        assert shop.post("/vouchers", {"amountMinor": "1000"}, **key)[0] == 400
        assert shop.post("/vouchers", {"amountMinor": 0}, **key)[1]["code"] == "INVALID_INPUT"
        assert shop.post("/vouchers", b"{", **key)[0] == 400
        assert shop.post("/vouchers", {"amountMinor": 1_000_000}, **key)[1]["code"] == "INSUFFICIENT_FUNDS"
        assert shop.post("/players", {"code": "0000-0000-0000-0", "pin": "000000"})[0] == 401
        assert shop.post("/spins", Authorization="Bearer nonsense")[0] == 401
