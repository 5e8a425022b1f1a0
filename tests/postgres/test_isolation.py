"""The isolation of tenants: lint and matrix are clean, new tables are held to them, unsafe databases refused."""

import re
from pathlib import Path

import psycopg
import pytest

from playtime.adapters.postgres.admin.privileges import privilege_reasons
from playtime.adapters.postgres.admin.startup import UnsafeDatabase, refuse_unsafe
from playtime.adapters.postgres.isolation.check import check_isolation
from playtime.adapters.postgres.isolation.matrix import VERBS
from playtime.adapters.postgres.isolation.rules import RULES
from playtime.adapters.postgres.records.tables import GLOBAL, TABLES
from playtime.application.errors import SetupError

from support.postgres.database import TestDatabase
from support.postgres.isolation import findings_in, run_as

pytestmark = pytest.mark.rls

OWNED = sorted(TABLES - GLOBAL)
PAGE = Path(__file__).parents[2] / "docs" / "tenant-isolation.md"


# --- clean ------------------------------------------------------------------------------------------------


def test_lint_and_matrix_are_clean(shared: TestDatabase) -> None:
    report = check_isolation(shared.app_url, shared.superuser_url)
    assert report.findings == []
    assert report.clean
    assert not report.skipped
    assert sorted(report.tables) == OWNED
    assert report.rules == len(RULES)
    # Nine askers with the app's login and four with others, and the global tables besides.
    assert report.cells == len(OWNED) * len(VERBS) * (9 + 4) + len(GLOBAL) * 4
    assert report.lines()[0].endswith("clean")


def test_the_migrators_login_is_enough_for_most_of_it(shared: TestDatabase) -> None:
    report = check_isolation(shared.app_url, shared.migrator_url)
    assert report.clean
    assert report.cells == len(OWNED) * len(VERBS) * 9 + len(GLOBAL) * 4
    assert len(report.skipped) == 1


def test_the_apps_login_is_not(shared: TestDatabase) -> None:
    with pytest.raises(SetupError, match="PLAYTIME_MIGRATOR_URL"):
        check_isolation(shared.app_url, shared.app_url)


def test_checking_leaves_nothing_behind(own: TestDatabase) -> None:
    def rows() -> list[tuple[str, int]]:
        counts = " union all ".join(f"select '{name}', count(*) from playtime.{name}" for name in OWNED)  # noqa: S608 - names of ours
        with psycopg.connect(own.superuser_url) as connection:
            objects = connection.execute("select 'objects', count(*) from pg_class").fetchall()
            return connection.execute(counts.encode()).fetchall() + objects

    before = rows()
    findings_in(own)
    assert rows() == before


# --- a new table ------------------------------------------------------------------------------------------


def test_a_new_table_is_held_to_every_rule(own: TestDatabase) -> None:
    run_as("playtime_owner", own, "create table playtime.prizes (prize_id uuid primary key, name text)")
    assert findings_in(own) >= {
        ("columns", "prizes"),
        ("row-security", "prizes"),
        ("policies", "prizes"),
        ("keys", "prizes"),
    }
    with pytest.raises(UnsafeDatabase, match=re.escape("row security of playtime.prizes is not enabled")):
        refuse_unsafe(own.app_url)


PRIZES = """
    create table playtime.prizes (
        operator_id uuid not null, tenant_id uuid not null, prize_id uuid not null, player_id uuid not null,
        kind text not null check (kind in ('CAR', 'CRUISE')), worth_minor bigint not null,
        primary key (operator_id, prize_id),
        foreign key (operator_id, player_id) references playtime.players (operator_id, player_id)
    );
    alter table playtime.prizes enable row level security;
    alter table playtime.prizes force row level security;
    create policy owner_read on playtime.prizes for select to playtime_owner_read using (true);
    grant select on playtime.prizes to playtime_owner_read;
    grant select, insert, update on playtime.prizes to playtime_app;
"""
BLESSED = """
    create policy tenant on playtime.prizes for all to playtime_app using ({0}) with check ({0});
""".format(
    "operator_id = any (array[nullif(current_setting('app.operator_id', true), '')::uuid]) and ("
    "operator_id = any (array[nullif(current_setting('app.tenant_id', true), '')::uuid]) or "
    "tenant_id = any (array[nullif(current_setting('app.tenant_id', true), '')::uuid]))"
)


def test_a_new_table_that_is_made_as_the_others_are_is_clean(own: TestDatabase) -> None:
    run_as("playtime_owner", own, PRIZES + BLESSED)
    report = check_isolation(own.app_url, own.superuser_url)
    assert report.clean
    assert "prizes" in report.tables


