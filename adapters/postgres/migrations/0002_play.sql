-- What is played with: vouchers, players, their sessions, bonuses and rounds.

create table playtime.vouchers (
    operator_id uuid not null,
    tenant_id uuid not null,
    voucher_id uuid not null,
    code text not null,
    pin_key_id text not null,
    pin_generation integer not null,
    amount_minor bigint not null,
    bonus_minor bigint not null,
    issued_by uuid not null,
    issued_at timestamptz not null,
    expires_at timestamptz not null,
    status text not null,
    closed_at timestamptz,
    player_id uuid,
    constraint vouchers_pkey primary key (operator_id, voucher_id),
    constraint vouchers_code_key unique (operator_id, code),
    constraint vouchers_tenant_fkey foreign key (operator_id, tenant_id)
        references playtime.tenants (operator_id, tenant_id),
    constraint vouchers_amount_check check (amount_minor between 1 and 1000000000000),
    constraint vouchers_bonus_check check (bonus_minor = amount_minor / 2),
    constraint vouchers_status_check check (status in ('ISSUED', 'REDEEMED', 'VOIDED', 'EXPIRED')),
    constraint vouchers_closed_check check ((status = 'ISSUED') = (closed_at is null)),
    constraint vouchers_player_check check ((status = 'REDEEMED') = (player_id is not null))
);

create index vouchers_tenant on playtime.vouchers (operator_id, tenant_id, voucher_id);

create index vouchers_issued on playtime.vouchers (operator_id, tenant_id)
    include (amount_minor, bonus_minor) where status = 'ISSUED';

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
    constraint players_pkey primary key (operator_id, player_id),
    constraint players_login_code_key unique (operator_id, login_code),
    constraint players_tenant_fkey foreign key (operator_id, tenant_id)
        references playtime.tenants (operator_id, tenant_id),
    constraint players_balance_check check (balance_minor >= 0),
    constraint players_last_seq_check check (last_seq >= 0),
    constraint players_status_check check (status in ('OPEN', 'CLOSED'))
) with (fillfactor = 70);

create index players_tenant on playtime.players (operator_id, tenant_id, player_id);

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
    constraint sessions_pkey primary key (operator_id, session_id),
    constraint sessions_player_fkey foreign key (operator_id, player_id)
        references playtime.players (operator_id, player_id),
    constraint sessions_totals_check check (spins >= 0 and bets_minor >= 0 and wins_minor >= 0),
    constraint sessions_end_check check ((ended_at is null) = (end_reason is null)),
    constraint sessions_end_reason_check check (end_reason in ('IDLE', 'LOGOUT', 'PLAYER_CLOSED')),
    constraint sessions_generation_check check (refresh_generation >= 1)
) with (fillfactor = 70);

create unique index sessions_open_key on playtime.sessions (operator_id, player_id) where ended_at is null;

create index sessions_player on playtime.sessions (operator_id, player_id, session_id);

create table playtime.bonuses (
    operator_id uuid not null,
    tenant_id uuid not null,
    bonus_id uuid not null,
    player_id uuid not null,
    voucher_id uuid not null,
    amount_minor bigint not null,
    status text not null,
    held_at timestamptz not null,
    triggered_at timestamptz,
    acknowledged_at timestamptz,
    constraint bonuses_pkey primary key (operator_id, bonus_id),
    constraint bonuses_voucher_key unique (operator_id, voucher_id),
    constraint bonuses_player_fkey foreign key (operator_id, player_id)
        references playtime.players (operator_id, player_id),
    constraint bonuses_voucher_fkey foreign key (operator_id, voucher_id)
        references playtime.vouchers (operator_id, voucher_id),
    constraint bonuses_amount_check check (amount_minor between 1 and 1000000000000),
    constraint bonuses_status_check check (status in ('PENDING', 'TRIGGERED', 'ACKNOWLEDGED', 'RETURNED'))
);

-- Those that a player's next operation depends on; and what a tenant's bonus pool is held against.
create index bonuses_open on playtime.bonuses (operator_id, player_id, bonus_id)
    where status in ('PENDING', 'TRIGGERED');

create index bonuses_pending on playtime.bonuses (operator_id, tenant_id)
    include (amount_minor) where status = 'PENDING';

-- Written once, by the statement that writes the player it belongs to.
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
    constraint rounds_pkey primary key (operator_id, round_id),
    constraint rounds_action_key unique (operator_id, player_id, action_id),
    constraint rounds_player_fkey foreign key (operator_id, player_id)
        references playtime.players (operator_id, player_id),
    constraint rounds_stake_check check (stake_minor between 1 and 1000000000000),
    constraint rounds_win_check check (win_minor between 0 and 1000000000000),
    constraint rounds_bonus_check check (bonus_minor >= 0),
    constraint rounds_balance_check check (balance_minor >= 0)
);

create index rounds_player on playtime.rounds (operator_id, player_id, round_id);
