"""Routes of analytics: the eight reports, external events and game configs."""
# ruff: noqa: N815 - the attributes are the wire's camelCase names

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

from attrs import frozen
from msgspec import Meta

from ....application.analytics.attribution import AttributionData, AttributionMetric, ChangePart
from ....application.analytics.funnel import FunnelData, StageRecord
from ....application.analytics.games import GameFigures, GamesData
from ....application.analytics.ltv import LtvCohort, LtvData
from ....application.analytics.ops import CashierRow, OpsData
from ....application.analytics.overview import NgrPoint, OverviewData
from ....application.analytics.players import ActivityPoint, PlayersData
from ....application.analytics.reader import AnalyticsReport, AnalyticsRequest, RangeRecord
from ....application.analytics.revenue import RevenueData, RevenuePoint
from ....application.engine import Engine
from ....application.errors import NotFound
from ....application.ledger.external_events import ExternalEventType
from ....application.ledger.ingestion import LARGEST_REPORT, ExternalEvent, GameConfigRecord, Ingested
from ....application.ports.analytics import AnalyticsFilter
from ....application.wire import success
from ....domain.errors import InvalidInput
from ....domain.local_time import DEFAULT_TIMEZONE, Bucket
from ....domain.money import MAX_AMOUNT_MINOR
from ..calls import StaffCall
from ..errors import MalformedRequest, faults_of
from ..filters import filled
from ..pages.documents import CSV
from ..pages.tables import whole_table
from ..requests import ActionId, Excel, ListFormat, Name, Since, Timezone, Typed, Until
from .results import MultiStatus, Result, success_of
from .route import API, Route, fields_of

T = TypeVar("T")


GAME_KEY: Final = r"^[a-zA-Z0-9][a-zA-Z0-9._-]*$(?!\n)"


REPORT_BYTES: Final = LARGEST_REPORT * 4_608
"""The largest report: as many events as it may have, each as long as its texts may be in JSON of ASCII alone."""


Ratio = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?$(?!\n)",
        description="In decimals, up to six of them.",
        extra={"form": 'a decimal in a text, with up to six decimals, such as "0.95"'},
    ),
]


@frozen(kw_only=True)
class ReportQuery:
    """The period, bucket, timezone and filter of a report; by default the last 30 days with the current second."""

    from_: Since | None = None
    to: Until | None = None
    bucket: Bucket = Bucket.DAY
    timezone: Timezone = DEFAULT_TIMEZONE
    agentId: UUID | None = None
    cashierId: UUID | None = None
    gameKey: Typed | None = None
    provider: Name | None = None
    region: Name | None = None
    compare: Literal["previous"] | None = None
    format: ListFormat = ListFormat.JSON
    excel: Excel = False


@frozen(kw_only=True)
class AttributionQuery(ReportQuery):
    """A report's query, with the metric whose change is attributed."""

    metric: AttributionMetric = AttributionMetric.NGR


@frozen(kw_only=True)
class ExternalEventRequest:
    """An external event. BET and WIN have an amount, the other types none."""

    eventType: ExternalEventType
    actionId: ActionId
    gameKey: Typed
    provider: Name
    amountMinor: Annotated[int, Meta(ge=0, le=MAX_AMOUNT_MINOR)] = 0
    occurredAt: Annotated[datetime, Meta(tz=True)] | None = None
    playerId: UUID | None = None
    sessionId: UUID | None = None
    agentId: UUID | None = None
    region: Name | None = None


@frozen(kw_only=True)
class EventsReport:
    """External events; events that were sent before are not stored again."""

    events: Annotated[list[ExternalEventRequest], Meta(min_length=1, max_length=LARGEST_REPORT)]


@frozen(kw_only=True)
class GameConfigRequest:
    """A game's expected return, hit rate, and standard deviation of a win at a stake of 1."""

    provider: Name
    expectedRtp: Ratio
    hitRate: Ratio | None = None
    volatility: Ratio | None = None


def read_overview(engine: Engine, call: StaffCall[ReportQuery]) -> Result:
    """Show revenue, RTP with its confidence, and active players. CSV: the NGR by bucket."""
    report = _read(call, lambda request: engine.read_overview(call.who, request))
    return _result(call, "overview", report, (NgrPoint, report.data.series))


def read_revenue(engine: Engine, call: StaffCall[ReportQuery]) -> Result:
    """Show revenue by bucket, game and agent, and what became of vouchers. CSV: by bucket."""
    report = _read(call, lambda request: engine.read_revenue(call.who, request))
    return _result(call, "revenue", report, (RevenuePoint, report.data.series))


