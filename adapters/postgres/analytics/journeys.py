"""Vouchers on their way from the desk to the player's next voucher."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from ....application.ports.analytics import AnalyticsFilter, StageCount
from ....domain.periods import Span
from ..records.queries import fill
from ..transaction import PostgresTransaction
from .query import AnalyticsQuery, asks_for

_VOUCHERS: Final = """
    from playtime.vouchers v where v.operator_id $of_operator
    and v.$moment >= cast(:since as timestamptz) and v.$moment < cast(:until as timestamptz) $and_voucher"""

_TIMES: Final = fill(
    """
with times as (
    select v.closed_at - v.issued_at as took, row_number() over (order by v.closed_at - v.issued_at) as at,
        count(*) over () as all_of_them
    $vouchers and v.status = 'REDEEMED' $and_known
)
select floor(extract(epoch from took) * 1000)::bigint from times
where at = (all_of_them + 1) / 2 or at = (9 * all_of_them + 9) / 10 order by at
""",
    vouchers=fill(_VOUCHERS, moment="closed_at"),
)
"""The median, and the first time that nine in ten do not exceed; one row if both are the same."""

_FUNNEL: Final = fill(
    """
with issued as materialized (
    select v.operator_id, v.tenant_id, v.voucher_id, v.voucher_id::text as named, v.player_id, v.issued_at,
        case when v.status = 'REDEEMED' and v.closed_at < cast(:until as timestamptz)
            then v.closed_at end as redeemed_at
    $vouchers
), came as (
    select issued_at, redeemed_at, bets.first_at, bets.tenth_at, again.again_at
    from issued i left join lateral (
        select r.player_seq from playtime.ledger_events r
        where r.operator_id = i.operator_id and r.source = 'PLAYTIME' and r.actor_id = i.tenant_id
        and r.action_id = i.named and r.event_type = 'VOUCHER_REDEEMED' offset 0
    ) redeemed on i.redeemed_at is not null left join lateral (
        select min(occurred_at) as first_at, case when count(*) = 10 then max(occurred_at) end as tenth_at from (
            select e.occurred_at from playtime.ledger_events e
            where e.operator_id = i.operator_id and e.player_id = i.player_id
            and e.player_seq > redeemed.player_seq and e.event_type = 'BET' and e.source = 'PLAYTIME'
            $and_bet
            order by e.player_seq limit 10
        ) first_ten where occurred_at < cast(:until as timestamptz)
    ) bets on redeemed.player_seq is not null left join lateral (
        select min(closed_at) as again_at from (
            select o.voucher_id, o.status, o.closed_at from playtime.vouchers o
            where o.operator_id = i.operator_id and o.player_id = i.player_id offset 0
        ) o
        where o.voucher_id <> i.voucher_id and o.status = 'REDEEMED' and o.closed_at >= bets.tenth_at
        and o.closed_at < cast(:until as timestamptz)
    ) again on bets.tenth_at is not null
)
select count(*), count(redeemed_at), count(first_at), count(tenth_at), count(again_at),
    $medians
from came
""",
    vouchers=fill(_VOUCHERS, moment="issued_at"),
    medians=", ".join(
        f"floor(1000 * extract(epoch from percentile_disc(0.5) within group (order by {took})))::bigint"
        for took in (
            "redeemed_at - issued_at",
            "first_at - redeemed_at",
            "tenth_at - first_at",
            "again_at - tenth_at",
        )
    ),
)
"""Events and vouchers are looked up for each voucher.

`offset 0` fixes the columns of each look-up. Without statistics the planner would read all redemptions for each
voucher, and all vouchers that were redeemed later.
"""


@frozen
class PostgresVoucherJourneys:
    """Vouchers on their way from the desk to the player's next voucher."""

    transaction: PostgresTransaction

    def funnel(self, span: Span, only: AnalyticsFilter) -> Sequence[StageCount]:
        query = AnalyticsQuery(select=_FUNNEL, edges=(span.since, span.until), only=only)
        ((*counts, redeemed, first, tenth, again),) = query.rows(self.transaction)
        medians = (None, redeemed, first, tenth, again)
        return [
            StageCount(vouchers=count, median_milliseconds=median)
            for count, median in zip(counts, medians, strict=True)
        ]

    def redemption_times(self, span: Span, only: AnalyticsFilter) -> tuple[int, int] | None:
        query = AnalyticsQuery(
            select=_TIMES,
            edges=(span.since, span.until),
            only=only,
            parts={"and_known": "and false" if asks_for(only, "game_key", "provider", "region") else ""},
        )
        rows = query.rows(self.transaction)
        return (rows[0][0], rows[-1][0]) if rows else None
