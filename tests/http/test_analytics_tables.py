"""Reports as CSV for a spreadsheet: every number counts as one, below zero as well."""

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from playtime.adapters.http.pages.tables import whole_table
from playtime.application.analytics.attribution import ChangePart, SplitBy
from playtime.contracts.doubles import START
from playtime.domain.tenancy.staff import Role

from support.day import DOUBLE, LOSE
from support.http import Web

BASE: Final = "/admin/analytics"
PLAIN: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@pytest.fixture
def losing(web: Web) -> Web:
    """A day on which nobody wins of 200, and minutes later the house loses 300 with 300 and 100 with 100."""
    day = web.day
    first, second = day.welcome(10_000), day.welcome(10_000, day.sister)
    for ticket in (LOSE, DOUBLE):
        assert web.spin(first, 100, ticket).status == 200
    day.clock.advance(minutes=10)
    assert web.spin(first, 300, DOUBLE).status == 200
    assert web.spin(second, 100, DOUBLE).status == 200
    return web


def tell(web: Web, name: str, query: str = "") -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Return the table of a route over the last minutes, and the same as JSON."""
    token = web.log_in(web.day.north, Role.OPERATOR)
    since, until = (f"{START + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}" for minutes in (9, 18))
    path = f"{BASE}/{name}?from={since}&to={until}{query}"
    text = web.get(f"{path}&format=csv", token).body.decode()
    return list(csv.DictReader(io.StringIO(text, newline=""))), web.get(path, token).content["data"]


@pytest.mark.parametrize("metric", ["ngr", "rtp"])
def test_the_changes_of_a_losing_period_add_up(losing: Web, metric: str) -> None:
    rows, data = tell(losing, "attribution", f"&metric={metric}")
    assert Decimal(data["change"]) == {"ngr": Decimal(-400), "rtp": Decimal(1)}[metric]
    for by in (SplitBy.GAME, SplitBy.AGENT):
        changes = [row["change"] for row in rows if row["by"] == by]
        assert all(PLAIN.fullmatch(change) for change in changes)
        assert sum(map(Decimal, changes)) == Decimal(data["change"])


def test_the_hold_of_a_losing_period_is_a_number(losing: Web) -> None:
    rows, data = tell(losing, "revenue")
    assert [row["play.hold"] for row in rows] == [data["series"][0]["play"]["hold"]] == ["-1.000000"]


@pytest.mark.parametrize(
    ("part", "cells"),
    [
        (ChangePart(SplitBy.SEGMENT, "-1", "-7.500000", "-15/2"), ["segment", "'-1", "-7.500000", "'-15/2"]),
        (ChangePart(SplitBy.GAME, "=1", "-7.000000", "-7"), ["game", "'=1", "-7.000000", "-7"]),
        (ChangePart(SplitBy.GAME, None, "-1+1", "-0x1"), ["game", "", "'-1+1", "'-0x1"]),
        (ChangePart(SplitBy.GAME, None, "-1\n", "-"), ["game", "", "'-1\n", "'-"]),
    ],
)
def test_only_a_formula_gets_an_apostrophe(part: ChangePart, cells: list[str]) -> None:
    body = whole_table("x", ChangePart, [part]).body
    assert isinstance(body, bytes)
    assert list(csv.reader(io.StringIO(body.decode(), newline="")))[1] == cells


def test_what_is_true_or_false_is_so_as_in_json(losing: Web) -> None:
    rows, data = tell(losing, "games")
    assert [row["drifted"] for row in rows] == ["false"]
    assert [game["drifted"] for game in data["games"]] == [False]
