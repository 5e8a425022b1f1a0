"""Analytics over HTTP: queries, refusals, JSON and CSV; external events and game configs."""

import csv
import io
import json
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from playtime.adapters.http.api.analytics import REPORT_BYTES
from playtime.application.answers import LONGEST_ACTION_ID
from playtime.application.ledger.ingestion import LARGEST_REPORT
from playtime.contracts.doubles import START
from playtime.domain.access.codes import LONGEST_TYPED
from playtime.domain.ledger.events import EventSource
from playtime.domain.money import MAX_AMOUNT_MINOR
from playtime.domain.tenancy.staff import Role
from playtime.domain.tenancy.tenants import LONGEST_NAME

from support.day import DOUBLE, LOSE, SUNRISE, Guest
from support.games import EVEN_PRIZES, RICH
from support.http import API, Reply, Web

ROUTES: Final = ("overview", "revenue", "players", "games", "ops", "funnel", "ltv", "attribution")
BASE: Final = "/admin/analytics"
CONFIG: Final = {"provider": "others", "expectedRtp": "0.9", "hitRate": "0.25", "volatility": "3.5"}


def boss(web: Web) -> str:
    return web.log_in(web.day.north, Role.OPERATOR)


def put(web: Web, path: str, body: object, token: str) -> Reply:
    return web.ask("PUT", f"{API}{path}", json.dumps(body).encode(), token=token)


def provider(web: Web) -> str:
    north = web.day.north
    web.day.hire(north.tenant_id, north.operator_id, "north-provider", Role.PROVIDER)
    return web.log_in(north, Role.PROVIDER)


def play(web: Web) -> None:
    """Let a guest of north's first agent lose 100, then win 200 with 100."""
    guest = web.day.welcome(10_000)
    for ticket in (LOSE, DOUBLE):
        assert web.spin(guest, 100, ticket).status == 200


