"""A curl line for each route of the API, on the day that was just played."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol


class LogIn(Protocol):
    """Somebody who can log in."""

    @property
    def tenant(self) -> str | None:
        """The slug of the tenant, None for the platform's owner."""

    def body(self) -> str:
        """Return the body of the log-in."""


class Holder(Protocol):
    """A code with its PIN."""

    @property
    def login_code(self) -> str:
        """The code."""

    @property
    def pin(self) -> str:
        """The PIN."""


class Played(Protocol):
    """What the lines need of a day."""

    @property
    def log_ins(self) -> Sequence[LogIn]:
        """Owner, operator and agent, and more."""

    @property
    def player(self) -> Holder:
        """A player."""

    @property
    def voucher(self) -> Holder:
        """A voucher that is open."""

    @property
    def player_id(self) -> str:
        """The player's id."""

    @property
    def open_voucher_id(self) -> str:
        """The id of another open voucher."""

    @property
    def agent_id(self) -> str:
        """The agent."""

    @property
    def operator_id(self) -> str:
        """The operator."""

    @property
    def game_key(self) -> str:
        """A game."""

    @property
    def stake_minor(self) -> int:
        """A stake that the game takes."""


def curl_lines(day: Played, url: str) -> list[str]:
    """Return the lines, those first that take tokens and ids which the others use."""
    api = f"{url}/api/v1"
    return [
        *_taking(day, api),
        "",
        _call(f"{url}/api/health"),
        _call(f"{api}/openapi.json"),
        *_playing(day, api),
        *_looking_after(day, api),
        *_selling(day, api),
        *_administering(day, api),
        *_counting(api),
        *_ending(day, api),
    ]


def _taking(day: Played, api: str) -> list[str]:
    owner, operator, agent = day.log_ins[:3]
    player = f'{{"loginCode":"{day.player.login_code}","pin":"{day.player.pin}"}}'
    desk = f"{api}/voucher/agents/{day.agent_id}/vouchers"
    till = '{"username":"till-2","password":"a long password","role":"cashier"}'
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
        _taken("GAMES", _call(f"{api}/admin/staff", "OPERATOR", provider), ("staff", "staffId")),
        _token("PROVIDER", f"{api}/staff/login", of_provider),
    ]


def _playing(day: Played, api: str) -> list[str]:
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
        f"""{_POST} {api}/player/refresh -d '{{"refreshToken":"'$PLAYER_AGAIN'"}}'""",
    ]


def _looking_after(day: Played, api: str) -> list[str]:
    own, seat = f"{api}/admin/tenants/{day.agent_id}", f"{api}/admin/players/{day.player_id}"
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
        _call(f"{own}/safety", "OPERATOR"),
        _call(f"{own}/safety", "OPERATOR", '{"enforce":"cooldown","zone":"Europe/Paris"}', method="PUT"),
        _call(f"{api}/admin/safety/summary", "OPERATOR"),
        _call(f"{api}/admin/safety/actions", "OPERATOR"),
        _call(f"{seat}/safety", "OPERATOR"),
        _call(f"{seat}/limits", "OPERATOR"),
    ]


def _selling(day: Played, api: str) -> list[str]:
    desk = f"{api}/voucher/agents/{day.agent_id}/vouchers"
    voucher = f'{{"code":"{day.voucher.login_code}","pin":"{day.voucher.pin}"}}'
    return [
        _call(f"{api}/voucher/redeem", None, voucher),
        _call(desk, "AGENT", '{"amountMinor":1000}'),
        _call(desk, "AGENT"),
        _call(f"{desk}?format=csv&status=ISSUED", "AGENT"),
        _call(f"{api}/voucher/batches/$BATCH/sheet?paper=a4", "AGENT", "{}") + " -o vouchers.html",
        _call(f"{api}/voucher/{day.open_voucher_id}/void", "AGENT", "{}"),
    ]


def _administering(day: Played, api: str) -> list[str]:
    credit = '{"amountMinor":100000,"memo":"top-up"}'
    tenant = f'{{"slug":"new-{day.operator_id[-6:]}","name":"New","kind":"OPERATOR"}}'
    own, above = f"{api}/admin/tenants/{day.agent_id}", f"{api}/admin/tenants/{day.operator_id}"
    seat = f"{api}/admin/players/{day.player_id}"
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
        _call(f"{api}/admin/staff/$TILL/deactivate", "AGENT", "{}"),
        _call(f"{own}/suspend", "OPERATOR", "{}"),
        _call(f"{own}/resume", "OPERATOR", "{}"),
        _call(f"{api}/admin/players?status=OPEN", "OPERATOR"),
        _call(seat, "OPERATOR"),
        _call(f"{seat}/rounds", "OPERATOR"),
        _call(f"{seat}/sessions", "OPERATOR"),
        _call(f"{api}/admin/ledger", "OPERATOR"),
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


def _ending(day: Played, api: str) -> list[str]:
    return [
        _call(f"{api}/player/cool-off", "PLAYER", '{"period":"24h"}'),
        _call(f"{api}/player/self-exclusion", "PLAYER", '{"months":6}'),
        _call(f"{api}/player/logout", "PLAYER", "{}"),
        _call(f"{api}/admin/players/{day.player_id}/close", "OPERATOR", "{}"),
        _call(f"{api}/staff/logout", "OPERATOR", "{}"),
    ]


_POST: Final = "curl -s -H 'Content-Type: application/json'"


def _named(*people: LogIn) -> Iterable[tuple[str, LogIn]]:
    return zip(("OWNER", "OPERATOR", "AGENT"), people, strict=True)


def _token(name: str, url: str, body: str, field: str = "token") -> str:
    return _taken(name, f"{_POST} {url} -d '{body}'", (field,))


def _made(name: str, url: str, body: str, path: Sequence[str]) -> str:
    """Return the line that has the agent make something and keeps its id."""
    return _taken(name, _call(url, "AGENT", body), path)


def _taken(name: str, call: str, path: Sequence[str]) -> str:
    place = "".join(f'["{field}"]' for field in path)
    return f"{name}=$({call} | python3 -c 'import json,sys; print(json.load(sys.stdin){place})')"


def _call(url: str, who: str | None = None, body: str | None = None, *, method: str | None = None) -> str:
    start = "curl -s" if body is None else _POST
    way = "" if method is None else f" -X {method}"
    token = "" if who is None else f' -H "Authorization: Bearer ${who}"'
    data = "" if body is None else f" -d '{body}'"
    # A shell would take a question mark or an ampersand for itself.
    address = f'"{url}"' if "?" in url else url
    return f"{start}{way}{token} {address}{data}"
