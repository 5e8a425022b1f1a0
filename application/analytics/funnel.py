"""The funnel: how far vouchers come, from the desk to the next voucher."""

from collections.abc import Sequence
from enum import StrEnum

from attrs import frozen

from ...domain.ledger.totals import ratio
from ...domain.periods import Period
from ..access import StaffPrincipal
from ..ports.analytics import Analytics, Step
from .reader import PREVIOUS, AnalyticsReader, Asked, Numbers, ratio_text, seconds_text


class Stage(StrEnum):
    """The steps of the way; whoever comes to one has come to all before it."""

    ISSUED = "issued"
    REDEEMED = "redeemed"
    FIRST_BET = "firstBet"
    TENTH_BET = "tenthBet"
    SECOND_VOUCHER = "secondVoucher"


@frozen(kw_only=True)
class StageRecord:
    """How many vouchers came to a stage: of all issued, and of those that came to the one before."""

    stage: Stage
    vouchers: int
    share_of_issued: str | None
    drop_off: int
    drop_off_rate: str | None
    median_seconds: str | None
    previous_vouchers: int | None


@frozen
class FunnelData:
    """The stages, in their order."""

    stages: Sequence[StageRecord]


@frozen
class ReadFunnel(AnalyticsReader):
    """Reads the funnel."""

    def __call__(self, principal: StaffPrincipal, asked: Asked = Asked()) -> Numbers[FunnelData]:
        """Return it. Raises Forbidden, InvalidInput."""

        def read(numbers: Analytics, period: Period) -> FunnelData:
            steps = numbers.funnel(period.span, asked.only)
            compared = asked.compare == PREVIOUS
            before = numbers.funnel(period.before.span, asked.only) if compared else [None] * len(steps)
            return FunnelData([_stage(stage, number, steps, before) for number, stage in enumerate(Stage)])

        return self._answer(principal, asked, read)


def _stage(stage: Stage, number: int, steps: Sequence[Step], before: Sequence[Step | None]) -> StageRecord:
    step, came_from = steps[number], steps[max(number - 1, 0)].vouchers
    previous = before[number]
    return StageRecord(
        stage=stage,
        vouchers=step.vouchers,
        share_of_issued=ratio_text(ratio(step.vouchers, steps[0].vouchers)),
        drop_off=came_from - step.vouchers,
        drop_off_rate=ratio_text(ratio(came_from - step.vouchers, came_from)),
        median_seconds=seconds_text(step.median_milliseconds),
        previous_vouchers=None if previous is None else previous.vouchers,
    )
