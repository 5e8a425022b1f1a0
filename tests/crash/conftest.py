"""Fixtures of the crash tests."""

from collections.abc import Iterator

import pytest

from support.program import Command, new_command


@pytest.fixture
def command() -> Iterator[Command]:
    """The `playtime` command on a data home of its own."""
    with new_command() as command:
        yield command
