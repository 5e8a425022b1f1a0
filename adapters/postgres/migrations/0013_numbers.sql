-- The operator's numbers: what events add up to in pieces of time, by what they can be filtered by.
--
-- Pieces are a quarter of an hour, an hour, four hours and a day long (`grain`, in minutes; in UTC), so that a
-- month by days of some zone is a few pieces a day and not ninety-six. Where events have no game, provider, region,
-- cashier or session, the keys hold an empty text, or the nil id. Everything is there twice: with cashier and region
-- told apart (`by_desk`), and without, which is a tenth of the rows where nobody asks for either. What stands here is
-- told by the tenant's mark, as with the folded totals; each table follows the tenant of the events.

create table playtime.play_buckets (
    operator_id uuid not null,
    by_desk boolean not null,
    grain integer not null,
    bucket_at timestamptz not null,
    tenant_id uuid not null,
    source text not null,
    event_type text not null,
    game_key text not null,
    provider text not null,
    cashier_id uuid not null,
    region text not null,
    events bigint not null,
    amount_minor bigint not null,
    -- The sum of the squared amounts of bets: how much wins may scatter depends on it.
    squares numeric not null,
    constraint play_buckets_pkey primary key (
        operator_id, by_desk, grain, bucket_at, tenant_id, source, event_type, game_key, provider, cashier_id, region
    )
) with (fillfactor = 70);

-- Bets by the size of the stake.
create table playtime.stake_buckets (
    operator_id uuid not null,
    by_desk boolean not null,
    grain integer not null,
    bucket_at timestamptz not null,
    tenant_id uuid not null,
    size_class integer not null,
    game_key text not null,
    provider text not null,
    cashier_id uuid not null,
    region text not null,
    bets bigint not null,
    constraint stake_buckets_pkey primary key (
        operator_id, by_desk, grain, bucket_at, tenant_id, size_class, game_key, provider, cashier_id, region
    )
) with (fillfactor = 70);

-- Who played, a quarter of an hour at a time: different players cannot be added up.
create table playtime.activity_buckets (
    operator_id uuid not null,
    bucket_at timestamptz not null,
    tenant_id uuid not null,
    player_id uuid not null,
    session_id uuid not null,
    game_key text not null,
    provider text not null,
    cashier_id uuid not null,
    region text not null,
    bets bigint not null,
    handle_minor bigint not null,
    squares numeric not null,
    wins bigint not null,
    payout_minor bigint not null,
    first_bet_at timestamptz,
    last_bet_at timestamptz,
    constraint activity_buckets_pkey primary key (
        operator_id, bucket_at, tenant_id, player_id, session_id, game_key, provider, cashier_id, region
    )
) with (fillfactor = 70);

-- The newest transaction whose events are in the pieces.
create table playtime.number_marks (
    operator_id uuid not null,
    tenant_id uuid not null,
    through xid8 not null default '0',
    constraint number_marks_pkey primary key (operator_id, tenant_id)
) with (fillfactor = 70);

-- What an operator states of games, most of all of those that run elsewhere.
create table playtime.game_configs (
    operator_id uuid not null,
    tenant_id uuid not null,
    game_key text not null,
    provider text not null,
    expected_rtp numeric not null,
    hit_rate numeric,
    volatility numeric,
    constraint game_configs_pkey primary key (operator_id, game_key)
);

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
    foreach owned in array array[
        'play_buckets', 'stake_buckets', 'activity_buckets', 'number_marks', 'game_configs'
    ] loop
        execute format('alter table playtime.%I enable row level security', owned);
        execute format('alter table playtime.%I force row level security', owned);
        execute format(
            'create policy tenant on playtime.%I for all to playtime_app using (%s) with check (%2$s)', owned, visible
        );
        execute format('create policy owner_read on playtime.%I for select to playtime_owner_read using (true)', owned);
        execute format('grant select, insert, update on playtime.%I to playtime_app', owned);
        execute format('grant select on playtime.%I to playtime_owner_read', owned);
    end loop;
end
$$;

-- Whoever reports what is played elsewhere. What the narrower check let through, the wider one does, too.
alter table playtime.staff
    drop constraint staff_role_check,
    add constraint staff_role_check
        check (role in ('owner', 'operator', 'agent', 'cashier', 'analyst', 'provider')) not valid;
