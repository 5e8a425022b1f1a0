"""The statements after a restore, which move eras and seeds on.

They run before the policies are there, so that their owner sees all rows. For restores with other tools they are
in docs/architecture.md as well.
"""

from typing import Final

MOVE_ERAS: Final = """\
truncate playtime.account_totals, playtime.account_total_watermarks, playtime.rollup_watermarks,
    playtime.event_buckets, playtime.stake_buckets, playtime.outcome_counts, playtime.player_quarter_hours,
    playtime.player_days, playtime.player_positions, playtime.player_sets, playtime.transaction_ranges;
do $$ begin execute format(
    'alter table playtime.ledger_events alter column era set default %s',
    (select coalesce(max(era), 0) + 1 from playtime.ledger_events)
); end $$;
"""
"""Transaction ids start again in another cluster: sums up to one are made again, and new events get a new era."""

MOVE_SEEDS: Final = """\
insert into playtime.revealed_seeds
    (operator_id, tenant_id, player_id, number, server_seed, client_seed, rounds, revealed_at)
    select operator_id, tenant_id, player_id, seed_number,
        convert_to('derived from the secret with the id ' || seed_key_id, 'UTF8'), client_seed, seed_nonce, now()
    from playtime.players where seed_nonce > 0;
update playtime.players
    set seed_number = seed_number + 10000000 + (random() * 10000000)::integer, seed_nonce = 0;
"""
"""Players may know the outcomes of the seeds that were used after the backup: those are never drawn again."""
