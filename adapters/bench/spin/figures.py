"""Measurements and their figures: percentiles, medians over several samples, the JSON document and the tables."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any, Final, TypeVar

from attrs import frozen

T = TypeVar("T", int, float)

Figures = Mapping[str, float | int | None]
"""The figures of a case by their name in the JSON document."""


@frozen(kw_only=True)
class Latency:
    """Percentiles of latencies, in ms."""

    p50: float
    p90: float
    p99: float
    p999: float

    @classmethod
    def of(cls, millis: Iterable[float]) -> "Latency":
        """Return the percentiles of latencies by nearest rank; zeros if there are none."""
        ordered = sorted(millis)
        p50, p90, p99, p999 = (percentile(ordered, share) for share in (500, 900, 990, 999))
        return cls(p50=p50, p90=p90, p99=p99, p999=p999)


def percentile(ordered: Sequence[float], thousandths: int) -> float:
    """Return the smallest value with at least this share of all values at or below it; 0 if there are none."""
    return ordered[-(-thousandths * len(ordered) // 1000) - 1] if ordered else 0.0


@frozen(kw_only=True)
class Used:
    """Processor time in seconds, and bytes of write-ahead log. None: this machine does not show it."""

    python: float | None = None
    postgres: float | None = None
    machine: float | None = None
    wal_bytes: int | None = None

    def since(self, earlier: "Used") -> "Used":
        """Return the use between an earlier reading and this one."""
        return Used(
            python=_difference(self.python, earlier.python),
            postgres=_difference(self.postgres, earlier.postgres),
            machine=_difference(self.machine, earlier.machine),
            wal_bytes=_difference(self.wal_bytes, earlier.wal_bytes),
        )


@frozen(kw_only=True)
class Sample:
    """One measurement of a case. `refused` counts answers that say there were too many requests at once."""

    operations: int
    seconds: float
    latency: Latency
    used: Used
    errors: int = 0
    refused: int = 0
    generator_seconds: float = 0.0
    generators: int = 1
    """The threads that the load generator had."""

    @property
    def per_second(self) -> float:
        """The operations in a second."""
        return self.operations / self.seconds

    def per_operation(self, sum_of_all: float | None) -> float | None:
        """Return the share of one operation in a sum."""
        return None if sum_of_all is None or not self.operations else sum_of_all / self.operations

    def micros(self, seconds: float | None) -> float | None:
        """Return the microseconds of one operation."""
        return self.per_operation(None if seconds is None else seconds * 1e6)

    @property
    def others(self) -> float | None:
        """The cores that other programs of the machine used."""
        if self.used.machine is None or self.used.python is None or self.used.postgres is None:
            return None
        ours = self.used.python + self.used.postgres + self.generator_seconds
        return max(self.used.machine - ours, 0.0) / self.seconds


def figures_of(samples: Sequence[Sample], floors: Sequence[Sample] = ()) -> dict[str, float | int | None]:
    """Return the medians of a case over its samples. Each ratio is to the floor of the same turn."""
    shares = [sample.per_second / floor.per_second for sample, floor in zip(samples, floors, strict=False)]

    def middle(value: Callable[[Sample], float | None], digits: int) -> float | None:
        return _middle([value(sample) for sample in samples], digits)

    return {
        "perSecond": middle(lambda one: one.per_second, 1),
        "ofFloor": _middle(shares, 3),
        "p50Ms": middle(lambda one: one.latency.p50, 3),
        "p90Ms": middle(lambda one: one.latency.p90, 3),
        "p99Ms": middle(lambda one: one.latency.p99, 3),
        "p999Ms": middle(lambda one: one.latency.p999, 3),
        "errors": sum(sample.errors for sample in samples),
        "refused": sum(sample.refused for sample in samples),
        "pythonMicros": middle(lambda one: one.micros(one.used.python), 0),
        "postgresMicros": middle(lambda one: one.micros(one.used.postgres), 0),
        "generatorMicros": middle(lambda one: one.micros(one.generator_seconds), 0),
        "generatorShare": middle(lambda one: one.generator_seconds / one.seconds / one.generators, 3),
        "walBytes": middle(lambda one: one.per_operation(one.used.wal_bytes), 0),
    }


def _middle(values: Sequence[float | None], digits: int) -> float | None:
    known = [value for value in values if value is not None]
    return round(median(known), digits) if known and len(known) == len(values) else None


def _difference(later: T | None, earlier: T | None) -> T | None:
    return None if later is None or earlier is None else later - earlier


# --- tables -----------------------------------------------------------------------------------------------------

_COLUMNS: Final = {
    "a second": "perSecond",
    "of floor": "ofFloor",
    "p50 ms": "p50Ms",
    "p90 ms": "p90Ms",
    "p99 ms": "p99Ms",
    "p99.9 ms": "p999Ms",
    "errors": "errors",
    "refused": "refused",
    "Python us": "pythonMicros",
    "Postgres us": "postgresMicros",
    "generator": "generatorShare",
    "exchanges": "exchanges",
    "statements": "statements",
    "rows": "rows",
    "WAL bytes": "walBytes",
}


def table_of(cases: Mapping[str, Figures]) -> list[str]:
    """Return the lines of a table: a line for each case, with a dash for a figure that it does not have."""
    heads = ["case", *_COLUMNS]
    rows = [[name, *(_text(figures.get(key)) for key in _COLUMNS.values())] for name, figures in cases.items()]
    return aligned([heads, *rows])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows with the first column to the left and all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]


def _text(value: Any) -> str:  # noqa: ANN401 - any figure
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) and abs(value) < 100 else f"{value:.0f}"  # noqa: PLR2004
