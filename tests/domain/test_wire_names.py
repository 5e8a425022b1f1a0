"""Names on the wire: one rule from snake_case to camelCase, for names, keys and texts."""

import pytest

from playtime.domain.wire_names import camel, camel_in, camel_keys


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("stake_minor", "stakeMinor"),
        ("from_", "from"),
        ("ok", "ok"),
        ("lost_in_a_row", "lostInARow"),
        ("d30", "d30"),
    ],
)
def test_names_are_published_in_camel_case(name: str, published: str) -> None:
    assert camel(name) == published


def test_keys_are_published_and_values_are_not() -> None:
    assert camel_keys({"game_key": "a_b", "at": {"b_c": 1}}) == {"gameKey": "a_b", "at": {"b_c": 1}}


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("events[3].game_key: must be a text", "events[3].gameKey: must be a text"),
        ("policy.markers.SPIN_RATE.gap_ms", "policy.markers.SPIN_RATE.gapMs"),
        ("known are chance_percent, on, points", "known are chancePercent, on, points"),
        ("must be 2 to 64 of a-z, 0-9 and single . _ @ - between them",) * 2,
        ("_private, __all__, from_ and A_B stay",) * 2,
    ],
)
def test_names_within_a_text_are_published(text: str, published: str) -> None:
    assert camel_in(text) == published
