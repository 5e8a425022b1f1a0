-- Player protection: the settings of tenants, and the actions that were taken.

create table playtime.safety_settings (
    operator_id uuid not null,
    tenant_id uuid not null,
    enforce text not null,
    timezone text not null,
    policy jsonb not null,
    changed_by uuid,
    changed_at timestamptz,
    constraint safety_settings_pkey primary key (operator_id, tenant_id),
    constraint safety_settings_tenant_fkey foreign key (operator_id, tenant_id)
        references playtime.tenants (operator_id, tenant_id),
    constraint safety_settings_enforce_check check (enforce in ('off', 'cooldown', 'stop'))
);

-- Written once, with the values that led to the action.
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

-- A player's next action depends on the newest of each type, and on the pauses of a day.
create index safety_actions_newest on playtime.safety_actions (operator_id, player_id, action_type, action_id);

create index safety_actions_pauses on playtime.safety_actions (operator_id, player_id, acted_at)
    where pause_seconds is not null;

select playtime.secure('safety_settings', 'select, insert, update');
select playtime.secure('safety_actions', 'select, insert');