def read_games(engine: Engine, call: StaffCall[ReportQuery]) -> Result:
    """Show handle, payout and expected return of each game. CSV: by game."""
    report = _read(call, lambda request: engine.read_games(call.who, request))
    return _result(call, "games", report, (GameFigures, report.data.games))


def read_players(engine: Engine, call: StaffCall[ReportQuery]) -> Result:
    """Show active players, retention, play and outliers. CSV: players by bucket."""
    report = _read(call, lambda request: engine.read_players(call.who, request))
    return _result(call, "players", report, (ActivityPoint, report.data.series))


def read_ltv(engine: Engine, call: StaffCall[ReportQuery]) -> Result:
    """Show the lifetime value of players, its distribution and its growth. CSV: by cohort."""
    report = _read(call, lambda request: engine.read_ltv(call.who, request))
    return _result(call, "ltv", report, (LtvCohort, report.data.cohorts))


def read_funnel(engine: Engine, call: StaffCall[ReportQuery]) -> Result:
    """Show the funnel of vouchers. CSV: by stage."""
    report = _read(call, lambda request: engine.read_funnel(call.who, request))
    return _result(call, "funnel", report, (StageRecord, report.data.stages))


def read_ops(engine: Engine, call: StaffCall[ReportQuery]) -> Result:
    """Show failed and refused requests, and the work of the desks. CSV: by cashier."""
    report = _read(call, lambda request: engine.read_ops(call.who, request))
    return _result(call, "ops", report, (CashierRow, report.data.cashiers))


def read_attribution(engine: Engine, call: StaffCall[AttributionQuery]) -> Result:
    """Attribute a change to games, agents and regions. CSV: all parts; each kind adds up to the change."""
    report = _read(call, lambda request: engine.read_attribution(call.who, request, call.given.metric))
    data = report.data
    return _result(call, "attribution", report, (ChangePart, [*data.games, *data.agents, *data.segments]))


def ingest_events(engine: Engine, call: StaffCall[EventsReport]) -> Result:
    """Store external events. 207: some were sent before in another way, or a new one's game has no config."""
    events = [filled(ExternalEvent, event) for event in call.given.events]
    ingested = engine.ingest_events(call.who, events)
    content = success_of(ingested)
    return MultiStatus(content) if ingested.needs_attention else content


def configure_game(engine: Engine, call: StaffCall[GameConfigRequest]) -> Result:
    """Store a game config, in place of the one before."""
    given = call.given
    game_key = call.names["gameKey"]
    if re.fullmatch(GAME_KEY, game_key) is None:
        raise NotFound("game")
    return success(
        game=engine.configure_game(
            call.who,
            game_key,
            provider=given.provider,
            expected_rtp=given.expectedRtp,
            hit_rate=given.hitRate,
            volatility=given.volatility,
        )
    )


def _read(call: StaffCall[Any], read: Callable[[AnalyticsRequest], T]) -> T:
    """Read the report of a query. Raises MalformedRequest for a fault of the query."""
    given: ReportQuery = call.given
    request = filled(AnalyticsRequest, given, only=filled(AnalyticsFilter, given))
    try:
        return read(request)
    except InvalidInput as error:
        raise MalformedRequest(faults_of(error, "query")) from None


def _result(
    call: StaffCall[Any], name: str, report: AnalyticsReport[Any], table: tuple[type[Any], Sequence[Any]]
) -> Result:
    if call.given.format is ListFormat.CSV:
        row, rows = table
        return whole_table(name, row, rows, excel=call.given.excel)
    return success(range=report.range, data=report.data)


def _report_route(name: str, handle: Callable[..., Any], data: type[Any]) -> Route:
    gives = {"range": RangeRecord, "data": data}
    path = f"{API}/admin/analytics/{name}"
    return Route("GET", path, handle, gives=gives, documents=(CSV,), is_long=True, refusals=(InvalidInput,))


ANALYTICS: Final = (
    Route(
        "POST",
        f"{API}/events",
        ingest_events,
        gives=fields_of(Ingested),
        status_for_part=HTTPStatus.MULTI_STATUS,
        limit_bytes=REPORT_BYTES,
        refusals=(InvalidInput,),
    ),
    Route(
        "PUT",
        f"{API}/admin/games/{{gameKey}}",
        configure_game,
        gives={"game": GameConfigRecord},
        refusals=(InvalidInput,),
    ),
    _report_route("overview", read_overview, OverviewData),
    _report_route("revenue", read_revenue, RevenueData),
    _report_route("games", read_games, GamesData),
    _report_route("players", read_players, PlayersData),
    _report_route("ltv", read_ltv, LtvData),
    _report_route("funnel", read_funnel, FunnelData),
    _report_route("ops", read_ops, OpsData),
    _report_route("attribution", read_attribution, AttributionData),
)
