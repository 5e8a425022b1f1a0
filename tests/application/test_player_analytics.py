"""The reports of players, lifetime value and attribution equal the sums of events, counted apart."""

from bisect import bisect_right
from collections import defaultdict
from datetime import datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playtime.application.analytics.reader import AnalyticsRequest
from playtime.application.ports.analytics import AnalyticsFilter
from playtime.application.ports.storage import Storage
from playtime.contracts.doubles import SettableClock, build_engine
from playtime.contracts.house import House
from playtime.contracts.plays import BEGINNING, DAYS, GeneratedPlay, newcomers
from playtime.contracts.records import account, movement, write
from playtime.domain.decimals import square_root
from playtime.domain.errors import InvalidInput
from playtime.domain.ledger.events import AccountKind, EventType, LedgerEvent
from playtime.domain.play.players import Player

from support.analytics import NOW, Question, questions, shared_storage, utc_text
from support.day import LOSE, build_day
from support.ledger_sums import RTP, VARIANCE, Reckoning, buckets, decimals
from support.storages import STORAGES

MANY = settings(max_examples=25, suppress_health_check=list(HealthCheck))
storages = pytest.mark.parametrize("name", STORAGES)


def values_of(counted: Reckoning) -> dict[UUID | None, int]:
    """Return bets minus wins of each player."""
    values: dict[UUID | None, int] = defaultdict(int)
    for event in counted.events("BET"):
        values[event.player_id] += event.amount_minor
    for event in counted.events("WIN"):
        values[event.player_id] -= event.amount_minor
    return values


def new_players(
    question: Question, since: datetime, until: datetime, playing: tuple[datetime, datetime] | None = None
) -> set[UUID]:
    """Return the players created between two moments; with a game, only those who bet on it."""
    only = question.asked.only
    found = {player.player_id for player in newcomers(question.seen, since, until, only)}
    if only.game_key is None and only.provider is None:
        return found
    counted = question.reckoning(*playing) if playing else question.reckoning()
    return found & {event.player_id for event in counted.events("BET") if event.player_id}


def by_days(question: Question) -> list[tuple[datetime, datetime]]:
    counted = question.reckoning()
    return buckets(counted.since, counted.until, "day", question.asked.timezone)


@storages
@MANY
@given(data=st.data())
def test_players(name: str, data: st.DataObject) -> None:
    question = data.draw(questions(name, compare=data.draw(st.sampled_from(("previous", None)))))
    counted, found = question.reckoning(), question.ask(question.engine.read_players)["data"]
    parts = question.buckets()
    assert found["active"] == counted.bettors()
    assert found["new"] == len(new_players(question, counted.since, counted.until))
    assert [point["active"] for point in found["series"]] == [part.bettors() for part in parts]
    assert [point["new"] for point in found["series"]] == [
        len(new_players(question, part.since, part.until)) for part in parts
    ]
    compared = [(point["previousActive"], point["previousNew"]) for point in found["series"]]
    if question.asked.compare:
        before = question.buckets_before()
        ends = before[0].since, before[-1].until
        assert compared == [
            (part.bettors(), len(new_players(question, part.since, part.until, ends))) for part in before
        ]
    else:
        assert compared == [(None, None)] * len(parts)
    assert_retention(found["retention"], question)
    assert sum(row["bets"] for row in found["betSizes"]) == len(counted.events("BET"))
    for row in found["betSizes"]:
        below = row["belowMinor"] or 10**13
        sizes = [bet for bet in counted.events("BET") if row["fromMinor"] <= bet.amount_minor < below]
        assert row["bets"] == len(sizes)
    sessions = {event.session_id for event in counted.events("BET")}
    assert sum(row["sessions"] for row in found["sessionLengths"]) == len(sessions)
    for row in found["topPlayers"]:
        own = {"player_id": row["playerId"]}
        handle, payout = counted.minor("BET", **own), counted.minor("WIN", **own)
        assert (row["handleMinor"], row["payoutMinor"], row["netMinor"]) == (handle, payout, handle - payout)
        assert (row["spins"], row["rtp"]) == (len(counted.events("BET", **own)), decimals(payout, handle))
    assert {row["playerId"] for row in found["topPlayers"]} == {str(player) for player in values_of(counted)}
    for use, kind in (("held", "BONUS_HELD"), ("triggered", "BONUS_TRIGGERED"), ("returned", "BONUS_RETURNED")):
        assert found["bonuses"][use] == len(counted.events(kind))
        assert found["bonuses"][f"{use}Minor"] == counted.minor(kind)


