"""The catalogue lint: rules for roles, tables, policies, grants, keys and functions.

Each rule is a query that returns the objects that break it, with a message. The queries read only PostgreSQL's
catalogue, so that they cover a new table without naming it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
from attrs import frozen

from ..admin.roles import APP, BACKUP, MIGRATOR, OWNER, OWNER_READ, ROLES
from ..records.mapping import SCHEMA
from ..records.tables import DEFINERS, GLOBAL, INSERT_ONLY

RANGED: Final = (
    "rollup_watermarks",
    "event_buckets",
    "outcome_counts",
    "player_days",
    "player_positions",
    "player_quarter_hours",
    "player_sets",
    "transaction_ranges",
    "stake_buckets",
)
"""The tables of which so many rows are read at once that an index must filter them by tenant."""

REFERENCE: Final = """
create table playtime.isolation_reference (operator_id uuid, tenant_id uuid);
create policy row_by_row on playtime.isolation_reference using (
    operator_id = any (array[nullif(current_setting('app.operator_id', true), '')::uuid])
    and (
        operator_id = any (array[nullif(current_setting('app.tenant_id', true), '')::uuid])
        or tenant_id = any (array[nullif(current_setting('app.tenant_id', true), '')::uuid])
    )
);
create policy by_range on playtime.isolation_reference using (
    operator_id = any (array[nullif(current_setting('app.operator_id', true), '')::uuid])
    and tenant_id >= case when current_setting('app.tenant_id', true) = current_setting('app.operator_id', true)
        then '00000000-0000-0000-0000-000000000000'::uuid
        else nullif(current_setting('app.tenant_id', true), '')::uuid end
    and tenant_id <= case when current_setting('app.tenant_id', true) = current_setting('app.operator_id', true)
        then 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid
        else nullif(current_setting('app.tenant_id', true), '')::uuid end
);
"""
"""The correct condition of a policy in both forms, on a table that is rolled back: servers print it differently.