class TestEveryReport:
    @pytest.mark.parametrize("name", ROUTES)
    def test_answers_with_range_and_data(self, web: Web, name: str) -> None:
        play(web)
        reply = web.get(f"{BASE}/{name}?bucket=week&timezone=Asia/Kathmandu&compare=previous", boss(web))
        assert (reply.status, reply.keys) == (200, {"ok", "range", "data"})
        assert reply.content["range"].keys() == {"from", "to", "bucket", "timezone"}
        assert (reply.content["range"]["bucket"], reply.content["range"]["timezone"]) == ("week", "Asia/Kathmandu")

    @pytest.mark.parametrize("name", ROUTES)
    def test_is_a_table_as_well(self, web: Web, name: str) -> None:
        play(web)
        metric = "&metric=handle" if name == "attribution" else ""
        reply = web.get(f"{BASE}/{name}?format=csv{metric}", boss(web))
        assert (reply.status, reply.document) == (200, "text/csv")
        assert reply.headers["Content-Disposition"] == f'attachment; filename="{name}.csv"'
        rows = list(csv.reader(io.StringIO(reply.body.decode())))
        assert len({len(row) for row in rows}) == 1
        assert len(rows) > 1

    @pytest.mark.parametrize("name", ROUTES)
    @pytest.mark.parametrize(
        ("query", "place", "says"),
        [
            ("timezone=Mars/Olympus", "query.timezone", "IANA timezone, such as America/Los_Angeles"),
            ("timezone=localtime", "query.timezone", "IANA timezone, such as America/Los_Angeles"),
            ("bucket=month", "query.bucket", "hour, day, week"),
            ("compare=next", "query.compare", "previous"),
            ("from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "query.to", "later than from"),
            ("from=2001-01-01T00:00:00Z&bucket=hour", "query.to", "2500 buckets of a hour"),
            ("from=0001-01-01T00:00:00Z", "query.from", "2000 to 2199"),
            ("to=9999-12-31T23:59:59-12:00", "query.to", "2000 to 2199"),
            ("from=yesterday", "query.from", "2026-03-01T00:00:00Z"),
            ("agentID=1", "query.agentID", "not known here"),
        ],
    )
    def test_says_what_is_allowed(self, web: Web, name: str, query: str, place: str, says: str) -> None:
        reply = web.get(f"{BASE}/{name}?{query}", boss(web))
        assert (reply.status, reply.code, reply.paths) == (400, "VALIDATION_FAILED", [place])
        assert says in reply.content["faults"][0]["message"]

    @pytest.mark.parametrize("name", ROUTES)
    def test_requires_the_permission_for_analytics(self, web: Web, name: str) -> None:
        day = web.day
        for desk, role, status in (
            (day.north, Role.ANALYST, 200),
            (day.agent, Role.AGENT, 200),
            (day.agent, Role.CASHIER, 403),
            (day.north, Role.CASHIER, 403),
        ):
            assert web.get(f"{BASE}/{name}", web.log_in(desk, role)).status == status
        assert web.get(f"{BASE}/{name}", web.owner).status == 200
        assert web.get(f"{BASE}/{name}", provider(web)).status == 403


def test_unknown_metric_is_refused_with_the_known_ones(web: Web) -> None:
    reply = web.get(f"{BASE}/attribution?metric=luck", boss(web))
    assert (reply.status, reply.paths) == (400, ["query.metric"])
    assert reply.content["faults"][0]["message"] == "must be one of ngr, handle, deposits, rtp"


def test_default_range_includes_play_of_a_moment_ago(any_web: Web) -> None:
    web = any_web
    play(web)
    current = web.get(f"{BASE}/overview", boss(web)).content["data"]["current"]
    assert (current["spins"], current["handleMinor"], current["payoutMinor"]) == (2, 200, 200)
    assert (current["depositsWithoutBonusMinor"], current["deposits"], current["activePlayers"]) == (10_000, 1, 1)
    vouchers = web.get(f"{BASE}/revenue", boss(web)).content["data"]["vouchers"]
    assert (vouchers["issuedWithBonusMinor"], vouchers["redeemedWithoutBonusMinor"]) == (15_000, 10_000)
    assert (current["rtp"], current["expectedRtp"]) == ("1.000000", "0.950000")
    assert (current["meanDau"], current["stickiness"]) == ("0.033333", "0.033333")
    assert current["lastDayStickiness"] == "1.000000"
    web.day.engine.sweep()
    assert web.get(f"{BASE}/overview", boss(web)).content["data"]["current"] == current


def test_the_funnel_follows_vouchers_through_the_day(any_web: Web) -> None:
    web, day = any_web, any_web.day
    guest, idle = day.welcome(10_000), day.welcome(1_000)
    day.fund(day.agent, 3_000)
    second = day.sell(2_000)
    for number in range(10):
        day.clock.advance(seconds=2)
        assert web.spin(guest, 10, LOSE, action_id=f"spin-{number}").status == 200
    day.clock.advance(seconds=30)
    top_up = {"code": second.code, "pin": second.pin}
    assert web.post("/voucher/redeem", top_up, guest.token).status == 200
    assert idle.player_id != guest.player_id
    stages = web.get(f"{BASE}/funnel", boss(web)).content["data"]["stages"]
    assert [stage["vouchers"] for stage in stages] == [3, 3, 1, 1, 1]
    assert [stage["dropOff"] for stage in stages] == [0, 0, 2, 0, 0]
    assert [stage["medianSeconds"] for stage in stages] == [None, "0.000", "2.000", "18.000", "30.000"]
    assert [stage["shareOfIssued"] for stage in stages][1:3] == ["1.000000", "0.333333"]


def test_changed_game_file_neither_raises_an_alarm_nor_hides_one(any_web: Web) -> None:
    """The wheel is fair at first, and then pays what neither its odds nor the first ones allow."""
    web, day = any_web, any_web.day

    def drifted() -> list[object]:
        games = web.get(f"{BASE}/games", boss(web)).content["data"]["games"]
        alarms = web.get("/admin/audit/run", boss(web)).content["audit"]["findings"]
        return [*((game["drifted"], game["notJudged"]) for game in games), *(alarm["sample"] for alarm in alarms)]

    guest = day.welcome(1_000_000)
    for number in range(60):
        assert web.spin(guest, 100, SUNRISE - 167 * number).status == 200
    assert drifted() == [(False, None)]
    web.restart(EVEN_PRIZES)
    assert drifted() == [(False, None)]
    for _ in range(60):
        assert web.spin(guest, 100, SUNRISE).status == 200
    web.restart(EVEN_PRIZES)
    assert drifted() == [(True, None), ["demo-wheel"]]
    web.restart(RICH)
    assert drifted() == [(True, None), [f"demo-wheel:{EVEN_PRIZES.version}"]]


def test_every_role_sees_only_its_own_play(any_web: Web) -> None:
    web, day = any_web, any_web.day
    play(web)

    def spins(token: str, query: str = "") -> int:
        current: dict[str, Any] = web.get(f"{BASE}/overview{query}", token).content["data"]["current"]
        return int(current["spins"])

    seen = {
        "operator": spins(boss(web)),
        "agent": spins(web.log_in(day.agent, Role.AGENT)),
        "sister": spins(web.log_in(day.sister, Role.AGENT)),
        "another operator": spins(web.log_in(day.south, Role.OPERATOR)),
        "owner": spins(web.owner),
    }
    assert seen == {"operator": 2, "agent": 2, "sister": 0, "another operator": 0, "owner": 2}
    assert spins(web.log_in(day.south, Role.OPERATOR), f"?agentId={day.agent.tenant_id}") == 0
    assert spins(web.owner, f"?agentId={day.stranger.tenant_id}") == 0


def reported(number: int, kind: str = "BET", **about: Any) -> dict[str, Any]:
    amount = {"amountMinor": 100} if kind in {"BET", "WIN"} else {}
    named = {"eventType": kind, "actionId": f"round-{number}", "gameKey": "elsewhere", "provider": "others"}
    return named | amount | about


def ids_of(guest: Guest) -> dict[str, Any]:
    """Return the ids of a guest and of the guest's session."""
    return {"playerId": str(guest.player_id), "sessionId": str(guest.principal.session_id)}


class TestExternalEvents:
    @pytest.mark.parametrize(
        ("about", "field", "got"),
        [
            ({"amountMinor": 101}, "amountMinor", 101),
            ({"gameKey": "another"}, "gameKey", "another"),
            ({"provider": "another"}, "provider", "another"),
            ({"region": "US"}, "region", "US"),
            ({"occurredAt": "2026-02-28T23:59:59Z"}, "occurredAt", "2026-02-28T23:59:59.000Z"),
            ({"sessionId": None}, "sessionId", None),
        ],
    )
    def test_that_conflict_are_reported_and_change_nothing(
        self, any_web: Web, about: dict[str, Any], field: str, got: object
    ) -> None:
        web, token = any_web, provider(any_web)
        put(web, "/admin/games/elsewhere", CONFIG, boss(web))
        put(web, "/admin/games/another", CONFIG, boss(web))
        ids = ids_of(web.day.welcome(100)) | {"agentId": str(web.day.agent.tenant_id)}
        sent = reported(1, **ids, region="DE", occurredAt="2026-03-01T00:00:00Z")
        assert web.post("/events", {"events": [sent]}, token).status == 200
        before = web.day.events()
        for _ in range(2):
            reply = web.post("/events", {"events": [sent, sent | about, reported(2)]}, token)
            assert (reply.status, reply.content["ok"]) == (207, True)
            has = "2026-03-01T00:00:00.000Z" if field == "occurredAt" else sent[field]
            conflict = {"actionId": "round-1", "eventType": "BET", "field": field, "has": has, "got": got}
            assert reply.content["conflicting"] == [conflict]
            assert reply.content["unregistered"] == []
            assert reply.content["received"] == 3
            assert reply.content["accepted"] + reply.content["repeated"] == 2
        after = web.day.events()
        assert [event for event in after if event in before] == before
        assert sorted(event.event_type for event in after if event not in before) == ["BET", "EXTERNAL_CONFLICT"]
        audit = web.get("/admin/audit/run", boss(web)).content["audit"]
        assert [(one["code"], one["severity"], one["count"]) for one in audit["findings"]] == [
            ("EXTERNAL_CONFLICT", "warning", 1)
        ]
        assert audit["clean"], "a warning is not an error"

    def test_of_one_report_conflict_with_each_other(self, web: Web) -> None:
        put(web, "/admin/games/elsewhere", CONFIG, boss(web))
        events = [reported(1), reported(1, amountMinor=7), reported(1, "WIN", amountMinor=7), reported(1)]
        reply = web.post("/events", {"events": events}, provider(web))
        assert (reply.status, reply.content["accepted"], reply.content["repeated"]) == (207, 2, 1)
        assert [(one["has"], one["got"]) for one in reply.content["conflicting"]] == [(100, 7)]

    def test_of_games_without_a_config_are_listed(self, any_web: Web) -> None:
        web, token = any_web, provider(any_web)
        put(web, "/admin/games/elsewhere", CONFIG, boss(web))
        put(web, "/admin/games/theirs", CONFIG, web.log_in(web.day.south, Role.OPERATOR))
        events = [reported(number, gameKey=key) for number, key in enumerate(("theirs", "b", "elsewhere", "b"))]
        reply = web.post("/events", {"events": events}, token)
        assert (reply.status, reply.content["unregistered"]) == (207, ["b", "theirs"])
        assert reply.content["conflicting"] == []

    def test_name_unregistered_games_only_when_stored(self, any_web: Web) -> None:
        web, token = any_web, provider(any_web)
        events = [reported(number, gameKey=key) for number, key in enumerate(("b", "c", "demo-wheel"))]
        assert web.post("/events", {"events": events}, token).content["unregistered"] == ["b", "c"]
        again = web.post("/events", {"events": events}, token)
        assert (again.status, again.content["repeated"], again.content["unregistered"]) == (200, 3, [])
        more = [reported(0, gameKey="z"), events[1], reported(3, gameKey="d"), reported(3, gameKey="e")]
        reply = web.post("/events", {"events": more}, token)
        assert (reply.status, reply.content["unregistered"]) == (207, ["d"])
        assert [(one["has"], one["got"]) for one in reply.content["conflicting"]] == [("b", "z"), ("d", "e")]

    def test_win_without_bet_is_found_until_the_bet_comes(self, any_web: Web) -> None:
        web, token = any_web, provider(any_web)
        put(web, "/admin/games/elsewhere", CONFIG, boss(web))
        assert web.post("/events", {"events": [reported(1, "WIN")]}, token).status == 200
        (finding,) = web.day.engine.run_audit(web.day.north.head).findings
        assert finding.code == "EXTERNAL_WIN_WITHOUT_BET"
        assert web.post("/events", {"events": [reported(1)]}, token).status == 200
        assert web.day.engine.run_audit(web.day.north.head).findings == []

    def test_of_a_player_conflict_with_those_of_an_agent(self, any_web: Web) -> None:
        web, token = any_web, provider(any_web)
        put(web, "/admin/games/elsewhere", CONFIG, boss(web))
        agent_id, player_id = str(web.day.agent.tenant_id), ids_of(web.day.welcome(100))["playerId"]
        events = [reported(1, agentId=agent_id), reported(1, playerId=player_id), reported(1)]
        conflicting = web.post("/events", {"events": events}, token).content["conflicting"]
        assert [(one["field"], one["has"], one["got"]) for one in conflicting] == [
            ("playerId", None, player_id),
            ("agentId", agent_id, None),
        ]

    def test_of_a_player_are_stored_for_the_players_agent(self, any_web: Web) -> None:
        web, token = any_web, provider(any_web)
        agent_id, ids = web.day.agent.tenant_id, ids_of(web.day.welcome(100))
        events = [reported(1, **ids), reported(2, **ids, agentId=str(agent_id)), reported(3), reported(4, **ids)]
        web.post("/events", {"events": events[:3]}, token)
        again = web.post("/events", {"events": [event | {"agentId": None} for event in events]}, token)
        assert (again.content["repeated"], again.content["accepted"], again.content["conflicting"]) == (3, 1, [])
        stored = {one.action_id: one for one in web.day.events() if one.source is EventSource.EXTERNAL}
        assert {name: one.agent_id for name, one in stored.items()} == {
            "round-1": agent_id,
            "round-2": agent_id,
            "round-3": None,
            "round-4": agent_id,
        }
        for event in stored.values():
            assert event.tenant_id == (event.agent_id or event.operator_id)

    def test_of_a_player_are_taken_from_the_own_agents_provider(self, any_web: Web) -> None:
        web, day = any_web, any_web.day
        day.hire(day.agent.tenant_id, day.north.operator_id, f"{day.agent.slug}-provider", Role.PROVIDER)
        token, ids = web.log_in(day.agent, Role.PROVIDER), ids_of(day.welcome(100))
        own, sister = str(day.agent.tenant_id), str(day.sister.tenant_id)
        events = [reported(1, **ids), reported(2, **ids, agentId=own), reported(3, agentId=own)]
        assert web.post("/events", {"events": events}, token).content["accepted"] == 3
        for about, path in (({"agentId": sister}, "agentId"), (ids_of(day.welcome(100, day.sister)), "playerId")):
            refused = web.post("/events", {"events": [reported(4, **about)]}, token)
            assert (refused.status, refused.paths) == (400, [f"$.events[0].{path}"])

    def test_with_ids_of_others_are_refused(self, any_web: Web) -> None:
        """Players and sessions of another operator get the same answer as those of nobody."""
        web, token = any_web, provider(any_web)
        own, stranger, nobody = web.day.welcome(100), web.day.welcome(100, web.day.stranger), str(UUID(int=7))
        other = web.day.welcome(100)
        before = web.day.events()
        theirs, north, sister = ids_of(stranger), str(web.day.north.tenant_id), str(web.day.sister.tenant_id)
        for about, paths in (
            ({"playerId": nobody}, ["playerId"]),
            ({"playerId": theirs["playerId"]}, ["playerId"]),
            ({"sessionId": nobody}, ["sessionId"]),
            ({"sessionId": theirs["sessionId"]}, ["sessionId"]),
            (ids_of(own) | {"sessionId": ids_of(other)["sessionId"]}, ["sessionId"]),
            ({"sessionId": ids_of(own)["sessionId"]}, ["sessionId"]),
            ({"agentId": north}, ["agentId"]),
            (ids_of(own) | {"agentId": north}, ["agentId"]),
            (ids_of(own) | {"agentId": sister}, ["playerId"]),
        ):
            reply = web.post("/events", {"events": [reported(1), reported(2, **about)]}, token)
            assert (reply.status, reply.paths) == (400, [f"$.events[1].{path}" for path in paths])
        assert web.day.events() == before
        assert web.post("/events", {"events": [reported(1, **ids_of(own))]}, token).content["accepted"] == 1

    def test_are_counted_once_and_beside_our_own(self, any_web: Web) -> None:
        web, token = any_web, provider(any_web)
        play(web)
        agent_id = str(web.day.agent.tenant_id)
        events = [
            reported(1),
            reported(1, "WIN", amountMinor=40),
            reported(2, agentId=agent_id),
            reported(3, "SPIN"),
        ]
        put(web, "/admin/games/elsewhere", CONFIG, boss(web))
        plain = {"ok": True, "conflicting": [], "unregistered": []}
        first = web.post("/events", {"events": events}, token)
        assert (first.status, first.content) == (200, plain | {"received": 4, "accepted": 4, "repeated": 0})
        again = web.post("/events", {"events": [*events, reported(4), reported(4)]}, token)
        assert (again.status, again.content) == (200, plain | {"received": 6, "accepted": 1, "repeated": 5})
        current = web.get(f"{BASE}/overview", boss(web)).content["data"]["current"]
        assert (current["spins"], current["handleMinor"]) == (2, 200)
        assert current["elsewhere"] == {"spins": 4, "handleMinor": 300, "payoutMinor": 40, "rtp": "0.133333"}
        agent = web.get(f"{BASE}/overview", web.log_in(web.day.agent, Role.AGENT)).content["data"]["current"]
        assert agent["elsewhere"]["handleMinor"] == 100
        web.day.books()

    def test_of_a_thousand_fit_and_one_more_does_not(self, web: Web) -> None:
        token = provider(web)
        ids = ids_of(web.day.welcome(100))
        events = [reported(number, **ids) for number in range(LARGEST_REPORT)]
        assert web.post("/events", {"events": events}, token).content["accepted"] == LARGEST_REPORT
        assert web.post("/events", {"events": [*events, reported(-1)]}, token).paths == ["$.events"]
        assert web.post("/events", {"events": []}, token).paths == ["$.events"]

    def test_of_a_thousand_fit_at_their_largest(self, any_web: Web) -> None:
        """Each text has its largest length, of symbols that take twelve bytes in ASCII JSON."""
        web, wide = any_web, "🎰"
        about: dict[str, Any] = {
            "gameKey": wide * LONGEST_TYPED,
            "provider": wide * LONGEST_NAME,
            "region": wide * LONGEST_NAME,
            "amountMinor": MAX_AMOUNT_MINOR,
            "occurredAt": START.isoformat(timespec="microseconds"),
            "agentId": str(web.day.agent.tenant_id),
        } | ids_of(web.day.welcome(100))
        names = (f"{number:04}".ljust(LONGEST_ACTION_ID, '"') for number in range(LARGEST_REPORT))
        events = [reported(0, **about, actionId=name) for name in names]
        assert len(json.dumps({"events": events})) > REPORT_BYTES * 0.9, "the limit is hardly larger than a report"
        reply = web.post("/events", {"events": events}, provider(web))
        assert (reply.status, reply.content.get("accepted")) == (207, LARGEST_REPORT)

    @pytest.mark.parametrize(
        ("about", "place"),
        [
            ({"amountMinor": 0}, "$.events[1].amountMinor"),
            ({"eventType": "SPIN", "amountMinor": 5}, "$.events[1].amountMinor"),
            ({"occurredAt": "1999-12-31T23:59:59Z"}, "$.events[1].occurredAt"),
            ({"occurredAt": (START + timedelta(hours=1)).isoformat()}, "$.events[1].occurredAt"),
            ({"agentId": str(UUID(int=3))}, "$.events[1].agentId"),
            ({"eventType": "VOUCHER_ISSUED"}, "$.events[1].eventType"),
            ({"gameKey": ""}, "$.events[1].gameKey"),
        ],
    )
    def test_are_taken_whole_or_not_at_all(self, web: Web, about: dict[str, Any], place: str) -> None:
        token, before = provider(web), web.day.events()
        reply = web.post("/events", {"events": [reported(1), reported(2) | about]}, token)
        assert (reply.status, reply.paths) == (400, [place])
        assert web.day.events() == before

    def test_are_not_taken_for_another_operators_agent(self, web: Web) -> None:
        stranger = str(web.day.stranger.tenant_id)
        reply = web.post("/events", {"events": [reported(1, agentId=stranger)]}, provider(web))
        assert (reply.status, reply.paths) == (400, ["$.events[0].agentId"])

    def test_are_accepted_from_providers_only(self, web: Web) -> None:
        for role in (Role.OPERATOR, Role.CASHIER, Role.ANALYST):
            token = web.log_in(web.day.north, role)
            assert web.post("/events", {"events": [reported(1)]}, token).status == 403
        assert web.post("/events", {"events": [reported(1)]}, web.owner).status == 403


class TestGameConfigs:
    def test_are_the_odds_of_external_games(self, any_web: Web) -> None:
        web = any_web
        stored = put(web, "/admin/games/elsewhere", CONFIG, boss(web))
        assert stored.status == 200
        assert stored.content["game"] == {
            "gameKey": "elsewhere",
            "provider": "others",
            "expectedRtp": "0.900000",
            "hitRate": "0.250000",
            "volatility": "3.500000",
        }
        changed = put(web, "/admin/games/elsewhere", CONFIG | {"expectedRtp": "0.85"}, boss(web))
        assert changed.content["game"]["expectedRtp"] == "0.850000"
        events = [reported(number, agentId=str(web.day.agent.tenant_id)) for number in range(10)]
        web.post("/events", {"events": events}, provider(web))
        for token in (boss(web), web.log_in(web.day.agent, Role.AGENT), web.owner):
            (game,) = web.get(f"{BASE}/games", token).content["data"]["games"]
            assert (game["source"], game["handleMinor"], game["expectedRtp"]) == ("EXTERNAL", 1_000, "0.850000")
            assert (game["expectedHitRate"], game["volatility"]) == ("0.250000", "3.500000")
            assert (game["drifted"], game["notJudged"]) == (False, None)
            # 1.959964 x 3.5 x sqrt(10 x 100^2) / 1000.
            assert game["rtpHigh"] == "2.169283"

    @pytest.mark.parametrize("about", [{"expectedRtp": "2.5"}, {"hitRate": "1.1"}, {"expectedRtp": "-1"}])
    def test_with_impossible_ratios_are_refused(self, web: Web, about: dict[str, str]) -> None:
        reply = put(web, "/admin/games/elsewhere", CONFIG | about, boss(web))
        assert (reply.status, reply.paths) == (400, [f"$.{next(iter(about))}"])

    def test_are_set_by_operators_only(self, web: Web) -> None:
        for desk, role in ((web.day.north, Role.ANALYST), (web.day.agent, Role.AGENT)):
            assert put(web, "/admin/games/elsewhere", CONFIG, web.log_in(desk, role)).status == 403
        assert put(web, "/admin/games/%20", CONFIG, boss(web)).status == 404