def assert_retention(found: dict[str, Any], question: Question) -> None:
    days = by_days(question)
    assert [row["start"] for row in found["cohorts"]] == [utc_text(since) for since, _ in days]
    until = question.asked.until
    assert until is not None
    place = ZoneInfo(question.asked.timezone)
    # Bets after the end of the period count for retention, up to now.
    until = max(until, min(question.now, until + timedelta(days=31)))
    later = buckets(question.reckoning().since, until, "day", question.asked.timezone)
    midnight = until.astimezone(place).strftime("%H:%M:%S") == "00:00:00"
    for after, name in ((1, "d1"), (7, "d7"), (30, "d30")):
        players = returned = 0
        for cohort, day in enumerate(days):
            new = new_players(question, *day, (later[0][0], until))
            assert found["cohorts"][cohort]["players"] == len(new)
            there = later[cohort + after] if cohort + after < len(later) else None
            is_over = there is not None and there[1] <= question.now and (there[1] < until or midnight)
            if there is None or not is_over:
                assert found["cohorts"][cohort][name] is None
                continue
            bettors = {event.player_id for event in question.reckoning(*there).events("BET")}
            assert found["cohorts"][cohort][name] == len(new & bettors)
            players, returned = players + len(new), returned + len(new & bettors)
        assert found[name] == {"players": players, "returned": returned, "rate": decimals(returned, players)}
        assert returned <= players


def test_later_bettor_on_a_game_belongs_to_its_cohort(storage: Storage) -> None:
    day = build_day(storage)
    created = day.clock.now()
    guest = day.welcome(1_000)
    request = AnalyticsRequest(
        since=created,
        until=created + timedelta(days=1),
        timezone="UTC",
        only=AnalyticsFilter(game_key="demo-wheel"),
    )
    day.clock.advance(days=1)
    session_id = day.engine.player_login(login_code=guest.login_code, pin=guest.pin).session_id
    day.spin(evolve(guest, principal=evolve(guest.principal, session_id=session_id)), 100, LOSE)
    day.clock.advance(days=3)
    retention = day.engine.read_players(day.owner, request).data.retention
    assert [(row.players, row.d1) for row in retention.cohorts] == [(1, 1), (0, 0)][: len(retention.cohorts)]
    assert (retention.d1.players, retention.d1.returned, retention.d1.rate) == (1, 1, "1.000000")