Both show all of its rows to an operator, and to others the rows of their tenant. An unset or empty binding shows
no rows.
"""

PARAMETERS: Final[Mapping[str, Any]] = {
    "schema": SCHEMA,
    "app": APP,
    "owner": OWNER,
    "owner_read": OWNER_READ,
    "backup": BACKUP,
    "migrator": MIGRATOR,
    "roles": list(ROLES),
    "global": sorted(GLOBAL),
    "insert_only": sorted(INSERT_ONLY),
    "definers": list(DEFINERS),
    "ranged": list(RANGED),
}

_NAMED: Final = """
with tables as (
    select c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relowner, c.relacl
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %(schema)s and c.relkind in ('r', 'p')
), owned as (
    select * from tables where relname <> all (%(global)s) and relname <> 'isolation_reference'
), reference as (
    select policyname = 'by_range' as is_ranged, qual from pg_policies where tablename = 'isolation_reference'
), judged as (
    select p.tablename, p.policyname, p.roles = array[%(app)s::name] and p.cmd = 'ALL'
        and p.permissive = 'PERMISSIVE' and p.qual = r.qual and p.with_check = r.qual as is_app,
        p.roles = array[%(owner_read)s::name] and p.cmd = 'SELECT' and p.permissive = 'PERMISSIVE'
        and p.qual = 'true' as is_owner_read
    from pg_policies p join reference r on r.is_ranged = (p.tablename = any (%(ranged)s))
    where p.schemaname = %(schema)s and p.tablename <> 'isolation_reference'
)
"""
"""The input of the rules: all tables, the tables with tenants, and their policies beside the correct condition."""


RULES: Final[Mapping[str, str]] = {
    "role-missing": """
        select wanted, 'the role is not there' from unnest(%(roles)s::text[]) wanted
        where to_regrole(wanted) is null
    """,
    "role-rights": """
        select rolname, 'the role has more rights than it needs: ' || concat_ws(', ',
            case when rolsuper then 'superuser' end,
            case when rolbypassrls and rolname <> %(backup)s then 'bypassrls' end,
            case when rolcreaterole then 'createrole' end, case when rolcreatedb then 'createdb' end,
            case when rolreplication then 'replication' end, case when rolinherit then 'inherit' end,
            case when rolcanlogin and rolname = %(owner)s then 'login' end)
        from pg_roles where rolname = any (%(roles)s) and (
            rolsuper or (rolbypassrls and rolname <> %(backup)s) or rolcreaterole or rolcreatedb or rolreplication
            or rolinherit or (rolcanlogin and rolname = %(owner)s))
    """,
    "role-membership": """
        select member.rolname, 'is a member of ' || role.rolname
        from pg_auth_members m join pg_roles member on member.oid = m.member
        join pg_roles role on role.oid = m.roleid
        where (member.rolname = any (%(roles)s) or role.rolname = any (%(roles)s))
        and (member.rolname, role.rolname) <> (%(migrator)s, %(owner)s)
        and not (member.rolname <> all (%(roles)s) and (member.rolsuper or member.rolcreaterole))
    """,
    "role-settings": """
        select coalesce(r.rolname, 'every role'), 'has a binding set: ' || setting
        from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) setting
        where setting like 'app.%%' or setting like 'row_security=%%'
    """,
    "ownership": """
        select c.relname, 'is owned by ' || pg_get_userbyid(c.relowner)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = %(schema)s and pg_get_userbyid(c.relowner) <> %(owner)s
        union all
        select p.proname, 'is owned by ' || pg_get_userbyid(p.proowner)
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = %(schema)s and pg_get_userbyid(p.proowner) <> %(owner)s
        union all
        select n.nspname, 'is owned by ' || pg_get_userbyid(n.nspowner)
        from pg_namespace n where n.nspname = %(schema)s and pg_get_userbyid(n.nspowner) <> %(owner)s
    """,
    "kind-of-object": """
        select c.relname, case c.relkind
            when 'v' then 'a view reads as its owner: set security_invoker'
            when 'S' then 'a sequence tells tenants how busy the others are'
            else 'rows of a materialized view or foreign table cannot be secured' end
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = %(schema)s and (c.relkind in ('m', 'f', 'S') or (c.relkind = 'v'
            and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on'], false)))
    """,
    "columns": """
        select o.relname, 'lacks a column ' || wanted || ' uuid not null'
        from owned o, unnest(array['operator_id', 'tenant_id']) wanted where not exists (
            select from pg_attribute a where a.attrelid = o.oid and a.attname = wanted and a.attnotnull
            and a.atttypid = 'uuid'::regtype and not a.attisdropped)
    """,
    "row-security": """
        select relname, 'row security is not enabled' from owned where not relrowsecurity
        union all
        select relname, 'row security is not forced: the owner sees everything' from owned
        where not relforcerowsecurity
    """,
    "policies": """
        select tablename, 'the policy ' || policyname || ' is not one of the two blessed ones'
        from judged where not (is_app or is_owner_read)
        union all
        select o.relname, 'lacks the policy of ' || wanted.role
        from owned o, (values (%(app)s), (%(owner_read)s)) wanted (role)
        where 1 <> (
            select count(*) from judged j where j.tablename = o.relname
            and case when wanted.role = %(app)s then j.is_app else j.is_owner_read end)
    """,
    "grants": """
        select t.relname, coalesce(nullif(g.grantee, 0)::regrole::text, 'PUBLIC') || ' may ' || g.privilege_type
        from tables t, aclexplode(t.relacl) g where g.grantee <> t.relowner and not coalesce(
            not g.is_grantable and case g.grantee::regrole::text
                when %(app)s then g.privilege_type = 'SELECT'
                    or (g.privilege_type = 'INSERT' and t.relname <> all (%(global)s))
                    or (g.privilege_type = 'UPDATE' and t.relname <> all (%(global)s || %(insert_only)s::text[]))
                when %(owner_read)s then g.privilege_type = 'SELECT'
                when %(backup)s then g.privilege_type = 'SELECT'
            end, false)
        union all
        select t.relname, 'grants on its column ' || a.attname from tables t
        join pg_attribute a on a.attrelid = t.oid where a.attacl is not null
    """,
    "keys": """
        select o.relname, 'the key ' || i.indexrelid::regclass::text || ' does not start with operator_id'
        from owned o join pg_index i on i.indrelid = o.oid
        left join pg_attribute a on a.attrelid = o.oid and a.attnum = i.indkey[0]
        where a.attname is distinct from 'operator_id'
        union all
        select relname, 'has no primary key' from owned o where not exists (
            select from pg_index i where i.indrelid = o.oid and i.indisprimary)
    """,
    "references": """
        select o.relname, 'the reference ' || c.conname || ' does not go from operator_id to operator_id'
        from owned o join pg_constraint c on c.conrelid = o.oid and c.contype = 'f'
        left join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
        left join pg_attribute b on b.attrelid = c.confrelid and b.attnum = c.confkey[1]
        where (a.attname, b.attname) is distinct from ('operator_id'::name, 'operator_id'::name)
        union all
        select o.relname, 'the reference ' || c.conname || ' changes rows behind the policies'
        from owned o join pg_constraint c on c.conrelid = o.oid and c.contype = 'f'
        where c.confdeltype not in ('a', 'r') or c.confupdtype not in ('a', 'r')
    """,
    "triggers": """
        select t.relname, 'has the trigger ' || g.tgname from tables t join pg_trigger g on g.tgrelid = t.oid
        where not g.tgisinternal
        union all
        select t.relname, 'has the rule ' || r.rulename from tables t join pg_rewrite r on r.ev_class = t.oid
    """,
    "functions": """
        select p.proname, text from pg_proc p join pg_namespace n on n.oid = p.pronamespace, lateral (values
            (p.prosecdef and p.proname <> all (%(definers)s), 'runs with its owner''s rights'),
            (p.prosecdef and not coalesce(
                p.proconfig && array['search_path=pg_catalog, pg_temp', 'search_path=""'], false),
                'runs with its owner''s rights and without a pinned search_path'),
            (p.proleakproof, 'is leakproof: it would run before the policies'),
            (p.proname <> all (%(definers)s) and has_function_privilege(%(app)s, p.oid, 'execute'),
                'may be called by the application'),
            (exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
                where g.grantee = 0),
                'may be called by PUBLIC')
        ) judged (broken, text)
        where n.nspname not in ('pg_catalog', 'information_schema') and broken and (n.nspname = %(schema)s
            or p.prosecdef or p.proleakproof)
    """,
    "creation": """
        select n.nspname, role || ' may create in this schema'
        from pg_namespace n, unnest(array[%(app)s, %(owner_read)s, %(backup)s]) role
        where n.nspname !~ '^pg_(toast|temp)' and has_schema_privilege(role, n.oid, 'create')
        union all
        select current_database(), role || ' may ' || verb || ' in this database'
        from unnest(array[%(app)s, %(owner_read)s, %(backup)s]) role, unnest(array['create', 'temp']) verb
        where has_database_privilege(role, current_database(), verb)
    """,
    "elsewhere": """
        select n.nspname || '.' || c.relname, role || ' reads it, and no policy holds there'
        from pg_class c join pg_namespace n on n.oid = c.relnamespace, unnest(array[%(app)s, %(owner_read)s]) role
        where n.nspname not in (%(schema)s, 'pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'
        and c.relkind in ('r', 'p', 'v', 'm', 'f') and has_schema_privilege(role, n.oid, 'usage')
        and has_table_privilege(role, c.oid, 'select')
        union all
        select n.nspname || '.' || c.relname, role || ' may count with it, and tenants see each other''s steps'
        from pg_class c join pg_namespace n on n.oid = c.relnamespace, unnest(array[%(app)s, %(owner_read)s]) role
        where n.nspname not in (%(schema)s, 'pg_catalog', 'information_schema') and c.relkind = 'S'
        and has_schema_privilege(role, n.oid, 'usage')
        and has_sequence_privilege(role, c.oid, 'usage, select, update')
    """,
    "default-privileges": """
        select coalesce(nullif(g.grantee, 0)::regrole::text, 'PUBLIC'), 'is granted ' || g.privilege_type
            || ' on whatever ' || pg_get_userbyid(d.defaclrole) || ' makes'
        from pg_default_acl d, aclexplode(d.defaclacl) g
        where g.grantee <> d.defaclrole and not (g.grantee <> 0 and g.grantee::regrole::text = %(backup)s
            and g.privilege_type = 'SELECT')
    """,
    "publications": """
        select tablename, 'is published by ' || pubname || ', with every tenant''s rows'
        from pg_publication_tables where schemaname = %(schema)s
    """,
}
"""Rule by id."""


@frozen
class IsolationFault:
    """An object of the database that breaks the isolation of tenants."""

    rule: str
    subject: str
    message: str

    def __str__(self) -> str:
        """Return the fault as a line."""
        return f"{self.rule}: {self.subject}: {self.message}"


def lint(connection: psycopg.Connection[Any]) -> Iterator[IsolationFault]:
    """Yield all faults. The login must be a superuser or may become the owner; all changes are rolled back."""
    with connection.transaction(force_rollback=True):
        connection.execute("set local role playtime_owner")
        connection.execute(REFERENCE)
        for rule, query in RULES.items():
            for subject, message in connection.execute(f"{_NAMED} {query}", PARAMETERS).fetchall():
                yield IsolationFault(rule, subject, message)
