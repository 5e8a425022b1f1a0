"""A tenant's policy: points, thresholds and switch of each marker, and the starts of the bands.

A policy is published as JSON, under the names of `wire_names`: `of` reads it, and `content` writes it.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Self

from attrs import frozen

from ..errors import InvalidInput, all_checked
from ..wire_names import camel, camel_keys
from .markers import MARKERS, Marker, Threshold

MOST_POINTS: Final = 100
_BANDS: Final[Mapping[str, int]] = {"elevated": 25, "tilt_risk": 50, "stop": 75}
"""The default score at which each band starts; a lower score is CALM."""


@frozen
class MarkerPolicy:
    """The settings of one marker; `thresholds` by name."""

    is_on: bool
    points: int
    thresholds: Mapping[str, int]


@frozen
class RiskPolicy:
    """The settings of the risk score. Make it with `of`, which checks it and fills in defaults."""

    markers: Mapping[str, MarkerPolicy]
    bands: Mapping[str, int]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """Return the policy of a JSON object. Raises InvalidInput with the path of the fault."""
        _, markers, bands = all_checked(
            lambda: _require_known(content, {"markers", "bands"}, "policy"),
            lambda: _markers(_object(content.get("markers", {}), "policy.markers")),
            lambda: _bands(_object(content.get("bands", {}), "policy.bands")),
        )
        return cls(markers, bands)

    def content(self) -> dict[str, Any]:
        """Return the whole policy as JSON; `of` reads it back as the same policy."""
        markers = {
            reason: {"on": marker.is_on, "points": marker.points, **camel_keys(marker.thresholds)}
            for reason, marker in self.markers.items()
        }
        return {"markers": markers, "bands": camel_keys(self.bands)}


def _markers(given: Mapping[str, Any]) -> dict[str, MarkerPolicy]:
    _, *markers = all_checked(
        lambda: _require_known(given, MARKERS.keys(), "policy.markers"),
        *(
            partial(_marker, row, given.get(reason, {}), f"policy.markers.{reason}")
            for reason, row in MARKERS.items()
        ),
    )
    return dict(zip(MARKERS, markers, strict=True))


def _marker(row: Marker, given: object, path: str) -> MarkerPolicy:
    content = _object(given, path)

    def threshold_of(name: str, threshold: Threshold) -> int:
        key = camel(name)
        return _whole(content.get(key, threshold.default), f"{path}.{key}", threshold.lowest, threshold.highest)

    _, is_on, points, *thresholds = all_checked(
        lambda: _require_known(content, {"on", "points", *map(camel, row.thresholds)}, path),
        lambda: _flag(content.get("on", True), f"{path}.on"),
        lambda: _whole(content.get("points", row.points), f"{path}.points", 0, MOST_POINTS),
        *(partial(threshold_of, name, threshold) for name, threshold in row.thresholds.items()),
    )
    return MarkerPolicy(is_on, points, dict(zip(row.thresholds, thresholds, strict=True)))


def _bands(given: Mapping[str, Any]) -> dict[str, int]:
    keys = {name: camel(name) for name in _BANDS}
    _, *limits = all_checked(
        lambda: _require_known(given, keys.values(), "policy.bands"),
        *(
            partial(_whole, given.get(key, _BANDS[name]), f"policy.bands.{key}", 1, MOST_POINTS)
            for name, key in keys.items()
        ),
    )
    bands = dict(zip(keys, limits, strict=True))
    if not bands["elevated"] < bands["tilt_risk"] < bands["stop"]:
        raise InvalidInput("policy.bands", f"must rise in the order {', '.join(keys.values())}")
    return bands


def _object(value: object, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(path, "must be an object")
    return value


def _flag(value: object, path: str) -> bool:
    if type(value) is not bool:
        raise InvalidInput(path, "must be true or false")
    return value


def _whole(value: object, path: str, lowest: int, highest: int) -> int:
    if type(value) is not int or not lowest <= value <= highest:
        raise InvalidInput(path, f"must be a whole number from {lowest} to {highest}")
    return value


def _require_known(content: Mapping[str, Any], known: Any, path: str) -> None:  # noqa: ANN401 - any set of names
    for name in content:
        if name not in known:
            raise InvalidInput(path, f"has an unknown field; the known ones are {', '.join(sorted(known))}")


DEFAULT_POLICY: Final = RiskPolicy.of({})
"""The policy of a tenant without its own."""
