"""kill -9 of sealing processes: they leave a good chain, and the next process continues it."""

import subprocess

import psycopg
import pytest

from playtime.application.access import SYSTEM
from playtime.bootstrap import Settings, open_engine
from playtime.domain.tenancy.tenants import TenantKind

from support.crash.servers import SECONDS, wait_for
from support.postgres.database import TestDatabase, fresh_database
from support.program import BIN, Command, new_command
from support.tree import ROOT

EVENTS = 16_000
SECRET = "5e" * 32

_FILL = """
insert into playtime.ledger_events (operator_id, tenant_id, event_id, occurred_at, source, event_type, actor_id,
    action_id, amount_minor, meta)
select %(operator)s, %(operator)s, gen_random_uuid(), now(), 'PLAYTIME', 'LOGIN', %(operator)s, number::text, 0,
    '{}'
from generate_series(1, %(count)s::bigint) number
"""


def _sealed(database: TestDatabase) -> int:
    with psycopg.connect(database.superuser_url) as connection:
        row = connection.execute("select coalesce(sum(event_count), 0)::bigint from playtime.seals").fetchone()
    assert row is not None
    return int(row[0])


def _sweep(command: Command) -> "subprocess.Popen[bytes]":
    words = [str(BIN / "playtime"), "sweep"]
    return subprocess.Popen(words, env=command.environ, cwd=ROOT, stdout=subprocess.DEVNULL)


@pytest.mark.slow
def test_two_killed_leave_a_good_chain_and_two_more_complete_it() -> None:
    with fresh_database() as database:
        settings = Settings(database_url=database.app_url, jwt_secret=SECRET, pin_secrets={"k1": SECRET})
        with open_engine(settings) as engine:
            made = engine.create_tenant(SYSTEM, slug="north", name="North", kind=TenantKind.OPERATOR)
        with psycopg.connect(database.superuser_url) as connection:
            connection.execute(_FILL, {"operator": made.tenant_id, "count": EVENTS})
        given = {
            "PLAYTIME_DATABASE_URL": database.app_url,
            "PLAYTIME_JWT_SECRET": SECRET,
            "PLAYTIME_PIN_SECRETS": f"k1={SECRET}",
        }
        with new_command(**given) as command:
            before = 0
            for _ in range(2):
                before = _sealed(database)
                with _sweep(command) as sweep:
                    wait_for(lambda: _sealed(database) > before, "a seal is there")  # noqa: B023 - called at once
                    sweep.kill()
                verified = command.run("ledger", "verify")
                assert verified.returncode == 0, verified.stdout + verified.stderr
            assert before < _sealed(database) < EVENTS
            sweeps = [_sweep(command) for _ in range(2)]
            assert [sweep.wait(SECONDS) for sweep in sweeps] == [0, 0]
            last = command.run("sweep")
            assert (last.returncode, _sealed(database)) == (0, EVENTS)
            verified = command.run("ledger", "verify")
    assert verified.returncode == 0
    assert f"{EVENTS} events under " in verified.stdout
    assert "0 not sealed yet; seal " in verified.stdout
