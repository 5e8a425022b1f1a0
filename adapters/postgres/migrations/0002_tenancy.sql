-- Directory, fingerprints of secrets, tenants and their wallets, staff, counted attempts, the stored answers of all
-- commands, and the audit trail.

-- What anyone may know of a tenant before a binding exists. Global: everyone reads it, and only the functions below
-- write it.
create table playtime.directory (
    tenant_id uuid not null,
    operator_id uuid not null,
    kind text not null,
    slug text not null,
    code_symbols text,
    status text not null,
    constraint directory_pkey primary key (tenant_id),
    constraint directory_slug_key unique (slug),
    constraint directory_code_symbols_key unique (code_symbols),
    constraint directory_kind_check check (kind in ('DEV', 'OPERATOR', 'AGENT')),
    constraint directory_level_check check ((kind = 'AGENT') = (tenant_id <> operator_id)),
    constraint directory_status_check check (status in ('ACTIVE', 'SUSPENDED', 'CLOSED'))
);

create index directory_operators on playtime.directory (tenant_id) where tenant_id = operator_id;

create function playtime.directory_register(
    p_tenant_id uuid, p_operator_id uuid, p_kind text, p_slug text, p_code_symbols text, p_status text
) returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into playtime.directory (tenant_id, operator_id, kind, slug, code_symbols, status)
    values (p_tenant_id, p_operator_id, p_kind, p_slug, p_code_symbols, p_status)
    on conflict do nothing;
    if found then
        return 'done';
    end if;
    perform 1 from playtime.directory where slug = p_slug and tenant_id <> p_tenant_id;
    if found then
        return 'slug';
    end if;
    perform 1 from playtime.directory where code_symbols = p_code_symbols and tenant_id <> p_tenant_id;
    if found then
        return 'code_symbols';
    end if;
    update playtime.directory
    set slug = p_slug, code_symbols = p_code_symbols, status = p_status
    where tenant_id = p_tenant_id and operator_id = p_operator_id and kind = p_kind;
    if not found then
        raise exception 'a tenant keeps its operator and its kind' using errcode = 'insufficient_privilege';
    end if;
    return 'done';
end
$$;

-- The directory has no policies, so the function checks the binding itself: it must be the tenant's operator.
create function playtime.directory_set_status(p_tenant_id uuid, p_status text) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    bound constant uuid := nullif(current_setting('app.operator_id', true), '')::uuid;
begin
    perform 1 from playtime.directory where tenant_id = p_tenant_id;
    if not found then
        return;
    end if;
    update playtime.directory set status = p_status
    where tenant_id = p_tenant_id and operator_id = bound
        and bound = nullif(current_setting('app.tenant_id', true), '')::uuid;
    if not found then
        raise exception 'a tenant''s status is listed by its operator' using errcode = 'insufficient_privilege';
    end if;
end
$$;

grant select on playtime.directory to playtime_app, playtime_owner_read;
revoke all on function playtime.directory_register(uuid, uuid, text, text, text, text) from public;
revoke all on function playtime.directory_set_status(uuid, text) from public;
grant execute on function playtime.directory_register(uuid, uuid, text, text, text, text) to playtime_app;
grant execute on function playtime.directory_set_status(uuid, text) to playtime_app;

-- A hash of each secret that PINs and server seeds ever derived from, so that a start with other secrets is refused.
-- Global, as the secrets are. A retired secret is lost for good; only the migrator may say so.
create table playtime.secret_fingerprints (
    key_id text not null,
    fingerprint bytea not null,
    is_retired boolean not null default false,
    constraint secret_fingerprints_pkey primary key (key_id),
    constraint secret_fingerprints_fingerprint_check check (octet_length(fingerprint) = 32)
);

create function playtime.secret_register(p_key_id text, p_fingerprint bytea) returns bytea
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into playtime.secret_fingerprints (key_id, fingerprint) values (p_key_id, p_fingerprint)
    on conflict do nothing;
    return (select fingerprint from playtime.secret_fingerprints where key_id = p_key_id);
end
$$;

grant select on playtime.secret_fingerprints to playtime_app, playtime_owner_read;
revoke all on function playtime.secret_register(text, bytea) from public;
grant execute on function playtime.secret_register(text, bytea) to playtime_app;

