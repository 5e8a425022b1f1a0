-- Play passes: a player's own limits and exclusions, the same for every account that is tied to the pass.

-- Limits and hours are a few small values that each round reads and writes together with their pass. So they stand
-- in its row, which is locked before the players that are tied to it.
create table playtime.play_passes (
    operator_id uuid not null,
    tenant_id uuid not null,
    pass_id uuid not null,
    code text not null,
    created_at timestamptz not null,
    limits jsonb not null,
    excluded_as text,
    excluded_since timestamptz,
    excluded_until timestamptz,
    hours jsonb not null,
    played_at timestamptz,
    -- The exclusions before the last one: {"spans": [[since, until], ...]}.
    past_exclusions jsonb not null default '{}',
    constraint play_passes_pkey primary key (operator_id, pass_id),
    constraint play_passes_code_key unique (operator_id, code),
    constraint play_passes_tenant_fkey foreign key (operator_id, tenant_id)
        references playtime.tenants (operator_id, tenant_id),
    constraint play_passes_exclusion_check check (
        num_nulls(excluded_as, excluded_since, excluded_until) in (0, 3) and excluded_since < excluded_until
    ),
    constraint play_passes_excluded_as_check check (excluded_as in ('COOL_OFF', 'SELF_EXCLUSION'))
) with (fillfactor = 70);

select playtime.secure('play_passes', 'select, insert, update');
