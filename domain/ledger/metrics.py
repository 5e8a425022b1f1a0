"""The registry of metrics: the meaning of each figure of analytics, and its source.

docs/metrics.md shows this table. Tests compare it with this registry, and this with the answers of the routes.
"""

from typing import Final

from attrs import frozen


@frozen
class Metric:
    """One figure: its name in answers, definition, formula, unit and source columns."""

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
        "count of BET; of external games, count of BET and SPIN",
        "rounds",
        _EVENTS,
    ),
    Metric("hits", "rounds that won anything", "count of WIN", "rounds", _EVENTS),
    Metric("handle_minor", "sum of stakes", "Σ BET", "minor units", _AMOUNT),
    Metric("payout_minor", "sum of wins", "Σ WIN", "minor units", _AMOUNT),
    Metric(
        "bonuses_minor",
        "triggered bonuses; each counts for its voucher's cashier",
        "Σ BONUS_TRIGGERED",
        "minor units",
        _AMOUNT,
    ),
    Metric("bonuses_held_minor", "newly held bonuses", "Σ BONUS_HELD", "minor units", _AMOUNT),
    Metric("ngr_minor", "net gaming revenue", "handle - payout - bonuses", "minor units", _AMOUNT),
    Metric(
        "previous_ngr_minor",
        "NGR of the counterpart bucket in the period before",
        "handle - payout - bonuses",
        "minor units",
        _AMOUNT,
    ),
    Metric("net_minor", "win of the house from a player", "Σ BET - Σ WIN", "minor units", _AMOUNT),
    Metric("rtp", "return to player", "payout / handle", "ratio", _AMOUNT),
    Metric(
        "rtp_low",
        "lower end of the 95 % interval of the RTP",
        "rtp - 1.959964 x √(Σ v x BET²) / handle, v the game's variance",
        "ratio",
        f"{_AMOUNT}, pay tables, `game_configs.volatility`",
    ),
    Metric(
        "rtp_high",
        "upper end of that interval",
        "rtp + 1.959964 x √(Σ v x BET²) / handle, v the game's variance",
        "ratio",
        f"{_AMOUNT}, pay tables, `game_configs.volatility`",
    ),
    Metric(
        "expected_rtp",
        "RTP that the odds predict for these stakes",
        "Σ r x BET / handle, r the game's RTP",
        "ratio",
        f"{_AMOUNT}, pay tables, `game_configs.expected_rtp`",
    ),
    Metric("hold", "share of the handle that the house keeps", "(handle - payout) / handle", "ratio", _AMOUNT),
    Metric("hit_rate", "share of bets that won anything", "WIN / BET, counted", "ratio", _EVENTS),
    Metric(
        "expected_hit_rate",
        "share of bets that should win",
        "from the pay table, or from the game config",
        "ratio",
        "pay tables, `game_configs.hit_rate`",
    ),
    Metric(
        "volatility",
        "standard deviation of the win of a stake of 1",
        "√v, v from the pay table, or from the game config",
        "ratio",
        "pay tables, `game_configs.volatility`",
    ),
    Metric("volume", "a game's share of the handle of its source", "handle / Σ handle", "ratio", _AMOUNT),
    Metric(
        "drifted",
        "whether wins since the beginning exceed a bound for all moments (alpha = 0.001)",
        "see below",
        "yes or no",
        f"{_AMOUNT}, `rounds.game_version`, pay tables, `game_configs`",
    ),
    Metric(
        "not_judged",
        "the reason why `drifted` is null",
        "NO_STAKES, NO_ODDS, NO_VOLATILITY or FILTERED, see below",
        "code",
        f"{_AMOUNT}, `game_configs`",
    ),
    Metric("deposits", "vouchers paid in", "count of VOUCHER_REDEEMED", "vouchers", _EVENTS),
    Metric(
        "deposits_without_bonus_minor", "their amount, without bonus", "Σ VOUCHER_REDEEMED", "minor units", _AMOUNT
    ),
    Metric("active_players", "players who bet in the period", "distinct players with BET", "players", _PLAYER),
    Metric("active", "players who bet in the period or bucket", "distinct players with BET", "players", _PLAYER),
    Metric(
        "previous_active",
        "the same in the counterpart bucket of the period before",
        "as active",
        "players",
        _PLAYER,
    ),
    Metric("dau", "players who bet in the last day up to `to`", "distinct players with BET", "players", _PLAYER),
    Metric(
        "wau", "players who bet in the last 7 days up to `to`", "distinct players with BET", "players", _PLAYER
    ),
    Metric(
        "mau", "players who bet in the last 30 days up to `to`", "distinct players with BET", "players", _PLAYER
    ),
    Metric(
        "mean_dau",
        "mean of the players who bet, over the last 30 days up to `to`",
        "Σ DAU / 30",
        "players",
        _PLAYER,
    ),
    Metric(
        "stickiness", "share of a month's players who bet on an average day", "mean DAU / mau", "ratio", _PLAYER
    ),
    Metric(
        "last_day_stickiness", "share of a month's players who bet in the last day", "dau / mau", "ratio", _PLAYER
    ),
    Metric(
        "arpu_minor", "average revenue per user", "NGR / active players", "minor units", f"{_AMOUNT}, `player_id`"
    ),
    Metric(
        "new",
        "new players; of a game or provider, those of them who bet on it in the period",
        "count of players",
        "players",
        "`players.created_at`",
    ),
    Metric(
        "previous_new",
        "the same in the counterpart bucket of the period before",
        "as new",
        "players",
        "`players.created_at`",
    ),
    Metric(
        "players",
        "players of a cohort (of a game: who bet on it up to now), of a share, or with a lifetime value",
        "count of players",
        "players",
        "`players.created_at`, `ledger_events.player_id`",
    ),
    Metric(
        "returned",
        "players of cohorts of that age who bet again on that day",
        "distinct players",
        "players",
        _PLAYER,
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
    Metric("expected_minor", "wins of a player that the odds predict", "Σ r x BET", "minor units", _AMOUNT),
    Metric(
        "z",
        "distance of a player's wins from that",
        "(Σ WIN - Σ r x BET) / √(Σ v x BET²); shown from 3.290527 on, see below",
        "standard deviations",
        _AMOUNT,
    ),
    Metric("held", "newly held bonuses", "count of BONUS_HELD", "bonuses", _EVENTS),
    Metric("held_minor", "their amount", "Σ BONUS_HELD", "minor units", _AMOUNT),
    Metric("triggered", "triggered bonuses", "count of BONUS_TRIGGERED", "bonuses", _EVENTS),
    Metric("triggered_minor", "their amount", "Σ BONUS_TRIGGERED", "minor units", _AMOUNT),
    Metric("returned_minor", "bonuses that returned to the agent", "Σ BONUS_RETURNED", "minor units", _AMOUNT),
    Metric("acknowledged", "bonuses that players acknowledged", "count of BONUS_ACKNOWLEDGED", "times", _EVENTS),
    Metric("issued", "vouchers sold", "count of VOUCHER_ISSUED", "vouchers", _EVENTS),
    Metric("issued_with_bonus_minor", "their cost, with bonus", "Σ VOUCHER_ISSUED", "minor units", _AMOUNT),
    Metric("redeemed", "vouchers redeemed", "count of VOUCHER_REDEEMED", "vouchers", _EVENTS),
    Metric(
        "redeemed_without_bonus_minor", "their amount, without bonus", "Σ VOUCHER_REDEEMED", "minor units", _AMOUNT
    ),
    Metric("voided", "vouchers voided", "count of VOUCHER_VOIDED", "vouchers", _EVENTS),
    Metric("voided_with_bonus_minor", "their amount, with bonus", "Σ VOUCHER_VOIDED", "minor units", _AMOUNT),
    Metric("expired", "vouchers expired", "count of VOUCHER_EXPIRED", "vouchers", _EVENTS),
    Metric("expired_with_bonus_minor", "their amount, with bonus", "Σ VOUCHER_EXPIRED", "minor units", _AMOUNT),
    Metric("agents", "agents in a line", "count of tenants", "agents", "`ledger_events.tenant_id`"),
    Metric(
        "count",
        "errors by route and code, without replayed refusals; refused bets by reason",
        "Σ count of ERROR; count of refusals",
        "times",
        "`ledger_events.meta`; `answers.code`",
    ),
    Metric(
        "median_seconds",
        "median time to redemption, or from one stage to the next",
        "nearest rank",
        "seconds",
        f"{_VOUCHERS}, `ledger_events.occurred_at`",
    ),
    Metric(
        "p90_seconds",
        "time that nine in ten redeemed vouchers did not exceed",
        "nearest rank",
        "seconds",
        _VOUCHERS,
    ),
    Metric("logins", "logins of players", "count of LOGIN", "times", _EVENTS),
    Metric(
        "vouchers",
        "vouchers issued in the period that reached a stage before its end",
        "count; each stage within the one before; game, provider and region narrow only bets",
        "vouchers",
        f"{_VOUCHERS}, `ledger_events.player_seq`",
    ),
    Metric("previous_vouchers", "the same in the period before", "as vouchers", "vouchers", "as vouchers"),
    Metric(
        "share_of_issued",
        "share of issued vouchers that reached a stage",
        "vouchers / issued",
        "ratio",
        "as vouchers",
    ),
    Metric("drop_off", "vouchers that stopped at the stage before", "difference", "vouchers", "as vouchers"),
    Metric("drop_off_rate", "their share of that stage", "drop-off / stage before", "ratio", "as vouchers"),
    Metric("ltv_minor", "lifetime value: bets minus wins", "Σ BET - Σ WIN", "minor units", _AMOUNT),
    Metric("previous_ltv_minor", "the same in the period before", "Σ BET - Σ WIN", "minor units", _AMOUNT),
    Metric(
        "previous_players", "players who bet or won in the period before", "count of players", "players", _PLAYER
    ),
    Metric("average_minor", "mean lifetime value of a player", "Σ ltv / players", "minor units", _AMOUNT),
    Metric(
        "cumulative_minor",
        "a cohort's lifetime value up to each day since its start",
        "running Σ BET - Σ WIN",
        "minor units",
        f"{_AMOUNT}, `players.created_at`",
    ),
    Metric(
        "share",
        "share of the most valuable 1, 5 and 10 % in the whole",
        "Σ their ltv / Σ ltv, where that is above 0",
        "ratio",
        _AMOUNT,
    ),
    Metric(
        "value", "the requested metric, in the period", "ngr, handle, deposits or rtp", "as that metric", _AMOUNT
    ),
    Metric("previous_value", "the same in the period before", "as value", "as that metric", _AMOUNT),
    Metric(
        "change",
        "change of the metric, and the share of each part in it; the parts of a kind add up to it",
        "for sums, the part's own change; for the RTP, see below",
        "as that metric",
        _AMOUNT,
    ),
    Metric("exact", "the same as an exact fraction", "as change", "as that metric", _AMOUNT),
)
"""Every figure of the eight routes, once."""
