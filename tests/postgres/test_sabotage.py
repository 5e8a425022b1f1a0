"""More sabotages, each on a copy of its own: which rule, which object and which cell of the matrix give it away.

Those of test_isolation_sabotage are held to the rules alone; these are the subtle ones beside them.
"""

from collections.abc import Iterator
from typing import Final

import psycopg
import pytest
from attrs import frozen

from playtime.adapters.postgres.admin.roles import APP, OWNER, provision
from playtime.adapters.postgres.admin.startup import UnsafeDatabase, refuse_unsafe
from playtime.adapters.postgres.isolation.check import check_isolation

from support.postgres.database import PASSWORDS, TestDatabase, fresh_database

pytestmark = pytest.mark.rls

Findings = set[tuple[str, str]]

POLICY = "alter policy tenant on playtime.players"
MINE = "operator_id = any (array[nullif(current_setting('app.operator_id', true), '')::uuid])"
NOBODY = "nullif(current_setting('app.operator_id', true), '') is null"
THE_OPERATOR = "operator_id = any (array[nullif(current_setting('app.tenant_id', true), '')::uuid])"
THE_TENANT = "tenant_id = any (array[nullif(current_setting('app.tenant_id', true), '')::uuid])"
BLESSED = f"{MINE} and ({THE_OPERATOR} or {THE_TENANT})"
PARTS = "playtime.parts"
"""A table that is made as it should be, but for what a sabotage says."""
COLUMNS = "operator_id uuid not null, tenant_id uuid not null, part_id uuid not null"
SECURED = f"""
    alter table {PARTS} enable row level security;
    alter table {PARTS} force row level security;
    create policy tenant on {PARTS} for all to playtime_app using ({BLESSED}) with check ({BLESSED});
    create policy owner_read on {PARTS} for select to playtime_owner_read using (true);
    grant select on {PARTS} to playtime_owner_read;
    grant select, insert, update on {PARTS} to playtime_app;
"""


OF_PLAYERS: Final = ("bonuses", "revealed_seeds", "rounds", "safety_actions", "sessions")
"""The tables whose rows refer to a player: nobody who sees none can write them."""


@frozen
class Sabotage:
    """Damage to a database, the role that does it, and the findings: rules with objects, cells of the matrix."""

    name: str
    sql: str
    found: Findings
    cells: tuple[str, ...] = ()
    by: str | None = OWNER
    """None: a superuser."""

    def __str__(self) -> str:
        """Return its name."""
        return self.name


SABOTAGES = (
    # -- row security and its policies
    Sabotage(
        "no force",
        "alter table playtime.players no force row level security",
        {("row-security", "players"), ("matrix", "players")},
        ("select by the tables' owner for the agent's row is allowed",),
    ),
    Sabotage(
        "row security disabled",
        "alter table playtime.players disable row level security",
        {("row-security", "players"), ("matrix", "players")},
        (
            "select by another operator for the agent's row is allowed",
            "select by nobody for the agent's row is allowed",
            "move by the operator for its own row is allowed",
        ),
    ),
    Sabotage(
        "stray policy for writing",
        "create policy stray on playtime.vouchers for insert to playtime_app with check (true)",
        {("policies", "vouchers"), ("matrix", "vouchers")},
        ("insert by another operator for the agent's row is allowed",),
    ),
    Sabotage(
        "fail-open policy",
        f"{POLICY} using (({BLESSED}) or {NOBODY}) with check ({BLESSED})",
        {("policies", "players"), ("matrix", "players")},
        ("select by nobody for the agent's row is allowed",),
    ),
    Sabotage(
        "policy with a default tenant",
        f"{POLICY} using (operator_id = coalesce(nullif(current_setting('app.operator_id', true), '')::uuid,"
        " operator_id))",
        {("policies", "players"), ("matrix", "players")},
        ("select by nobody for the agent's row is allowed",),
    ),
    Sabotage(
        "no check of what is written",
        f"drop policy tenant on playtime.players; create policy tenant on playtime.players to playtime_app"
        f" using ({BLESSED})",
        {("policies", "players")},  # USING stands in for it, so that no cell differs; the rule wants it said
    ),
    Sabotage(
        "policy to public",
        f"drop policy tenant on playtime.players; create policy tenant on playtime.players to public"
        f" using ({BLESSED}) with check ({BLESSED})",
        {("policies", "players"), ("matrix", "players")},
        ("select by the tables' owner, bound, for the operator's row is allowed",),
    ),
    Sabotage(
        "policy that admits nobody",
        f"{POLICY} using (false) with check (false)",
        {("policies", "players"), *(("matrix", name) for name in ("players", *OF_PLAYERS))},
    ),
    # -- keys
    Sabotage(
        "key that ends with the operator",
        "create unique index stray on playtime.vouchers (code, operator_id)",
        {("keys", "vouchers")},
    ),
    Sabotage(
        "global exclusion",
        "alter table playtime.vouchers add exclude using btree (code with =)",
        {("keys", "vouchers")},
    ),
    Sabotage(
        "single-column primary key",
        "alter table playtime.attempts drop constraint attempts_pkey, add primary key (subject_id)",
        {("keys", "attempts")},
    ),
    Sabotage(
        "single-column foreign key",
        f"create table {PARTS} ({COLUMNS}, primary key (operator_id, part_id),"
        f" of_tenant uuid references playtime.directory (tenant_id)); {SECURED}",
        {("references", "parts")},
    ),
    Sabotage(
        "table without an operator",
        "create table playtime.parts (part_id uuid primary key, tenant_id uuid not null);"
        "grant select, insert on playtime.parts to playtime_app",
        {(rule, "parts") for rule in ("columns", "keys", "row-security", "policies", "matrix")},
    ),
    # -- objects beside the tables
    Sabotage(
        "granted partition",
        f"create table {PARTS} ({COLUMNS}, primary key (operator_id, part_id)) partition by hash (operator_id);"
        f"create table {PARTS}_0 partition of {PARTS} for values with (modulus 1, remainder 0); {SECURED}"
        f"grant select, insert on {PARTS}_0 to playtime_app",
        {("row-security", "parts_0"), ("policies", "parts_0"), ("matrix", "parts_0")},
        ("select by another operator for the agent's row is allowed",),
    ),
    Sabotage(
        "inheritance child",
        f"create table {PARTS} (primary key (operator_id, tenant_id, subject_id)) inherits (playtime.attempts);"
        f"grant select, insert on {PARTS} to playtime_app",
        {("row-security", "parts"), ("policies", "parts"), ("matrix", "parts")},
        ("select by another operator for the agent's row is allowed",),
    ),
    Sabotage(
        "identity column",
        "alter table playtime.rounds add column number bigint generated always as identity",
        {("kind-of-object", "rounds_number_seq"), ("matrix", "rounds")},
    ),
    Sabotage(
        "sequence in another schema",
        "create sequence public.numbers; grant usage on schema public to playtime_app;"
        "grant usage on sequence public.numbers to playtime_app",
        {("elsewhere", "public.numbers")},
        by=None,
    ),
    Sabotage(
        "definer function in another schema",
        "create function public.peek() returns bigint language sql security definer"
        " as 'select count(*) from playtime.players'; grant usage on schema public to playtime_app",
        {("functions", "peek")},
        by=None,
    ),
    # -- grants
    Sabotage(
        "references",
        "grant references on playtime.players to playtime_app",
        {("grants", "players")},
    ),
    Sabotage(
        "grant that may be handed on",
        "grant select on playtime.players to playtime_app with grant option",
        {("grants", "players")},
    ),
    Sabotage("new schemas", "grant create on database {0} to playtime_app", {("creation", "{0}")}, by=None),
    Sabotage("to everybody", "grant create on schema public to public", {("creation", "public")}, by=None),
)


