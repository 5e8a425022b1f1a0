"""The command `playtime simulate`."""

import secrets
import sys
from typing import Final

import click

from ....domain.plurals import counted
from ..program import Program

_SEEDS: Final = 2**32


@click.command()
@click.option("--seed", type=click.IntRange(0, _SEEDS), help="The seed; with --seconds, the first of them.")
@click.option(
    "--steps", default=300, show_default=True, type=click.IntRange(1, 100_000), help="Commands for each seed."
)
@click.option(
    "--seconds", default=0, type=click.IntRange(0, 86_400), help="Run one seed after another for this time."
)
@click.pass_obj
def simulate(program: Program, *, seed: int | None, steps: int, seconds: int) -> None:
    """Play on memory with failures, as a seed decides; status 1 if a check fails."""
    first = secrets.randbelow(_SEEDS) if seed is None else seed
    results = program.simulate(first, steps=steps, seconds=seconds)
    last = results[-1]
    if last.failure is not None:
        click.echo("\n".join(last.last_lines))
        click.echo(f"seed {last.seed}, step {last.steps}: {last.failure}")
        click.echo(f"Show it again: playtime simulate --seed {last.seed} --steps {steps}")
        sys.exit(1)
    if len(results) == 1:
        click.echo(f"seed {first} held for {counted(last.steps, 'step')}; trace {last.trace}")
    else:
        total = counted(sum(result.steps for result in results), "step")
        click.echo(f"{counted(len(results), 'seed')} from {first} on held, {total}")
