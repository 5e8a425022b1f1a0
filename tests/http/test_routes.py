"""Each route when all is well: its status and the fields that clients were promised, by name."""

from playtime.domain.tenancy.staff import Role

from support.day import LOSE, PASSWORD
from support.http import Web

HEALTH = {"ok": True, "clockDifferenceSeconds": 0}
STATE = {"playerId", "tenantId", "balanceMinor", "bonusPendingMinor", "bonusAckRequired"}
STAFF = {"staffId", "username", "role", "tenantId", "permissions", "status", "mustChangePassword"}
TENANT = {"tenantId", "slug", "name", "kind", "parentId", "status", "region", "codeSymbols"}
VOUCHER = {
    "voucherId",
    "tenantId",
    "code",
    "status",
    "batchId",
    "number",
    "prints",
    "amountMinor",
    "bonusAmountMinor",
    "totalCostMinor",
    "issuedBy",
    "issuedAt",
    "expiresAt",
    "closedAt",
    "playerId",
}


def test_health(web: Web) -> None:
    reply = web.ask("GET", "/api/health")
    assert (reply.status, reply.content) == (200, HEALTH | {"lastSweepSeconds": None})


def test_health_has_the_seconds_since_the_last_sweep(web: Web) -> None:
    web.day.engine.sweep()
    web.day.clock.advance(seconds=90)
    assert web.ask("GET", "/api/health").content == HEALTH | {"lastSweepSeconds": 90}


def test_games(web: Web) -> None:
    reply = web.get("/games")
    assert reply.status == 200
    (game,) = reply.content["games"]
    assert (game["gameKey"], game["rtp"], game["rtpExact"]) == ("demo-wheel", "0.950000", "19/20")
    assert (game["minStakeMinor"], game["maxStakeMinor"]) == (1, 100_000)


def test_staff_log_in_and_refresh(web: Web) -> None:
    who = {"username": "north-a-agent", "password": PASSWORD, "tenant": "north-a"}
    login = web.post("/staff/login", who)
    assert login.status == 200
    assert login.keys == {"ok", "token", "refreshToken", "staff"}
    assert login.content["staff"].keys() == STAFF
    refreshed = web.post("/staff/refresh", {"refreshToken": login.content["refreshToken"]})
    assert refreshed.status == 200
    assert refreshed.content["staff"] == login.content["staff"]
    again = web.post("/staff/refresh", {"refreshToken": login.content["refreshToken"]})
    assert again.content == refreshed.content
    web.day.clock.advance(seconds=11)
    again = web.post("/staff/refresh", {"refreshToken": login.content["refreshToken"]})
    assert (again.status, again.code) == (401, "INVALID_TOKEN")


def test_the_owner_names_no_tenant_and_has_none(web: Web) -> None:
    login = web.post("/staff/login", {"username": "root", "password": PASSWORD, "tenant": None})
    assert login.content["staff"]["tenantId"] is None


def test_tenants(web: Web) -> None:
    made = web.post("/admin/tenants", {"slug": "west", "name": " West ", "kind": "OPERATOR"}, web.owner)
    assert made.status == 201
    tenant = made.content["tenant"]
    assert tenant.keys() == TENANT
    assert (tenant["slug"], tenant["name"], tenant["kind"]) == ("west", "West", "OPERATOR")
    listed = web.get("/admin/tenants", web.owner)
    assert (listed.status, listed.keys) == (200, {"ok", "tenants", "nextCursor"})
    assert listed.content["tenants"][0] == tenant


def test_credit_goes_down_and_comes_back(web: Web) -> None:
    north, agent = web.day.north, web.day.agent
    boss = web.log_in(north, Role.OPERATOR)
    order = {"amountMinor": 500, "memo": "for the week-end"}
    issued = web.post(f"/admin/tenants/{north.tenant_id}/credit", order, web.owner)
    assert (issued.status, issued.keys) == (200, {"ok", "transfer", "wallet"})
    assert issued.content["transfer"].keys() == {"transferId", "kind", "amountMinor"}
    assert issued.content["transfer"]["kind"] == "CREDIT_ISSUED"
    moved = web.post(f"/admin/tenants/{agent.tenant_id}/credit", order, boss)
    assert moved.content["transfer"]["kind"] == "CREDIT_MOVED"
    back = web.post(f"/admin/tenants/{agent.tenant_id}/credit/return", order | {"amountMinor": 200}, boss)
    assert (back.status, back.content["wallet"]) == (200, {"balanceMinor": 300})
    wallet = web.get(f"/admin/tenants/{agent.tenant_id}/wallet", boss)
    assert wallet.status == 200
    assert wallet.content["wallet"].keys() == {
        "balanceMinor",
        "voucherPoolMinor",
        "bonusPoolMinor",
        "houseMinor",
    }


def test_staff_are_made(web: Web) -> None:
    person = {"username": "till-2", "password": PASSWORD, "role": "cashier"}
    made = web.post("/admin/staff", person, web.log_in(web.day.agent, Role.AGENT))
    assert made.status == 201
    assert made.content["staff"].keys() == STAFF
    assert made.content["staff"]["tenantId"] == str(web.day.agent.tenant_id)
    assert PASSWORD not in made.body.decode()


