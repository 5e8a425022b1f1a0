-- runs with: 0009_analytics.sql
create index concurrently if not exists bonuses_expiring on playtime.bonuses (operator_id, expires_at)
    where status = 'PENDING';
