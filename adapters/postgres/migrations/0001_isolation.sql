-- Row security for every table that belongs to tenants, and the rights of the roles on the schema.
--
-- Rules of every migration: names are qualified. A table of tenants has operator_id first in every key and tenant_id
-- beside it. The application makes the keys: there are no sequences and no triggers. A row that is often updated
-- leaves room on its page (fillfactor), so that an update touches no index.

grant usage on schema playtime to playtime_app, playtime_owner_read, playtime_backup;
grant select on playtime.schema_migrations to playtime_app, playtime_owner_read, playtime_backup;
alter default privileges in schema playtime grant select on tables to playtime_backup;

-- Secure a table of tenants: one policy for the application's login, a visible one for the platform owner's reads,
-- and only the verbs that the application uses. No verb may be DELETE: nothing is ever deleted. Ledger, rounds and
-- answers get no UPDATE either, because they never change.
--
-- Both forms of the condition say the same: an operator sees all of its rows, any other tenant only its own. By
-- range, an index that holds the tenant checks the condition once for a whole scan. Row by row, that check is most
-- of the cost of a report over a month. The lint compares both forms with its own text.
--
-- `any (array[...])` instead of `=`: it uses the index, needs no sub-select and passes outer joins. `nullif`: a
-- setting that was local to an ended transaction is '' and not null.
create function playtime.secure(p_table text, p_verbs text, p_by_range boolean default false) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    of_operator constant text :=
        $p$operator_id = any (array[nullif(current_setting('app.operator_id', true), '')::uuid])$p$;
    own constant text :=
        $p$ = any (array[nullif(current_setting('app.tenant_id', true), '')::uuid])$p$;
    row_by_row constant text := format('(operator_id%s or tenant_id%1$s)', own);
    range_end constant text := $p$case when current_setting('app.tenant_id', true)
        = current_setting('app.operator_id', true) then %L::uuid
        else nullif(current_setting('app.tenant_id', true), '')::uuid end$p$;
    by_range constant text := format(
        'tenant_id >= %s and tenant_id <= %s',
        format(range_end, '00000000-0000-0000-0000-000000000000'),
        format(range_end, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    );
    visible constant text := of_operator || ' and ' || case when p_by_range then by_range else row_by_row end;
begin
    execute format('alter table playtime.%I enable row level security', p_table);
    execute format('alter table playtime.%I force row level security', p_table);
    execute format(
        'create policy tenant on playtime.%I for all to playtime_app using (%s) with check (%2$s)', p_table, visible
    );
    execute format('create policy owner_read on playtime.%I for select to playtime_owner_read using (true)', p_table);
    execute format('grant %s on playtime.%I to playtime_app', p_verbs, p_table);
    execute format('grant select on playtime.%I to playtime_owner_read', p_table);
end
$$;

revoke all on function playtime.secure(text, text, boolean) from public;
