"""The registry of metrics: what each figure of the operator's numbers means, and where it comes from.

docs/metrics.md shows this table; tests hold it against this registry, and this against the answers of the routes.
"""

from typing import Final

from attrs import frozen


@frozen
class Metric:
    """One figure: its name on the wire, what it is, how it is worked out, in which unit, and from which column."""

    name: str
    definition: str
    formula: str
    unit: str
    source: str


_AMOUNT: Final = "`ledger_events.amount_minor`"
_EVENTS: Final = "`ledger_events.event_type`"
_PLAYER: Final = "`ledger_events.player_id`"
_VOUCHERS: Final = "`vouchers.issued_at`, `closed_at`"

METRICS: Final = (
    Metric(
        "spins",
        "rounds played",
        "count of BET; elsewhere of BET and SPIN, of which a round is one",
        "rounds",
        _EVENTS,
    ),
    Metric("hits", "rounds that won anything", "count of WIN", "rounds", _EVENTS),
    Metric("handleMinor", "what was staked", "Σ BET", "minor units", _AMOUNT),
    Metric("payoutMinor", "what was won", "Σ WIN", "minor units", _AMOUNT),
    Metric("bonusesMinor", "bonuses that were triggered", "Σ BONUS_TRIGGERED", "minor units", _AMOUNT),
    Metric("bonusesHeldMinor", "bonuses that began to be held", "Σ BONUS_HELD", "minor units", _AMOUNT),
    Metric("ngrMinor", "net gaming revenue", "handle - payout - bonuses", "minor units", _AMOUNT),
    Metric("previousNgrMinor", "NGR of the bucket's counterpart before", "as ngrMinor", "minor units", _AMOUNT),
    Metric("netMinor", "what the house won of a player", "Σ BET - Σ WIN", "minor units", _AMOUNT),
    Metric("rtp", "return to player", "payout / handle", "ratio", _AMOUNT),
    Metric(
        "rtpLow",
        "lower end of the 95 % interval of the RTP",
        "rtp - 1.959964 x √(Σ v x BET²) / handle, v the game's variance",
        "ratio",
        f"{_AMOUNT}, pay tables, `game_configs.volatility`",
    ),
    Metric("rtpHigh", "upper end of that interval", "as rtpLow, with +", "ratio", "as rtpLow"),
    Metric(
        "expectedRtp",
        "the RTP that odds let expect of what was staked",
        "Σ r x BET / handle, r the game's RTP",
        "ratio",
        f"{_AMOUNT}, pay tables, `game_configs.expected_rtp`",
    ),
    Metric("hold", "share of the handle that the house keeps", "(handle - payout) / handle", "ratio", _AMOUNT),
    Metric("hitRate", "share of bets that won anything", "WIN / BET, counted", "ratio", _EVENTS),
    Metric(
        "expectedHitRate",
        "share of bets that should win",
        "from the pay table, or as stated",
        "ratio",
        "pay tables, `game_configs.hit_rate`",
    ),
    Metric(
        "volatility",
        "standard deviation of the win of a stake of 1",
        "√v, v from the pay table, or as stated",
        "ratio",
        "pay tables, `game_configs.volatility`",
    ),
    Metric("volume", "a game's share of the handle of its source", "handle / Σ handle", "ratio", _AMOUNT),
    Metric(
        "drifted",
        "whether wins since the beginning lie outside of a bound of all moments (alpha = 0.001), see below",
        "l (Σ WIN - r Σ BET) ≥ C(l S) Σ BET² / S² + 11.626255 for a power l of 1/2 or its negative; elsewhere, "
        "once (Σ BET)² ≥ 30,000 Σ BET²: \\|Σ WIN - r Σ BET\\| ≥ √((V + p) ln((V + p) / (alpha² p))), "
        "V = v Σ BET², p = v x 10,000 x 100²",
        "yes or no",
        f"{_AMOUNT}, pay tables, `game_configs`",
    ),
    Metric("deposits", "vouchers paid in", "count of VOUCHER_REDEEMED", "vouchers", _EVENTS),
    Metric("depositsMinor", "what they paid in, without bonus", "Σ VOUCHER_REDEEMED", "minor units", _AMOUNT),
    Metric("activePlayers", "players who bet in the period", "distinct players with BET", "players", _PLAYER),
    Metric("active", "players who bet in the period or bucket", "distinct players with BET", "players", _PLAYER),
    Metric("previousActive", "the same in the counterpart before", "as active", "players", _PLAYER),
    Metric("dau", "players who bet in the last day up to `to`", "distinct players with BET", "players", _PLAYER),
    Metric(
        "wau", "players who bet in the last 7 days up to `to`", "distinct players with BET", "players", _PLAYER
    ),
    Metric(
        "mau", "players who bet in the last 30 days up to `to`", "distinct players with BET", "players", _PLAYER
    ),
    Metric("stickiness", "how much of a month's players come in a day", "dau / mau", "ratio", _PLAYER),
    Metric(
        "arpuMinor", "average revenue per user", "NGR / active players", "minor units", f"{_AMOUNT}, `player_id`"
    ),
    Metric(
        "new",
        "players made; of a game or provider, those who bet on it in the period",
        "count of players",
        "players",
        "`players.created_at`",
    ),
    Metric("previousNew", "the same in the counterpart before", "as new", "players", "`players.created_at`"),
    Metric(
        "players",
        "players of a cohort (made in it), of a share, or with a life-time value",
        "count of players",
        "players",
        "`players.created_at`, `ledger_events.player_id`",
    ),
    Metric(
        "returned", "players of old enough cohorts who bet again that day", "distinct players", "players", _PLAYER
    ),
    Metric("rate", "retention", "returned / players, over cohorts whose day is over", "ratio", _PLAYER),
    Metric(
        "d1", "players of a cohort who bet on the 1st day after", "distinct players with BET", "players", _PLAYER
    ),
    Metric(
        "d7", "players of a cohort who bet on the 7th day after", "distinct players with BET", "players", _PLAYER
    ),
    Metric(
        "d30", "players of a cohort who bet on the 30th day after", "distinct players with BET", "players", _PLAYER
    ),
    Metric(
        "sessions",
        "sessions by length, from first to last bet in the period",
        "count by max - min of the time of BET",
        "sessions",
        "`ledger_events.session_id`, `occurred_at`",
    ),
    Metric("bets", "bets by the size of the stake", "count of BET", "bets", _AMOUNT),
    Metric("tested", "players with 100 rounds or more on games with known odds", "count", "players", _PLAYER),
    Metric("expectedMinor", "wins that odds let expect of a player", "Σ r x BET", "minor units", _AMOUNT),
    Metric(
        "z",
        "how far a player's wins lie above that",
        "(Σ WIN - Σ r x BET) / √(Σ v x BET²); told from 3.290527 on, see below",
        "standard deviations",
        _AMOUNT,
    ),
    Metric("held", "bonuses that began to be held", "count of BONUS_HELD", "bonuses", _EVENTS),
    Metric("heldMinor", "their amount", "Σ BONUS_HELD", "minor units", _AMOUNT),
    Metric("triggered", "bonuses that were triggered", "count of BONUS_TRIGGERED", "bonuses", _EVENTS),
    Metric("triggeredMinor", "their amount", "Σ BONUS_TRIGGERED", "minor units", _AMOUNT),
    Metric("returnedMinor", "bonuses that went back to the agent", "Σ BONUS_RETURNED", "minor units", _AMOUNT),
    Metric("acknowledged", "bonuses that players have seen", "count of BONUS_ACKNOWLEDGED", "times", _EVENTS),
    Metric("issued", "vouchers sold", "count of VOUCHER_ISSUED", "vouchers", _EVENTS),
    Metric("issuedMinor", "what they cost, with bonus", "Σ VOUCHER_ISSUED", "minor units", _AMOUNT),
    Metric("redeemed", "vouchers redeemed", "count of VOUCHER_REDEEMED", "vouchers", _EVENTS),
    Metric("redeemedMinor", "what they paid in, without bonus", "Σ VOUCHER_REDEEMED", "minor units", _AMOUNT),
    Metric("voided", "vouchers voided", "count of VOUCHER_VOIDED", "vouchers", _EVENTS),
    Metric("voidedMinor", "what went back, with bonus", "Σ VOUCHER_VOIDED", "minor units", _AMOUNT),
    Metric("expired", "vouchers expired", "count of VOUCHER_EXPIRED", "vouchers", _EVENTS),
    Metric("expiredMinor", "what went back, with bonus", "Σ VOUCHER_EXPIRED", "minor units", _AMOUNT),
    Metric("agents", "agents that a line stands for", "count of tenants", "agents", "`ledger_events.tenant_id`"),
    Metric(
        "count",
        "errors by route and code, the same refusal given again left out; refused bets by reason",
        "Σ count of ERROR; count of refusals",
        "times",
        "`ledger_events.meta`; `answers.code`",
    ),
    Metric(
        "medianSeconds",
        "how long the middle voucher took: to be redeemed, or from one stage to the next",
        "nearest rank",
        "seconds",
        f"{_VOUCHERS}, `ledger_events.occurred_at`",
    ),
    Metric(
        "p90Seconds", "what nine in ten redeemed vouchers did not exceed", "nearest rank", "seconds", _VOUCHERS
    ),
    Metric("logins", "log-ins of players", "count of LOGIN", "times", _EVENTS),
    Metric(
        "vouchers",
        "vouchers issued in the period that came to a stage before its end",
        "count; each stage within the one before",
        "vouchers",
        f"{_VOUCHERS}, `ledger_events.player_seq`",
    ),
    Metric("previousVouchers", "the same in the period before", "as vouchers", "vouchers", "as vouchers"),
    Metric(
        "shareOfIssued",
        "share of issued vouchers that came to a stage",
        "vouchers / issued",
        "ratio",
        "as vouchers",
    ),
    Metric(
        "dropOff", "vouchers that came no further than the stage before", "difference", "vouchers", "as vouchers"
    ),
    Metric("dropOffRate", "their share of that stage", "drop-off / stage before", "ratio", "as vouchers"),
    Metric("ltvMinor", "life-time value: bets less wins", "Σ BET - Σ WIN", "minor units", _AMOUNT),
    Metric("previousLtvMinor", "the same in the period before", "as ltvMinor", "minor units", _AMOUNT),
    Metric(
        "previousPlayers", "players who bet or won in the period before", "count of players", "players", _PLAYER
    ),
    Metric("averageMinor", "life-time value of a player", "Σ ltv / players", "minor units", _AMOUNT),
    Metric(
        "cumulativeMinor",
        "a cohort's life-time value up to each day since it began",
        "running Σ BET - Σ WIN",
        "minor units",
        f"{_AMOUNT}, `players.created_at`",
    ),
    Metric(
        "share",
        "share of the whole that the most valuable 1, 5 and 10 % are",
        "Σ their ltv / Σ ltv, where that is above 0",
        "ratio",
        _AMOUNT,
    ),
    Metric(
        "value", "the metric asked for, in the period", "ngr, handle, deposits or rtp", "as that metric", _AMOUNT
    ),
    Metric("previousValue", "the same in the period before", "as value", "as that metric", _AMOUNT),
    Metric(
        "change",
        "what it changed by, and what each part contributed; the parts of a kind add up to it",
        "of sums the part's own change; of the RTP that of (payout - r x handle) / whole handle, r the RTP before",
        "as that metric",
        _AMOUNT,
    ),
    Metric("exact", "the same as a fraction, not rounded", "as change", "as that metric", _AMOUNT),
)
"""Every figure of the eight routes, once."""
