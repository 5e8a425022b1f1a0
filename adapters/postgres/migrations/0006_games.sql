-- Game files, game configs of external games, and the server seeds that are spent.

-- Every version of a game that was ever played. Global, as games are: a version is the hash of the content, so that
-- a file can only be stored under its own version.
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

-- Spent server seeds: anyone who asks for one of their rounds gets them.
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

select playtime.secure('game_configs', 'select, insert, update');
select playtime.secure('revealed_seeds', 'select, insert');
