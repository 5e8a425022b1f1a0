-- A player's own limits and breaks: what they stand on, for every account that is tied to it.
--
-- Limits and hours are a few small numbers that are read and written together with their pass, once a round: they
-- stand in its row, which is locked before the players that are tied to it.

create table playtime.play_passes (
    operator_id uuid not null,
    tenant_id uuid not null,
    pass_id uuid not null,
    code text not null,
    created_at timestamptz not null,
    limits jsonb not null,
    excluded_as text,
    excluded_since timestamptz,
    excluded_until timestamptz,
    hours jsonb not null,
    played_at timestamptz,
    constraint play_passes_pkey primary key (operator_id, pass_id),
    constraint play_passes_code_key unique (operator_id, code),
    constraint play_passes_tenant_fkey foreign key (operator_id, tenant_id)
        references playtime.tenants (operator_id, tenant_id),
    constraint play_passes_exclusion_check check (
        num_nulls(excluded_as, excluded_since, excluded_until) in (0, 3) and excluded_since < excluded_until
    ),
    constraint play_passes_excluded_as_check check (excluded_as in ('COOL_OFF', 'SELF_EXCLUSION'))
) with (fillfactor = 70);

-- Null for whoever has no pass, and set once. Not valid: there is nothing to look through in a column that is new.
alter table playtime.players
    add column pass_id uuid,
    add constraint players_pass_fkey foreign key (operator_id, pass_id)
        references playtime.play_passes (operator_id, pass_id) not valid;

-- When the player last acknowledged a reality check of the session.
alter table playtime.sessions
    add column checked_at timestamptz;

do $$
declare
    -- As in 0004, letter by letter; the lint compares.
    of_operator constant text :=
        $p$operator_id = any (array[nullif(current_setting('app.operator_id', true), '')::uuid])$p$;
    own constant text :=
        $p$ = any (array[nullif(current_setting('app.tenant_id', true), '')::uuid])$p$;
    visible constant text := format('%s and (operator_id%s or tenant_id%2$s)', of_operator, own);
begin
    alter table playtime.play_passes enable row level security;
    alter table playtime.play_passes force row level security;
    execute format(
        'create policy tenant on playtime.play_passes for all to playtime_app using (%s) with check (%1$s)', visible
    );
    create policy owner_read on playtime.play_passes for select to playtime_owner_read using (true);
    grant select, insert, update on playtime.play_passes to playtime_app;
    grant select on playtime.play_passes to playtime_owner_read;
end
$$;
