"""What does not fit together in a game, each fault with its path in the game file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from ..money import MAX_AMOUNT_MINOR
from .game import FreeSpins, Game
from .reels import Reel
from .shape import Fault


def faults_of(game: Game) -> list[Fault]:
    """Return everything in a game of the right form that could not be played, counted or settled."""
    return [fault for check in _CHECKS for fault in check(game)]


def _symbols(game: Game) -> Iterator[Fault]:
    known: set[str] = set()
    for at, symbol in enumerate(game.symbols):
        if symbol.symbol_id in known:
            yield Fault(f"symbols[{at}].id", "stands there twice")
        known.add(symbol.symbol_id)
    for name, symbol_id in (("wild", game.wild), ("scatter", game.scatter)):
        if symbol_id is not None and symbol_id not in known:
            yield Fault(name, f"{symbol_id!r} is no symbol of the game")
    if game.wild is not None and game.wild == game.scatter:
        yield Fault("wild", "is the scatter")
    for symbol_id in game.pays.keys() - known:
        yield Fault(f"pays.{symbol_id}", "is no symbol of the game")


def _strips(game: Game) -> Iterator[Fault]:
    yield from _strips_at(game, game.reels, "reels")
    rule = game.free_spins
    if rule is not None and rule.reels is not game.reels:
        yield from _strips_at(game, rule.reels, "freeSpins.reels")
        if len(rule.reels) != len(game.reels):
            yield Fault("freeSpins.reels", f"must be {len(game.reels)}, as in the paid spin")


def _strips_at(game: Game, reels: Sequence[Reel], path: str) -> Iterator[Fault]:
    known = {symbol.symbol_id for symbol in game.symbols}
    for number, reel in enumerate(reels):
        for at, symbol in enumerate(reel.strip):
            if symbol not in known:
                yield Fault(f"{path}[{number}][{at}]", f"{symbol!r} is no symbol of the game")
        for at, column in enumerate(reel.columns):
            if game.scatter is not None and column.count(game.scatter) > 1:
                yield Fault(f"{path}[{number}][{at}]", "shows two scatters at once")
                break


def _lines(game: Game) -> Iterator[Fault]:
    for number, line in enumerate(game.lines):
        if len(line) != len(game.reels):
            yield Fault(f"lines[{number}]", f"must name a row for each of the {len(game.reels)} reels")
        for at, row in enumerate(line):
            if row >= game.rows:
                yield Fault(f"lines[{number}][{at}]", f"is off the grid: rows are 0 to {game.rows - 1}")
        if line in game.lines[:number]:
            yield Fault(f"lines[{number}]", "is there already")


def _pays(game: Game) -> Iterator[Fault]:
    if not game.pays:
        yield Fault("pays", "nothing pays")
    for symbol, pays in game.pays.items():
        if symbol == game.scatter:
            yield Fault(f"pays.{symbol}", "the scatter pays by `scatterPays`")
        yield from _table(pays, f"pays.{symbol}", len(game.reels))


def _scatters(game: Game) -> Iterator[Fault]:
    rule = game.free_spins
    if game.scatter is None:
        if game.scatter_pays:
            yield Fault("scatterPays", "there is no scatter")
        if rule is not None:
            yield Fault("freeSpins", "there is no scatter that wins them")
        return
    most = sum(game.scatter in reel.strip for reel in game.reels)
    if game.scatter_pays:
        yield from _table(game.scatter_pays, "scatterPays", most)
    if rule is not None:
        yield from _free_spins(rule, game.scatter, most)


def _free_spins(rule: FreeSpins, scatter: str, most: int) -> Iterator[Fault]:
    most = max(most, sum(scatter in reel.strip for reel in rule.reels))
    yield from _table(rule.awards, "freeSpins.awards", most)
    if rule.awards and max(rule.awards.values()) > rule.most_spins:
        yield Fault("freeSpins.mostSpins", "is less than an award")


def _table(pays: Mapping[int, int], path: str, most: int) -> Iterator[Fault]:
    """A longer run is in the table as well, and pays no less."""
    if not pays:
        yield Fault(path, "is empty")
        return
    for number in sorted(set(range(min(pays), most + 1)) ^ pays.keys()):
        yield Fault(f"{path}.{number}", "is missing" if number not in pays else f"there are at most {most}")
    for fewer, more in pairwise(sorted(pays)):
        if pays[more] < pays[fewer]:
            yield Fault(f"{path}.{more}", "is less than a shorter run pays")


def _stakes(game: Game) -> Iterator[Fault]:
    stake = game.stake
    if stake.min_minor > stake.max_minor:
        yield Fault("stake.minMinor", "must be from 1 to maxMinor")
    for name, amount in (("minMinor", stake.min_minor), ("maxMinor", stake.max_minor)):
        if amount % stake.coins:
            yield Fault(f"stake.{name}", f"must be a multiple of the {stake.coins} coins that a spin costs")
    for at, level in enumerate(stake.levels_minor):
        if not stake.min_minor <= level <= stake.max_minor or level % stake.coins:
            yield Fault(f"stake.levelsMinor[{at}]", f"must be a multiple of {stake.coins} within the limits")
        if level in stake.levels_minor[:at]:
            yield Fault(f"stake.levelsMinor[{at}]", "is there already")
    if stake.max_minor * _win_bound(game) > MAX_AMOUNT_MINOR * stake.coins:
        yield Fault("stake.maxMinor", f"times the largest win must be at most {MAX_AMOUNT_MINOR}")


def _win_bound(game: Game) -> int:
    """Return more coins than a round can win, whatever it shows."""
    window = len(game.lines) * max((max(pays.values()) for pays in game.pays.values()), default=0)
    window += max(game.scatter_pays.values(), default=0)
    rule = game.free_spins
    return window if rule is None else window * (1 + rule.multiplier * rule.most_spins)


_CHECKS: Final[tuple[Callable[[Game], Iterator[Fault]], ...]] = (
    _symbols,
    _strips,
    _lines,
    _pays,
    _scatters,
    _stakes,
)