def test_a_new_table_without_a_policy_is_closed_andfindings_in(own: TestDatabase) -> None:
    """The matrix asserts what is allowed, too: a table that shows nothing to anybody is not isolated but lost."""
    run_as("playtime_owner", own, PRIZES)
    assert findings_in(own) == {("policies", "prizes"), ("matrix", "prizes")}
    with pytest.raises(UnsafeDatabase, match=re.escape("playtime.prizes lacks its policy")):
        refuse_unsafe(own.app_url)


def test_a_table_of_which_no_row_can_be_made_is_reported(own: TestDatabase) -> None:
    run_as("playtime_owner", own, PRIZES + BLESSED + "alter table playtime.prizes add check (worth_minor = 4711)")
    assert findings_in(own) == {("matrix", "prizes")}


def test_the_service_refuses_to_start_as_a_superuser(shared: TestDatabase) -> None:
    with pytest.raises(UnsafeDatabase, match="is a superuser, so no policy applies to it: use playtime_app"):
        refuse_unsafe(shared.superuser_url)


def test_the_service_refuses_owners_reads_that_no_policy_holds(shared: TestDatabase) -> None:
    refuse_unsafe(shared.app_url, shared.owner_read_url)
    with pytest.raises(
        UnsafeDatabase, match="is a superuser, so no policy applies to it: use playtime_owner_read"
    ):
        refuse_unsafe(shared.app_url, shared.superuser_url)
    with pytest.raises(UnsafeDatabase, match="has BYPASSRLS, so no policy applies to it: use playtime_owner_read"):
        refuse_unsafe(shared.app_url, shared.url("playtime_backup"))
    with pytest.raises(UnsafeDatabase, match="is a member of playtime_owner"):
        refuse_unsafe(shared.app_url, shared.migrator_url)


def test_the_service_refuses_owners_reads_that_would_see_nothing(own: TestDatabase) -> None:
    with pytest.raises(
        UnsafeDatabase, match=r"no policy shows .*wallets to playtime_app: use playtime_owner_read"
    ):
        refuse_unsafe(own.app_url, own.app_url)
    run_as("playtime_owner", own, "drop policy owner_read on playtime.wallets")
    with pytest.raises(UnsafeDatabase, match="no policy shows wallets to playtime_owner_read"):
        refuse_unsafe(own.app_url, own.owner_read_url)


def test_the_service_says_everything_that_is_wrong_at_once(shared: TestDatabase) -> None:
    with pytest.raises(UnsafeDatabase) as raised:
        refuse_unsafe(shared.superuser_url, shared.superuser_url)
    assert [reason.split(": ")[1] for reason in raised.value.reasons if "superuser" in reason] == [
        "use playtime_app",
        "use playtime_owner_read",
    ]


def test_service_refuses_to_start_as_the_migrator_or_the_backup(shared: TestDatabase) -> None:
    with pytest.raises(UnsafeDatabase, match="is a member of playtime_owner"):
        refuse_unsafe(shared.migrator_url)
    with pytest.raises(UnsafeDatabase, match="has BYPASSRLS"):
        refuse_unsafe(shared.url("playtime_backup"))


def test_the_service_refuses_to_start_as_the_owner_of_a_table(own: TestDatabase) -> None:
    run_as(None, own, "alter table playtime.wallets owner to playtime_app")
    with pytest.raises(UnsafeDatabase, match="owns wallets"):
        refuse_unsafe(own.app_url)


def test_service_refuses_a_table_without_forced_policies(own: TestDatabase) -> None:
    run_as("playtime_owner", own, "alter table playtime.wallets no force row level security")
    with pytest.raises(UnsafeDatabase, match=re.escape("row security of playtime.wallets is not forced")):
        refuse_unsafe(own.app_url)


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        (140020, "PostgreSQL 14 is too old"),
        (150013, "install 15.14"),
        (150014, None),
        (160009, "install 16.10"),
        (170006, None),
        (180000, None),
        (190001, None),
    ],
)
def test_the_service_refuses_servers_with_known_holes(
    shared: TestDatabase, monkeypatch: pytest.MonkeyPatch, version: int, reason: str | None
) -> None:
    monkeypatch.setattr(psycopg.ConnectionInfo, "server_version", version)
    if reason is None:
        refuse_unsafe(shared.app_url)
        return
    with pytest.raises(UnsafeDatabase, match=re.escape(reason)):
        refuse_unsafe(shared.app_url)