@pytest.fixture
def own() -> Iterator[TestDatabase]:
    """A database to be sabotaged."""
    with fresh_database() as database:
        yield database


def _run(database: TestDatabase, statements: str, *, by: str | None) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        if by is not None:
            connection.execute(f"set role {by}".encode())
        connection.execute(statements.encode())


def test_a_copy_that_nobody_touched_is_clean(own: TestDatabase) -> None:
    """Permitted access is checked as well: a check that reports everything would be useless."""
    report = check_isolation(own.app_url, own.superuser_url)
    assert report.findings == []
    refuse_unsafe(own.app_url)


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=str)
def test_a_sabotage_is_given_away(own: TestDatabase, sabotage: Sabotage) -> None:
    _run(own, sabotage.sql.format(own.name), by=sabotage.by)
    report = check_isolation(own.app_url, own.superuser_url)
    assert not report.clean
    wanted = {(rule, subject.format(own.name)) for rule, subject in sabotage.found}
    assert {(finding.rule, finding.subject) for finding in report.findings} == wanted
    messages = {finding.message for finding in report.findings if finding.rule == "matrix"}
    assert messages >= set(sabotage.cells)


# --- roles: they are the whole cluster's, so that each is put right again --------------------------------

ROLES = (
    ("app inherits", "alter role playtime_app inherit", "select 1", ("role-rights", APP)),
    (
        "app is a member of a member",
        "create role playtime_stray; grant playtime_owner to playtime_stray; grant playtime_stray to playtime_app",
        "drop role playtime_stray",
        ("role-membership", APP),
    ),
    ("owner may log in", "alter role playtime_owner login", "select 1", ("role-rights", OWNER)),
)


@pytest.mark.parametrize(("name", "sql", "undo", "found"), ROLES, ids=[name for name, *_ in ROLES])
def test_a_role_with_too_many_rights_is_given_away(
    own: TestDatabase, name: str, sql: str, undo: str, found: tuple[str, str]
) -> None:
    try:
        _run(own, sql, by=None)
        report = check_isolation(own.app_url, own.superuser_url)
        assert found in {(finding.rule, finding.subject) for finding in report.findings}
        if found[1] == APP and name != "app inherits":
            with pytest.raises(UnsafeDatabase):
                refuse_unsafe(own.app_url)
    finally:
        _run(own, undo, by=None)
        provision(own.cluster.postgres.superuser_url(), own.name, PASSWORDS)
    assert check_isolation(own.app_url, own.superuser_url).clean
