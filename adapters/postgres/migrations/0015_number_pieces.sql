-- The operator's numbers, folded for reading in less time. These tables take the place of play_buckets,
-- stake_buckets, activity_buckets and number_marks, which stay for servers of the release before: those go on
-- folding into them, and nobody else reads them. The background worker fills these from the ledger; until it has,
-- the numbers are read from the events, and are the same.
--
-- What is new: `detail` says how far the desks are told apart, 0 not at all, 1 by region, 2 by cashier as well, so
-- that whoever asks for regions alone reads a fraction of the rows; players have days; and who bet is kept as sets,
-- of which a month of thousands of players is a few thousand rows of bits.

create table playtime.play_pieces (
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
    -- The sum of the squared amounts of bets: how much wins may scatter depends on it.
    squares numeric not null,
    constraint play_pieces_pkey primary key (
        operator_id, detail, grain, bucket_at, tenant_id, source, event_type, game_key, provider, cashier_id, region
    )
) with (fillfactor = 70);

-- What is not play: a hundredth of the rows, and all that questions about desks are about.
create index play_pieces_of_desks on playtime.play_pieces (operator_id, detail, grain, bucket_at)
    where event_type <> 'BET' and event_type <> 'WIN';

-- Bets by the size of the stake.
create table playtime.stake_pieces (
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
    constraint stake_pieces_pkey primary key (
        operator_id, detail, grain, bucket_at, tenant_id, size_class, game_key, provider, cashier_id, region
    )
) with (fillfactor = 70);

-- What players did, session by session, a quarter of an hour at a time and a day (UTC): in tables of their own, so
-- that the rows of a month of days lie together. Cashier and region are the player's own: telling them apart adds no
-- rows.
create table playtime.player_quarters (
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
    constraint player_quarters_pkey primary key (
        operator_id, bucket_at, tenant_id, player_id, session_id, game_key, provider, cashier_id, region
    )
) with (fillfactor = 70);

-- What became of some players, such as those who were new in a month.
create index player_quarters_player on playtime.player_quarters (operator_id, player_id, bucket_at);

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

-- Each player who bet has a number of its tenant's, from 0 on: its place in the sets below.
create table playtime.player_numbers (
    operator_id uuid not null,
    tenant_id uuid not null,
    number bigint not null,
    player_id uuid not null,
    constraint player_numbers_pkey primary key (operator_id, tenant_id, number),
    constraint player_numbers_player_key unique (operator_id, tenant_id, player_id)
);

-- Who bet, at detail -1 whatever the game: `members` has a bit for each of 1,024 players, those numbered from
-- 1,024 x block on. Sets of several pieces are united by OR and counted by their bits; different players cannot be
-- added up.
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

-- Among which transactions the events of a quarter of an hour are found, those that move coins and those that do
-- not: a period that begins or ends within it reads these alone, however large the ledger is. Late events make a
-- range of their own.
create table playtime.quarter_events (
    operator_id uuid not null,
    tenant_id uuid not null,
    bucket_at timestamptz not null,
    moves boolean not null,
    first_xact_id xid8 not null,
    last_xact_id xid8 not null,
    constraint quarter_events_pkey primary key (operator_id, tenant_id, bucket_at, moves, first_xact_id)
) with (fillfactor = 70);

-- The newest transaction whose events are in the pieces, the one before those that were added last, and how many
-- players have a number.
create table playtime.piece_marks (
    operator_id uuid not null,
    tenant_id uuid not null,
    through xid8 not null default '0',
    since xid8 not null default '0',
    players bigint not null default 0,
    constraint piece_marks_pkey primary key (operator_id, tenant_id)
) with (fillfactor = 70);

-- What was asked, so that a refused bet is told from another command that was refused for the same reason. The
-- release before leaves it out.
alter table playtime.answers add column command text;

do $$
declare
    owned text;
    -- What 0004 lets be seen, as a range of tenants: all of the operator's for itself, one's own for anybody else. An
    -- index that holds the tenant answers it once for a whole scan, where the words of 0004 are answered row by row,
    -- which for a month of numbers is most of what there is to do. The lint compares these, too.
    of_operator constant text :=
        $p$operator_id = any (array[nullif(current_setting('app.operator_id', true), '')::uuid])$p$;
    one_end constant text := $p$case when current_setting('app.tenant_id', true)
        = current_setting('app.operator_id', true) then %L::uuid
        else nullif(current_setting('app.tenant_id', true), '')::uuid end$p$;
    visible constant text := format(
        '%s and tenant_id >= %s and tenant_id <= %s', of_operator,
        format(one_end, '00000000-0000-0000-0000-000000000000'),
        format(one_end, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    );
begin
    foreach owned in array array[
        'play_pieces', 'stake_pieces', 'player_quarters', 'player_days', 'player_numbers', 'player_sets',
        'quarter_events', 'piece_marks'
    ] loop
        execute format('alter table playtime.%I enable row level security', owned);
        execute format('alter table playtime.%I force row level security', owned);
        execute format(
            'create policy tenant on playtime.%I for all to playtime_app using (%s) with check (%2$s)', owned, visible
        );
        execute format('create policy owner_read on playtime.%I for select to playtime_owner_read using (true)', owned);
        execute format('grant select, insert on playtime.%I to playtime_app', owned);
        if owned <> 'player_numbers' then
            execute format('grant update on playtime.%I to playtime_app', owned);
        end if;
        execute format('grant select on playtime.%I to playtime_owner_read', owned);
    end loop;
end
$$;
