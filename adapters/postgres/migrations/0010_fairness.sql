-- What decides a round: the version of its game, and the player's seeds.
--
-- Server seeds are derived from the secrets of the service and not kept until they are spent. Rows that are there
-- get constants: a player's seeds count from 1, and rounds from before name neither seed nor game file.

alter table playtime.players
    add column seed_key_id text,
    add column seed_number integer not null default 1,
    add column seed_nonce bigint not null default 0,
    add column client_seed text not null default '',
    add constraint players_seed_check check (seed_number >= 1 and seed_nonce >= 0) not valid;

alter table playtime.rounds
    add column game_version text,
    add column seed_number integer,
    add column nonce bigint;

-- Server seeds that are spent, and told to everybody who asks for one of their rounds.
create table playtime.revealed_seeds (
    operator_id uuid not null,
    tenant_id uuid not null,
    player_id uuid not null,
    number integer not null,
    server_seed bytea not null,
    client_seed text not null,
    rounds bigint not null,
    revealed_at timestamptz not null,
    constraint revealed_seeds_pkey primary key (operator_id, player_id, number),
    constraint revealed_seeds_player_fkey foreign key (operator_id, player_id)
        references playtime.players (operator_id, player_id),
    constraint revealed_seeds_number_check check (number >= 1 and rounds >= 0)
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
    alter table playtime.revealed_seeds enable row level security;
    alter table playtime.revealed_seeds force row level security;
    execute format(
        'create policy tenant on playtime.revealed_seeds for all to playtime_app using (%s) with check (%1$s)', visible
    );
    create policy owner_read on playtime.revealed_seeds for select to playtime_owner_read using (true);
    grant select, insert on playtime.revealed_seeds to playtime_app;
    grant select on playtime.revealed_seeds to playtime_owner_read;
end
$$;

-- Every version of a game that was played. Global, as games are: a version is the hash of its content, so that nobody
-- can put anything but the file itself in its place.
create table playtime.game_files (
    version text not null,
    content bytea not null,
    constraint game_files_pkey primary key (version),
    constraint game_files_version_check check (version = encode(sha256(content), 'hex')),
    constraint game_files_content_check check (octet_length(content) <= 1048576)
);

create function playtime.game_file_keep(p_version text, p_content bytea) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into playtime.game_files (version, content) values (p_version, p_content) on conflict do nothing;
end
$$;

grant select on playtime.game_files to playtime_app, playtime_owner_read;
revoke all on function playtime.game_file_keep(text, bytea) from public;
grant execute on function playtime.game_file_keep(text, bytea) to playtime_app;
