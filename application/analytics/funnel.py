"""The funnel: the stages of vouchers, from the desk to the next voucher."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from attrs import frozen

from ...domain.ledger.totals import ratio
from ...domain.periods import Period
from ...domain.wire_names import camel
from ..access import StaffPrincipal
from ..ports.analytics import Analytics, StageCount
from .reader import PREVIOUS, AnalyticsReader, AnalyticsReport, AnalyticsRequest, ratio_text, seconds_text


class FunnelStage(StrEnum):
    """The stages of a voucher, in order; a voucher at a stage was at all stages before it."""

    ISSUED = "issued"
    REDEEMED = "redeemed"
    FIRST_BET = camel("first_bet")
    TENTH_BET = camel("tenth_bet")
    SECOND_VOUCHER = camel("second_voucher")


_BEFORE_PLAY: Final = (FunnelStage.ISSUED, FunnelStage.REDEEMED)


@frozen(kw_only=True)
class StageRecord:
    """The vouchers at a stage, as a share of all issued and of those at the stage before.

    `narrowed_by` names the filters that can narrow the stage; the others leave it as it is.
    """

    stage: FunnelStage
    narrowed_by: Sequence[str]
    vouchers: int
    share_of_issued: str | None
    drop_off: int
    drop_off_rate: str | None
    median_seconds: str | None
    previous_vouchers: int | None


_OF_VOUCHERS: Final = tuple(map(camel, ("agent_id", "cashier_id")))
_OF_BETS: Final = tuple(map(camel, ("game_key", "provider", "region")))


@frozen
class FunnelData:
    """The stages, in their order."""

    stages: Sequence[StageRecord]


@frozen
class ReadFunnel(AnalyticsReader):
    """Reads the funnel."""

    def __call__(
        self, principal: StaffPrincipal, request: AnalyticsRequest = AnalyticsRequest()
    ) -> AnalyticsReport[FunnelData]:
        """Return the report. Raises Forbidden, InvalidInput."""

        def read(analytics: Analytics, period: Period) -> FunnelData:
            counts = analytics.journeys.funnel(period.span, request.only)
            before: Sequence[StageCount | None] = [None] * len(counts)
            if request.compare == PREVIOUS:
                before = analytics.journeys.funnel(period.before.span, request.only)
            return FunnelData([_stage(stage, number, counts, before) for number, stage in enumerate(FunnelStage)])

        return self._report(principal, request, read)


def _stage(
    stage: FunnelStage, number: int, counts: Sequence[StageCount], before: Sequence[StageCount | None]
) -> StageRecord:
    count, came_from = counts[number], counts[max(number - 1, 0)].vouchers
    previous = before[number]
    return StageRecord(
        stage=stage,
        narrowed_by=[*_OF_VOUCHERS, *(_OF_BETS if stage not in _BEFORE_PLAY else ())],
        vouchers=count.vouchers,
        share_of_issued=ratio_text(ratio(count.vouchers, counts[0].vouchers)),
        drop_off=came_from - count.vouchers,
        drop_off_rate=ratio_text(ratio(came_from - count.vouchers, came_from)),
        median_seconds=seconds_text(count.median_milliseconds),
        previous_vouchers=None if previous is None else previous.vouchers,
    )
