"""Stretches of time in JSON."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from ....domain.periods import Span

Stored = Mapping[str, Sequence[Sequence[str]]]


def spans_json(spans: Sequence[Span]) -> Stored:
    """Return stretches of time as they are stored: in an object, because a list stands for an array."""
    return {"spans": [[span.since.isoformat(), span.until.isoformat()] for span in spans]}


def spans_of(stored: Stored) -> tuple[Span, ...]:
    """Return stored stretches of time."""
    return tuple(Span(*map(datetime.fromisoformat, pair)) for pair in stored.get("spans", ()))
