-- Looking after players: what a tenant has set, what was done, and the loss that a player wants to stay within.

alter table playtime.sessions
    add column loss_limit_minor bigint,
    add constraint sessions_loss_limit_check check (loss_limit_minor between 0 and 1000000000000) not valid;

create table playtime.safety_settings (
    operator_id uuid not null,
    tenant_id uuid not null,
    enforce text not null,
    zone text not null,
    policy jsonb not null,
    changed_by uuid,
    changed_at timestamptz,
    constraint safety_settings_pkey primary key (operator_id, tenant_id),
    constraint safety_settings_tenant_fkey foreign key (operator_id, tenant_id)
        references playtime.tenants (operator_id, tenant_id),
    constraint safety_settings_enforce_check check (enforce in ('off', 'cooldown', 'stop'))
);

-- Written once, with the figures that led to it; never changed.
create table playtime.safety_actions (
    operator_id uuid not null,
    tenant_id uuid not null,
    action_id uuid not null,
    player_id uuid not null,
    session_id uuid not null,
    acted_at timestamptz not null,
    action_type text not null,
    cause text not null,
    score integer,
    band text,
    reasons text[] not null,
    evidence jsonb not null,
    pause_seconds integer,
    game_key text,
    event_type text,
    constraint safety_actions_pkey primary key (operator_id, action_id),
    constraint safety_actions_player_fkey foreign key (operator_id, player_id)
        references playtime.players (operator_id, player_id),
    constraint safety_actions_action_type_check check (action_type in ('NUDGE', 'COOLDOWN', 'STOP')),
    constraint safety_actions_cause_check check (cause in ('EVENT', 'SPIN', 'LOSS_LIMIT')),
    constraint safety_actions_band_check check (band in ('CALM', 'ELEVATED', 'TILT_RISK', 'STOP')),
    constraint safety_actions_score_check check (score between 0 and 100),
    constraint safety_actions_pause_check check (pause_seconds >= 1)
);

create index safety_actions_tenant on playtime.safety_actions (operator_id, tenant_id, action_id);

create index safety_actions_time on playtime.safety_actions (operator_id, tenant_id, acted_at);

create index safety_actions_player on playtime.safety_actions (operator_id, player_id, action_id);

-- What the next action of a player depends on: the newest of a type, and the pauses of a day.
create index safety_actions_newest on playtime.safety_actions (operator_id, player_id, action_type, action_id);

create index safety_actions_pauses on playtime.safety_actions (operator_id, player_id, acted_at)
    where pause_seconds is not null;

do $$
declare
    owned text;
    -- As in 0004, letter by letter; the lint compares.
    of_operator constant text :=
        $p$operator_id = any (array[nullif(current_setting('app.operator_id', true), '')::uuid])$p$;
    own constant text :=
        $p$ = any (array[nullif(current_setting('app.tenant_id', true), '')::uuid])$p$;
    visible constant text := format('%s and (operator_id%s or tenant_id%2$s)', of_operator, own);
begin
    foreach owned in array array['safety_actions', 'safety_settings'] loop
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

grant update on playtime.safety_settings to playtime_app;
