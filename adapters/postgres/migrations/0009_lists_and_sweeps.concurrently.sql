-- Indexes for lists, sweeps and folding, on tables that are in use: no write waits for them. Each statement runs by
-- itself, outside of a transaction, and may run again.

-- Vouchers that are due, those due longest first.
create index concurrently if not exists vouchers_due on playtime.vouchers (operator_id, expires_at, voucher_id)
    where status = 'ISSUED';

create index concurrently if not exists vouchers_batch
    on playtime.vouchers (operator_id, coalesce(batch_id, voucher_id), number);

create index concurrently if not exists vouchers_status on playtime.vouchers (operator_id, status, voucher_id);

create index concurrently if not exists vouchers_player on playtime.vouchers (operator_id, player_id, voucher_id)
    where player_id is not null;

create index concurrently if not exists vouchers_issued_at on playtime.vouchers (operator_id, issued_at);

-- Open players by when they were made and not by when they were last active: that changes with every spin, which
-- would then touch every index of the table. Whoever is idle for 30 days is at least as old.
create index concurrently if not exists players_open on playtime.players (operator_id, created_at)
    where status = 'OPEN';

create index concurrently if not exists players_status on playtime.players (operator_id, status, player_id);

create index concurrently if not exists players_created_at on playtime.players (operator_id, created_at);

-- A tenant's movements in the order in which they are folded; what is not folded yet is summed from here alone.
create index concurrently if not exists ledger_events_unfolded
    on playtime.ledger_events (operator_id, tenant_id, xact_id)
    include (from_kind, from_owner_id, to_kind, to_owner_id, amount_minor) where from_kind is not null;

-- Times, of a table that is written in their order: a few bytes for many rows, and next to nothing at each write.
create index concurrently if not exists ledger_events_occurred_at
    on playtime.ledger_events using brin (operator_id, occurred_at) with (autosummarize = on);

-- Sums were read from these before there were folded totals.
drop index concurrently if exists playtime.ledger_events_from;

drop index concurrently if exists playtime.ledger_events_to;
