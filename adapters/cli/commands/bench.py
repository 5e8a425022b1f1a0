"""The commands of `playtime bench`."""

import sys

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


@bench.command("safety")
@click.option("--sessions", default=10_000, show_default=True, type=click.IntRange(100, 1_000_000))
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0))
@click.pass_obj
def bench_safety(program: Program, *, sessions: int, seed: int) -> None:
    """Measure the share of fair play scored as risky, and the cost of scoring; status 1 if an aim is missed.

    The aims are for the demo game, the first one. A more volatile game exceeds them: even its fair play has the
    losses of LOSS_CLUSTER. A tenant with such games may give that reason fewer points.
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
