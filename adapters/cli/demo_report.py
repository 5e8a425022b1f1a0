"""What a demo day came to, and how to go on from it by hand."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final

from attrs import frozen

from ...application.books import OperatorBooks
from ...application.wire import decimal_text
from ...domain.ledger import AccountKind, EventType


def fun(amount_minor: int) -> str:
    """Return an amount of minor units in FUN, with two decimals."""
    sign, size = ("-" if amount_minor < 0 else ""), abs(amount_minor)
    return f"{sign}{size // 100:,}.{size % 100:02d}"


@frozen
class LogIn:
    """A member of staff of the day, with the password made for them."""

    username: str
    password: str
    tenant: str | None

    def body(self) -> str:
        """Return the JSON that logs this member in."""
        tenant = f',"tenant":"{self.tenant}"' if self.tenant else ""
        return f'{{"username":"{self.username}","password":"{self.password}"{tenant}}}'


@frozen
class PlayerLogIn:
    """A player of the day who can be logged in by hand."""

    login_code: str
    pin: str


@frozen(kw_only=True)
class Day:
    """A played day: the books, the counts, and what is needed to go on by hand."""

    books: OperatorBooks
    exact_rtp: str
    counts: Mapping[str, int]
    faults: Sequence[str]
    log_ins: Sequence[LogIn]
    player: PlayerLogIn
    player_id: str
    voucher: PlayerLogIn
    open_voucher_id: str
    agent_id: str
    operator_id: str
    game_key: str

    @property
    def held(self) -> bool:
        """Whether every check of the day held and the books are clean."""
        return self.books.clean and not self.faults

    def report(self) -> str:
        """Return the day's table."""
        books = self.books
        handle, payout = books.moved(EventType.BET), books.moved(EventType.WIN)
        accounts = (
            ("minted", AccountKind.ISSUANCE),
            ("at the operator and its agents", AccountKind.TENANT),
            ("in vouchers", AccountKind.VOUCHER_POOL),
            ("in bonuses", AccountKind.BONUS_POOL),
            ("at players", AccountKind.PLAYER),
            ("at the house", AccountKind.HOUSE),
        )
        rows = [(name, fun(books.sum_of(kind))) for name, kind in accounts]
        rows.append(("sum", fun(books.sum_minor)))
        played = [
            ("handle", fun(handle)),
            ("payout", fun(payout)),
            ("bonuses paid", fun(books.moved(EventType.BONUS_TRIGGERED))),
            ("RTP of the day", _percent(Fraction(payout, handle) if handle else Fraction(0))),
            ("RTP of the game, exact", _percent(Fraction(self.exact_rtp))),
        ]
        counted = [(name, f"{count:,}") for name, count in sorted(self.counts.items())]
        verdict = "Every check held." if self.held else f"NOT HELD: {', '.join(self._complaints())}"
        blocks = [_table("Balances, FUN", rows), _table("Play", played), _table("The day", counted), verdict]
        return "\n\n".join(blocks)

    def _complaints(self) -> list[str]:
        books = [f"{total.account.kind} {total.account.owner_id}" for total in self.books.disagreements]
        return [*sorted(set(self.faults)), *books, *(["the sum is not 0"] if self.books.sum_minor else [])]

    def how_to_go_on(self, url: str) -> str:
        """Return the log-ins, and a curl line for each route."""
        people = [
            f"  {log_in.username} / {log_in.password}" + (f" / {log_in.tenant}" if log_in.tenant else "")
            for log_in in self.log_ins
        ]
        return "\n".join(
            [
                "Log-ins (name / password / tenant):",
                *people,
                f"  player {self.player.login_code} / PIN {self.player.pin}",
                f"  voucher {self.voucher.login_code} / PIN {self.voucher.pin}",
                "",
                "A curl line for each route (paste the first block first):",
                *self._curl(url),
            ]
        )

    def _curl(self, url: str) -> list[str]:
        api = f"{url}/api/v1"
        owner, operator, agent = self.log_ins[:3]
        player = f'{{"loginCode":"{self.player.login_code}","pin":"{self.player.pin}"}}'
        voucher = f'{{"code":"{self.voucher.login_code}","pin":"{self.voucher.pin}"}}'
        credit = '{"amountMinor":100000,"memo":"top-up"}'
        own, above = f"/admin/tenants/{self.agent_id}", f"/admin/tenants/{self.operator_id}"
        desk, seat = f"/voucher/agents/{self.agent_id}/vouchers", f"/admin/players/{self.player_id}"
        new_tenant = f'{{"slug":"new-{self.operator_id[-6:]}","name":"New","kind":"OPERATOR"}}'
        new_staff = '{"username":"till-2","password":"a long password","role":"cashier"}'
        return [
            *(_token(name, f"{api}/staff/login", who.body()) for name, who in _named(owner, operator, agent)),
            _token("PLAYER", f"{api}/player/login", player),
            _token("AGAIN", f"{api}/staff/login", agent.body(), "refreshToken"),
            _token("PLAYER_AGAIN", f"{api}/player/login", player, "refreshToken"),
            _made("BATCH", f"{api}{desk}/batch", '{"amountMinor":1000,"count":24}', ("batch", "batchId")),
            _made("TILL", f"{api}/admin/staff", new_staff, ("staff", "staffId")),
            "",
            _call(f"{url}/api/health"),
            _call(f"{api}/games"),
            _call(f"{api}/openapi.json"),
            _call(f"{api}/player/me", "PLAYER"),
            _call(f"{api}/player/bonus/ack", "PLAYER", "{}"),
            _call(f"{api}/bet/spin", "PLAYER", f'{{"stakeMinor":100,"gameKey":"{self.game_key}"}}'),
            _call(f"{api}/voucher/redeem", None, voucher),
            f"""{_POST} {api}/player/refresh -d '{{"refreshToken":"'$PLAYER_AGAIN'"}}'""",
            f"""{_POST} {api}/staff/refresh -d '{{"refreshToken":"'$AGAIN'"}}'""",
            _call(api + desk, "AGENT", '{"amountMinor":1000}'),
            _call(api + desk, "AGENT"),
            _call(f"{api}{desk}?format=csv&status=ISSUED", "AGENT"),
            _call(f"{api}/voucher/batches/$BATCH/sheet?paper=a4", "AGENT", "{}") + " -o vouchers.html",
            _call(f"{api}/voucher/{self.open_voucher_id}/void", "AGENT", "{}"),
            _call(f"{api}/admin/tenants", "OWNER"),
            _call(f"{api}/admin/tenants", "OWNER", new_tenant),
            _call(f"{api}{above}/credit", "OWNER", credit),
            _call(f"{api}{above}/credit/return", "OWNER", credit),
            _call(f"{api}{own}/credit", "OPERATOR", credit),
            _call(f"{api}{own}/credit/return", "AGENT", credit),
            _call(f"{api}{own}/wallet", "AGENT"),
            _call(f"{api}/admin/staff", "AGENT"),
            _call(f"{api}/admin/staff/$TILL/deactivate", "AGENT", "{}"),
            _call(f"{api}{own}/suspend", "OPERATOR", "{}"),
            _call(f"{api}{own}/resume", "OPERATOR", "{}"),
            _call(f"{api}/admin/players?status=OPEN", "OPERATOR"),
            _call(api + seat, "OPERATOR"),
            _call(f"{api}{seat}/rounds", "OPERATOR"),
            _call(f"{api}{seat}/sessions", "OPERATOR"),
            _call(f"{api}/admin/ledger", "OPERATOR"),
            _call(f"{api}/player/logout", "PLAYER", "{}"),
            _call(f"{api}{seat}/close", "OPERATOR", "{}"),
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


def _call(url: str, who: str | None = None, body: str | None = None) -> str:
    start = "curl -s" if body is None else _POST
    token = "" if who is None else f' -H "Authorization: Bearer ${who}"'
    data = "" if body is None else f" -d '{body}'"
    # A shell would take a question mark or an ampersand for itself.
    address = f'"{url}"' if "?" in url else url
    return f"{start}{token} {address}{data}"


def _percent(ratio: Fraction) -> str:
    return f"{decimal_text(ratio * 100, places=3)} %"


def _table(title: str, rows: Sequence[tuple[str, str]]) -> str:
    names, figures = max(len(name) for name, _ in rows), max(len(figure) for _, figure in rows)
    lines = [f"  {name:<{names}}  {figure:>{figures}}" for name, figure in rows]
    return "\n".join([title, *lines])
