-- Folded totals: what the entries of each tenant add up to, as far as they were taken in.
--
-- A sum is the folded total plus the entries since. Both tables follow the tenant of the event, so that each
-- tenant sees totals, mark and entries together: an agent does not see a row of its operator.

create table playtime.account_totals (
    operator_id uuid not null,
    tenant_id uuid not null,
    account_kind text not null,
    account_id uuid not null,
    balance_minor bigint not null,
    constraint account_totals_pkey primary key (operator_id, tenant_id, account_kind, account_id),
    -- The others keep a balance row, which is locked.
    constraint account_totals_kind_check check (account_kind in ('ISSUANCE', 'VOUCHER_POOL', 'BONUS_POOL', 'HOUSE'))
) with (fillfactor = 70);

-- The newest transaction whose entries are in the totals: those after it are not.
create table playtime.fold_marks (
    operator_id uuid not null,
    tenant_id uuid not null,
    through xid8 not null default '0',
    constraint fold_marks_pkey primary key (operator_id, tenant_id)
) with (fillfactor = 70);

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
    foreach owned in array array['account_totals', 'fold_marks'] loop
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
