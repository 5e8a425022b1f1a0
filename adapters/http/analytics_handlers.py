"""What each route of the numbers does: one use case called, its answer handed on as JSON or as a table."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ...application.analytics import Asked, Numbers
from ...application.analytics_attribution import ChangePart
from ...application.analytics_funnel import StageRecord
from ...application.analytics_games import GameNumbers
from ...application.analytics_ltv import LtvCohort
from ...application.analytics_ops import CashierRow
from ...application.analytics_overview import NgrPoint
from ...application.analytics_players import ActivityPoint
from ...application.analytics_port import Scope
from ...application.analytics_revenue import RevenuePoint
from ...application.engine import Engine
from ...application.wire import success
from ...domain.errors import InvalidInput
from .calls import StaffCall
from .errors import MalformedRequest
from .filters import moment_in_utc
from .handlers import Result
from .numbers_requests import AttributionQuery, NumbersQuery
from .requests import ListFormat
from .tables import whole_table

T = TypeVar("T")


def read_overview(engine: Engine, call: StaffCall[NumbersQuery]) -> Result:
    """Show what came in and went out, how sure the RTP is, and who was there. CSV: the NGR by bucket."""
    numbers = _asked(call, lambda asked: engine.read_overview(call.who, asked))
    return _told(call, "overview", numbers, (NgrPoint, numbers.data.series))


def read_revenue(engine: Engine, call: StaffCall[NumbersQuery]) -> Result:
    """Show revenue by bucket, game and agent, and what became of vouchers. CSV: by bucket."""
    numbers = _asked(call, lambda asked: engine.read_revenue(call.who, asked))
    return _told(call, "revenue", numbers, (RevenuePoint, numbers.data.series))


def read_games(engine: Engine, call: StaffCall[NumbersQuery]) -> Result:
    """Show what each game took and gave, against what it should. CSV: by game."""
    numbers = _asked(call, lambda asked: engine.read_games(call.who, asked))
    return _told(call, "games", numbers, (GameNumbers, numbers.data.games))


def read_players(engine: Engine, call: StaffCall[NumbersQuery]) -> Result:
    """Show who was there, who came back, how they play, and whose luck is none. CSV: players by bucket."""
    numbers = _asked(call, lambda asked: engine.read_players(call.who, asked))
    return _told(call, "players", numbers, (ActivityPoint, numbers.data.series))


def read_ltv(engine: Engine, call: StaffCall[NumbersQuery]) -> Result:
    """Show what the house won of players, how it is spread and how it grows. CSV: by cohort."""
    numbers = _asked(call, lambda asked: engine.read_ltv(call.who, asked))
    return _told(call, "ltv", numbers, (LtvCohort, numbers.data.cohorts))


def read_funnel(engine: Engine, call: StaffCall[NumbersQuery]) -> Result:
    """Show how far vouchers come. CSV: by stage."""
    numbers = _asked(call, lambda asked: engine.read_funnel(call.who, asked))
    return _told(call, "funnel", numbers, (StageRecord, numbers.data.stages))


def read_ops(engine: Engine, call: StaffCall[NumbersQuery]) -> Result:
    """Show what failed and was refused, and what the desks did. CSV: by cashier."""
    numbers = _asked(call, lambda asked: engine.read_ops(call.who, asked))
    return _told(call, "ops", numbers, (CashierRow, numbers.data.cashiers))


def read_attribution(engine: Engine, call: StaffCall[AttributionQuery]) -> Result:
    """Show which games, agents and regions a change came from. CSV: all parts; each kind adds up to the change."""
    numbers = _asked(call, lambda asked: engine.read_attribution(call.who, asked, call.given.metric))
    data = numbers.data
    return _told(call, "attribution", numbers, (ChangePart, [*data.games, *data.agents, *data.segments]))


def _asked(call: StaffCall[Any], read: Callable[[Asked], T]) -> T:
    """Read what a query asks for; what is wrong with it is a fault of the query."""
    given: NumbersQuery = call.given
    only = Scope(
        agent_id=given.agentId,
        cashier_id=given.cashierId,
        game_key=given.gameKey,
        provider=given.provider,
        region=given.region,
    )
    asked = Asked(
        since=moment_in_utc(given.from_),
        until=moment_in_utc(given.to),
        bucket=given.bucket,
        zone_name=given.timezone,
        only=only,
        compare=given.compare,
    )
    try:
        return read(asked)
    except InvalidInput as error:
        raise MalformedRequest.at(f"query.{error.path}", error.reason) from None


def _told(
    call: StaffCall[Any], name: str, numbers: Numbers[Any], table: tuple[type[Any], Sequence[Any]]
) -> Result:
    if call.given.format is ListFormat.CSV:
        row, rows = table
        return whole_table(name, row, rows)
    return success(range=numbers.range, data=numbers.data)
