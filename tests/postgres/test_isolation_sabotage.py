"""Tests of the tests: deliberate sabotages, each of which lint or matrix has to see."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from playtime.adapters.postgres.admin.roles import APP, provision
from playtime.adapters.postgres.admin.startup import UnsafeDatabase, refuse_unsafe

from support.postgres.database import PASSWORDS, TestDatabase
from support.postgres.isolation import findings_in, run_as

pytestmark = pytest.mark.rls

OPEN = "create policy stray on playtime.players for select to playtime_app using (true)"
SABOTAGES = {
    "not enabled": ("alter table playtime.players disable row level security", {"row-security", "matrix"}),
    "not forced": ("alter table playtime.players no force row level security", {"row-security", "matrix"}),
    "stray policy": (OPEN, {"policies", "matrix"}),
    "policy for everybody": (OPEN.replace("playtime_app", "public"), {"policies", "matrix"}),
    "no policy": ("drop policy tenant on playtime.players", {"policies", "matrix"}),
    "policy without the tenant": (
        (
            "alter policy tenant on playtime.players using"
            " (operator_id = any (array[nullif(current_setting('app.operator_id', true), '')::uuid]))"
        ),
        {"policies", "matrix"},
    ),
    "policy that lets rows go": (
        "alter policy tenant on playtime.players with check (true)",
        {"policies", "matrix"},
    ),
    "policy without nullif": (
        (
            "alter policy tenant on playtime.players using"
            " (operator_id = current_setting('app.operator_id', true)::uuid"
            " and tenant_id = current_setting('app.tenant_id', true)::uuid)"
        ),
        {"policies", "matrix"},
    ),
    "numbers of one's siblings": (
        (
            "alter policy tenant on playtime.player_days using"
            " (operator_id = any (array[nullif(current_setting('app.operator_id', true), '')::uuid]))"
        ),
        {"policies", "matrix"},
    ),
    "numbers of every operator": (
        (
            "alter policy tenant on playtime.event_buckets using"
            " (tenant_id >="
            " case when current_setting('app.tenant_id', true) = current_setting('app.operator_id', true)"
            " then '00000000-0000-0000-0000-000000000000'::uuid"
            " else nullif(current_setting('app.tenant_id', true), '')::uuid end)"
        ),
        {"policies", "matrix"},
    ),
    "numbers row by row": (
        (
            "alter policy tenant on playtime.player_sets using"
            " (operator_id = any (array[nullif(current_setting('app.operator_id', true), '')::uuid])"
            " and (operator_id = any (array[nullif(current_setting('app.tenant_id', true), '')::uuid])"
            " or tenant_id = any (array[nullif(current_setting('app.tenant_id', true), '')::uuid])))"
        ),
        {"policies"},
    ),
    "owner's reads may write": (
        (
            "drop policy owner_read on playtime.players;"
            "create policy owner_read on playtime.players to playtime_owner_read using (true);"
            "grant update on playtime.players to playtime_owner_read"
        ),
        {"policies", "grants", "matrix"},
    ),
    "granted delete": ("grant delete on playtime.players to playtime_app", {"grants", "matrix"}),
    "granted truncate": ("grant truncate on playtime.players to playtime_app", {"grants"}),
    "ledger may be updated": ("grant update on playtime.ledger_events to playtime_app", {"grants", "matrix"}),
    "granted on a column": ("grant update (meta) on playtime.ledger_events to playtime_app", {"grants"}),
    "granted to everybody": ("grant select on playtime.players to public", {"grants"}),
    "withdrawn": ("revoke insert on playtime.players from playtime_app", {"matrix"}),
    "directory may be written": ("grant insert on playtime.directory to playtime_app", {"grants", "matrix"}),
    "key without the operator": ("create unique index stray on playtime.players (login_code)", {"keys"}),
    "reference without the operator": (
        (
            "alter table playtime.directory add unique (tenant_id, operator_id);"
            "alter table playtime.players add foreign key (tenant_id) references playtime.directory (tenant_id)"
        ),
        {"references", "matrix"},
    ),
    "reference that deletes": (
        (
            "alter table playtime.sessions drop constraint sessions_player_fkey,"
            " add constraint sessions_player_fkey foreign key (operator_id, player_id)"
            " references playtime.players (operator_id, player_id) on delete cascade"
        ),
        {"references"},
    ),
    "operator may be missing": (
        "alter table playtime.answers drop constraint answers_pkey, alter column operator_id drop not null",
        {"columns", "keys", "matrix"},
    ),
    "view of the owner": (
        (
            "create view playtime.everything as select * from playtime.players;"
            "grant select on playtime.everything to playtime_app"
        ),
        {"kind-of-object"},
    ),
    "materialized view": (
        "create materialized view playtime.everything as select * from playtime.players",
        {"kind-of-object"},
    ),
    "sequence": ("create sequence playtime.numbers", {"kind-of-object"}),
    "trigger": (
        (
            "create function playtime.nothing() returns trigger language plpgsql as 'begin return new; end';"
            "create trigger stray before insert on playtime.players"
            " for each row execute function playtime.nothing()"
        ),
        {"triggers"},
    ),
    "definer function": (
        (
            "create function playtime.peek() returns bigint language sql security definer"
            " as 'select count(*) from playtime.players';"
            "grant execute on function playtime.peek() to playtime_app"
        ),
        {"functions"},
    ),
    "definer without a search path": (
        "alter function playtime.directory_register(uuid, uuid, text, text, text, text) reset search_path",
        {"functions"},
    ),
    "callable by everybody": (
        "grant execute on function playtime.directory_register(uuid, uuid, text, text, text, text) to public",
        {"functions"},
    ),
    "may create": ("grant create on schema playtime to playtime_app", {"creation"}),
    "granted in advance": (
        "alter default privileges in schema playtime grant select on tables to playtime_app",
        {"default-privileges"},
    ),
}
AS_SUPERUSER = {
    "temporary tables": ("grant temporary on database {} to playtime_app", {"creation"}),
    "leakproof function": (
        (
            "create function public.leak(text) returns boolean language plpgsql leakproof cost 0.01"
            " as 'begin raise notice $$%$$, $1; return true; end';"
            "revoke all on function public.leak(text) from public"
        ),
        {"functions"},
    ),
    "another's table": ("alter table playtime.players owner to postgres", {"ownership"}),
    "publication": ("create publication everything for table playtime.players", {"publications"}),
    "table in another schema": (
        (
            "grant usage on schema public to playtime_app;"
            "create table public.copies as select * from playtime.players;"
            "grant select on public.copies to playtime_app"
        ),
        {"elsewhere"},
    ),
}


@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_sabotage_is_seen(own: TestDatabase, sabotage: str) -> None:
    statements, rules = SABOTAGES[sabotage]
    run_as("playtime_owner", own, statements)
    assert {rule for rule, _ in findings_in(own)} == rules


@pytest.mark.parametrize("sabotage", AS_SUPERUSER)
def test_a_sabotage_by_a_superuser_is_seen(own: TestDatabase, sabotage: str) -> None:
    statements, rules = AS_SUPERUSER[sabotage]
    run_as(None, own, statements.format(own.name))
    assert {rule for rule, _ in findings_in(own)} == rules


# --- roles: they are the whole cluster's, so that each sabotage is put right again -----------------------


@contextmanager
def _altered(database: TestDatabase, statement: str, undo: str) -> Iterator[None]:
    run_as(None, database, statement)
    try:
        yield
    finally:
        run_as(None, database, undo)
        provision(database.cluster.postgres.superuser_url(), database.name, PASSWORDS)


ROLES = {
    "superuser": ("alter role playtime_app superuser", "", "role-rights", "is a superuser"),
    "bypassrls": ("alter role playtime_app bypassrls", "", "role-rights", "has BYPASSRLS"),
    "createrole": ("alter role playtime_app createrole", "", "role-rights", "may create roles"),
    "member of the owner": (
        "grant playtime_owner to playtime_app",
        "revoke playtime_owner from playtime_app",
        "role-membership",
        "is a member of playtime_owner",
    ),
    "reads all data": (
        "grant pg_read_all_data to playtime_app",
        "revoke pg_read_all_data from playtime_app",
        "role-membership",
        "is a member of pg_read_all_data",
    ),
}


@pytest.mark.parametrize("sabotage", ROLES)
def test_service_refuses_to_start_with_more_rights_than_it_needs(own: TestDatabase, sabotage: str) -> None:
    statement, undo, rule, reason = ROLES[sabotage]
    with _altered(own, statement, undo or "select 1"):
        with pytest.raises(UnsafeDatabase, match=reason):
            refuse_unsafe(own.app_url)
        assert (rule, APP) in findings_in(own)
    refuse_unsafe(own.app_url)


def test_a_binding_that_is_set_for_a_role_is_seen(own: TestDatabase) -> None:
    statement = "alter role playtime_app set app.operator_id = '00000000-0000-7000-8000-000000000000'"
    with _altered(own, statement, "alter role playtime_app reset app.operator_id"):
        assert ("role-settings", APP) in findings_in(own)
