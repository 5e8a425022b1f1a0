"""An agent's day over HTTP, from an empty platform to an acknowledged bonus, on each storage."""

from support.day import DOUBLE, LOSE, PASSWORD
from support.http import Web


def test_an_agents_day(any_web: Web) -> None:
    web = any_web
    operator = _create(web, web.owner, slug="east", name="East", kind="OPERATOR")
    boss = _employ(web, web.owner, "east", username="boss", role="operator", tenantId=operator["tenantId"])
    agent = _create(web, boss, slug="east-a", name="East A", kind="AGENT", region="Utah")
    assert agent["parentId"] == operator["tenantId"]
    desk = _employ(web, boss, "east-a", username="desk", role="agent", tenantId=agent["tenantId"])
    _fund(web, web.owner, operator["tenantId"], 10_000)
    _fund(web, boss, agent["tenantId"], 6_000)

    vouchers = f"/voucher/agents/{agent['tenantId']}/vouchers"
    voucher = web.post(vouchers, {"amountMinor": 1_000}, desk).content["voucher"]
    assert (voucher["bonusAmountMinor"], voucher["totalCostMinor"]) == (500, 1_500)
    redeemed = web.post("/voucher/redeem", {"code": voucher["code"], "pin": voucher["pin"]})
    assert redeemed.status == 201
    player = redeemed.content["player"]
    assert (player["balanceMinor"], player["bonusPendingMinor"]) == (1_000, 500)

    who = {"loginCode": player["loginCode"], "pin": player["pin"]}
    login = web.post("/player/login", who).content
    assert login["sessionId"] == redeemed.content["sessionId"]
    token = login["token"]
    web.day.randomness.script(DOUBLE, LOSE)
    won = _spin(web, token, 400)
    assert (won["winMinor"], won["balanceMinor"], won["bonusTriggered"]) == (800, 1_400, False)
    lost = _spin(web, token, 1_300)
    assert (lost["winMinor"], lost["balanceMinor"], lost["bonusMinor"]) == (0, 600, 500)

    refused = web.post("/bet/spin", {"stakeMinor": 1, "gameKey": "demo-wheel"}, token)
    assert (refused.status, refused.code) == (409, "BONUS_ACK_REQUIRED")
    assert web.get("/player/me", token).content["state"]["bonusAckRequired"]
    assert not web.post("/player/bonus/ack", None, token).content["state"]["bonusAckRequired"]
    web.day.randomness.script(LOSE)
    assert _spin(web, token, 100)["balanceMinor"] == 500

    wallet = web.get(f"/admin/tenants/{agent['tenantId']}/wallet", desk).content["wallet"]
    assert wallet == {"balanceMinor": 4_500, "voucherPoolMinor": 0, "bonusPoolMinor": 0, "houseMinor": 1_000}
    events = web.get(f"/admin/ledger?playerId={player['playerId']}", desk).content["events"]
    assert {event["region"] for event in events} == {"Utah"}
    web.day.books()


def _create(web: Web, token: str, **tenant: str) -> dict[str, str]:
    reply = web.post("/admin/tenants", tenant, token)
    assert reply.status == 201
    made: dict[str, str] = reply.content["tenant"]
    return made


def _employ(web: Web, token: str, slug: str, **who: str) -> str:
    assert web.post("/admin/staff", {"password": PASSWORD, **who}, token).status == 201
    login = {"username": who["username"], "password": PASSWORD, "tenant": slug}
    employed: str = web.post("/staff/login", login).content["token"]
    return employed


def _fund(web: Web, token: str, tenant_id: str, amount_minor: int) -> None:
    funding = {"amountMinor": amount_minor, "memo": "for the day"}
    reply = web.post(f"/admin/tenants/{tenant_id}/credit", funding, token)
    assert (reply.status, reply.content["wallet"]) == (200, {"balanceMinor": amount_minor})


def _spin(web: Web, token: str, stake_minor: int) -> dict[str, int]:
    reply = web.post("/bet/spin", {"stakeMinor": stake_minor, "gameKey": "demo-wheel"}, token)
    assert reply.status == 200
    result: dict[str, int] = reply.content["result"]
    return result