def test_the_backups_login_sees_every_row_and_changes_none(own: TestDatabase) -> None:
    operator = "00000000-0000-7000-8000-00000000beef"
    with psycopg.connect(own.superuser_url) as connection:
        connection.execute(
            "insert into playtime.tenants (operator_id, tenant_id, kind, slug, name, status, created_at)"
            " values (%s, %s, 'OPERATOR', 'x', 'X', 'ACTIVE', now())",
            (operator, operator),
        )
    with psycopg.connect(own.url("playtime_backup"), autocommit=True) as connection:
        assert connection.execute("select count(*) from playtime.tenants").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from playtime.tenants")


# --- the page ---------------------------------------------------------------------------------------------


def test_the_page_lists_the_tables_of_the_catalogue(shared: TestDatabase) -> None:
    with psycopg.connect(shared.superuser_url) as connection:
        rows = connection.execute(
            "select c.relname, has_table_privilege('playtime_app', c.oid, 'update'), c.relrowsecurity"
            " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = 'playtime' and c.relkind = 'r' order by 1"
        ).fetchall()
    text = PAGE.read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \| (tenant|global) \| ([a-z, ]+) \|", text, re.MULTILINE)
    expected = []
    for name, updates, secured in rows:
        verbs = "select, insert, update" if updates else "select, insert"
        expected.append((name, "tenant", verbs) if secured else (name, "global", "select"))
    assert sorted(listed) == sorted(expected)
    assert "make test-rls" in text


# --- the rights of the login ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("revoke insert on playtime.{0} from playtime_app", "may not INSERT {0}: grant it"),
        ("revoke select on playtime.{0} from playtime_app", "may not SELECT {0}: grant it"),
        ("grant delete on playtime.{0} to playtime_app", "may DELETE {0}: revoke it"),
        ("grant truncate on playtime.{0} to playtime_app", "may TRUNCATE {0}: revoke it"),
        ("grant references on playtime.{0} to public", "may REFERENCES {0}: revoke it"),
    ],
)
def test_start_compares_the_rights_on_every_table(own: TestDatabase, statement: str, reason: str) -> None:
    with psycopg.connect(own.superuser_url) as connection:
        for table in OWNED:
            connection.execute(statement.format(table).encode())
            connection.execute("set local role playtime_app")
            found = list(privilege_reasons(connection, "playtime_app"))
            assert f"the login playtime_app {reason.format(table)}" in found
            connection.rollback()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("grant update on playtime.ledger_events to playtime_app", "may UPDATE ledger_events: revoke it"),
        ("grant update (meta) on playtime.ledger_events to playtime_app", "may UPDATE ledger_events"),
        ("grant insert on playtime.directory to playtime_app", "may INSERT directory: revoke it"),
        ("revoke execute on function playtime.secret_register(text, bytea) from playtime_app",
         "may not EXECUTE secret_register: grant it"),
        ("grant execute on function playtime.secure(text, text, boolean) to playtime_app",
         "may EXECUTE secure: revoke it"),
        ("grant create on schema playtime to playtime_app", "may CREATE playtime: revoke it"),
    ],
)  # fmt: skip
def test_start_names_a_right_too_many_or_too_few(own: TestDatabase, statement: str, reason: str) -> None:
    refuse_unsafe(own.app_url, own.owner_read_url)
    run_as(None, own, statement)
    with pytest.raises(UnsafeDatabase, match=re.escape(f"the login playtime_app {reason}")):
        refuse_unsafe(own.app_url)


def test_owners_read_login_does_not_serve(shared: TestDatabase) -> None:
    with pytest.raises(UnsafeDatabase) as raised:
        refuse_unsafe(shared.owner_read_url)
    (insert,) = (reason for reason in raised.value.reasons if "may not INSERT" in reason)
    assert insert.startswith("the login playtime_owner_read may not INSERT account_total_watermarks, ")
    assert insert.endswith(" more: use playtime_app")
    assert any("default_transaction_read_only is on" in reason for reason in raised.value.reasons)
    assert "\n" not in str(raised.value)


def test_owners_reads_with_a_right_to_write_are_refused(own: TestDatabase) -> None:
    run_as(None, own, "grant insert on playtime.wallets to playtime_owner_read")
    with pytest.raises(UnsafeDatabase, match="playtime_owner_read may INSERT wallets: revoke it"):
        refuse_unsafe(own.app_url, own.owner_read_url)
