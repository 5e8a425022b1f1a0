"""Policies: missing fields have defaults, and faults are refused with their path."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.errors import InvalidInput
from playtime.domain.safety.markers import MARKERS
from playtime.domain.safety.policy import DEFAULT_POLICY, RiskPolicy
from playtime.domain.wire_names import camel

DEFAULT = {
    "markers": {
        "BET_ACCEL": {"on": True, "points": 35, "raises": 3},
        "SPIN_RATE": {"on": True, "points": 30, "spins": 6, "gapMs": 1_200},
        "LOSS_STREAK": {"on": True, "points": 30, "chancePercent": 1},
        "LOSS_CLUSTER": {"on": True, "points": 25, "floorMinor": 5_000, "sharePercent": 30, "chancePercent": 1},
        "GAME_HOP": {"on": True, "points": 15, "games": 3},
    },
    "bands": {"elevated": 25, "tiltRisk": 50, "stop": 75},
}


def test_default_policy_is_the_published_table() -> None:
    assert DEFAULT_POLICY.content() == DEFAULT
    assert RiskPolicy.of(DEFAULT) == RiskPolicy.of({}) == DEFAULT_POLICY


def test_policy_changes_only_its_own_fields() -> None:
    changed = RiskPolicy.of({"markers": {"GAME_HOP": {"points": 20}}, "bands": {"stop": 80}})
    assert changed.markers["GAME_HOP"].points == 20
    assert changed.markers["GAME_HOP"].thresholds == {"games": 3}
    assert changed.bands == {"elevated": 25, "tilt_risk": 50, "stop": 80}
    assert changed.markers["BET_ACCEL"] == DEFAULT_POLICY.markers["BET_ACCEL"]


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({"weights": {}}, "policy"),
        ({"markers": []}, "policy.markers"),
        ({"markers": {"MOOD": {}}}, "policy.markers"),
        ({"markers": {"BET_ACCEL": 35}}, "policy.markers.BET_ACCEL"),
        ({"markers": {"BET_ACCEL": {"gapMs": 5}}}, "policy.markers.BET_ACCEL"),
        ({"markers": {"BET_ACCEL": {"on": 1}}}, "policy.markers.BET_ACCEL.on"),
        ({"markers": {"BET_ACCEL": {"points": -1}}}, "policy.markers.BET_ACCEL.points"),
        ({"markers": {"BET_ACCEL": {"points": 101}}}, "policy.markers.BET_ACCEL.points"),
        ({"markers": {"BET_ACCEL": {"points": 1.5}}}, "policy.markers.BET_ACCEL.points"),
        ({"markers": {"BET_ACCEL": {"points": True}}}, "policy.markers.BET_ACCEL.points"),
        ({"markers": {"BET_ACCEL": {"raises": 0}}}, "policy.markers.BET_ACCEL.raises"),
        ({"markers": {"BET_ACCEL": {"raises": 20}}}, "policy.markers.BET_ACCEL.raises"),
        ({"markers": {"LOSS_STREAK": {"chancePercent": 51}}}, "policy.markers.LOSS_STREAK.chancePercent"),
        ({"markers": {"LOSS_CLUSTER": {"sharePercent": "30"}}}, "policy.markers.LOSS_CLUSTER.sharePercent"),
        ({"bands": {"calm": 0}}, "policy.bands"),
        ({"bands": {"elevated": 0}}, "policy.bands.elevated"),
        ({"bands": {"stop": 101}}, "policy.bands.stop"),
        ({"bands": {"elevated": 50}}, "policy.bands"),
        ({"bands": {"tiltRisk": 90}}, "policy.bands"),
        ({"bands": None}, "policy.bands"),
    ],
)
def test_faulty_policy_is_refused_with_its_path(content: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        RiskPolicy.of(content)
    assert refused.value.path == path


@given(
    st.fixed_dictionaries(
        {
            reason: st.fixed_dictionaries(
                {
                    "on": st.booleans(),
                    "points": st.integers(0, 100),
                    **{camel(name): st.integers(one.lowest, one.highest) for name, one in row.thresholds.items()},
                }
            )
            for reason, row in MARKERS.items()
        }
    ),
    st.lists(st.integers(1, 100), min_size=3, max_size=3, unique=True).map(sorted),
)
def test_policy_reads_back_from_its_content(markers: dict[str, Any], bands: list[int]) -> None:
    content = {"markers": markers, "bands": dict(zip(("elevated", "tiltRisk", "stop"), bands, strict=True))}
    assert RiskPolicy.of(content).content() == content
