-- The ledger: one append-only stream of events, of which those that move money are its transfers; the totals of its
-- accounts; and the seals over it.

create table playtime.ledger_events (
    operator_id uuid not null,
    tenant_id uuid not null,
    event_id uuid not null,
    occurred_at timestamptz not null,
    source text not null,
    event_type text not null,
    actor_id uuid not null,
    action_id text not null,
    player_id uuid,
    player_seq bigint,
    session_id uuid,
    round_id uuid,
    agent_id uuid,
    cashier_id uuid,
    game_key text,
    provider text,
    region text,
    amount_minor bigint not null,
    from_kind text,
    from_owner_id uuid,
    from_balance_minor bigint,
    to_kind text,
    to_owner_id uuid,
    to_balance_minor bigint,
    meta jsonb not null,
    -- The order of the stream is (era, xact_id, event_id), read below pg_snapshot_xmin: ids are not in commit order.
    -- A restore into another cluster, where transactions are numbered from the start again, begins a new era: it
    -- changes the default of the column (docs/architecture.md).
    era integer not null default 0,
    xact_id xid8 not null default pg_current_xact_id(),
    constraint ledger_events_pkey primary key (operator_id, tenant_id, event_id),
    constraint ledger_events_player_seq_key unique (operator_id, player_id, player_seq),
    constraint ledger_events_source_check check (source in ('PLAYTIME', 'EXTERNAL')),
    constraint ledger_events_kinds_check check (
        from_kind in ('ISSUANCE', 'TENANT', 'VOUCHER_POOL', 'BONUS_POOL', 'PLAYER', 'HOUSE', 'JACKPOT')
        and to_kind in ('ISSUANCE', 'TENANT', 'VOUCHER_POOL', 'BONUS_POOL', 'PLAYER', 'HOUSE', 'JACKPOT')
    ),
    -- A transfer has both sides and a positive amount. Another event has an amount only if it is external.
    constraint ledger_events_sides_check check (num_nulls(from_kind, from_owner_id, to_kind, to_owner_id) in (0, 4)),
    constraint ledger_events_moves_check check (
        from_kind is null or (source = 'PLAYTIME' and (from_kind, from_owner_id) <> (to_kind, to_owner_id))
    ),
    constraint ledger_events_amount_check check (
        amount_minor between 0 and 1000000000000
        and case when from_kind is null then amount_minor = 0 or source = 'EXTERNAL' else amount_minor > 0 end
    ),
    -- Exactly the accounts with a balance row state a balance, which is not below a floor of 0.
    constraint ledger_events_balances_check check (
        (from_balance_minor is not null) = (from_kind is not null and from_kind in ('TENANT', 'PLAYER', 'JACKPOT'))
        and (to_balance_minor is not null) = (to_kind is not null and to_kind in ('TENANT', 'PLAYER', 'JACKPOT'))
    ),
    constraint ledger_events_floor_check check (
        (from_kind not in ('PLAYER', 'JACKPOT') or from_balance_minor >= 0)
        and (to_kind not in ('PLAYER', 'JACKPOT') or to_balance_minor >= 0)
    ),
    constraint ledger_events_player_seq_check check (player_seq >= 1)
);

-- A spin pays for each index, so every index names its query; tests/postgres/test_index_use.py compares the plans.
--
-- `ledger_events_pkey`: the lists of a tenant and of an operator, newest first. An operator's list is read tenant by
-- tenant. `ledger_events_player_seq_key`: a player's events in their order, and the bets after a redemption.

-- Each name of an event is used once. The bets and wins of our own games are named by a spin, of which the key of the
-- stored answers already ensures that it is played once. Also finds external events by their names.
create unique index ledger_events_action_key
    on playtime.ledger_events (operator_id, source, actor_id, action_id, event_type)
    where source = 'EXTERNAL' or event_type not in ('BET', 'WIN');

-- A tenant's events by transaction: the roll-ups of account totals and of buckets, the events that they have not
-- processed yet, the events of a quarter of an hour, and the stream that is sealed, exported and checked.
create index ledger_events_transactions on playtime.ledger_events (operator_id, tenant_id, xact_id);

-- The same stream in the eras after the first, which only a restore into another cluster begins: there, transactions
-- of two eras have the same ids.
create index ledger_events_stream on playtime.ledger_events (operator_id, era, xact_id, event_id) where era > 0;

-- Times, of a table that is written in their order: a few bytes for many rows, and next to nothing at each write.
-- Short ranges of pages, so that a period that begins within a quarter of an hour reads few other events.
create index ledger_events_occurred_at
    on playtime.ledger_events using brin (operator_id, occurred_at) with (pages_per_range = 16, autosummarize = on);

-- The place of a voucher's redemption among the events of its player. Without statistics the planner takes the
-- smallest of several indexes, which is this one.
create index ledger_events_redemptions on playtime.ledger_events (operator_id, action_id) include (player_seq)
    where event_type = 'VOUCHER_REDEEMED';

create index ledger_events_errors on playtime.ledger_events (operator_id, occurred_at) where event_type = 'ERROR';

-- What the entries of accounts without a balance row add up to, up to the tenant's watermark. The balance is the
-- total plus the entries after it. Totals and watermarks have the tenant of the events, so that each tenant sees
-- totals, watermark and entries together: an agent does not see a row of its operator.
create table playtime.account_totals (
    operator_id uuid not null,
    tenant_id uuid not null,
    account_kind text not null,
    account_id uuid not null,
    balance_minor bigint not null,
    constraint account_totals_pkey primary key (operator_id, tenant_id, account_kind, account_id),
    constraint account_totals_kind_check check (account_kind in ('ISSUANCE', 'VOUCHER_POOL', 'BONUS_POOL', 'HOUSE'))
) with (fillfactor = 70);

-- The newest transaction whose entries are in the totals.
create table playtime.account_total_watermarks (
    operator_id uuid not null,
    tenant_id uuid not null,
    through xid8 not null default '0',
    constraint account_total_watermarks_pkey primary key (operator_id, tenant_id)
) with (fillfactor = 70);

-- The end of a chain of hashes over an operator's events, from one place of the stream to another. The operator's
-- own, and never changed.
create table playtime.seals (
    operator_id uuid not null,
    tenant_id uuid not null,
    number bigint not null,
    first_era integer not null,
    first_xact_id xid8 not null,
    first_event_id uuid not null,
    last_era integer not null,
    last_xact_id xid8 not null,
    last_event_id uuid not null,
    event_count bigint not null,
    previous_hash bytea not null,
    hash bytea not null,
    sealed_at timestamptz not null,
    -- Two processes that seal at once make the same number, and one of them is refused.
    constraint seals_pkey primary key (operator_id, number),
    constraint seals_number_check check (number >= 1),
    constraint seals_count_check check (event_count >= 1),
    constraint seals_hash_check check (octet_length(hash) = 32 and octet_length(previous_hash) = 32)
);

select playtime.secure('ledger_events', 'select, insert');
select playtime.secure('account_totals', 'select, insert, update');
select playtime.secure('account_total_watermarks', 'select, insert, update');
select playtime.secure('seals', 'select, insert');
