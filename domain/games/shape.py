"""The form of a game file: its fields and their types. Each fault is noted with its path."""

import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Final, TypeVar

from attrs import frozen

from ..money import MAX_AMOUNT_MINOR
from ..wire_names import camel
from .game import FreeSpins, Game, Reel, StakeRule, Symbol

T = TypeVar("T")

MOST_ROWS: Final = 8
MOST_REELS: Final = 8
MOST_STOPS: Final = 1_000
LARGEST_WEIGHT: Final = 1_000_000
"""The largest weight of one stop, and of all stops of a reel: one 32-bit word draws the stop of a reel."""
MOST_LINES: Final = 100
MOST_SYMBOLS: Final = 64
LARGEST_PAY: Final = 10**9
MOST_COINS: Final = 1_000
MOST_FREE_SPINS: Final = 200
LARGEST_MULTIPLIER: Final = 100
MOST_LEVELS: Final = 50
LONGEST_NAME: Final = 40
LONGEST_TEXT: Final = 200

_GAME_KEY: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NUMBER: Final = re.compile(r"[1-9][0-9]?")
_JOINERS: Final = "\u200d\ufe0f"
"""Characters that join and style glyphs of several characters; Python calls them not printable."""


@frozen
class GameFault:
    """A fault of a game file: the path of the field, and the reason."""

    path: str
    reason: str


@frozen
class Node:
    """A value of the file with its path. A value of a wrong type is noted, and a stand-in is returned."""

    value: Any
    path: str
    faults: list[GameFault]

    def fault(self, reason: str) -> None:
        """Note a fault at this path."""
        self.faults.append(GameFault(self.path or "$", reason))

    def below(self, name: str) -> "Node":
        """Return the named field, with value None if it is missing; its path is always printable."""
        value = self.value.get(name) if isinstance(self.value, dict) else None
        shown = name[:LONGEST_NAME]
        if not _is_printable(shown):
            shown = shown.encode("unicode_escape").decode()
        return Node(value, f"{self.path}.{shown}" if self.path else shown, self.faults)

    def field(self, name: str) -> "Node":
        """Return the field of the format that has this name in Python."""
        return self.below(camel(name))

    def fields(self, needed: str, optional: str = "") -> bool:
        """Return whether this is an object with all needed fields; missing and unknown fields are noted."""
        if not isinstance(self.value, dict):
            self.fault("must be an object")
            return False
        required, others = (list(map(camel, names.split())) for names in (needed, optional))
        missing = [name for name in required if name not in self.value]
        for name in missing:
            self.below(name).fault("is missing")
        for name in self.value.keys() - {*required, *others}:
            self.below(name).fault("unknown field")
        return not missing

    def named(self) -> Iterator[tuple[str, "Node"]]:
        """Yield the fields of an object whose names the file chooses, such as the symbols of a pay table."""
        if not isinstance(self.value, dict):
            self.fault("must be an object")
            return
        for name in self.value:
            node = self.below(name)
            if 1 <= len(name) <= LONGEST_NAME and _is_printable(name):
                yield name, node
            else:
                node.fault(f"must have a name of 1 to {LONGEST_NAME} printable characters")

    def text(self, *, empty: bool = False, longest: int = LONGEST_TEXT) -> str:
        """Return a string of printable characters."""
        value = self.value
        if not isinstance(value, str) or not (value or empty):
            self.fault("must be a string")
        elif len(value) > longest or not _is_printable(value):
            self.fault(f"must be at most {longest} printable characters")
        else:
            return value
        return ""

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""
        if type(self.value) is not int:
            self.fault("must be a whole number")
        elif not low <= self.value <= high:
            self.fault(f"must be between {low} and {high}")
        else:
            return self.value
        return low

    def items(self, most: int, read: Callable[["Node"], T]) -> tuple[T, ...]:
        """Return the items of a list of 1 to `most` items."""
        if not isinstance(self.value, list):
            self.fault("must be a list")
        elif not 1 <= len(self.value) <= most:
            self.fault(f"must have between 1 and {most} items")
        else:
            nodes = (Node(item, f"{self.path}[{at}]", self.faults) for at, item in enumerate(self.value))
            return tuple(read(node) for node in nodes)
        return ()

    def table(self, most: int) -> dict[int, int]:
        """Return an object that maps numbers of symbols to whole numbers from 1 to `most`."""
        table: dict[int, int] = {}
        if not isinstance(self.value, dict):
            self.fault("must be an object")
            return table
        for name in self.value:
            node = self.below(name)
            if _NUMBER.fullmatch(name):
                table[int(name)] = node.whole(1, most)
            else:
                node.fault("must be a number of symbols from 1 to 99")
        return table


def _is_printable(text: str) -> bool:
    return all(char.isprintable() or char in _JOINERS for char in text)


