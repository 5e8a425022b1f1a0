-- The roll-up: the sums of events per bucket, for reports. The worker fills these tables from the ledger, up to each
-- tenant's watermark. Reports add what is after the watermark, so that they are exact at any time.
--
-- `grain` is the length of a bucket in minutes: a quarter of an hour, an hour, four hours and a day, in UTC. A month
-- by days of any timezone is then a few buckets a day and not ninety-six. `detail` is the level of detail of the
-- desk: 0 neither region nor cashier, 1 the region, 2 the cashier as well. Coarser levels have a fraction of the
-- rows. An event without game, provider, region, cashier or session has an empty text or the nil id in the key.

create table playtime.event_buckets (
    operator_id uuid not null,
    detail smallint not null,
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
    -- The sum of the squared amounts of bets, for the variance of wins.
    squares numeric not null,
    constraint event_buckets_pkey primary key (
        operator_id, detail, grain, bucket_at, tenant_id, source, event_type, game_key, provider, cashier_id, region
    )
) with (fillfactor = 70);

-- A hundredth of the rows, and all that a report about desks needs.
create index event_buckets_without_play on playtime.event_buckets (operator_id, detail, grain, bucket_at)
    where event_type <> 'BET' and event_type <> 'WIN';

-- Bets by the size of the stake.
create table playtime.stake_buckets (
    operator_id uuid not null,
    detail smallint not null,
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
        operator_id, detail, grain, bucket_at, tenant_id, size_class, game_key, provider, cashier_id, region
    )
) with (fillfactor = 70);

-- All rounds so far by outcome, for the alarm of a game's return: the class of the stake, and the multiple of the stake
-- that was won, in millionths. Each version of a game has odds of its own. A bet without a round has an empty version.
create table playtime.outcome_counts (
    operator_id uuid not null,
    tenant_id uuid not null,
    game_key text not null,
    game_version text not null,
    size_class integer not null,
    multiple bigint not null,
    rounds bigint not null,
    constraint outcome_counts_pkey primary key (
        operator_id, tenant_id, game_key, game_version, size_class, multiple
    )
) with (fillfactor = 70);

-- The play of each player's session, per quarter of an hour and per day (UTC): two tables, so that the rows of a
-- month of days lie together. Cashier and region are the player's own and add no rows.
create table playtime.player_quarter_hours (
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
    constraint player_quarter_hours_pkey primary key (
        operator_id, bucket_at, tenant_id, player_id, session_id, game_key, provider, cashier_id, region
    )
) with (fillfactor = 70);

-- The play of chosen players, such as a cohort.
create index player_quarter_hours_player on playtime.player_quarter_hours (operator_id, player_id, bucket_at);

create table playtime.player_days (
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
    constraint player_days_pkey primary key (
        operator_id, bucket_at, tenant_id, player_id, session_id, game_key, provider, cashier_id, region
    )
) with (fillfactor = 70);

-- The position of each player who bet in the sets below: from 0, per tenant.
create table playtime.player_positions (
    operator_id uuid not null,
    tenant_id uuid not null,
    position bigint not null,
    player_id uuid not null,
    constraint player_positions_pkey primary key (operator_id, tenant_id, position),
    constraint player_positions_player_key unique (operator_id, tenant_id, player_id)
);

-- The players who bet: `members` has a bit for each of 1,024 players, from position 1,024 x block on. Sets of several
-- buckets are united by OR and counted by their bits; counts of different players cannot be added. Detail -1 is of
-- all games together.
create table playtime.player_sets (
    operator_id uuid not null,
    detail smallint not null,
    grain integer not null,
    bucket_at timestamptz not null,
    tenant_id uuid not null,
    game_key text not null,
    provider text not null,
    cashier_id uuid not null,
    region text not null,
    block bigint not null,
    members bit(1024) not null,
    constraint player_sets_pkey primary key (
        operator_id, detail, grain, bucket_at, tenant_id, game_key, provider, cashier_id, region, block
    )
) with (fillfactor = 70);

-- The ranges of transactions that hold the events of a quarter of an hour. A report whose
-- period begins or ends within the quarter reads only these, however large the ledger is. Late events make a range
-- of their own.
create table playtime.transaction_ranges (
    operator_id uuid not null,
    tenant_id uuid not null,
    bucket_at timestamptz not null,
    first_xact_id xid8 not null,
    last_xact_id xid8 not null,
    constraint transaction_ranges_pkey primary key (operator_id, tenant_id, bucket_at, first_xact_id)
) with (fillfactor = 70);

-- The newest transaction whose events are in the buckets, the one before the last roll-up, and the number of players
-- with a position.
create table playtime.rollup_watermarks (
    operator_id uuid not null,
    tenant_id uuid not null,
    through xid8 not null default '0',
    previous_through xid8 not null default '0',
    player_count bigint not null default 0,
    constraint rollup_watermarks_pkey primary key (operator_id, tenant_id)
) with (fillfactor = 70);

select playtime.secure('event_buckets', 'select, insert, update', p_by_range => true);
select playtime.secure('stake_buckets', 'select, insert, update', p_by_range => true);
select playtime.secure('outcome_counts', 'select, insert, update', p_by_range => true);
select playtime.secure('player_quarter_hours', 'select, insert, update', p_by_range => true);
select playtime.secure('player_days', 'select, insert, update', p_by_range => true);
select playtime.secure('player_positions', 'select, insert', p_by_range => true);
select playtime.secure('player_sets', 'select, insert, update', p_by_range => true);
select playtime.secure('transaction_ranges', 'select, insert, update', p_by_range => true);
select playtime.secure('rollup_watermarks', 'select, insert, update', p_by_range => true);
