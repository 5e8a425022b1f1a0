"""Numbers that are not sums: what was refused and what failed, and how far vouchers came, and how fast."""

from collections.abc import Sequence
from typing import Any, Final

from ....application.answers import SPIN
from ....application.ports.analytics import Scope, Step, Tally
from ....domain.periods import Span
from ....domain.vouchers.vouchers import VoucherExpired, VoucherRedeemed, VoucherVoided
from .facts import Facts

_VOUCHERS: Final = """
    from playtime.vouchers v where {voucher_of_operator}
    and v.%s >= :since::timestamptz and v.%s < :until::timestamptz {and_voucher}"""

_TIMES: Final = f"""
with times as (
    select v.closed_at - v.issued_at as took, row_number() over (order by v.closed_at - v.issued_at) as at,
        count(*) over () as all_of_them
    {_VOUCHERS % ("closed_at", "closed_at")} and v.status = 'REDEEMED' {{and_nothing_of_play}}
)
select floor(extract(epoch from took) * 1000)::bigint from times
where at = (all_of_them + 1) / 2 or at = (9 * all_of_them + 9) / 10 order by at
"""  # noqa: S608 - texts of ours
"""The middle one, and the first that nine in ten do not exceed; with a single one these are the same."""

_REFUSALS: Final = """
select a.code, null, count(*) from playtime.answers a
join playtime.players p on p.operator_id = a.operator_id and p.player_id = a.actor_id
where {answer_of_operator} and {player_of_operator} and a.code is not null
and (a.command = :spin or (a.command is null and a.code <> all (:not_of_bets::text[])))
and a.created_at >= :since::timestamptz and a.created_at < :until::timestamptz {and_player} {and_nothing_of_games}
group by a.code order by count(*) desc, a.code
"""

_ERRORS: Final = """
select e.meta ->> 'code', e.meta ->> 'route', sum((e.meta ->> 'count')::bigint)::bigint
from playtime.ledger_events e
where {event_of_operator} and e.event_type = 'ERROR' and e.source = 'PLAYTIME'
and e.occurred_at >= :since::timestamptz and e.occurred_at < :until::timestamptz {and_event}
group by 1, 2 order by 3 desc, 1, 2
"""

_NOT_OF_BETS: Final = [refusal.code for refusal in (VoucherRedeemed, VoucherVoided, VoucherExpired)]
"""Why a player who tops up may be refused, for answers that do not say which command they are to."""

_MEDIANS: Final = ", ".join(
    f"floor(1000 * extract(epoch from percentile_disc(0.5) within group (order by {took})))::bigint"
    for took in (
        "redeemed_at - issued_at",
        "first_at - redeemed_at",
        "tenth_at - first_at",
        "again_at - tenth_at",
    )
)

_FUNNEL: Final = f"""
with issued as materialized (
    select v.operator_id, v.tenant_id, v.voucher_id, v.voucher_id::text as named, v.player_id, v.issued_at,
        case when v.status = 'REDEEMED' and v.closed_at < :until::timestamptz then v.closed_at end as redeemed_at
    {_VOUCHERS % ("issued_at", "issued_at")}
), came as (
    select issued_at, redeemed_at, bets.first_at, bets.tenth_at, (
        select min(o.closed_at) from playtime.vouchers o
        where o.operator_id = i.operator_id and o.player_id = i.player_id and o.voucher_id <> i.voucher_id
        and o.status = 'REDEEMED' and o.closed_at >= bets.tenth_at and o.closed_at < :until::timestamptz
    ) as again_at
    from issued i left join lateral (
        select r.player_seq from playtime.ledger_events r
        where r.operator_id = i.operator_id and r.source = 'PLAYTIME' and r.actor_id = i.tenant_id
        and r.action_id = i.named and r.event_type = 'VOUCHER_REDEEMED'
    ) redeemed on i.redeemed_at is not null left join lateral (
        select min(occurred_at) as first_at, case when count(*) = 10 then max(occurred_at) end as tenth_at from (
            select e.occurred_at from playtime.ledger_events e
            where e.operator_id = i.operator_id and e.player_id = i.player_id
            and e.player_seq > redeemed.player_seq and e.event_type = 'BET' and e.source = 'PLAYTIME'
            {{and_event_of_play}}
            order by e.player_seq limit 10
        ) first_ten where occurred_at < :until::timestamptz
    ) bets on redeemed.player_seq is not null
)
select count(*), count(redeemed_at), count(first_at), count(tenth_at), count(again_at),
    {_MEDIANS}
from came {{where_played}}
"""  # noqa: S608 - texts of ours


def redemption_times_in(facts: Facts, span: Span, only: Scope) -> tuple[int, int] | None:
    """Return median and 90th percentile of how long redeemed vouchers had been issued, in milliseconds."""
    rows = facts.put(_TIMES, only, **_ends(span))
    return (rows[0][0], rows[-1][0]) if rows else None


def refusals_in(facts: Facts, span: Span, only: Scope) -> Sequence[Tally]:
    """Return how often bets were refused, by code."""
    rows = facts.put(_REFUSALS, only, spin=SPIN, not_of_bets=_NOT_OF_BETS, **_ends(span))
    return [Tally(code=row[0], route=None, count=row[2]) for row in rows]


def errors_in(facts: Facts, span: Span, only: Scope) -> Sequence[Tally]:
    """Return how often requests failed, by code and route."""
    return [Tally(code=row[0], route=row[1], count=row[2]) for row in facts.put(_ERRORS, only, **_ends(span))]


def funnel_of(facts: Facts, span: Span, only: Scope) -> Sequence[Step]:
    """Return how far vouchers issued in a span came."""
    ((*counts, redeemed, first, tenth, again),) = facts.put(_FUNNEL, only, **_ends(span))
    medians = (None, redeemed, first, tenth, again)
    return [
        Step(vouchers=count, median_milliseconds=median) for count, median in zip(counts, medians, strict=True)
    ]


def _ends(span: Span) -> dict[str, Any]:
    return {"since": span.since, "until": span.until}
