"""Lists: walked by cursor, cut by filters, and refused where the question makes no sense."""

import pytest

from playtime.adapters.http.calls import cursor_of
from playtime.domain.tenancy.staff import Role

from support.http import NOWHERE, Reply, Web


def test_a_cursor_walks_a_list_once_and_whole(web: Web) -> None:
    sold = [web.day.sell(10 * number) for number in range(1, 8)]
    token, path = web.log_in(web.day.agent, Role.AGENT), f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    seen, cursor, pages = list[str](), "", 0
    while True:
        content = web.get(f"{path}?limit=3{cursor}", token).content
        seen += [voucher["voucherId"] for voucher in content["vouchers"]]
        pages += 1
        if content["nextCursor"] is None:
            break
        cursor = f"&cursor={content['nextCursor']}"
    assert seen == [str(voucher.voucher_id) for voucher in reversed(sold)]
    assert pages == 3


def test_a_page_that_is_just_full_is_the_last(web: Web) -> None:
    for _ in range(3):
        web.day.sell(10)
    token, path = web.log_in(web.day.agent, Role.AGENT), f"/voucher/agents/{web.day.agent.tenant_id}/vouchers"
    assert web.get(f"{path}?limit=3", token).content["nextCursor"] is None
    assert web.get(f"{path}?limit=2", token).content["nextCursor"] is not None
    assert web.get(f"{path}?cursor={cursor_of(NOWHERE)}", token).content == {
        "ok": True,
        "vouchers": [],
        "nextCursor": None,
    }


def test_filters_select_and_one_without_matches_gives_nothing(web: Web) -> None:
    here, sister = web.day.welcome(1_000), web.day.welcome(1_000, web.day.sister)
    boss = web.log_in(web.day.north, Role.OPERATOR)
    assert _players(web.get("/admin/players", boss)) == {str(here.player_id), str(sister.player_id)}
    only = f"?tenantId={web.day.agent.tenant_id}"
    assert _players(web.get(f"/admin/players{only}", boss)) == {str(here.player_id)}
    assert _players(web.get(f"/admin/players?tenantId={NOWHERE}", boss)) == set()
    assert _players(web.get(f"/admin/players?tenantId={web.day.stranger.tenant_id}", boss)) == set()
    events = web.get(f"/admin/ledger{only}&eventType=BONUS_HELD", boss).content["events"]
    assert [event["agentId"] for event in events] == [str(web.day.agent.tenant_id)]
    assert web.get(f"/admin/ledger?playerId={NOWHERE}", boss).content["events"] == []


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "query.limit"),
        ("limit=201", "query.limit"),
        ("limit=-1", "query.limit"),
        ("limit=1.5", "query.limit"),
        ("limit=ten", "query.limit"),
        ("limit=", "query.limit"),
        ("limit=true", "query.limit"),
        ("limit=%D9%A3", "query.limit"),
        ("limit=" + "9" * 5_000, "query.limit"),
        ("limit=5&limit=5", "query.limit"),
        ("cursor=", "query.cursor"),
        ("cursor=1", "query.cursor"),
        ("cursor=" + "A" * 21 + "B", "query.cursor"),
        ("cursor=" + "%" * 22, "query.cursor"),
        ("cursor=%00" + "A" * 21, "query.cursor"),
        ("tenantId=", "query.tenantId"),
        ("tenantId=null", "query.tenantId"),
        ("tenantId=' OR 1=1", "query.tenantId"),
        ("playerId=%ff", "query.playerId"),
        ("eventType=bet", "query.eventType"),
        ("eventType=%00", "query.eventType"),
        ("tenantid=1", "query.tenantid"),
        ("%00=1", "query.'\\x00'"),
        ("%ff=1", "query.%FF"),
    ],
)
def test_a_senseless_question_is_refused_with_its_place(web: Web, query: str, path: str) -> None:
    reply = web.get(f"/admin/ledger?{query}", web.owner)
    assert (reply.status, reply.code, reply.paths) == (400, "VALIDATION_FAILED", [path])


def test_the_longest_page_is_200_rows(web: Web) -> None:
    for _ in range(68):  # three events each
        web.day.sell(10)
    content = web.get("/admin/ledger?limit=200", web.owner).content
    assert len(content["events"]) == 200
    rest = web.get(f"/admin/ledger?limit=200&cursor={content['nextCursor']}", web.owner).content
    assert (len(rest["events"]), rest["nextCursor"]) == (4, None)


def _players(reply: Reply) -> set[str]:
    return {player["playerId"] for player in reply.content["players"]}
