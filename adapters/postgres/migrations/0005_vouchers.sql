-- Vouchers, and the bonuses that come with them.

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
    batch_id uuid not null,
    number integer not null,
    prints integer not null,
    constraint vouchers_pkey primary key (operator_id, voucher_id),
    constraint vouchers_code_key unique (operator_id, code),
    constraint vouchers_tenant_fkey foreign key (operator_id, tenant_id)
        references playtime.tenants (operator_id, tenant_id),
    constraint vouchers_amount_check check (amount_minor between 1 and 1000000000000),
    constraint vouchers_bonus_check check (bonus_minor = amount_minor / 2),
    constraint vouchers_status_check check (status in ('ISSUED', 'REDEEMED', 'VOIDED', 'EXPIRED')),
    constraint vouchers_closed_check check ((status = 'ISSUED') = (closed_at is null)),
    constraint vouchers_player_check check ((status = 'REDEEMED') = (player_id is not null)),
    constraint vouchers_batch_check check (number >= 1 and prints >= 0)
);

create index vouchers_tenant on playtime.vouchers (operator_id, tenant_id, voucher_id);

create index vouchers_status on playtime.vouchers (operator_id, status, voucher_id);

create index vouchers_player on playtime.vouchers (operator_id, player_id, voucher_id) where player_id is not null;

create index vouchers_batch on playtime.vouchers (operator_id, batch_id, number);

create index vouchers_issued_at on playtime.vouchers (operator_id, issued_at);

create index vouchers_redeemed_at on playtime.vouchers (operator_id, closed_at) where status = 'REDEEMED';

create index vouchers_issued on playtime.vouchers (operator_id, tenant_id)
    include (amount_minor, bonus_minor) where status = 'ISSUED';

create index vouchers_due on playtime.vouchers (operator_id, expires_at, voucher_id) where status = 'ISSUED';

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
    cashier_id uuid not null,
    constraint bonuses_pkey primary key (operator_id, bonus_id),
    constraint bonuses_voucher_key unique (operator_id, voucher_id),
    constraint bonuses_player_fkey foreign key (operator_id, player_id)
        references playtime.players (operator_id, player_id),
    constraint bonuses_voucher_fkey foreign key (operator_id, voucher_id)
        references playtime.vouchers (operator_id, voucher_id),
    constraint bonuses_amount_check check (amount_minor between 1 and 1000000000000),
    constraint bonuses_status_check check (status in ('PENDING', 'TRIGGERED', 'ACKNOWLEDGED', 'RETURNED'))
);

-- The bonuses that a player's next operation depends on.
create index bonuses_open on playtime.bonuses (operator_id, player_id, bonus_id)
    where status in ('PENDING', 'TRIGGERED');

-- The sum that a tenant's bonus pool is compared with.
create index bonuses_pending on playtime.bonuses (operator_id, tenant_id)
    include (amount_minor) where status = 'PENDING';

select playtime.secure('vouchers', 'select, insert, update');
select playtime.secure('bonuses', 'select, insert, update');
