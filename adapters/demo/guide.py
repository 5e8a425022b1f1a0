"""The guide to go on with a played day by hand: credentials, and a curl line for each route of the API."""

import json
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import frozen


@frozen
class StaffLogIn:
    """A member of staff of the day. `tenant` is the tenant's slug, None for the platform's owner."""

    username: str
    password: str
    tenant: str | None

    def body(self) -> str:
        """Return the JSON of the request that logs this member in."""
        tenant = f',"tenant":"{self.tenant}"' if self.tenant else ""
        return f'{{"username":"{self.username}","password":"{self.password}"{tenant}}}'


@frozen
class CodeAndPin:
    """The credentials of a player or a voucher."""

    code: str
    pin: str


@frozen(kw_only=True)
class Guide:
    """Everything the lines need. `staff` begins with an owner, an operator and an agent."""

    staff: Sequence[StaffLogIn]
    player: CodeAndPin
    player_id: str
    voucher: CodeAndPin
    open_voucher_id: str
    agent_id: str
    operator_id: str
    game_key: str
    stake_minor: int

    def text(self, url: str) -> str:
        """Return a script for the server at `url`: a line for each route, below the credentials in comments."""
        people = [
            f"#   {member.username} / {member.password}" + (f" / {member.tenant}" if member.tenant else "")
            for member in self.staff
        ]
        return "\n".join(
            [
                "# Log-ins (name / password / tenant):",
                *people,
                f"#   player {self.player.code} / PIN {self.player.pin}",
                f"#   voucher {self.voucher.code} / PIN {self.voucher.pin}",
                "",
                "# A curl line for each route. The first block takes the tokens that the others use.",
                *_lines(self, url),
                "",
            ]
        )


def _lines(day: Guide, url: str) -> list[str]:
    """Return the lines. The first block takes the tokens and ids that the others use."""
    api = f"{url}/api/v1"
    return [
        *_taking(day, api),
        "",
        _call(f"{url}/api/health"),
        _call(f"{url}/health/live"),
        _call(f"{url}/health/ready"),
        _call(f"{api}/openapi.json"),
        *_playing(day, api),
        *_protecting(day, api),
        *_selling(day, api),
        *_administering(day, api),
        *_counting(api),
        *_ending(day, api),
    ]


def _taking(day: Guide, api: str) -> list[str]:
    owner, operator, agent = day.staff[:3]
    player = f'{{"loginCode":"{day.player.code}","pin":"{day.player.pin}"}}'
    desk = f"{api}/voucher/agents/{day.agent_id}/vouchers"
    till = '{"username":"till-2","password":"a long password","role":"cashier"}'
    of_till = f'{{"username":"till-2","password":"a long password","tenant":"{agent.tenant}"}}'
    provider = (
        f'{{"username":"games","password":"a long password","role":"provider","tenantId":"{day.operator_id}"}}'
    )
    of_provider = f'{{"username":"games","password":"a long password","tenant":"{operator.tenant}"}}'
    return [
        *(_token(name, f"{api}/staff/login", who.body()) for name, who in _named(owner, operator, agent)),
        _token("PLAYER", f"{api}/player/login", player),
        _token("AGAIN", f"{api}/staff/login", agent.body(), "refreshToken"),
        _token("PLAYER_AGAIN", f"{api}/player/login", player, "refreshToken"),
        _made("BATCH", f"{desk}/batch", '{"amountMinor":1000,"count":24}', ("batch", "batchId")),
        _made("TILL", f"{api}/admin/staff", till, ("staff", "staffId")),
        _token("CASHIER", f"{api}/staff/login", of_till),
        _taken("GAMES", _call(f"{api}/admin/staff", "OPERATOR", provider), ("staff", "staffId")),
        _token("PROVIDER", f"{api}/staff/login", of_provider),
    ]


