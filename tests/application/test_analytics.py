"""Every figure of every report equals the sum of its events, counted apart from the product, for any request."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playtime.application.analytics.reader import AnalyticsRequest
from playtime.application.ports.storage import Storage
from playtime.application.wire import to_wire
from playtime.domain.decimals import square_root
from playtime.domain.ledger.events import EventSource

from support.analytics import Question, questions, utc_text
from support.day import build_day
from support.ledger_sums import RTP, VARIANCE, Reckoning, decimals
from support.storages import STORAGES

MANY = settings(max_examples=25, suppress_health_check=list(HealthCheck))
storages = pytest.mark.parametrize("name", STORAGES)


def with_bonus(status: str) -> str:
    """Return the name of the sum of a status of vouchers: only the redeemed ones are without bonus."""
    return f"{status}{'Without' if status == 'redeemed' else 'With'}BonusMinor"


def before(question: Question) -> Reckoning:
    """Return the reckoning of the period before, with the product's own start and end of it."""
    period = question.asked.period(question.engine.read_overview.clock.now()).before
    return question.reckoning(period.since, period.until)


def test_moments_of_a_report_are_not_cut(storage: Storage) -> None:
    day = build_day(storage)
    since = day.clock.now() - timedelta(days=1, microseconds=1)
    request = AnalyticsRequest(since=since, until=since + timedelta(microseconds=5), timezone="UTC")
    content = to_wire(day.engine.read_overview(day.owner, request))
    for text in (content["range"]["from"], content["data"]["series"][0]["start"]):
        assert datetime.fromisoformat(text) == since
    assert datetime.fromisoformat(content["data"]["series"][0]["localStart"]) == since
    assert datetime.fromisoformat(content["range"]["to"]) == request.until


@storages
@MANY
@given(data=st.data())
def test_overview(name: str, data: st.DataObject) -> None:
    question = data.draw(questions(name, compare=data.draw(st.sampled_from(("previous", None)))))
    content = question.ask(question.engine.read_overview)
    assert content["range"]["from"] == utc_text(question.reckoning().since)
    found = content["data"]
    assert_headline(found["current"], question, question.reckoning())
    assert_headline(found["previous"], question, before(question))
    parts = question.buckets()
    assert [point["start"] for point in found["series"]] == [utc_text(part.since) for part in parts]
    assert [point["ngrMinor"] for point in found["series"]] == [p.play_record()["ngrMinor"] for p in parts]
    assert sum(point["ngrMinor"] for point in found["series"]) == found["current"]["ngrMinor"]
    compared = [point["previousNgrMinor"] for point in found["series"]]
    if question.asked.compare:
        assert compared == [part.play_record()["ngrMinor"] for part in question.buckets_before()]
        assert sum(compared) == found["previous"]["ngrMinor"]
    else:
        assert compared == [None] * len(parts)


def assert_headline(found: dict[str, Any], question: Question, counted: Reckoning) -> None:
    played = counted.play_record()
    assert {name: found[name] for name in played} == played
    assert found["bonusesHeldMinor"] == counted.minor("BONUS_HELD")
    assert found["deposits"] == len(counted.events("VOUCHER_REDEEMED"))
    assert found["depositsWithoutBonusMinor"] == counted.minor("VOUCHER_REDEEMED")
    assert found["activePlayers"] == counted.bettors()
    assert found["elsewhere"] == counted.external_play()
    assert found["arpuMinor"] == decimals(played["ngrMinor"], counted.bettors())
    period = question.asked.period(counted.until)
    place = ZoneInfo(period.timezone)
    wall = counted.until.astimezone(place).replace(tzinfo=None)
    ends = [counted.until, *((wall - timedelta(days=days)).replace(tzinfo=place) for days in range(1, 31))]
    for days, field in ((1, "dau"), (7, "wau"), (30, "mau")):
        assert found[field] == question.reckoning(ends[days], counted.until).bettors()
    daily = sum(question.reckoning(since, until).bettors() for until, since in pairwise(ends))
    assert found["meanDau"] == decimals(daily, 30)
    assert found["stickiness"] == decimals(Fraction(daily, 30), found["mau"])
    assert found["lastDayStickiness"] == decimals(found["dau"], found["mau"])
    # A player of the month bet on at least one of its days, and on at most all of them.
    assert found["mau"] <= daily <= 30 * found["mau"]
    assert_expectation(found, counted)


def assert_expectation(found: dict[str, Any], counted: Reckoning) -> None:
    """Check the expectation: only the odds of the demo game are known."""
    handle, payout = counted.minor("BET"), counted.minor("WIN")
    known = counted.minor("BET", game_key="demo-wheel") == handle and handle > 0
    assert found["expectedRtp"] == (decimals(RTP, 1) if known else None)
    if not known:
        assert (found["rtpLow"], found["rtpHigh"]) == (None, None)
        return
    squares = sum(event.amount_minor**2 for event in counted.events("BET"))
    half = Fraction("1.959964") * square_root(VARIANCE * squares) / handle
    assert found["rtpLow"] == decimals(Fraction(payout, handle) - half, 1)
    assert found["rtpHigh"] == decimals(Fraction(payout, handle) + half, 1)


