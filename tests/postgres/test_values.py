"""Values in the server's text format: the server reads back what was sent, alone and in an array."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.adapters.postgres.connection.channel import Channel, Statement, UnstorableValue, encode

from support.postgres.database import TestDatabase

WAIT_SECONDS = 60.0

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
VALUES = {
    "text": st.one_of(texts, st.sampled_from(["", "null", "NULL", "{}", '"', "\\", "\\n", "\n", "a,b", " "])),
    "uuid": st.uuids(),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "timestamptz": st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    "numeric": st.integers(-(2**80), 2**80),
    "bytea": st.binary(max_size=8),
}


@pytest.fixture(scope="module")
def channel(shared: TestDatabase) -> Iterator[Channel]:
    with psycopg.connect(shared.app_url, autocommit=True) as connection:
        connection.execute("set timezone to 'UTC'")
        yield Channel(connection)


def _returned(channel: Channel, kind: str, value: object) -> Any:  # noqa: ANN401 - any value
    (((found,),),) = channel.exchange([Statement(f"select $1::{kind}", [value])], deadline_seconds=WAIT_SECONDS)
    return found


@pytest.mark.parametrize("kind", VALUES)
@given(data=st.data())
def test_an_array_comes_back_as_it_was_sent(channel: Channel, kind: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | VALUES[kind], max_size=6))
    assert _returned(channel, f"{kind}[]", values) == values


@pytest.mark.parametrize("kind", VALUES)
@given(data=st.data())
def test_a_value_comes_back_as_it_was_sent(channel: Channel, kind: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[kind])
    assert _returned(channel, kind, value) == value


@given(content=st.dictionaries(texts, st.none() | st.booleans() | st.integers() | texts, max_size=4))
def test_an_object_comes_back_as_it_was_sent(channel: Channel, content: dict[str, Any]) -> None:
    assert _returned(channel, "jsonb", content) == content
    assert _returned(channel, "jsonb[]", [content, None]) == [content, None]


@pytest.mark.parametrize("text", ["a\0b", "\0"])
def test_a_text_with_a_nul_is_refused(text: str) -> None:
    for value in (text, [text], ["other", text]):
        with pytest.raises(UnstorableValue):
            encode(value)


@pytest.mark.parametrize("value", [0.5, [0.5], object()])
def test_a_value_without_a_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="has no form"):
        encode(value)
