"""The one type of query over buckets and events, and the way it is sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from attrs import frozen

from ....application.ports.analytics import STAKE_CLASSES_MINOR, AnalyticsFilter
from ..connection.channel import Row
from ..connection.planning import PlanMode
from ..records.queries import fill, query_of
from ..transaction import PostgresTransaction
from .buckets import plan_buckets
from .layout import NOBODY, Detail

_OWN: Final = "= :operator_id"
_ANY: Final = "in (select r.tenant_id from playtime.tenants r where r.operator_id = r.tenant_id)"
"""The platform's owner reads every operator, listed so that indexes are used."""

_COLUMNS: Final[Mapping[str, str]] = {
    "agent_id": "tenant_id",
    "cashier_id": "cashier_id",
    "game_key": "game_key",
    "provider": "provider",
    "region": "region",
}
_OF_PLAY: Final = ("game_key", "provider", "region")
_FILTERS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "and_bucket": ("b", _COLUMNS),
    "and_event": ("e", _COLUMNS),
    "and_bet": ("e", {name: _COLUMNS[name] for name in _OF_PLAY}),
    "and_tenant": ("t", {"agent_id": "tenant_id"}),
    "and_player": ("p", {name: _COLUMNS[name] for name in ("agent_id", "cashier_id", "region")}),
    "and_voucher": ("v", {"agent_id": "tenant_id", "cashier_id": "issued_by"}),
}
"""The filter's conditions by their place in a text: the alias of a table, and its column for each field."""

_NOT_GIVEN: Final = ("", UUID(NOBODY))
"""The values of buckets whose events lack the field; no filter finds these."""


@frozen(kw_only=True)
class AnalyticsQuery:
    """A query over the buckets between some edges.

    `source` gives the rows and `select` adds them up; `parts` are put into either. The text may use the parameters
    of the period, those of the filter `only`, and `parameters`. Buckets are read at the level `detail`, or at a
    finer one if the filter needs it.
    """

    source: str = ""
    select: str
    edges: Sequence[datetime]
    only: AnalyticsFilter
    detail: Detail = Detail.TENANT
    plan: PlanMode = PlanMode.CUSTOM
    parts: Mapping[str, str] = {}
    parameters: Mapping[str, Any] = {}

    def rows(self, transaction: PostgresTransaction) -> list[Row]:
        """Run the query and return its rows."""
        query = query_of(fill(f"{self.source}\n{self.select}", **self._all_parts(bound=transaction.bound)))
        statement = query(**self._all_parameters(), **transaction.scope)
        return transaction.read_as_of_one_moment(self.plan.settings, statement)[1]

    def _all_parts(self, *, bound: bool) -> Mapping[str, str]:
        filters = {place: conditions(alias, columns, self.only) for place, (alias, columns) in _FILTERS.items()}
        return {"of_operator": _OWN if bound else _ANY, **filters, **self.parts}

    def _all_parameters(self) -> Mapping[str, Any]:
        plan, needed = plan_buckets(tuple(self.edges)), detail_of(self.only)
        return {
            "edges": list(self.edges),
            "since": self.edges[0],
            "until": self.edges[-1],
            "gaps_since": [since for since, _ in plan.gaps],
            "gaps_until": [until for _, until in plan.gaps],
            "grains": [run.grain for run in plan.runs],
            "runs_since": [run.since for run in plan.runs],
            "runs_until": [run.until for run in plan.runs],
            "stretches_since": [since for since, _ in plan.stretches],
            "stretches_until": [until for _, until in plan.stretches],
            **{f"{name}_since": since for name, (since, _) in plan.around_days.items()},
            **{f"{name}_until": until for name, (_, until) in plan.around_days.items()},
            "steps": list(STAKE_CLASSES_MINOR),
            "detail": max(needed, self.detail),
            "set_detail": needed if asks_for(self.only, "cashier_id", *_OF_PLAY) else Detail.ALL_GAMES,
            **{name: getattr(self.only, name) for name in _COLUMNS},
            **self.parameters,
        }


def detail_of(only: AnalyticsFilter) -> Detail:
    """Return the level of detail that a filter needs."""
    if only.cashier_id is not None:
        return Detail.CASHIER
    return Detail.TENANT if only.region is None else Detail.REGION


def asks_for(only: AnalyticsFilter, *names: str) -> bool:
    """Return whether a filter gives one of these fields."""
    return any(getattr(only, name) is not None for name in names)


def conditions(alias: str, columns: Mapping[str, str], only: AnalyticsFilter) -> str:
    """Return the conditions of a filter on the columns of a table."""
    given = {name: column for name, column in columns.items() if getattr(only, name) is not None}
    return " ".join(
        "and false" if getattr(only, name) in _NOT_GIVEN else f"and {alias}.{column} = :{name}"
        for name, column in given.items()
    )


def filled(rows: Sequence[Row], length: int, *, first: int = 0) -> list[int]:
    """Return the counts of rows (number, count) by number, with 0 for each missing number."""
    counts = {row[0] - first: row[1] for row in rows}
    return [counts.get(number, 0) for number in range(length)]