def _playing(day: Guide, api: str) -> list[str]:
    spin = f'{{"stakeMinor":{day.stake_minor},"gameKey":"{day.game_key}"}}'
    return [
        _call(f"{api}/games"),
        _call(f"{api}/games/{day.game_key}"),
        _call(f"{api}/player/me", "PLAYER"),
        _call(f"{api}/player/bonus/ack", "PLAYER", "{}"),
        _taken("LINK", _call(f"{api}/bet/spin", "PLAYER", spin), ("result", "proof", "link")),
        _call(f"{api}/player/fairness", "PLAYER"),
        _call(f"{api}/player/fairness/rotate", "PLAYER", '{"clientSeed":"my own words"}'),
        _call(f"{api}/fair/rounds/$LINK"),
        # A refresh ends the old token.
        _taken(
            "PLAYER", f"""{_POST} {api}/player/refresh -d '{{"refreshToken":"'$PLAYER_AGAIN'"}}'""", ("token",)
        ),
    ]


def _protecting(day: Guide, api: str) -> list[str]:
    tenant, player = f"{api}/admin/tenants/{day.agent_id}", f"{api}/admin/players/{day.player_id}"
    return [
        _call(f"{api}/safety/event", "PLAYER", f'{{"gameKey":"{day.game_key}","eventType":"spin"}}'),
        _call(f"{api}/safety/loss-limit", "PLAYER", '{"lossLimitCents":5000}'),
        _call(f"{api}/player/reality-check", "PLAYER"),
        _call(f"{api}/player/reality-check/ack", "PLAYER", "{}"),
        _call(f"{api}/player/pass", "PLAYER", "{}"),
        _call(f"{api}/player/limits", "PLAYER", '{"kind":"LOSS_24H","limitMinor":5000}'),
        _call(f"{api}/player/limits", "PLAYER", '{"kind":"LOSS_24H","limitMinor":9000}'),
        _call(f"{api}/player/limits/confirm", "PLAYER", '{"kind":"LOSS_24H"}'),
        _call(f"{api}/player/limits/remove", "PLAYER", '{"kind":"LOSS_24H"}'),
        _call(f"{api}/player/limits/ack", "PLAYER", "{}"),
        _call(f"{api}/player/limits", "PLAYER"),
        _call(f"{tenant}/safety", "OPERATOR"),
        _call(f"{tenant}/safety", "OPERATOR", '{"enforce":"cooldown","zone":"Europe/Paris"}', method="PUT"),
        _call(f"{api}/admin/safety/summary", "OPERATOR"),
        _call(f"{api}/admin/safety/actions", "OPERATOR"),
        _call(f"{player}/safety", "OPERATOR"),
        _call(f"{player}/limits", "OPERATOR"),
    ]


def _selling(day: Guide, api: str) -> list[str]:
    desk = f"{api}/voucher/agents/{day.agent_id}/vouchers"
    voucher = f'{{"code":"{day.voucher.code}","pin":"{day.voucher.pin}"}}'
    return [
        _call(f"{api}/voucher/redeem", None, voucher),
        _call(desk, "AGENT", '{"amountMinor":1000}'),
        _call(desk, "AGENT"),
        _call(f"{desk}?format=csv&status=ISSUED", "AGENT"),
        _call(f"{api}/voucher/batches/$BATCH/sheet?paper=a4", "AGENT", "{}") + " -o vouchers.html",
        _call(f"{api}/voucher/{day.open_voucher_id}/void", "AGENT", "{}"),
    ]


def _administering(day: Guide, api: str) -> list[str]:
    credit = '{"amountMinor":100000,"memo":"top-up"}'
    tenant = f'{{"slug":"new-{day.operator_id[-6:]}","name":"New","kind":"OPERATOR"}}'
    own, above = f"{api}/admin/tenants/{day.agent_id}", f"{api}/admin/tenants/{day.operator_id}"
    player = f"{api}/admin/players/{day.player_id}"
    return [
        f"""{_POST} {api}/staff/refresh -d '{{"refreshToken":"'$AGAIN'"}}'""",
        _call(f"{api}/admin/tenants", "OWNER"),
        _call(f"{api}/admin/tenants", "OWNER", tenant),
        _call(f"{above}/credit", "OWNER", credit),
        _call(f"{above}/credit/return", "OWNER", credit),
        _call(f"{own}/credit", "OPERATOR", credit),
        _call(f"{own}/credit/return", "AGENT", credit),
        _call(f"{own}/wallet", "AGENT"),
        _call(f"{api}/admin/staff", "AGENT"),
        _call(
            f"{api}/staff/password",
            "CASHIER",
            '{"oldPassword":"a long password","newPassword":"a longer password"}',
        ),
        _taken("SESSION", _call(f"{api}/admin/staff/$TILL/sessions", "AGENT"), ("sessions", 0, "sessionId")),
        _call(f"{api}/admin/staff/$TILL/sessions/$SESSION/end", "AGENT", "{}"),
        _call(f"{api}/admin/staff/$TILL/password", "AGENT", '{"password":"the next long password"}'),
        _call(f"{api}/admin/staff/$TILL/deactivate", "AGENT", "{}"),
        _call(f"{own}/suspend", "OPERATOR", "{}"),
        _call(f"{own}/resume", "OPERATOR", "{}"),
        _call(f"{api}/admin/players?status=OPEN", "OPERATOR"),
        _call(player, "OPERATOR"),
        _call(f"{player}/rounds", "OPERATOR"),
        _call(f"{player}/sessions", "OPERATOR"),
        _call(f"{api}/admin/ledger", "OPERATOR"),
        _call(f"{api}/admin/ledger/seals", "OPERATOR"),
        _call(f"{api}/admin/audit/run", "OPERATOR"),
    ]


