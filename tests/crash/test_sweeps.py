"""Several servers, each with its worker, on one database: what is due is done once."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import psycopg
import pytest
from attrs import field, frozen

from playtime.application.access import SYSTEM, StaffPrincipal
from playtime.application.engine import Engine
from playtime.bootstrap import Settings, build_container
from playtime.domain.tenancy.staff import Role
from playtime.domain.tenancy.tenants import TenantKind

from support.crash.servers import SECONDS, backends_of, children_of, serving, wait_for
from support.crash.storm import Storm, hold_balances, open_casino, settle, verify
from support.postgres.database import TestDatabase, fresh_database
from support.program import BIN, Command, new_command
from support.tree import ROOT

SECRET: Final = "5e" * 32
FUNDS_MINOR: Final = 10_000_000
_DUE: Final = """
    select
        (select count(*) from playtime.vouchers where status = 'ISSUED' and expires_at <= now()),
        (select count(*) from playtime.players
            where status = 'OPEN' and last_active_at < now() - interval '31 days')
"""
_AGE: Final = """
    update playtime.vouchers set issued_at = issued_at - interval '40 days',
        expires_at = expires_at - interval '40 days' where tenant_id = any (%(agents)s);
    update playtime.players set created_at = created_at - interval '40 days',
        last_active_at = last_active_at - interval '40 days' where tenant_id = any (%(agents)s);
