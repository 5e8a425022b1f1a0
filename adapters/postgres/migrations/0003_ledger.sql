-- The ledger: one append-only stream of events; an event that moves money is its transfer.

create table playtime.ledger_events (
    operator_id uuid not null,
    tenant_id uuid not null,
    event_id uuid not null,
    occurred_at timestamptz not null,
    -- The order of a feed is (xact_id, event_id), read below pg_snapshot_xmin: ids are not in commit order.
    xact_id xid8 not null default pg_current_xact_id(),
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
    constraint ledger_events_pkey primary key (operator_id, event_id),
    constraint ledger_events_action_key unique (operator_id, source, actor_id, action_id, event_type),
    constraint ledger_events_player_seq_key unique (operator_id, player_id, player_seq),
    constraint ledger_events_source_check check (source in ('PLAYTIME', 'EXTERNAL')),
    constraint ledger_events_kinds_check check (
        from_kind in ('ISSUANCE', 'TENANT', 'VOUCHER_POOL', 'BONUS_POOL', 'PLAYER', 'HOUSE', 'JACKPOT')
        and to_kind in ('ISSUANCE', 'TENANT', 'VOUCHER_POOL', 'BONUS_POOL', 'PLAYER', 'HOUSE', 'JACKPOT')
    ),
    -- Both sides or none; what moves is positive, and of the rest only games elsewhere report amounts.
    constraint ledger_events_sides_check check (num_nulls(from_kind, from_owner_id, to_kind, to_owner_id) in (0, 4)),
    constraint ledger_events_moves_check check (
        from_kind is null or (source = 'PLAYTIME' and (from_kind, from_owner_id) <> (to_kind, to_owner_id))
    ),
    constraint ledger_events_amount_check check (
        amount_minor between 0 and 1000000000000
        and case when from_kind is null then amount_minor = 0 or source = 'EXTERNAL' else amount_minor > 0 end
    ),
    -- A balance is stated by exactly the accounts that keep one, and is not below a floor of 0.
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

create index ledger_events_tenant on playtime.ledger_events (operator_id, tenant_id, event_id);

-- Sums of the accounts that keep no balance row.
create index ledger_events_from on playtime.ledger_events (operator_id, from_owner_id, from_kind)
    include (amount_minor) where from_kind in ('ISSUANCE', 'VOUCHER_POOL', 'BONUS_POOL', 'HOUSE');

create index ledger_events_to on playtime.ledger_events (operator_id, to_owner_id, to_kind)
    include (amount_minor) where to_kind in ('ISSUANCE', 'VOUCHER_POOL', 'BONUS_POOL', 'HOUSE');