@storages
@MANY
@given(data=st.data())
def test_ltv(name: str, data: st.DataObject) -> None:
    question = data.draw(questions(name, compare=data.draw(st.sampled_from(("previous", None)))))
    counted, found = question.reckoning(), question.ask(question.engine.read_ltv)["data"]
    values = sorted(values_of(counted).values(), reverse=True)
    total = sum(values)
    assert (found["players"], found["ltvMinor"]) == (len(values), total)
    assert found["ltvMinor"] == counted.minor("BET") - counted.minor("WIN")
    assert found["averageMinor"] == decimals(total, len(values))
    earlier = question.asked.period(question.now).before
    before = values_of(question.reckoning(earlier.since, earlier.until)) if question.asked.compare else None
    assert found["previousPlayers"] == (None if before is None else len(before))
    assert found["previousLtvMinor"] == (None if before is None else sum(before.values()))
    for row in found["distribution"]:
        low = -(10**30) if row["fromMinor"] is None else row["fromMinor"]
        high = 10**30 if row["belowMinor"] is None else row["belowMinor"]
        assert row["players"] == sum(low <= value < high for value in values)
    for row in found["top"]:
        players = -(-len(values) * row["percent"] // 100)
        assert (row["players"], row["ltvMinor"]) == (players, sum(values[:players]))
        assert row["share"] == (decimals(row["ltvMinor"], total) if total > 0 else None)
    assert_cohorts(found["cohorts"], question)


def assert_cohorts(found: list[dict[str, Any]], question: Question) -> None:
    days = by_days(question)
    spans = days if question.asked.bucket == "hour" else [(part.since, part.until) for part in question.buckets()]
    assert len(found) == len(spans)
    for row, (since, until) in zip(found, spans, strict=True):
        new = new_players(question, since, until)
        assert (row["start"], row["players"]) == (utc_text(since), len(new))
        first = bisect_right([day for day, _ in days], since) - 1
        assert len(row["cumulativeMinor"]) == len(days) - first
        for offset, value in enumerate(row["cumulativeMinor"]):
            # Days are cut to the period, and so are their events.
            counted = question.reckoning(days[first][0], days[first + offset][1])
            values = values_of(counted)
            assert value == sum(values.get(player, 0) for player in new)


@storages
@MANY
@given(data=st.data())
def test_attribution_adds_up_to_the_change(name: str, data: st.DataObject) -> None:
    question = data.draw(questions(name))
    metric = data.draw(st.sampled_from(("ngr", "handle", "deposits", "rtp")))
    found = question.ask(question.engine.read_attribution, metric)["data"]
    period = question.asked.period(question.now)
    now, before = question.reckoning(), question.reckoning(period.before.since, period.before.until)
    value, previous = value_of(metric, now), value_of(metric, before)
    if value is None or previous is None:
        assert (found["change"], found["games"], found["agents"], found["segments"]) == (None, [], [], [])
        return
    change = value - previous
    assert (found["exact"], found["change"]) == (str(change), decimals(change, 1))
    assert (found["value"], found["previousValue"]) == (decimals(value, 1), decimals(previous, 1))
    for kind in ("games", "agents", "segments"):
        assert sum((Fraction(part["exact"]) for part in found[kind]), Fraction(0)) == change
    if metric != "rtp":
        for part in found["games"]:
            mine = [evolve_to_game(counted, part["key"]) for counted in (now, before)]
            assert Fraction(part["exact"]) == (value_of(metric, mine[0]) or 0) - (value_of(metric, mine[1]) or 0)


def evolve_to_game(counted: Reckoning, game_key: str | None) -> Reckoning:
    events = [event for event in counted.play.events if event.game_key == game_key]
    return evolve(counted, play=GeneratedPlay(counted.play.players, events))


def value_of(metric: str, counted: Reckoning) -> Fraction | None:
    handle, payout, bonuses = (counted.minor(kind) for kind in ("BET", "WIN", "BONUS_TRIGGERED"))
    if metric == "rtp":
        return Fraction(payout, handle) if handle else None
    sums = {
        "ngr": handle - payout - bonuses,
        "handle": handle,
        "deposits": counted.minor("VOUCHER_REDEEMED"),
    }
    return Fraction(sums[metric])


def test_unknown_metric_is_refused_with_the_known_ones() -> None:
    house = House.built(shared_storage("memory"))
    engine = build_engine(shared_storage("memory"), clock=SettableClock(NOW))
    who = Question(house, engine, GeneratedPlay([], []), AnalyticsRequest()).who
    with pytest.raises(InvalidInput, match="ngr, handle, deposits, rtp") as refused:
        engine.read_attribution(who, AnalyticsRequest(), "luck")
    assert refused.value.path == "metric"


# --- outliers -------------------------------------------------------------------------------------------------


def bets(house: House, player: Player, count: int, win_minor: int) -> list[LedgerEvent]:
    """Return bets of 100 on the demo game, and one win."""
    bank = account(AccountKind.HOUSE, house.agent)
    about: dict[str, Any] = {"player_id": player.player_id, "game_key": "demo-wheel", "occurred_at": BEGINNING}
    bet = movement(EventType.BET, (player.account, 0), (bank, None), 100)
    events = [house.event(**about, **bet) for _ in range(count)]
    if win_minor:
        won = movement(EventType.WIN, (bank, None), (player.account, 1), win_minor)
        events.append(house.event(**about, **won))
    return events


@storages
def test_outliers_are_found_by_the_games_own_odds(name: str) -> None:
    storage = shared_storage(name)
    house = House.built(storage)
    lucky, usual, beginner = (house.player() for _ in range(3))
    # 200 bets of 100: the expectation is 19,000, the deviation 100 x sqrt(8.9775 x 200). Luck exceeds 3.290527
    # deviations too often: the bound of the game's own odds is 72,275.
    deviation, threshold = square_root(VARIANCE * 200 * 100**2), 72_275
    played = [
        *bets(house, lucky, 200, threshold),
        *bets(house, usual, 200, threshold - 1),
        *bets(house, beginner, 99, 10**6),
    ]
    write(storage, house.as_operator, lucky, usual, beginner, *played)
    engine = build_engine(storage, clock=SettableClock(NOW))
    asked = AnalyticsRequest(since=BEGINNING, until=BEGINNING + timedelta(days=DAYS))
    question = Question(house, engine, GeneratedPlay([], played), asked)
    outliers = question.ask(engine.read_players)["data"]["outliers"]
    assert outliers["tested"] == 2
    (found,) = outliers["players"]
    assert found["playerId"] == str(lucky.player_id)
    assert found["expectedMinor"] == decimals(RTP * 20_000, 1)
    assert found["z"] == decimals((threshold - 19_000) / deviation, 1)
    other_game = evolve(question, asked=evolve(asked, only=AnalyticsFilter(game_key="two-wheels")))
    assert other_game.ask(engine.read_players)["data"]["outliers"] == {"tested": 0, "players": []}


def test_default_range_includes_the_current_second() -> None:
    storage = shared_storage("memory")
    house, random = House.built(storage), Random(1)
    player = house.player(created_at=NOW)
    now = NOW + timedelta(microseconds=random.randrange(10**6))
    moments = [now, now - timedelta(seconds=1), now - timedelta(days=31)]
    played = [evolve(bets(house, player, 1, 0)[0], occurred_at=moment) for moment in moments]
    write(storage, house.as_operator, player, *played)
    engine = build_engine(storage, clock=SettableClock(now))
    question = Question(house, engine, GeneratedPlay([], played), AnalyticsRequest())
    assert question.ask(engine.read_overview)["data"]["current"]["spins"] == 2