create table playtime.tenants (
    operator_id uuid not null,
    tenant_id uuid not null,
    kind text not null,
    slug text not null,
    name text not null,
    status text not null,
    region text,
    code_symbols text,
    created_at timestamptz not null,
    suspended_at timestamptz,
    -- The earlier suspensions: {"spans": [[since, until], ...]}. It is not idle time of players.
    suspensions jsonb not null default '{}',
    constraint tenants_pkey primary key (operator_id, tenant_id),
    constraint tenants_slug_key unique (operator_id, slug),
    constraint tenants_kind_check check (kind in ('DEV', 'OPERATOR', 'AGENT')),
    constraint tenants_level_check check ((kind = 'AGENT') = (tenant_id <> operator_id)),
    constraint tenants_status_check check (status in ('ACTIVE', 'SUSPENDED', 'CLOSED'))
);

create table playtime.wallets (
    operator_id uuid not null,
    tenant_id uuid not null,
    balance_minor bigint not null,
    floor_minor bigint not null,
    constraint wallets_pkey primary key (operator_id, tenant_id),
    constraint wallets_tenant_fkey foreign key (operator_id, tenant_id)
        references playtime.tenants (operator_id, tenant_id),
    constraint wallets_floor_check check (floor_minor <= 0 and balance_minor >= floor_minor)
) with (fillfactor = 70);

create table playtime.staff (
    operator_id uuid not null,
    tenant_id uuid not null,
    staff_id uuid not null,
    username text not null,
    role text not null,
    password_hash text not null,
    status text not null,
    must_change_password boolean not null,
    created_at timestamptz not null,
    constraint staff_pkey primary key (operator_id, staff_id),
    constraint staff_username_key unique (operator_id, tenant_id, username),
    constraint staff_tenant_fkey foreign key (operator_id, tenant_id)
        references playtime.tenants (operator_id, tenant_id),
    constraint staff_role_check
        check (role in ('owner', 'operator', 'agent', 'cashier', 'analyst', 'provider')),
    constraint staff_status_check check (status in ('ACTIVE', 'DEACTIVATED'))
);

create table playtime.staff_sessions (
    operator_id uuid not null,
    tenant_id uuid not null,
    session_id uuid not null,
    staff_id uuid not null,
    started_at timestamptz not null,
    last_active_at timestamptz not null,
    ended_at timestamptz,
    refresh_generation integer not null,
    constraint staff_sessions_pkey primary key (operator_id, session_id),
    constraint staff_sessions_staff_fkey foreign key (operator_id, staff_id)
        references playtime.staff (operator_id, staff_id),
    constraint staff_sessions_generation_check check (refresh_generation >= 1)
) with (fillfactor = 70);

create index staff_sessions_staff on playtime.staff_sessions (operator_id, staff_id, session_id);

-- An attempt at a subject that does not exist is counted in the tenant at which it is made.
create table playtime.attempts (
    operator_id uuid not null,
    tenant_id uuid not null,
    subject_id uuid not null,
    counted integer not null,
    locks integer not null,
    refused_passes integer not null,
    locked_until timestamptz,
    last_at timestamptz,
    constraint attempts_pkey primary key (operator_id, tenant_id, subject_id),
    constraint attempts_counted_check check (counted >= 0 and locks >= 0 and refused_passes >= 0)
) with (fillfactor = 70);

-- Stored forever, under the name that the actor gave to the command.
create table playtime.answers (
    operator_id uuid not null,
    tenant_id uuid not null,
    actor_id uuid not null,
    action_id text not null,
    digest bytea not null,
    body bytea not null,
    code text,
    hints jsonb not null,
    created_at timestamptz not null,
    command text not null,
    game_key text,
    provider text,
    constraint answers_pkey primary key (operator_id, actor_id, action_id)
);

create index answers_refused on playtime.answers (operator_id, created_at) where code is not null;

-- The audit trail: the actions and logins of staff. Written once, in the transaction of the action.
create table playtime.trail_events (
    operator_id uuid not null,
    tenant_id uuid not null,
    event_id uuid not null,
    occurred_at timestamptz not null,
    action text not null,
    actor_id uuid,
    actor_name text,
    actor_role text,
    object_kind text not null,
    object_id text,
    refusal text,
    before jsonb not null,
    after jsonb not null,
    source text,
    request_id text,
    constraint trail_events_pkey primary key (operator_id, event_id)
);

create index trail_events_tenant on playtime.trail_events (operator_id, tenant_id, event_id);

create index trail_events_actor on playtime.trail_events (operator_id, actor_id, event_id);

select playtime.secure('tenants', 'select, insert, update');
select playtime.secure('wallets', 'select, insert, update');
select playtime.secure('staff', 'select, insert, update');
select playtime.secure('staff_sessions', 'select, insert, update');
select playtime.secure('attempts', 'select, insert, update');
select playtime.secure('answers', 'select, insert');
select playtime.secure('trail_events', 'select, insert');
