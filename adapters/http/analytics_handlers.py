"""What each route of the numbers does: one use case called, its answer handed on as JSON or as a table."""

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ...application.analytics.attribution import ChangePart
from ...application.analytics.funnel import StageRecord
from ...application.analytics.games import GameNumbers
from ...application.analytics.ltv import LtvCohort
from ...application.analytics.ops import CashierRow
from ...application.analytics.overview import NgrPoint
from ...application.analytics.players import ActivityPoint
from ...application.analytics.reader import Asked, Numbers
from ...application.analytics.revenue import RevenuePoint
from ...application.answers import Content
from ...application.engine import Engine
from ...application.errors import NotFound
from ...application.ledger.ingestion import ReportedEvent
from ...application.ports.analytics import Scope
from ...application.wire import success, to_wire
from ...domain.errors import InvalidInput
from .calls import StaffCall
from .errors import MalformedRequest
from .filters import moment_in_utc
from .handlers import Result
from .numbers_requests import GAME_KEY, AttributionQuery, EventsReport, GameStatement, NumbersQuery
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
    return _success_of(engine.ingest_events(call.who, events))


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


def _success_of(result: object) -> Content:
    content: Content = success() | to_wire(result)
    return content


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
