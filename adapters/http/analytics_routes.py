"""The routes of the operator's numbers."""

from collections.abc import Callable
from typing import Any, Final

from ...application.analytics.attribution import AttributionData
from ...application.analytics.funnel import FunnelData
from ...application.analytics.games import GamesData
from ...application.analytics.ltv import LtvData
from ...application.analytics.ops import OpsData
from ...application.analytics.overview import OverviewData
from ...application.analytics.players import PlayersData
from ...application.analytics.reader import RangeRecord
from ...application.analytics.revenue import RevenueData
from ...application.ledger.ingestion import GameConfigRecord, Ingested
from ...domain.errors import InvalidInput
from . import analytics_handlers as handlers
from .documents import CSV
from .numbers_requests import REPORT_BYTES, AttributionQuery, EventsReport, GameStatement, NumbersQuery
from .route import API, Route, fields_of


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
        handle=handlers.ingest_events,
        takes=EventsReport,
        limit_bytes=REPORT_BYTES,
        gives=fields_of(Ingested),
        refusals=(InvalidInput,),
    ),
    Route(
        method="PUT",
        path=f"{API}/admin/games/{{gameKey}}",
        name="configureGame",
        handle=handlers.configure_game,
        takes=GameStatement,
        gives={"game": GameConfigRecord},
        refusals=(InvalidInput,),
    ),
    _numbers("overview", handlers.read_overview, OverviewData),
    _numbers("revenue", handlers.read_revenue, RevenueData),
    _numbers("games", handlers.read_games, GamesData),
    _numbers("players", handlers.read_players, PlayersData),
    _numbers("ltv", handlers.read_ltv, LtvData),
    _numbers("funnel", handlers.read_funnel, FunnelData),
    _numbers("ops", handlers.read_ops, OpsData),
    _numbers("attribution", handlers.read_attribution, AttributionData, AttributionQuery),
)
