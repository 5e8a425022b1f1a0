"""The queries of the audit: one for each rule, which returns the ids of the rows that break it.

`$and_operator` is the bound operator, `$and_own` the accounts of which an agent sees every entry; both are empty
in the owner's reads. Row security decides which rows are read.
"""

from collections.abc import Mapping
from functools import cache
from textwrap import dedent
from typing import Final

from ....application.ports.audit import Stored
from ..reads.ledger import ACCOUNTS
from ..records.queries import Query, fill, scoped
from .rollups import ROLLUPS

_OWN: Final = "and (cast(:operator_id as uuid) = cast(:tenant_id as uuid) or owner_id = cast(:tenant_id as uuid))"
_OWN_OR_STATED: Final = """and (cast(:operator_id as uuid) = cast(:tenant_id as uuid)
    or owner_id = cast(:tenant_id as uuid) or stated_minor is not null)"""
"""An agent sees every entry of its own accounts, and of the accounts whose balance it sees stated."""


def _account_check(broken: str) -> str:
    return fill(
        "select kind || ':' || owner_id as id from ($accounts) accounts where $broken $and_own_or_stated",
        accounts=ACCOUNTS,
        broken=broken,
    )


_CHECKS: Final[Mapping[Stored, str]] = {
    Stored.SUM_NOT_ZERO: """
        select operator_id::text as id from playtime.ledger_events where true $and_operator group by operator_id
        having sum(case when to_kind is null then 0 else amount_minor end
            - case when from_kind is null then 0 else amount_minor end) <> 0
    """,
    Stored.BALANCE_DIFFERS: _account_check(
        "kind in ('TENANT', 'PLAYER', 'JACKPOT') and entries_minor <> coalesce(stated_minor, 0)"
    ),
    Stored.BELOW_FLOOR: _account_check(
        "kind in ('TENANT', 'PLAYER', 'JACKPOT', 'VOUCHER_POOL', 'BONUS_POOL')"
        " and least(entries_minor, stated_minor) < coalesce(floor_minor, 0)"
    ),
    Stored.POOL_DIFFERS: _account_check(
        "kind in ('VOUCHER_POOL', 'BONUS_POOL') and entries_minor <> coalesce(stated_minor, 0)"
    ),
    Stored.FOLD_DIFFERS: _account_check(
        "kind in ('ISSUANCE', 'HOUSE', 'VOUCHER_POOL', 'BONUS_POOL') and entries_minor <> summed_minor"
    ),
    # A player's events have an order, a wallet's have none that is certain. In any order, each balance except the
    # first and the last is left as often as it is reached.
    Stored.BALANCE_CHAIN_BROKEN: """
        with moves as (
            select operator_id, from_kind as kind, from_owner_id as owner_id, player_seq, event_id,
                -amount_minor as moved, from_balance_minor as after
            from playtime.ledger_events where from_kind in ('TENANT', 'PLAYER') $and_operator
            union all
            select operator_id, to_kind, to_owner_id, player_seq, event_id, amount_minor, to_balance_minor
            from playtime.ledger_events where to_kind in ('TENANT', 'PLAYER') $and_operator
        ), chained as (
            select kind, owner_id, after - moved as before,
                lag(after, 1, 0::bigint) over (partition by operator_id, owner_id order by player_seq) as told
            from moves where kind = 'PLAYER' and player_seq is not null
        ), passed as (
            select operator_id, owner_id, after as balance, 1 as times from moves where kind = 'TENANT'
            union all
            select operator_id, owner_id, after - moved, -1 from moves where kind = 'TENANT'
            union all
            select operator_id, owner_id, 0, 1 from moves where kind = 'TENANT' group by operator_id, owner_id
            union all
            select operator_id, owner_id, sum(moved)::bigint, -1 from moves where kind = 'TENANT'
            group by operator_id, owner_id
        ), uneven as (
            select owner_id from passed where true $and_own group by operator_id, owner_id, balance
            having sum(times) <> 0
        )
        select distinct 'PLAYER:' || owner_id as id from chained where before <> told
        union all
        select distinct 'TENANT:' || owner_id from uneven
    """,
    Stored.VOUCHER_DIFFERS: """
        with told as (
            select operator_id, action_id, count(*) filter (where event_type = 'VOUCHER_ISSUED') as issued,
                count(*) filter (where event_type = 'VOUCHER_REDEEMED') as redeemed,
                count(*) filter (where event_type = 'VOUCHER_VOIDED') as voided,
                count(*) filter (where event_type = 'VOUCHER_EXPIRED') as expired,
                sum(amount_minor) filter (where event_type = 'VOUCHER_ISSUED') as total_minor,
                sum(amount_minor) filter (where event_type in
                    ('VOUCHER_REDEEMED', 'VOUCHER_VOIDED', 'VOUCHER_EXPIRED')) as ended_minor,
                sum(amount_minor) filter (where event_type = 'BONUS_HELD') as held_minor
            from playtime.ledger_events where source = 'PLAYTIME' and event_type in
                ('VOUCHER_ISSUED', 'VOUCHER_REDEEMED', 'VOUCHER_VOIDED', 'VOUCHER_EXPIRED', 'BONUS_HELD')
                $and_operator
            group by operator_id, action_id
        ), held as (
            select operator_id, voucher_id, amount_minor as bonus_kept from playtime.bonuses
            where true $and_operator
        ), sold as (
            select operator_id, voucher_id, status, amount_minor + bonus_minor as total_minor,
                case when status = 'REDEEMED' then amount_minor
                    when status in ('VOIDED', 'EXPIRED') then amount_minor + bonus_minor end as ended_minor,
                case status when 'REDEEMED' then nullif(bonus_minor, 0) end as held_minor
            from playtime.vouchers where true $and_operator
        ), kept as (
            select operator_id, voucher_id::text as action_id, status, total_minor, ended_minor, held_minor,
                bonus_kept
            from sold left join held using (operator_id, voucher_id)
        )
        select action_id as id from kept full join told using (operator_id, action_id)
        where (told.issued, told.redeemed, told.voided, told.expired, told.total_minor) is distinct from (
            1::bigint, (status = 'REDEEMED')::integer::bigint, (status = 'VOIDED')::integer::bigint,
            (status = 'EXPIRED')::integer::bigint, kept.total_minor::numeric
        ) or (told.ended_minor, told.held_minor, bonus_kept) is distinct from (
            kept.ended_minor::numeric, kept.held_minor::numeric, kept.held_minor
        )
    """,
    Stored.BONUS_NOT_HALF: """
        select voucher_id::text as id from playtime.vouchers where bonus_minor <> amount_minor / 2 $and_operator
    """,
    Stored.BONUS_OVERDUE: """
        select player_id::text as id from playtime.players
        where status = 'OPEN' and balance_minor <= 100 $and_operator and exists (
            select from playtime.bonuses where bonuses.operator_id = players.operator_id
            and bonuses.player_id = players.player_id and bonuses.status = 'PENDING'
        )
    """,
    Stored.ROUND_WITHOUT_OUTCOME: """
        select round_id::text as id from playtime.rounds where outcome in ('{}', 'null', '[]') $and_operator
        union all
        select coalesce(round_id, event_id)::text from playtime.ledger_events bets
        where event_type = 'BET' and source = 'PLAYTIME' $and_operator and not exists (
            select from playtime.rounds where rounds.operator_id = bets.operator_id
            and rounds.round_id = bets.round_id
        )
    """,
    Stored.ROUND_DIFFERS: """
        with told as (
            select operator_id, round_id, sum(amount_minor) filter (where event_type = 'BET') as staked,
                sum(amount_minor) filter (where event_type = 'WIN') as won,
                count(*) filter (where event_type = 'WIN') as wins,
                sum(amount_minor) filter (where event_type = 'BONUS_TRIGGERED') as bonus
            from playtime.ledger_events where source = 'PLAYTIME' and round_id is not null
                and event_type in ('BET', 'WIN', 'BONUS_TRIGGERED') $and_operator
            group by operator_id, round_id
        ), kept as (
            select operator_id, round_id, stake_minor, win_minor, bonus_minor
            from playtime.rounds where true $and_operator
        )
        select round_id::text as id from kept left join told using (operator_id, round_id)
        where coalesce(staked, 0) <> stake_minor or coalesce(bonus, 0) <> bonus_minor
            or (coalesce(wins, 0) <= 1 and coalesce(won, 0) <> win_minor)
    """,
    Stored.WIN_WITHOUT_BET: """
        select coalesce(round_id, event_id)::text as id from playtime.ledger_events wins
        where event_type = 'WIN' and source = 'PLAYTIME' $and_operator and not exists (
            select from playtime.ledger_events bets where bets.operator_id = wins.operator_id
            and bets.round_id = wins.round_id and bets.event_type = 'BET' and bets.source = 'PLAYTIME'
        )
    """,
    Stored.TWO_WINS: """
        select round_id::text as id from playtime.ledger_events
        where event_type = 'WIN' and source = 'PLAYTIME' and round_id is not null $and_operator
        group by operator_id, round_id having count(*) > 1
    """,
    Stored.DUPLICATE_ACTION: """
        select max(event_id::text) as id from playtime.ledger_events where true $and_operator
        group by operator_id, source, actor_id, action_id, event_type having count(*) > 1
        union all
        select max(round_id::text) from playtime.rounds where true $and_operator
        group by operator_id, player_id, action_id having count(*) > 1
    """,
    # A session is opened by its first login, with the sum of the player's moves up to then.
    Stored.SESSION_DIFFERS: """
        with played as (
            select operator_id, session_id, count(*) filter (where event_type = 'BET') as spins,
                coalesce(sum(amount_minor) filter (where event_type = 'BET'), 0) as bets_minor,
                coalesce(sum(amount_minor) filter (where event_type = 'WIN'), 0) as wins_minor,
                array_agg(distinct game_key collate "C") filter (where event_type = 'BET') as games
            from playtime.ledger_events where source = 'PLAYTIME' and session_id is not null $and_operator
            group by operator_id, session_id
        ), ended as (
            select distinct on (operator_id, session_id) operator_id, session_id,
                case when to_kind = 'PLAYER' then to_balance_minor else from_balance_minor end as balance_minor
            from playtime.ledger_events where source = 'PLAYTIME' and session_id is not null
                and player_seq is not null and 'PLAYER' in (from_kind, to_kind) $and_operator
            order by operator_id, session_id, player_seq desc
        ), moves as (
            select operator_id, session_id, player_seq, event_type, occurred_at, sum(
                case 'PLAYER' when to_kind then amount_minor when from_kind then -amount_minor else 0 end
            ) over (partition by operator_id, player_id order by player_seq) as balance_minor,
            coalesce((meta ->> 'earlierBetsMinor')::numeric, 0) as earlier_bets,
            coalesce((meta ->> 'earlierWinsMinor')::numeric, 0) as earlier_wins
            from playtime.ledger_events where source = 'PLAYTIME' and player_seq is not null
                and (event_type = 'LOGIN' or 'PLAYER' in (from_kind, to_kind)) $and_operator
        ), opened as (
            select distinct on (operator_id, session_id) operator_id, session_id, occurred_at, balance_minor,
                earlier_bets, earlier_wins
            from moves where event_type = 'LOGIN' and session_id is not null
            order by operator_id, session_id, player_seq
        ), kept as (
            select operator_id, session_id, started_at, spins, bets_minor, wins_minor, games, start_balance_minor,
                end_balance_minor, earlier_bets_minor, earlier_wins_minor
            from playtime.sessions where true $and_operator
        )
        select session_id::text as id from kept full join opened using (operator_id, session_id)
        left join played using (operator_id, session_id) left join ended using (operator_id, session_id)
        where kept.spins is null or played.spins is null
            or kept.started_at <> opened.occurred_at or start_balance_minor <> opened.balance_minor
            or kept.earlier_bets_minor <> opened.earlier_bets or kept.earlier_wins_minor <> opened.earlier_wins
            or kept.spins <> played.spins or kept.bets_minor <> played.bets_minor
            or kept.wins_minor <> played.wins_minor or kept.games <> coalesce(played.games, '{}')
            or end_balance_minor <> coalesce(ended.balance_minor, start_balance_minor)
    """,
    Stored.PLAYER_SEQ_GAP: """
        with told as (
            select operator_id, player_id, count(*) as events, min(player_seq) as first, max(player_seq) as last
            from playtime.ledger_events where player_seq is not null $and_operator group by operator_id, player_id
        ), kept as (
            select operator_id, player_id, last_seq from playtime.players where true $and_operator
        )
        select player_id::text as id from kept left join told using (operator_id, player_id)
        where coalesce(last, 0) <> last_seq or coalesce(events, 0) <> last_seq or coalesce(first, 1) <> 1
    """,
    # A limit is never raised, so the lowest one set before a bet was in force. The login of a session that
    # continues another one has the limit and the totals so far.
    Stored.LIMIT_PASSED: """
        with limits as (
            select operator_id, session_id, player_seq, (meta ->> 'lossLimitMinor')::numeric as limit_minor
            from playtime.ledger_events where source = 'PLAYTIME' and event_type in ('LIMIT_SET', 'LOGIN')
                and session_id is not null and jsonb_typeof(meta -> 'lossLimitMinor') = 'number' $and_operator
        ), told as (
            select operator_id, session_id, player_seq, null as event_id, 0 as lost_minor, limit_minor from limits
            union all
            select operator_id, session_id, player_seq, case event_type when 'BET' then event_id end,
                case event_type when 'BET' then amount_minor when 'WIN' then -amount_minor else
                    coalesce((meta ->> 'earlierBetsMinor')::numeric - (meta ->> 'earlierWinsMinor')::numeric, 0)
                end, null
            from playtime.ledger_events where source = 'PLAYTIME' and event_type in ('BET', 'WIN', 'LOGIN')
                and player_seq is not null
                and (operator_id, session_id) in (select operator_id, session_id from limits) $and_operator
        ), passed as (
            select event_id, sum(lost_minor) over play as lost_minor, min(limit_minor) over play as limit_minor
            from told window play as (partition by operator_id, session_id order by player_seq)
        ), lowest as (
            select operator_id, session_id, min(limit_minor) as limit_minor from limits
            group by operator_id, session_id
        ), kept as (
            select operator_id, session_id, loss_limit_minor from playtime.sessions where true $and_operator
        )
        select event_id::text as id from passed where event_id is not null and lost_minor > limit_minor
        union all
        select session_id::text from kept left join lowest using (operator_id, session_id)
        where loss_limit_minor is distinct from limit_minor
    """,
    Stored.ROLLUP_DIFFERS: ROLLUPS,
    Stored.EXTERNAL_WIN_WITHOUT_BET: """
        select event_id::text as id from playtime.ledger_events wins
        where event_type = 'WIN' and source = 'EXTERNAL' $and_operator and not exists (
            select from playtime.ledger_events bets where bets.operator_id = wins.operator_id
            and bets.tenant_id = wins.tenant_id and bets.provider = wins.provider
            and bets.action_id = wins.action_id and bets.event_type = 'BET' and bets.source = 'EXTERNAL'
        )
    """,
    # Notes of reports that differed; and events of one name that differ and that several actors wrote, such as the
    # next credential of a provider and an import.
    Stored.EXTERNAL_CONFLICT: """
        select action_id as id from playtime.ledger_events
        where event_type = 'EXTERNAL_CONFLICT' and source = 'PLAYTIME' $and_operator
        union
        select event_id::text from (
            select event_id, amount_minor <> first_value(amount_minor) over same
                or game_key is distinct from first_value(game_key) over same
                or player_id is distinct from first_value(player_id) over same as is_other
            from playtime.ledger_events where source = 'EXTERNAL' and provider is not null $and_operator
            window same as (partition by operator_id, tenant_id, provider, action_id, event_type order by event_id)
        ) events where is_other
    """,
}


@cache
def check_query(what: Stored, *, bound: bool) -> Query:
    """Return the query for the ids of the rows that break a rule."""
    own, own_or_stated = (_OWN, _OWN_OR_STATED) if bound else ("", "")
    return scoped(dedent(_CHECKS[what]).strip(), bound=bound, and_own=own, and_own_or_stated=own_or_stated)
