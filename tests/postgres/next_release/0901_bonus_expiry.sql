-- runs with: 0009_analytics.sql
-- An invented next release, which shows how a schema changes while the servers of this one go on: bonuses expire.

alter table playtime.bonuses
    add column expires_at timestamptz,
    add column reminders integer not null default 0,
    -- Not valid: the wider check accepts all that the narrower one did, and no row is read under the lock.
    drop constraint bonuses_status_check,
    add constraint bonuses_status_check
        check (status in ('PENDING', 'TRIGGERED', 'ACKNOWLEDGED', 'RETURNED', 'EXPIRED')) not valid;

create table playtime.bonus_reminders (
    operator_id uuid not null,
    tenant_id uuid not null,
    bonus_id uuid not null,
    number integer not null,
    sent_at timestamptz not null,
    constraint bonus_reminders_pkey primary key (operator_id, bonus_id, number),
    constraint bonus_reminders_bonus_fkey foreign key (operator_id, bonus_id)
        references playtime.bonuses (operator_id, bonus_id)
);

select playtime.secure('bonus_reminders', 'select, insert');
