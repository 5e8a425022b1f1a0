"""The commands of `playtime bench`."""

import json
import sys
from pathlib import Path

import click

from ..program import Program
from ..progress import progress_bar


@click.group()
def bench() -> None:
    """Measure the engine on this machine and show the figures."""


@bench.command("games")
@click.option("--rounds", default=5_000, show_default=True, type=click.IntRange(100, 1_000_000))
@click.pass_obj
def bench_games(program: Program, *, rounds: int) -> None:
    """Time odds sheets, and rounds: drawn, evaluated and proven, then verified from their exports.

    The times are processor time. The floor is the cost of the digests alone that a round needs, in the same run.
    """
    program.benches.games(rounds=rounds, show=click.echo)


@bench.command("returns")
@click.option("--runs", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Drifting runs.")
@click.option("--rounds", default=100_000, show_default=True, type=click.IntRange(100, 100_000))
@click.option("--fair-runs", default=1_000, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0))
@click.pass_obj
def bench_returns(program: Program, /, **options: int) -> None:
    """Measure the alarm of the return on games that drift, and its false alarms on fair ones.

    The status is 1 if fair games set it off more often than once in a thousand runs, beyond chance.
    """
    sys.exit(0 if program.benches.returns(show=click.echo, **options) else 1)


@bench.command("safety")
@click.option("--sessions", default=500, show_default=True, type=click.IntRange(20, 1_000_000))
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0))
@click.pass_obj
def bench_safety(program: Program, *, sessions: int, seed: int) -> None:
    """Measure the score on ordinary play and on planted signs, and its cost; status 1 if an aim is missed.

    Ordinary play is fair, at every game, with up to 1,000 spins: a little over an hour. The stake is even, varies
    slowly, or changes with each spin. Planted signs are chased losses, growing stakes and five minutes of losses.
    """
    sys.exit(0 if program.benches.safety(sessions=sessions, seed=seed, show=click.echo) else 1)


@bench.command("analytics")
@click.option("--events", default=1_000_000, show_default=True, type=click.IntRange(1_000, 100_000_000))
@click.option("--days", default=90, show_default=True, type=click.IntRange(2, 1_000))
@click.option("--asked-days", default=30, show_default=True, type=click.IntRange(1, 1_000))
@click.option("--times", default=20, show_default=True, type=click.IntRange(3, 1_000), help="Requests a route.")
@click.option(
    "--patience", default=180, show_default=True, type=click.IntRange(0, 3_600), help="Seconds for autovacuum."
)
@click.pass_obj
def bench_analytics(program: Program, /, **options: int) -> None:
    """Fill an operator of its own with made-up play, roll it up, and time every route beside raw SQL."""
    program.benches.analytics(show=click.echo, progress=progress_bar, **options)


@bench.command("spin")
@click.option("--seconds", default=4, show_default=True, type=click.IntRange(1, 600), help="Length of each.")
@click.option("--times", default=5, show_default=True, type=click.IntRange(1, 100), help="Measurements of a case.")
@click.option("--players", default=300, show_default=True, type=click.IntRange(20, 10_000))
@click.option(
    "--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Also write all figures here."
)
@click.pass_obj
def bench_spin(program: Program, /, file: Path | None, **options: int) -> None:
    """Measure a spin beside the floor of the database: one PL/pgSQL call that writes the same rows.

    Measures the use case alone, and spins and other routes over HTTP, in turn on a fresh embedded database. Each
    figure is the median of all turns. docs/performance.md explains the table.
    """
    document = program.benches.spin(show=click.echo, progress=progress_bar, **options)
    if file is not None:
        file.write_text(json.dumps(document, indent=2) + "\n")
