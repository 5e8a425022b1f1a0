-- Listing a tenant's new status. The directory has no policies of its own, so the function asks who is bound: only
-- the operator that the tenant stands under, itself, and not one of its agents.

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

revoke all on function playtime.directory_set_status(uuid, text) from public;
grant execute on function playtime.directory_set_status(uuid, text) to playtime_app;
