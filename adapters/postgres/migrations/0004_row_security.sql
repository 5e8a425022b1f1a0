-- Who sees and does what: one policy for the app's login and a visible one for the platform owner's reads, on
-- every tenant-owned table; and only the verbs that are used.

grant usage on schema playtime to playtime_app, playtime_owner_read, playtime_backup;

do $$
declare
    owned text;
    -- any (array[...]) rather than =: it uses the index, needs no sub-select and passes outer joins. nullif,
    -- because a setting that was local to an ended transaction is '' and not null.
    of_operator constant text :=
        $p$operator_id = any (array[nullif(current_setting('app.operator_id', true), '')::uuid])$p$;
    own constant text :=
        $p$ = any (array[nullif(current_setting('app.tenant_id', true), '')::uuid])$p$;
    visible constant text := format('%s and (operator_id%s or tenant_id%2$s)', of_operator, own);
begin
    foreach owned in array array[
        'answers', 'attempts', 'bonuses', 'ledger_events', 'players', 'rounds', 'sessions', 'staff',
        'staff_sessions', 'tenants', 'vouchers', 'wallets'
    ] loop
        execute format('alter table playtime.%I enable row level security', owned);
        execute format('alter table playtime.%I force row level security', owned);
        execute format(
            'create policy tenant on playtime.%I for all to playtime_app using (%s) with check (%2$s)', owned, visible
        );
        execute format('create policy owner_read on playtime.%I for select to playtime_owner_read using (true)', owned);
        execute format('grant select, insert on playtime.%I to playtime_app', owned);
        execute format('grant select on playtime.%I to playtime_owner_read', owned);
    end loop;
end
$$;

-- The ledger, rounds and answers are facts: they are never updated. Nothing is ever deleted.
grant update on
    playtime.attempts,
    playtime.bonuses,
    playtime.players,
    playtime.sessions,
    playtime.staff,
    playtime.staff_sessions,
    playtime.tenants,
    playtime.vouchers,
    playtime.wallets
to playtime_app;

grant select on playtime.directory, playtime.schema_migrations to playtime_app, playtime_owner_read;
revoke all on function playtime.directory_register(uuid, uuid, text, text, text, text) from public;
grant execute on function playtime.directory_register(uuid, uuid, text, text, text, text) to playtime_app;

grant select on all tables in schema playtime to playtime_backup;
alter default privileges in schema playtime grant select on tables to playtime_backup;
