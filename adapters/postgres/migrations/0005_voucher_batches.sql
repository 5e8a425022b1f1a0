-- Vouchers sold together and how often each was printed.
--
-- No row is touched: PostgreSQL answers a constant default for the rows that were there before, and a voucher
-- without a batch is one by itself, which is read as coalesce(batch_id, voucher_id). So the lock is short, there
-- is no UPDATE that the forced owner would do to 0 rows, and a server of the release before may go on selling.

alter table playtime.vouchers
    add column batch_id uuid,
    add column number integer not null default 1,
    add column prints integer not null default 0,
    -- Not valid: it holds for what is written from now on, and the rows before are not looked through.
    add constraint vouchers_batch_check check (number >= 1 and prints >= 0) not valid;
