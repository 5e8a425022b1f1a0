"""The spans of a read that merges the events of tenants: they cover all of it, and none twice."""

from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from playtime.adapters.postgres.reads.merged import spans_of_ids, spans_of_transactions

LARGEST = 2**64 - 1
MOST = 50
"""The number of spans: each has its look at each tenant."""


@given(newest=st.uuids())
@example(newest=UUID(int=0))
@example(newest=UUID(int=2**128 - 1))
def test_spans_of_ids_go_back_to_the_first(newest: UUID) -> None:
    spans = spans_of_ids(newest)
    assert spans["highs"][0] == newest
    assert spans["lows"][-1] == UUID(int=0)
    for low, high in zip(spans["lows"], spans["highs"][1:], strict=False):
        assert low.int - 1 == high.int
    assert len(spans["lows"]) == len(spans["highs"]) < MOST


@given(first=st.integers(0, LARGEST), last=st.integers(0, LARGEST))
@example(first=0, last=LARGEST)
@example(first=7, last=7)
def test_spans_of_transactions_go_on_to_the_last(first: int, last: int) -> None:
    first, last = sorted((first, last))
    spans = {name: [int(end) for end in ends] for name, ends in spans_of_transactions(first, last).items()}
    assert (spans["lows"][0], spans["highs"][-1]) == (first, last)
    for high, low in zip(spans["highs"], spans["lows"][1:], strict=False):
        assert high + 1 == low
    assert len(spans["lows"]) == len(spans["highs"]) < MOST


@pytest.mark.parametrize(("first", "last"), [(1, 0), (LARGEST, 5)])
def test_nothing_has_no_span(first: int, last: int) -> None:
    assert spans_of_transactions(first, last) == {"lows": [], "highs": []}
