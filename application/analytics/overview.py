"""The overview: money in and out, the RTP with its interval, and active players."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Final

from attrs import frozen

from ...domain.decimals import decimal_text
from ...domain.games.inference import Odds, rtp_interval
from ...domain.ledger.events import EventSource, EventType
from ...domain.ledger.totals import Totals, ratio
from ...domain.periods import Period, Span
from ..access import StaffPrincipal
from ..ports.analytics import Analytics
from ..wire import record_from
from .reader import (
    PREVIOUS,
    AnalyticsReader,
    AnalyticsReport,
    AnalyticsRequest,
    ExternalPlayRecord,
    Key,
    KnownOdds,
    external_play_record,
    ratio_text,
    together,
    two_periods,
)

DAYS_OF_A_MONTH: Final = 30

Expectation = tuple[Fraction | None, Fraction | None, Fraction | None]
"""The expected RTP, and the interval around the actual one."""


@frozen(kw_only=True)
class HeadlineRecord:
    """The figures of one period. `arpu_minor` is NGR / active players, in minor units with decimals."""

    spins: int
    handle_minor: int
    payout_minor: int
    bonuses_minor: int
    bonuses_held_minor: int
    ngr_minor: int
    rtp: str | None
    rtp_low: str | None
    rtp_high: str | None
    expected_rtp: str | None
    hold: str | None
    deposits: int
    deposits_without_bonus_minor: int
    active_players: int
    dau: int
    wau: int
    mau: int
    mean_dau: str
    stickiness: str | None
    last_day_stickiness: str | None
    arpu_minor: str | None
    elsewhere: ExternalPlayRecord


@frozen
class NgrPoint:
    """The NGR of one bucket, and on request of its counterpart in the period before."""

    start: datetime
    local_start: str
    ngr_minor: int
    previous_ngr_minor: int | None


@frozen
class OverviewData:
    """The figures of the period and of the period before, and the NGR by bucket."""

    current: HeadlineRecord
    previous: HeadlineRecord
    series: Sequence[NgrPoint]


@frozen
class ReadOverview(AnalyticsReader):
    """Reads the overview."""

    def __call__(
        self, principal: StaffPrincipal, request: AnalyticsRequest = AnalyticsRequest()
    ) -> AnalyticsReport[OverviewData]:
        """Return the report. Raises Forbidden, InvalidInput."""
        odds = self._odds(principal)

        def read(analytics: Analytics, period: Period) -> OverviewData:
            now, before = two_periods(analytics, period, request.only)
            actives = analytics.players.active_within([*_windows(period), *_windows(period.before)], request.only)
            compared, half = request.compare == PREVIOUS, len(actives) // 2
            return OverviewData(
                _headline(together(now.series), actives[:half], _expectation(now.by_game, odds)),
                _headline(together(before.series), actives[half:], _expectation(before.by_game, odds)),
                [
                    NgrPoint(
                        start,
                        period.local_text(start),
                        totals.ngr_minor,
                        counterpart.ngr_minor if compared else None,
                    )
                    for start, totals, counterpart in zip(period.edges, now.series, before.series, strict=False)
                ],
            )

        return self._report(principal, request, read)


def _windows(period: Period) -> list[Span]:
    """Return the windows of active players: the period, its last day, week and month, and the month's days."""
    lasting = (period.last_days(days) for days in (1, 7, DAYS_OF_A_MONTH))
    return [period.span, *lasting, *period.single_days(DAYS_OF_A_MONTH)]


def _headline(totals: Totals, actives: Sequence[int], expectation: Expectation) -> HeadlineRecord:
    active, dau, wau, mau, *daily = actives
    mean = Fraction(sum(daily), len(daily))
    expected, low, high = expectation
    return record_from(
        HeadlineRecord,
        totals,
        bonuses_held_minor=totals.of(EventType.BONUS_HELD).amount_minor,
        rtp=ratio_text(totals.rtp),
        rtp_low=ratio_text(low),
        rtp_high=ratio_text(high),
        expected_rtp=ratio_text(expected),
        hold=ratio_text(totals.hold),
        deposits=totals.of(EventType.VOUCHER_REDEEMED).events,
        active_players=active,
        dau=dau,
        wau=wau,
        mau=mau,
        mean_dau=decimal_text(mean),
        stickiness=ratio_text(mean / mau if mau else None),
        last_day_stickiness=ratio_text(ratio(dau, mau)),
        arpu_minor=ratio_text(ratio(totals.ngr_minor, active)),
        elsewhere=external_play_record(totals),
    )


def _expectation(by_game: Mapping[Key, Totals], odds: KnownOdds) -> Expectation:
    """Return the RTP that the odds predict for the stakes, and the interval around the actual one.

    None without stakes, or with a stake on a game of unknown odds.
    """
    played = [
        (totals, odds.of(EventSource.PLAYTIME, key[0])) for key, totals in by_game.items() if totals.handle_minor
    ]
    known: list[tuple[Totals, Odds]] = [(totals, game) for totals, game in played if game is not None]
    handle_minor = sum(totals.handle_minor for totals, _ in played)
    if len(known) < len(played) or not handle_minor:
        return None, None, None
    expected = sum((game.rtp * totals.handle_minor for totals, game in known), Fraction(0)) / handle_minor
    variances = [game.variance * totals.squares for totals, game in known if game.variance is not None]
    if len(variances) < len(known):
        return expected, None, None
    interval = rtp_interval(
        handle_minor=handle_minor,
        payout_minor=sum(totals.payout_minor for totals in by_game.values()),
        variance=sum(variances, Fraction(0)),
    )
    return (expected, interval.low, interval.high) if interval else (expected, None, None)
