-- Indexes for the numbers, on tables that are in use. A spin writes into none of them: its events move money, and
-- are found by ledger_events_unfolded; its answer is no refusal.

-- What is not folded yet of events that move nothing: log-ins, errors, and all that is reported from elsewhere.
create index concurrently if not exists ledger_events_unfolded_notes
    on playtime.ledger_events (operator_id, tenant_id, xact_id) where from_kind is null;

-- As it was, but with an eighth of the pages in a range: a period that begins or ends within a quarter of an hour
-- reads the events of that quarter, and of as few others as can be.
create index concurrently if not exists ledger_events_moments
    on playtime.ledger_events using brin (operator_id, occurred_at) with (pages_per_range = 16, autosummarize = on);

drop index concurrently if exists playtime.ledger_events_occurred_at;

create index concurrently if not exists ledger_events_errors
    on playtime.ledger_events (operator_id, occurred_at) where event_type = 'ERROR';

create index concurrently if not exists answers_refused
    on playtime.answers (operator_id, created_at) where code is not null;

create index concurrently if not exists vouchers_redeemed_at
    on playtime.vouchers (operator_id, closed_at) where status = 'REDEEMED';
