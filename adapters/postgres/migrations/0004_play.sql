-- Players, their sessions and rounds.

create table playtime.players (
    operator_id uuid not null,
    tenant_id uuid not null,
    player_id uuid not null,
    login_code text not null,
    pin_key_id text not null,
    pin_generation integer not null,
    balance_minor bigint not null,
    last_seq bigint not null,
    status text not null,
    cashier_id uuid,
    region text,
    created_at timestamptz not null,
    last_active_at timestamptz not null,
    -- Server seeds derive from secrets of the service; none is stored before it is spent.
    seed_key_id text not null,
    seed_number integer not null,
    seed_nonce bigint not null,
    client_seed text not null,
    -- Null without a pass; set once.
    pass_id uuid,
    last_session_id uuid,
    -- Set by sweeps alone, if it is later than the last activity: idle time counts from here.
    idle_from timestamptz,
    -- The hour from which idle time counts. The database calculates it; no program writes it.
    idle_hour timestamptz not null
        generated always as (date_bin('1 hour', greatest(last_active_at, idle_from), '2000-01-01 00:00:00+00')) stored,
    constraint players_pkey primary key (operator_id, player_id),
    constraint players_tenant_fkey foreign key (operator_id, tenant_id)
        references playtime.tenants (operator_id, tenant_id),
    constraint players_pass_fkey foreign key (operator_id, pass_id)
        references playtime.play_passes (operator_id, pass_id),
    constraint players_balance_check check (balance_minor >= 0),
    constraint players_last_seq_check check (last_seq >= 0),
    constraint players_status_check check (status in ('OPEN', 'CLOSED')),
    constraint players_seed_check check (seed_number >= 1 and seed_nonce >= 0)
) with (fillfactor = 70);

-- `is not null` is always true. It keeps the planner from an index unless its second column is asked for. An operator
-- that is newer than the statistics seems to have no rows, so that any index would do to find one of its players.
create unique index players_login_code_key on playtime.players (operator_id, login_code)
    where login_code is not null;

create index players_tenant on playtime.players (operator_id, tenant_id, player_id) where tenant_id is not null;

create index players_status on playtime.players (operator_id, status, player_id) where status is not null;

create index players_created_at on playtime.players (operator_id, created_at) where created_at is not null;

-- Finds idle players, those idle longest first, without a look at all others. Hours, because an index on the time of the
-- last activity would change with every spin, and with it all other indexes of the table.
create index players_idle on playtime.players (operator_id, idle_hour) where status = 'OPEN';

create table playtime.sessions (
    operator_id uuid not null,
    tenant_id uuid not null,
    session_id uuid not null,
    player_id uuid not null,
    started_at timestamptz not null,
    last_active_at timestamptz not null,
    start_balance_minor bigint not null,
    end_balance_minor bigint not null,
    spins bigint not null,
    bets_minor bigint not null,
    wins_minor bigint not null,
    games text[] not null,
    ended_at timestamptz,
    end_reason text,
    refresh_generation integer not null,
    refreshed_at timestamptz,
    loss_limit_minor bigint,
    -- The last acknowledged reality check.
    checked_at timestamptz,
    -- The sessions that this one continues: their totals, and the start of the first.
    earlier_bets_minor bigint not null,
    earlier_wins_minor bigint not null,
    play_began_at timestamptz,
    constraint sessions_pkey primary key (operator_id, session_id),
    constraint sessions_player_fkey foreign key (operator_id, player_id)
        references playtime.players (operator_id, player_id),
    constraint sessions_totals_check check (spins >= 0 and bets_minor >= 0 and wins_minor >= 0),
    constraint sessions_earlier_check check (earlier_bets_minor >= 0 and earlier_wins_minor >= 0),
    constraint sessions_end_check check ((ended_at is null) = (end_reason is null)),
    constraint sessions_end_reason_check
        check (end_reason in ('IDLE', 'LOGOUT', 'PLAYER_CLOSED', 'REFRESH_REUSED', 'EXPIRED')),
    constraint sessions_generation_check check (refresh_generation >= 1),
    constraint sessions_loss_limit_check check (loss_limit_minor between 0 and 1000000000000)
) with (fillfactor = 70);

create unique index sessions_open_key on playtime.sessions (operator_id, player_id) where ended_at is null;

create index sessions_player on playtime.sessions (operator_id, player_id, session_id) where player_id is not null;

-- Written once, by the statement that writes the player and the stored answer. The key of the answers ensures that an
-- action id is played once. The game's version and the player's seed decide the outcome.
create table playtime.rounds (
    operator_id uuid not null,
    tenant_id uuid not null,
    round_id uuid not null,
    player_id uuid not null,
    session_id uuid not null,
    action_id text not null,
    game_key text not null,
    stake_minor bigint not null,
    win_minor bigint not null,
    bonus_minor bigint not null,
    balance_minor bigint not null,
    outcome jsonb not null,
    played_at timestamptz not null,
    game_version text not null,
    seed_number integer not null,
    nonce bigint not null,
    constraint rounds_pkey primary key (operator_id, round_id),
    constraint rounds_player_fkey foreign key (operator_id, player_id)
        references playtime.players (operator_id, player_id),
    constraint rounds_stake_check check (stake_minor between 1 and 1000000000000),
    constraint rounds_win_check check (win_minor between 0 and 1000000000000),
    constraint rounds_bonus_check check (bonus_minor >= 0),
    constraint rounds_balance_check check (balance_minor >= 0)
);

create index rounds_player on playtime.rounds (operator_id, player_id, round_id);

select playtime.secure('players', 'select, insert, update');
select playtime.secure('sessions', 'select, insert, update');
select playtime.secure('rounds', 'select, insert');
