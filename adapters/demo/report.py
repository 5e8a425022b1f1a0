"""The report of a demo day."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from attrs import frozen

from ...application.ledger.books import OperatorBooks
from ...domain.decimals import decimal_text
from ...domain.ledger.events import AccountKind, EventType
from .guide import Guide


def fun(amount_minor: int) -> str:
    """Return an amount of minor units in FUN, with two decimals."""
    sign, size = ("-" if amount_minor < 0 else ""), abs(amount_minor)
    return f"{sign}{size // 100:,}.{size % 100:02d}"


@frozen(kw_only=True)
class PlayedDay:
    """A played day: its books, its counts and failed checks, and the guide to go on by hand."""

    books: OperatorBooks
    exact_rtp: str
    counts: Mapping[str, int]
    faults: Sequence[str]
    guide: Guide

    @property
    def name(self) -> str:
        """The slug of the day's operator."""
        return self.books.slug

    @property
    def held(self) -> bool:
        """Whether every check of the day held and the books are clean."""
        return self.books.clean and not self.faults

    def report(self) -> str:
        """Return the tables of the day."""
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
        verdict = "Every check held." if self.held else f"NOT HELD: {', '.join(self._failures())}"
        blocks = [_table("Balances, FUN", rows), _table("Play", played), _table("The day", counted), verdict]
        return "\n\n".join(blocks)

    def _failures(self) -> list[str]:
        accounts = [f"{total.account.kind} {total.account.owner_id}" for total in self.books.disagreements]
        return [*sorted(set(self.faults)), *accounts, *(["the sum is not 0"] if self.books.sum_minor else [])]

    def instructions(self, url: str) -> str:
        """Return a shell script: the credentials, and a curl line for each route of the server at `url`."""
        return self.guide.text(url)


def _percent(ratio: Fraction) -> str:
    return f"{decimal_text(ratio * 100, places=3)} %"


def _table(title: str, rows: Sequence[tuple[str, str]]) -> str:
    names, figures = max(len(name) for name, _ in rows), max(len(figure) for _, figure in rows)
    lines = [f"  {name:<{names}}  {figure:>{figures}}" for name, figure in rows]
    return "\n".join([title, *lines])
