"""Checks that the parts of a game fit together. Each fault has its path in the game file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from ..money import MAX_AMOUNT_MINOR
from ..wire_names import camel, camel_in
from .game import FreeSpins, Game, Reel
from .shape import GameFault


def faults_of(game: Game) -> list[GameFault]:
    """Return all faults of a game, of the right form, that prevent its play, odds or settlement."""
    return [fault for check in _CHECKS for fault in check(game)]


def _symbols(game: Game) -> Iterator[GameFault]:
    known: set[str] = set()
    for at, symbol in enumerate(game.symbols):
        if symbol.symbol_id in known:
            yield GameFault(f"symbols[{at}].id", "duplicate symbol id")
        known.add(symbol.symbol_id)
    for name, symbol_id in (("wild", game.wild), ("scatter", game.scatter)):
        if symbol_id is not None and symbol_id not in known:
            yield GameFault(name, f"{symbol_id!r} must be one of the game's symbols")
    if game.wild is not None and game.wild == game.scatter:
        yield GameFault("wild", "must not be the scatter")
    for symbol_id in game.pays.keys() - known:
        yield GameFault(f"pays.{symbol_id}", "must be one of the game's symbols")


def _strips(game: Game) -> Iterator[GameFault]:
    yield from _strips_at(game, game.reels, "reels")
    rule = game.free_spins
    if rule is not None and rule.reels is not game.reels:
        yield from _strips_at(game, rule.reels, camel_in("free_spins.reels"))
        if len(rule.reels) != len(game.reels):
            yield GameFault(camel_in("free_spins.reels"), f"must be {len(game.reels)} reels, as in the paid spin")


def _strips_at(game: Game, reels: Sequence[Reel], path: str) -> Iterator[GameFault]:
    known = {symbol.symbol_id for symbol in game.symbols}
    for number, reel in enumerate(reels):
        for at, symbol in enumerate(reel.strip):
            if symbol not in known:
                yield GameFault(f"{path}[{number}][{at}]", f"{symbol!r} must be one of the game's symbols")
        for at, column in enumerate(reel.columns):
            if game.scatter is not None and column.count(game.scatter) > 1:
                yield GameFault(f"{path}[{number}][{at}]", "must show at most one scatter at once")
                break


def _lines(game: Game) -> Iterator[GameFault]:
    for number, line in enumerate(game.lines):
        if len(line) != len(game.reels):
            yield GameFault(f"lines[{number}]", f"must name a row for each of the {len(game.reels)} reels")
        for at, row in enumerate(line):
            if row >= game.rows:
                yield GameFault(f"lines[{number}][{at}]", f"must be a row from 0 to {game.rows - 1}")
        if line in game.lines[:number]:
            yield GameFault(f"lines[{number}]", "duplicate line")


def _pays(game: Game) -> Iterator[GameFault]:
    if not game.pays:
        yield GameFault("pays", "must have at least one symbol")
    for symbol, pays in game.pays.items():
        if symbol == game.scatter:
            yield GameFault(f"pays.{symbol}", camel_in("belongs in `scatter_pays`, as the scatter's pays"))
        yield from _table(pays, f"pays.{symbol}", len(game.reels))


def _scatters(game: Game) -> Iterator[GameFault]:
    rule = game.free_spins
    if game.scatter is None:
        if game.scatter_pays:
            yield GameFault(camel("scatter_pays"), "needs a `scatter` in the game")
        if rule is not None:
            yield GameFault(camel("free_spins"), "needs a `scatter` in the game, which wins free spins")
        return
    most = sum(game.scatter in reel.strip for reel in game.reels)
    if game.scatter_pays:
        yield from _table(game.scatter_pays, camel("scatter_pays"), most)
    if rule is not None:
        yield from _free_spins(rule, game.scatter, most)


def _free_spins(rule: FreeSpins, scatter: str, most: int) -> Iterator[GameFault]:
    most = max(most, sum(scatter in reel.strip for reel in rule.reels))
    yield from _table(rule.awards, camel_in("free_spins.awards"), most)
    if rule.awards and max(rule.awards.values()) > rule.most_spins:
        yield GameFault(camel_in("free_spins.most_spins"), "must be at least the largest award")


def _table(pays: Mapping[int, int], path: str, most: int) -> Iterator[GameFault]:
    """Check that a table pays every run from its shortest to the longest, and longer runs no less."""
    if not pays:
        yield GameFault(path, "must have at least one entry")
        return
    for number in sorted(set(range(min(pays), most + 1)) ^ pays.keys()):
        yield GameFault(f"{path}.{number}", "is missing" if number not in pays else f"must be at most {most}")
    for fewer, more in pairwise(sorted(pays)):
        if pays[more] < pays[fewer]:
            yield GameFault(f"{path}.{more}", f"must be at least {pays[fewer]}, as a shorter run pays")


def _stakes(game: Game) -> Iterator[GameFault]:
    stake = game.stake
    if stake.min_minor > stake.max_minor:
        yield GameFault(camel_in("stake.min_minor"), camel_in("must be from 1 to max_minor"))
    for name, amount in (("min_minor", stake.min_minor), ("max_minor", stake.max_minor)):
        if amount % stake.coins:
            yield GameFault(
                f"stake.{camel(name)}", f"must be a multiple of the {stake.coins} coins that a spin costs"
            )
    for at, level in enumerate(stake.levels_minor):
        if not stake.min_minor <= level <= stake.max_minor or level % stake.coins:
            yield GameFault(
                f"stake.{camel('levels_minor')}[{at}]", f"must be a multiple of {stake.coins} within the limits"
            )
        if level in stake.levels_minor[:at]:
            yield GameFault(f"stake.{camel('levels_minor')}[{at}]", "duplicate level")
    if stake.max_minor * _win_bound(game) > MAX_AMOUNT_MINOR * stake.coins:
        yield GameFault(camel_in("stake.max_minor"), f"times the largest win must be at most {MAX_AMOUNT_MINOR}")


def _win_bound(game: Game) -> int:
    """Return an upper bound of the coins that a round can win."""
    window = len(game.lines) * max((max(pays.values()) for pays in game.pays.values()), default=0)
    window += max(game.scatter_pays.values(), default=0)
    rule = game.free_spins
    return window if rule is None else window * (1 + rule.multiplier * rule.most_spins)


_CHECKS: Final[tuple[Callable[[Game], Iterator[GameFault]], ...]] = (
    _symbols,
    _strips,
    _lines,
    _pays,
    _scatters,
    _stakes,
)
