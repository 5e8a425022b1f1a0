"""What a demo day came to, and how to go on from it by hand."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from attrs import frozen

from ...application.ledger.books import OperatorBooks
from ...domain.decimals import decimal_text
from ...domain.ledger.events import AccountKind, EventType
from .guide import curl_lines


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
    stake_minor: int

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
                *curl_lines(self, url),
            ]
        )


def _percent(ratio: Fraction) -> str:
    return f"{decimal_text(ratio * 100, places=3)} %"


def _table(title: str, rows: Sequence[tuple[str, str]]) -> str:
    names, figures = max(len(name) for name, _ in rows), max(len(figure) for _, figure in rows)
    lines = [f"  {name:<{names}}  {figure:>{figures}}" for name, figure in rows]
    return "\n".join([title, *lines])
