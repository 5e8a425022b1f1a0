-- An operator's events in the order in which they are sealed, exported and checked.

create index concurrently if not exists ledger_events_stream
    on playtime.ledger_events (operator_id, era, xact_id, event_id);
