-- Seals: the end of a chain of hashes over an operator's events, kept now and then. They follow the operator itself,
-- whose whole stream they are over, and are never changed.

-- How often the books were restored into another cluster, where transactions are numbered anew: the order of the
-- stream is (era, xact_id, event_id). The default is what changes then; see docs/architecture.md.
alter table playtime.ledger_events add column era integer not null default 0;

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
    -- Two that seal at once make the same number, and one of them is refused.
    constraint seals_pkey primary key (operator_id, number),
    constraint seals_number_check check (number >= 1),
    constraint seals_count_check check (event_count >= 1),
    constraint seals_hash_check check (octet_length(hash) = 32 and octet_length(previous_hash) = 32)
);

do $$
declare
    -- As in 0004, letter by letter; the lint compares.
    of_operator constant text :=
        $p$operator_id = any (array[nullif(current_setting('app.operator_id', true), '')::uuid])$p$;
    own constant text :=
        $p$ = any (array[nullif(current_setting('app.tenant_id', true), '')::uuid])$p$;
    visible constant text := format('%s and (operator_id%s or tenant_id%2$s)', of_operator, own);
begin
    alter table playtime.seals enable row level security;
    alter table playtime.seals force row level security;
    execute format('create policy tenant on playtime.seals for all to playtime_app using (%s) with check (%1$s)', visible);
    create policy owner_read on playtime.seals for select to playtime_owner_read using (true);
    grant select, insert on playtime.seals to playtime_app;
    grant select on playtime.seals to playtime_owner_read;
end
$$;
