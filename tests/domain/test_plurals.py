"""Counts of things in texts for people."""

import pytest

from playtime.domain.plurals import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 rounds"), (1, "1 round"), (2, "2 rounds"), (11, "11 rounds")])
def test_only_one_thing_is_singular(number: int, text: str) -> None:
    assert counted(number, "round") == text


def test_plural_may_be_given() -> None:
    assert [counted(number, "entry", "entries") for number in (0, 1, 2)] == ["0 entries", "1 entry", "2 entries"]
