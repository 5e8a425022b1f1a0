"""Routes of analytics: the eight reports, external events and game configs."""
# ruff: noqa: N815 - the attributes are the wire's camelCase names

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from attrs import frozen
from msgspec import Meta

from ....application.analytics.attribution import AttributionData, ChangePart, Metric
from ....application.analytics.funnel import FunnelData, StageRecord
from ....application.analytics.games import GameNumbers, GamesData
from ....application.analytics.ltv import LtvCohort, LtvData
from ....application.analytics.ops import CashierRow, OpsData
from ....application.analytics.overview import NgrPoint, OverviewData
from ....application.analytics.players import ActivityPoint, PlayersData
from ....application.analytics.reader import Asked, Numbers, RangeRecord
from ....application.analytics.revenue import RevenueData, RevenuePoint
from ....application.engine import Engine
from ....application.errors import NotFound
from ....application.ledger.external_events import ReportedType
from ....application.ledger.ingestion import LARGEST_REPORT, GameConfigRecord, Ingested, ReportedEvent
from ....application.ports.analytics import Scope
from ....application.wire import success
from ....domain.errors import InvalidInput
from ....domain.local_time import DEFAULT_TIMEZONE, Bucket
from ....domain.money import MAX_AMOUNT_MINOR
from ..calls import StaffCall
from ..errors import MalformedRequest, fault_of
from ..filters import moment_in_utc
from ..pages.documents import CSV
from ..pages.tables import whole_table
from ..requests import LONGEST_TYPED, ActionId, ListFormat, Name, Since, Typed, Until
from .results import Result, success_of
from .route import API, Route, fields_of

T = TypeVar("T")


GAME_KEY: Final = r"^[a-zA-Z0-9][a-zA-Z0-9._-]*$(?!\n)"


REPORT_BYTES: Final = LARGEST_REPORT * 4_608
"""The largest report: as many events as it may have, each as long as its texts may be in JSON of ASCII alone."""


Ratio = Annotated[
    str, Meta(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?$(?!\n)", description="In decimals, up to six of them.")
]


@frozen(kw_only=True)
class NumbersQuery:
    """Of when, by which clock, and of whose events; by default the last 30 days, the present second included."""

    from_: Since | None = None
    to: Until | None = None
    bucket: Annotated[str, Meta(max_length=LONGEST_TYPED, description="hour, day or week")] = Bucket.DAY.value
    timezone: Annotated[str, Meta(max_length=LONGEST_TYPED, description="An IANA timezone.")] = DEFAULT_TIMEZONE
    agentId: UUID | None = None
    cashierId: UUID | None = None
    gameKey: Typed | None = None
    provider: Name | None = None
    region: Name | None = None
    compare: Annotated[str, Meta(max_length=LONGEST_TYPED, description="previous")] | None = None
    format: ListFormat = ListFormat.JSON


@frozen(kw_only=True)
class AttributionQuery(NumbersQuery):
    """Of which metric as well."""

    metric: Annotated[str, Meta(max_length=LONGEST_TYPED, description="ngr, handle, deposits or rtp")] = (
        Metric.NGR.value
    )


@frozen(kw_only=True)
class ReportedEventRequest:
    """An event of a game that runs elsewhere; BET and WIN have an amount, the rest none."""

    eventType: ReportedType
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
    """Events of games that run elsewhere; those that were reported before are left out."""

    events: Annotated[list[ReportedEventRequest], Meta(min_length=1, max_length=LARGEST_REPORT)]


@frozen(kw_only=True)
class GameStatement:
    """What a game should return, how often it should win, and the standard deviation of a win at a stake of 1."""

    provider: Name
    expectedRtp: Ratio
    hitRate: Ratio | None = None
    volatility: Ratio | None = None


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


def ingest_events(engine: Engine, call: StaffCall[EventsReport]) -> Result:
    """Take in what is played elsewhere; what was reported before is left out."""
    events = [
        ReportedEvent(
            event_type=event.eventType,
            action_id=event.actionId,
            game_key=event.gameKey,
            provider=event.provider,
            amount_minor=event.amountMinor,
            occurred_at=moment_in_utc(event.occurredAt),
            player_id=event.playerId,
            session_id=event.sessionId,
            agent_id=event.agentId,
            region=event.region,
        )
        for event in call.given.events
    ]
    return success_of(engine.ingest_events(call.who, events))


def configure_game(engine: Engine, call: StaffCall[GameStatement]) -> Result:
    """State what a game should return, in place of what was stated before."""
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
        timezone=given.timezone,
        only=only,
        compare=given.compare,
    )
    try:
        return read(asked)
    except InvalidInput as error:
        raise MalformedRequest((fault_of(error, "query"),)) from None


def _told(
    call: StaffCall[Any], name: str, numbers: Numbers[Any], table: tuple[type[Any], Sequence[Any]]
) -> Result:
    if call.given.format is ListFormat.CSV:
        row, rows = table
        return whole_table(name, row, rows)
    return success(range=numbers.range, data=numbers.data)


def _numbers(name: str, handle: Callable[..., Any], data: type[Any], takes: type[Any] = NumbersQuery) -> Route:
    return Route(
        method="GET",
        path=f"{API}/admin/analytics/{name}",
        name=f"read{name.capitalize()}",
        handle=handle,
        takes=takes,
        gives={"range": RangeRecord, "data": data},
        documents=(CSV,),
        refusals=(InvalidInput,),
    )


ANALYTICS: Final = (
    Route(
        method="POST",
        path=f"{API}/events",
        name="ingestEvents",
        handle=ingest_events,
        takes=EventsReport,
        limit_bytes=REPORT_BYTES,
        gives=fields_of(Ingested),
        refusals=(InvalidInput,),
    ),
    Route(
        method="PUT",
        path=f"{API}/admin/games/{{gameKey}}",
        name="configureGame",
        handle=configure_game,
        takes=GameStatement,
        gives={"game": GameConfigRecord},
        refusals=(InvalidInput,),
    ),
    _numbers("overview", read_overview, OverviewData),
    _numbers("revenue", read_revenue, RevenueData),
    _numbers("games", read_games, GamesData),
    _numbers("players", read_players, PlayersData),
    _numbers("ltv", read_ltv, LtvData),
    _numbers("funnel", read_funnel, FunnelData),
    _numbers("ops", read_ops, OpsData),
    _numbers("attribution", read_attribution, AttributionData, AttributionQuery),
)
