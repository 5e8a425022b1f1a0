-- One more way for a session to end. Whatever the narrower check let through, the wider one does, too: the rows
-- are not looked through again while the table is locked.

alter table playtime.sessions
    drop constraint sessions_end_reason_check,
    add constraint sessions_end_reason_check
        check (end_reason in ('IDLE', 'LOGOUT', 'PLAYER_CLOSED', 'REFRESH_REUSED')) not valid;