def parse_game(document: object) -> tuple[Game | None, str, list[GameFault]]:
    """Return the game of a document, the return that it declares, and the faults of its form."""
    root = Node(document, "", [])
    if not root.fields(
        "format game_key name provider rtp symbols rows reels lines pays stake",
        "look wild scatter scatter_pays free_spins",
    ):
        return None, "", root.faults
    if type(root.value["format"]) is not int or root.value["format"] != 1:
        root.field("format").fault("must be 1")
    rows = root.field("rows").whole(1, MOST_ROWS)
    reels = _reels(root.field("reels"), rows)
    scatter_pays, free_spins = root.field("scatter_pays"), root.field("free_spins")
    game = Game(
        game_key=_game_key(root.field("game_key")),
        name=root.field("name").text(),
        provider=root.field("provider").text(),
        rtp=Fraction(0),
        look=_look(root.field("look")),
        symbols=root.field("symbols").items(MOST_SYMBOLS, _symbol),
        wild=_optional_text(root.field("wild")),
        scatter=_optional_text(root.field("scatter")),
        rows=rows,
        reels=reels,
        lines=root.field("lines").items(MOST_LINES, _line),
        pays=_pays(root.field("pays")),
        scatter_pays={} if scatter_pays.value is None else scatter_pays.table(LARGEST_PAY),
        free_spins=None if free_spins.value is None else _free_spins(free_spins, reels, rows),
        stake=_stake(root.field("stake")),
    )
    return game, root.field("rtp").text(), root.faults


def _game_key(node: Node) -> str:
    text = node.text()
    if text and not (_GAME_KEY.fullmatch(text) and len(text) <= LONGEST_NAME):
        node.fault(f"must be at most {LONGEST_NAME} small letters and digits, in words joined by hyphens")
    return text


def _optional_text(node: Node) -> str | None:
    return None if node.value is None else node.text()


def _look(node: Node) -> Mapping[str, str]:
    if node.value is None:
        return {}
    return {name: text.text(empty=True) for name, text in node.named()}


def _symbol(node: Node) -> Symbol:
    if not node.fields("id name", "glyph"):
        return Symbol("", "")
    glyph = node.field("glyph")
    return Symbol(
        node.field("id").text(longest=LONGEST_NAME),
        node.field("name").text(),
        "" if glyph.value is None else glyph.text(empty=True),
    )


def _reels(node: Node, rows: int) -> tuple[Reel, ...]:
    return node.items(MOST_REELS, lambda strip: _reel(strip, rows))


def _reel(node: Node, rows: int) -> Reel:
    stops = node.items(MOST_STOPS, _stop) or (("", 1),)
    if sum(weight for _, weight in stops) > LARGEST_WEIGHT:
        node.fault(f"the weights of all stops must add up to at most {LARGEST_WEIGHT}")
    return Reel(tuple(symbol for symbol, _ in stops), tuple(weight for _, weight in stops), rows)


def _stop(node: Node) -> tuple[str, int]:
    """Return symbol and weight: a stop is `"A"`, or `["A", 3]` for a stop that is three times as likely."""
    if isinstance(node.value, str):
        return node.text(), 1
    if not isinstance(node.value, list) or len(node.value) != len(("symbol", "weight")):
        node.fault("must be a symbol, or a symbol with its weight")
        return "", 1
    symbol, weight = (Node(item, f"{node.path}[{at}]", node.faults) for at, item in enumerate(node.value))
    return symbol.text(), weight.whole(1, LARGEST_WEIGHT)


def _line(node: Node) -> tuple[int, ...]:
    return node.items(MOST_REELS, lambda row: row.whole(0, MOST_ROWS - 1))


def _pays(node: Node) -> Mapping[str, Mapping[int, int]]:
    return {name: table.table(LARGEST_PAY) for name, table in node.named()}


def _free_spins(node: Node, reels: tuple[Reel, ...], rows: int) -> FreeSpins | None:
    if not node.fields("awards multiplier most_spins", "reels"):
        return None
    own = node.field("reels")
    return FreeSpins(
        awards=node.field("awards").table(MOST_FREE_SPINS),
        multiplier=node.field("multiplier").whole(1, LARGEST_MULTIPLIER),
        most_spins=node.field("most_spins").whole(1, MOST_FREE_SPINS),
        reels=reels if own.value is None else _reels(own, rows),
    )


def _stake(node: Node) -> StakeRule:
    if not node.fields("coins min_minor max_minor", "levels_minor"):
        return StakeRule(1, 1, 1)
    levels = node.field("levels_minor")
    return StakeRule(
        coins=node.field("coins").whole(1, MOST_COINS),
        min_minor=node.field("min_minor").whole(1, MAX_AMOUNT_MINOR),
        max_minor=node.field("max_minor").whole(1, MAX_AMOUNT_MINOR),
        levels_minor=levels.items(MOST_LEVELS, _level) if levels.value else (),
    )


def _level(node: Node) -> int:
    return node.whole(1, MAX_AMOUNT_MINOR)