def _counting(api: str) -> list[str]:
    stated = '{"provider":"elsewhere","expectedRtp":"0.96"}'
    about = '"gameKey":"far-wheel","provider":"elsewhere","amountMinor":100'
    event = f'{{"eventType":"BET","actionId":"e-1",{about}}}'
    numbers = f"{api}/admin/analytics"
    return [
        _call(f"{api}/admin/games/far-wheel", "OPERATOR", stated, method="PUT"),
        _call(f"{api}/events", "PROVIDER", f'{{"events":[{event}]}}'),
        _call(f"{numbers}/overview", "OPERATOR"),
        _call(f"{numbers}/revenue?bucket=hour&timezone=Asia/Kathmandu", "OPERATOR"),
        _call(f"{numbers}/games?format=csv", "OPERATOR"),
        _call(f"{numbers}/players", "OPERATOR"),
        _call(f"{numbers}/ltv", "OPERATOR"),
        _call(f"{numbers}/funnel", "OPERATOR"),
        _call(f"{numbers}/ops", "OPERATOR"),
        _call(f"{numbers}/attribution?metric=ngr", "OPERATOR"),
    ]


def _ending(day: Guide, api: str) -> list[str]:
    return [
        _call(f"{api}/player/cool-off", "PLAYER", '{"period":"24h"}'),
        _call(f"{api}/player/self-exclusion", "PLAYER", '{"months":6}'),
        _call(f"{api}/player/logout", "PLAYER", "{}"),
        _call(f"{api}/admin/players/{day.player_id}/close", "OPERATOR", "{}"),
        _taken("SESSION", _call(f"{api}/staff/sessions", "AGENT"), ("sessions", 0, "sessionId")),
        _call(f"{api}/staff/sessions/$SESSION/end", "AGENT", "{}"),
        _call(f"{api}/staff/logout", "OPERATOR", "{}"),
    ]


_POST: Final = "curl -s -H 'Content-Type: application/json'"


def _named(*people: StaffLogIn) -> Iterable[tuple[str, StaffLogIn]]:
    return zip(("OWNER", "OPERATOR", "AGENT"), people, strict=True)


def _token(name: str, url: str, body: str, field: str = "token") -> str:
    return _taken(name, f"{_POST} {url} -d '{body}'", (field,))


def _made(name: str, url: str, body: str, path: Sequence[str]) -> str:
    """Return the line that lets the agent make something and stores its id."""
    return _taken(name, _call(url, "AGENT", body), path)


def _taken(name: str, call: str, path: Sequence[str | int]) -> str:
    place = "".join(f"[{json.dumps(part)}]" for part in path)
    return f"{name}=$({call} | python3 -c 'import json,sys; print(json.load(sys.stdin){place})')"


def _call(url: str, who: str | None = None, body: str | None = None, *, method: str | None = None) -> str:
    start = "curl -s" if body is None else _POST
    way = "" if method is None else f" -X {method}"
    token = "" if who is None else f' -H "Authorization: Bearer ${who}"'
    data = "" if body is None else f" -d '{body}'"
    # Quoted: a question mark and an ampersand mean something to a shell.
    address = f'"{url}"' if "?" in url else url
    return f"{start}{way}{token} {address}{data}"