def test_vouchers_are_issued_listed_and_voided(web: Web) -> None:
    desk = web.day.agent
    web.day.fund(desk, 1_500)
    token, path = web.log_in(desk, Role.CASHIER), f"/voucher/agents/{desk.tenant_id}/vouchers"
    issued = web.post(path, {"amountMinor": 1_000}, token)
    assert issued.status == 201
    voucher = issued.content["voucher"]
    assert voucher.keys() == {
        "voucherId",
        "code",
        "pin",
        "amountMinor",
        "bonusAmountMinor",
        "totalCostMinor",
        "expiresAt",
        "batchId",
        "number",
    }
    assert voucher["expiresAt"] == "2026-03-31T12:00:00.250Z"
    (listed,) = web.get(path, token).content["vouchers"]
    assert listed.keys() == VOUCHER
    assert (listed["code"], listed["status"]) == (voucher["code"], "ISSUED")
    voided = web.post(f"/voucher/{voucher['voucherId']}/void", None, token)
    assert (voided.status, voided.content["voucher"]["status"]) == (200, "VOIDED")
    assert voided.content["voucher"].keys() == VOUCHER
    again = web.post(f"/voucher/{voucher['voucherId']}/void", {}, token)
    assert (again.status, again.code) == (410, "VOUCHER_VOIDED")


def test_redeem_makes_a_player_or_tops_one_up(web: Web) -> None:
    first, second = web.day.sell(1_000), web.day.sell(300)
    made = web.post("/voucher/redeem", {"code": first.code.lower(), "pin": first.pin})
    assert (made.status, made.keys) == (201, {"ok", "player", "token", "refreshToken", "sessionId"})
    player = made.content["player"]
    assert player.keys() == {"playerId", "loginCode", "pin", "balanceMinor", "bonusPendingMinor"}
    assert len(player["pin"]) == 6
    topped = web.post("/voucher/redeem", {"code": second.code, "pin": second.pin}, made.content["token"])
    assert topped.status == 200
    assert topped.content["player"] == player | {"pin": None, "balanceMinor": 1_300, "bonusPendingMinor": 650}


def test_players_log_in_refresh_and_look(web: Web) -> None:
    guest = web.day.welcome(1_000)
    login = web.post("/player/login", {"loginCode": guest.login_code, "pin": guest.pin})
    assert (login.status, login.keys) == (200, {"ok", "token", "refreshToken", "sessionId", "player"})
    assert login.content["player"].keys() == STATE
    refreshed = web.post("/player/refresh", {"refreshToken": login.content["refreshToken"]})
    assert (refreshed.status, refreshed.content["sessionId"]) == (200, login.content["sessionId"])
    me = web.get("/player/me", refreshed.content["token"])
    assert (me.status, me.keys) == (200, {"ok", "state"})
    assert me.content["state"] == login.content["player"]


def test_a_spin(web: Web) -> None:
    guest = web.day.welcome(1_000)
    reply = web.spin(guest, 100, LOSE, action_id="first of the evening")
    assert reply.status == 200
    result = reply.content["result"]
    assert result.pop("roundId")
    assert result.pop("proof").keys() == {"link", "gameVersion", "serverSeedHash", "clientSeed", "nonce"}
    assert result == {
        "actionId": "first of the evening",
        "gameKey": "demo-wheel",
        "outcome": {"stops": [0], "window": [["shade"]], "lineWins": [], "scatterWinMinor": 0, "freeSpins": []},
        "stakeMinor": 100,
        "winMinor": 0,
        "balanceMinor": 900,
        "bonusTriggered": False,
        "bonusMinor": 0,
    }


def test_an_acknowledgement_may_be_repeated(web: Web) -> None:
    guest = web.day.welcome(1_000)
    web.spin(guest, 1_000, LOSE)
    first = web.post("/player/bonus/ack", {}, guest.token)
    assert (first.status, first.content["state"].keys()) == (200, STATE)
    assert web.post("/player/bonus/ack", None, guest.token).body == first.body


def test_staff_see_players_rounds_and_the_ledger(web: Web) -> None:
    guest = web.day.welcome(1_000)
    web.spin(guest, 100, LOSE)
    token = web.log_in(web.day.agent, Role.ANALYST)
    (player,) = web.get("/admin/players", token).content["players"]
    assert player["playerId"] == str(guest.player_id)
    one = web.get(f"/admin/players/{guest.player_id}", token)
    assert (one.status, one.content["player"]) == (200, player)
    (round_,) = web.get(f"/admin/players/{guest.player_id}/rounds", token).content["rounds"]
    assert (round_["stakeMinor"], round_["balanceMinor"]) == (100, 900)
    (bet,) = web.get("/admin/ledger?eventType=BET", token).content["events"]
    assert bet["fromAccount"] == {"kind": "PLAYER", "ownerId": str(guest.player_id)}
    assert (bet["fromBalanceMinor"], bet["toBalanceMinor"], bet["amountMinor"]) == (900, None, 100)