@storages
@MANY
@given(data=st.data())
def test_revenue(name: str, data: st.DataObject) -> None:
    question = data.draw(questions(name, compare=data.draw(st.sampled_from(("previous", None)))))
    counted, found = question.reckoning(), question.ask(question.engine.read_revenue)["data"]
    assert found["total"] == counted.play_record()
    assert found["elsewhere"] == counted.external_play()
    assert [point["play"] for point in found["series"]] == [part.play_record() for part in question.buckets()]
    compared = [point["previous"] for point in found["series"]]
    if question.asked.compare:
        assert compared == [part.play_record() for part in question.buckets_before()]
    else:
        assert compared == [None] * len(compared)
    vouchers = found["vouchers"]
    for status in ("issued", "redeemed", "voided", "expired"):
        assert vouchers[status] == len(counted.events(f"VOUCHER_{status.upper()}"))
        assert vouchers[with_bonus(status)] == counted.minor(f"VOUCHER_{status.upper()}")
    for share in found["byGame"]:
        assert share["play"] == counted.play_record(game_key=share["gameKey"])
    for share in found["byAgent"]:
        assert share["play"] == counted.play_record(tenant_id=share["agentId"])
    for parts in (found["byGame"], found["byAgent"]):
        assert_whole(parts, found["total"])


def assert_whole(parts: list[dict[str, Any]], whole: dict[str, Any]) -> None:
    for name in ("spins", "handleMinor", "payoutMinor", "bonusesMinor", "ngrMinor"):
        assert sum(part["play"][name] for part in parts) == whole[name]


@storages
@MANY
@given(data=st.data())
def test_games(name: str, data: st.DataObject) -> None:
    question = data.draw(questions(name, compare="previous"))
    counted, games = question.reckoning(), question.ask(question.engine.read_games)["data"]["games"]
    for game in games:
        about = {"game_key": game["gameKey"], "provider": game["provider"]}
        bets, wins = counted.events("BET", game["source"], **about), counted.events("WIN", game["source"], **about)
        handle, payout = sum(bet.amount_minor for bet in bets), sum(win.amount_minor for win in wins)
        spins_only = counted.events("SPIN", game["source"], **about)
        assert (game["spins"], game["hits"]) == (len(bets) + len(spins_only), len(wins))
        assert (game["handleMinor"], game["payoutMinor"]) == (handle, payout)
        assert (game["rtp"], game["hitRate"]) == (decimals(payout, handle), decimals(len(wins), len(bets)))
        assert game["volume"] == decimals(handle, counted.minor("BET", game["source"]))
        own_demo = (game["gameKey"], game["source"]) == ("demo-wheel", "PLAYTIME")
        assert game["expectedRtp"] == ("0.950000" if own_demo else None)
        assert game["expectedHitRate"] == ("0.410500" if own_demo else None)
        assert game["volatility"] == ("2.996248" if own_demo else None)
        # Outcomes are not counted by cashier and region, so a part of them is not judged.
        only = question.asked.only
        is_part = only.cashier_id is not None or only.region is not None
        assert (game["drifted"] is None) == (not own_demo or is_part or not _staked_ever(question))
        if game["source"] == "PLAYTIME":
            assert game["previous"] == before(question).play_record(**about)
    for source in EventSource:
        total = sum(game["handleMinor"] for game in games if game["source"] == source)
        assert total == counted.minor("BET", source)


def _staked_ever(question: Question) -> bool:
    """Return whether the demo game was ever played, also after the period: all its rounds are judged."""
    ever = question.reckoning(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    return ever.minor("BET", game_key="demo-wheel") > 0


@storages
@MANY
@given(data=st.data())
def test_ops(name: str, data: st.DataObject) -> None:
    question = data.draw(questions(name, compare="previous"))
    counted, found = question.reckoning(), question.ask(question.engine.read_ops)["data"]
    assert found["logins"] == len(counted.events("LOGIN"))
    for vouchers, part in ((found["vouchers"], counted), (found["previousVouchers"], before(question))):
        for status in ("issued", "redeemed", "voided", "expired"):
            assert vouchers[status] == len(part.events(f"VOUCHER_{status.upper()}"))
            assert vouchers[with_bonus(status)] == part.minor(f"VOUCHER_{status.upper()}")
    for row in found["cashiers"]:
        own = {"cashier_id": row["cashierId"]}
        assert row["issued"] == len(counted.events("VOUCHER_ISSUED", **own))
        assert row["issuedWithBonusMinor"] == counted.minor("VOUCHER_ISSUED", **own)
        assert row["voided"] == len(counted.events("VOUCHER_VOIDED", **own))
        assert row["voidedWithBonusMinor"] == counted.minor("VOUCHER_VOIDED", **own)
        assert row["expired"] == len(counted.events("VOUCHER_EXPIRED", **own))
    for column in ("issued", "issuedWithBonusMinor", "voided", "voidedWithBonusMinor", "expired"):
        assert sum(row[column] for row in found["cashiers"]) == found["vouchers"][column]
    assert (found["errors"], found["refusedBets"]) == ([], [])
    assert found["redemption"] == {"medianSeconds": None, "p90Seconds": None}


@storages
@MANY
@given(data=st.data())
def test_funnel_without_vouchers_has_all_its_stages(name: str, data: st.DataObject) -> None:
    question = data.draw(questions(name, compare="previous"))
    stages = question.ask(question.engine.read_funnel)["data"]["stages"]
    assert [stage["stage"] for stage in stages] == ["issued", "redeemed", "firstBet", "tenthBet", "secondVoucher"]
    narrows = ["agentId", "cashierId", "gameKey", "provider", "region"]
    assert [stage["narrowedBy"] for stage in stages] == [narrows[:2]] * 2 + [narrows] * 3
    for stage in stages:
        assert (stage["vouchers"], stage["dropOff"], stage["previousVouchers"]) == (0, 0, 0)
        assert (stage["shareOfIssued"], stage["dropOffRate"], stage["medianSeconds"]) == (None, None, None)
