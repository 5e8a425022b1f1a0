"""The commands about games: `playtime games list`, `games par` and `verify`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from ....application.errors import NothingToCheck
from ....application.play.verification import Verifier
from ....domain.decimals import decimal_text
from ....domain.games.game import Game
from ....domain.games.par_sheet import RANGES_SPINS, ParSheet, RunOdds, WinOdds
from ....domain.games.published_schemes import RESULTS, SCHEMES, Scheme
from ....domain.plurals import counted, noun
from ..program import Program

_PLACES: Final = 12
_FAULTS_SHOWN: Final = 10
_HUGE: Final = 10**15


@click.group()
def games() -> None:
    """Look at games and their odds."""


@games.command("list")
@click.pass_obj
def list_games(program: Program) -> None:
    """List the games."""
    for game in program.load_games():
        percent = decimal_text(game.rtp * 100, places=3)
        click.echo(f"{game.game_key:<20} {game.name:<20} RTP {percent} %  version {game.version}")


@games.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print every figure as JSON.")
@click.pass_obj
def par(program: Program, file: Path, *, as_json: bool) -> None:
    """Print the odds sheet of a game file, counted exactly. Refuses a file that could not be played."""
    sheet = ParSheet(program.load_game(file))
    if as_json:
        click.echo(json.dumps(sheet_content(sheet), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(sheet_lines(sheet)))


def sheet_content(sheet: ParSheet) -> Mapping[str, Any]:
    """Return every figure of an odds sheet, ratios as decimals of 12 places. Wins are in coins."""
    game, spread, free = sheet.game, sheet.spread, sheet.free_spins
    even = spread.break_even_spins
    return {
        "gameKey": game.game_key,
        "version": game.version,
        "coins": game.stake.coins,
        "combinations": sheet.cycle,
        "rtp": {
            "total": _ratio(sheet.returns.total),
            "lines": _ratio(sheet.returns.lines),
            "scatters": _ratio(sheet.returns.scatters),
            "freeSpins": _ratio(sheet.returns.free_spins),
        },
        "hitRate": _ratio(sheet.hit_rate),
        "atLeastStake": _ratio(sheet.at_least_stake),
        "standardDeviation": _ratio(spread.deviation),
        "variance": _ratio(spread.variance),
        "volatilityIndex": _ratio(spread.volatility_index),
        "breakEvenSpins": None if even is None else -(-even.numerator // even.denominator),
        "ranges": {str(spins): [_ratio(bound) for bound in spread.range_of(spins)] for spins in RANGES_SPINS},
        "largestWin": {"coins": sheet.largest_win.coins, "chance": _rate(sheet.largest_win.chance)},
        "lines": [_run(run) for run in sheet.runs],
        "wins": [_win(win) for win in sheet.wins],
        "freeSpins": free
        and {
            "chance": _ratio(free.chance),
            "meanSpins": _ratio(free.mean_spins),
            "meanPay": _ratio(free.pay),
            "combinations": free.cycle,
            "lines": [_run(run) for run in free.runs],
            "wins": [_win(win) for win in free.wins],
        },
    }


def sheet_lines(sheet: ParSheet) -> Sequence[str]:
    """Return an odds sheet as text for people."""
    game, spread, free, even = sheet.game, sheet.spread, sheet.free_spins, sheet.spread.break_even_spins
    largest = sheet.largest_win.coins
    lines = [
        f"{game.name} ({game.game_key}), {_shape(game)}",
        f"version             {game.version}",
        f"combinations        {sheet.cycle:,}",
        f"a spin costs        {counted(game.stake.coins, 'coin')}",
        f"RTP                 {_percent(sheet.returns.total)}",
        f"  lines             {_percent(sheet.returns.lines)}",
        f"  scatters          {_percent(sheet.returns.scatters)}",
        f"  free spins        {_percent(sheet.returns.free_spins)}",
        f"hit rate            {_percent(sheet.hit_rate)}",
        f"stake won back      {_percent(sheet.at_least_stake)} of spins",
        f"standard deviation  {decimal_text(spread.deviation)} stakes",
        f"volatility index    {decimal_text(spread.volatility_index)} (90 %)",
        f"break-even          {'never' if even is None else _spins(int(even) + 1)} (90 %)",
        f"largest win         {largest:,} {noun(largest, 'coin')}, 1 in {_one_in(sheet.largest_win.chance)}",
    ]
    if free is not None:
        mean, pay = decimal_text(free.mean_spins, 3), decimal_text(free.pay, 3)
        lines.append(f"free spins          1 in {_one_in(free.chance)}: {mean} on average, worth {pay} stakes")
    lines += ["", "RTP of so many spins, 90 times of 100:"]
    for spins in RANGES_SPINS:
        low, high = (_percent(bound) for bound in spread.range_of(spins))
        lines.append(f"{spins:>12,}  {low:>12} to {high}")
    lines += ["", f"{'line pays':<20}{'coins':>8}{'combinations':>16}{'RTP':>12}"]
    lines += [
        f"{run.count} x {run.symbol:<16}{run.coins:>8,}{run.combinations:>16,}{_percent(run.rtp):>12}"
        for run in sheet.runs
    ]
    return lines


def _shape(game: Game) -> str:
    reels, rows, lines = (
        counted(len(game.reels), "reel"),
        counted(game.rows, "row"),
        counted(len(game.lines), "line"),
    )
    return f"{reels} of {rows}, {lines}"


def _spins(number: int) -> str:
    return f"{number:,} {noun(number, 'spin')}"


@click.command()
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--scheme", type=click.Choice(sorted(SCHEMES)), help="Recompute a draw of a published scheme.")
@click.option("--server-seed", help="With --scheme: the revealed server seed.")
@click.option("--client-seed", help="With --scheme: the client seed.")
@click.option("--nonce", type=click.IntRange(0), default=0, show_default=True, help="With --scheme: the nonce.")
@click.option("--modulus", type=click.IntRange(1, 2**32), help="With --scheme: numbers below this, by rejection.")
@click.option("--count", type=click.IntRange(1, 1_000), default=1, show_default=True, help="How many numbers.")
def verify(
    *,
    file: BinaryIO | None,
    scheme: str | None,
    server_seed: str | None,
    client_seed: str | None,
    nonce: int,
    modulus: int | None,
    count: int,
) -> None:
    """Recompute exported rounds; status 0 if and only if every round was recomputed and is as it claims.

    FILE has an answer of GET /fair/rounds/:link, or many of them, a line each; - is the standard input.
    """
    if scheme is not None:
        if file is not None or server_seed is None or client_seed is None:
            raise click.UsageError("--scheme takes --server-seed and --client-seed, and no file")
        lines = _recomputed(SCHEMES[scheme], server_seed, client_seed, nonce, modulus=modulus, count=count)
        click.echo("\n".join(lines))
        return
    if file is None:
        raise click.UsageError("name the file of exported rounds, or a --scheme")
    raise SystemExit(_verified(file))


def _verified(lines: Iterable[bytes]) -> int:
    verified = waiting = faulty = 0
    for verdict in Verifier().check(lines):
        verified += verdict.is_verified
        waiting += not verdict.is_revealed and not verdict.faults
        faulty += bool(verdict.faults)
        if verdict.faults and faulty <= _FAULTS_SHOWN:
            click.echo(f"line {verdict.line}: {'; '.join(verdict.faults)}")
    if not (verified or waiting or faulty):
        raise NothingToCheck("there are no rounds in the file")
    click.echo(
        f"{counted(verified, 'round')} verified, {waiting} whose server seed is not revealed yet, {faulty} faulty"
    )
    return 0 if verified and not waiting and not faulty else 1


def _recomputed(
    scheme: Scheme, server_seed: str, client_seed: str, nonce: int, *, modulus: int | None, count: int
) -> Sequence[str]:
    first = next(scheme.floats(server_seed, client_seed, nonce))
    lines = [
        f"server seed hash  {scheme.commitment(server_seed)}",
        f"block 0           {scheme.block(server_seed, client_seed, nonce).hex()}",
        *(f"float {at:<11} {decimal_text(share, _PLACES)}"
          for at, share in enumerate(islice(scheme.floats(server_seed, client_seed, nonce), count))),
        *(f"{name:<17} {decimal_text(result(first), 2)}" for name, result in RESULTS.items()),
    ]  # fmt: skip
    if modulus is not None:
        numbers = scheme.numbers(server_seed, client_seed, nonce, modulus)
        lines += [f"number {at:<10} {number}" for at, number in enumerate(islice(numbers, count))]
    return lines


def _run(run: RunOdds) -> Mapping[str, Any]:
    return {
        "symbol": run.symbol,
        "count": run.count,
        "coins": run.coins,
        "combinations": run.combinations,
        "rtp": _ratio(run.rtp),
    }


def _win(win: WinOdds) -> Mapping[str, Any]:
    return {"coins": win.coins, "combinations": win.combinations, "chance": _ratio(win.chance)}


def _ratio(value: Fraction) -> str:
    return decimal_text(value, _PLACES)


def _rate(value: Fraction) -> str:
    """Return a chance as one in so many; as a decimal it could be all zeros."""
    return f"1 in {_one_in(value).replace(',', '')}"


def _one_in(chance: Fraction) -> str:
    if not chance:
        return "infinity"
    times = round(1 / chance)
    return f"{times:,}" if times < _HUGE else f"10^{len(str(times)) - 1}"


def _percent(ratio: Fraction) -> str:
    return f"{decimal_text(ratio * 100, places=4)} %"