"""
"""Vouchers of then have expired, and players who were last seen then are idle."""
_REPORT: Final = re.compile(r"(\d+) vouchers? expired, (\d+) players? closed")


@frozen
class Place:
    """A database that several servers share, each with a data home of its own and the same secrets."""

    database: TestDatabase
    settings: Settings

    @contextmanager
    def command(self, **extra: str) -> Iterator[Command]:
        """Give a command that uses it."""
        shared = {
            "PLAYTIME_DATABASE_URL": self.database.app_url,
            "PLAYTIME_OWNER_READ_URL": self.database.owner_read_url,
            "PLAYTIME_JWT_SECRET": SECRET,
            "PLAYTIME_PIN_SECRETS": f"k1={SECRET}",
            "PLAYTIME_SWEEP_SECONDS": "1",
        }
        with new_command(**shared, **extra) as command:
            yield command

    @property
    def due(self) -> tuple[int, int]:
        """The numbers of vouchers and players that are due for a sweep."""
        vouchers, players = self.ask(_DUE)[0]
        return vouchers, players

    def ask(self, text: str, *values: str) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        with psycopg.connect(self.database.superuser_url) as connection:
            return connection.execute(text.encode(), values or None).fetchall()


@pytest.fixture
def place() -> Iterator[Place]:
    with fresh_database() as database:
        settings = Settings(
            database_url=database.app_url,
            owner_read_url=database.owner_read_url,
            jwt_secret=SECRET,
            pin_secrets={"k1": SECRET},
        )
        yield Place(database, settings)


@frozen
class Shop:
    """Agents that sell vouchers which nobody wants, and some to players who go away."""

    place: Place
    engine: Engine
    agents: list[StaffPrincipal] = field(factory=list)

    def open_agent(self, vouchers: int, players: int) -> None:
        """Open an operator with an agent that has credit, vouchers (by the thousand) and players."""
        name = f"old-{len(self.agents)}"
        made = self.engine.create_tenant(SYSTEM, slug=name, name=name, kind=TenantKind.OPERATOR)
        self.engine.give_credit(SYSTEM, made.tenant_id, amount_minor=FUNDS_MINOR, memo="opening")
        head = SYSTEM.acting_as(Role.OPERATOR, made.tenant_id, made.tenant_id)
        agent = self.engine.create_tenant(head, slug=f"{name}-kiosk", name=name, kind=TenantKind.AGENT)
        self.engine.give_credit(head, agent.tenant_id, amount_minor=FUNDS_MINOR, memo="opening")
        self.agents.append(SYSTEM.acting_as(Role.AGENT, made.tenant_id, agent.tenant_id))
        for _ in range(vouchers // 1_000):
            self._sell(1_000, amount_minor=1_000)
        for voucher in self._sell(players, amount_minor=500):
            self.engine.redeem_voucher(code=voucher["code"], pin=voucher["pin"])

    def let_time_pass(self) -> None:
        """Make all of it 40 days older, at once."""
        agents = [agent.tenant_id for agent in self.agents]
        with psycopg.ClientCursor(psycopg.connect(self.place.database.superuser_url)) as cursor:
            cursor.execute(_AGE, {"agents": agents})
            cursor.connection.commit()
            cursor.connection.close()

    def _sell(self, number: int, *, amount_minor: int) -> list[dict[str, str]]:
        agent = self.agents[-1]
        sold = self.engine.issue_vouchers(agent, agent.tenant_id, amount_minor=amount_minor, count=number)
        vouchers: list[dict[str, str]] = sold.content()["vouchers"]
        return vouchers


@pytest.fixture
def shop(place: Place) -> Iterator[Shop]:
    container = build_container(place.settings)
    engine = container.engine()
    engine.create_platform()
    yield Shop(place, engine)
    container.storage().close()


def _hold_expiries(place: Place, *, vouchers: int, players: int) -> None:
    """Check that every voucher expired once and every player closed once, and that agents have all credit back."""
    assert place.due == (0, 0)
    assert place.ask(
        "select count(*), count(distinct action_id), sum(amount_minor) from playtime.ledger_events"
        " where event_type = 'VOUCHER_EXPIRED'"
    ) == [(vouchers, vouchers, vouchers * 1_500)]
    for kind, amount_minor in (("PLAYER_CLOSED", 500), ("BONUS_RETURNED", 250)):
        found = place.ask(
            "select count(*), count(distinct action_id), sum(amount_minor) from playtime.ledger_events"
            " where event_type = %s",
            kind,
        )
        assert found == [(players, players, players * amount_minor)]
    balances = place.ask(
        "select balance_minor from playtime.wallets join playtime.tenants using (operator_id, tenant_id)"
        " where slug like 'old-%-kiosk'"
    )
    assert set(balances) == {(FUNDS_MINOR,)}
    with psycopg.connect(place.database.superuser_url) as connection:
        hold_balances(connection)


def _reported(lines: str) -> tuple[int, int]:
    """Return the numbers of vouchers and players that sweeps reported as done."""
    reports = [(int(vouchers), int(players)) for vouchers, players in _REPORT.findall(lines)]
    return sum(vouchers for vouchers, _ in reports), sum(players for _, players in reports)


def test_three_servers_do_what_is_due_once(place: Place, shop: Shop) -> None:
    for vouchers in (1_000, 2_000):
        shop.open_agent(vouchers, players=30)
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(stack.enter_context(place.command()))) for _ in range(3)]
        casino = open_casino(servers[0], rich=2, poor=1)
        storms = [Storm(server.url, casino, f"storm-{number}") for number, server in enumerate(servers)]
        with ExitStack() as weather:
            for storm in storms:
                weather.enter_context(storm.raging())
            shop.let_time_pass()
            wait_for(lambda: place.due == (0, 0), "everything is swept")
            for storm in storms:
                storm.wait_for_answers(20)
        for storm in storms:
            settle(servers[0].url, storm.asked)
        verify(servers[0].command)
        assert [server.stop() for server in servers] == [0, 0, 0]
        said = "".join(server.said for server in servers)
        # A sweep of which a part has to be repeated does not report the parts that were done.
        assert _reported(said) == (3_000, 60) or "sweep put off" in said
    _hold_expiries(place, vouchers=3_000, players=60)


def _expired(place: Place) -> int:
    ((number,),) = place.ask("select count(*) from playtime.vouchers where status = 'EXPIRED'")
    return int(number)


@contextmanager
def _held_up(place: Place, expired: int) -> Iterator[None]:
    """Let a sweep get beyond so many expired vouchers, and hold it up in a batch for a block.

    It waits there for the wallets that its batch pays back to: however fast the machine, some is left to do.
    """
    wait_for(lambda: _expired(place) > expired, "a sweep is under way")
    with psycopg.connect(place.database.superuser_url) as connection:
        connection.execute("select from playtime.wallets for update")
        wait_for(lambda: bool(backends_of(place.database.superuser_url, that_wait=True)), "a batch waits")
        yield


def test_a_sweep_that_is_interrupted_is_finished_by_others(place: Place, shop: Shop) -> None:
    """One sweep is stopped, the next one is killed, and two at once do the rest."""
    shop.open_agent(4_000, players=20)
    shop.let_time_pass()
    ours = set(backends_of(place.database.superuser_url))
    with place.command() as command:
        with serving(command) as server:
            with _held_up(place, 0):
                server.ask_to_stop()
                # The sweep gets the stop when the last worker has ended, not with the last answer.
                wait_for(lambda: not children_of(server.pid), "its workers have ended")
            assert server.wait_for_end() == 0
            stopped = _expired(place)
            server.start()
            with _held_up(place, stopped):
                server.kill()
        # What was sent before the end is carried out after it.
        wait_for(lambda: set(backends_of(place.database.superuser_url)) <= ours, "its backends are gone")
        killed = _expired(place)
        assert 0 < stopped < killed < 4_000
        assert stopped % 100 == killed % 100 == 0, "whole batches"
        # The killed server may also have closed players: a sweep goes on after a batch that waited too long.
        left = place.due
        assert left[0] == 4_000 - killed
        words = [str(BIN / "playtime"), "sweep"]
        sweeps = [
            subprocess.Popen(words, env=command.environ, cwd=ROOT, text=True, stdout=subprocess.PIPE)
            for _ in range(2)
        ]
        outputs = [sweep.communicate(timeout=SECONDS)[0] for sweep in sweeps]
        assert [sweep.returncode for sweep in sweeps] == [0, 0]
        assert _reported("".join(outputs)) == left
        verify(command)
    _hold_expiries(place, vouchers=4_000, players=20)
