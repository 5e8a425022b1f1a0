"""The table of metrics: the document shows the registry, and the registry names every figure of the routes."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

import attrs

from playtime.adapters.http.api.analytics import ANALYTICS
from playtime.domain.ledger.metrics import METRICS
from playtime.domain.wire_names import camel

from support.tree import ROOT

NO_FIGURES = frozenset(
    [
        "start",
        "localStart",
        "gameKey",
        "provider",
        "source",
        "agentId",
        "cashierId",
        "playerId",
        "key",
        "by",
        "code",
        "route",
        "stage",
        "narrowedBy",
        "metric",
        "percent",
        "fromSeconds",
        "belowSeconds",
        "fromMinor",
        "belowMinor",
    ]
)
"""Keys that identify rows; they are not figures."""


def test_the_document_shows_the_registry() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    table = [line for line in text.splitlines() if line.startswith("| `")]
    assert table == [
        f"| `{camel(metric.name)}` | {metric.definition} | {metric.formula} | {metric.unit} | {metric.source} |"
        for metric in METRICS
    ]


def test_each_metric_stands_there_once() -> None:
    assert Counter(metric.name for metric in METRICS).most_common(1)[0][1] == 1


def test_the_registry_names_every_figure_and_no_other() -> None:
    named = {
        name for route in ANALYTICS if route.method == "GET" for name in _figures((route.gives or {})["data"])
    }
    assert named - NO_FIGURES == {camel(metric.name) for metric in METRICS}


def _figures(kind: Any) -> Iterator[str]:  # noqa: ANN401 - a type, whichever
    for field in attrs.fields(attrs.resolve_types(kind)):
        inner = [part for part in (field.type, *get_args(field.type)) if attrs.has(part)]
        if not inner:
            yield camel(field.name)
        for part in inner:
            yield from _figures(part)
