"""The commands about the operator's numbers."""

import sys

import click

from ..program import Program


@click.group()
def analytics() -> None:
    """The operator's numbers."""


@analytics.command("rebuild")
@click.pass_obj
def rebuild(program: Program) -> None:
    """Make the numbers anew from the ledger; status 1 if they were not what it comes to.

    May run while the service does: every answer stays exact, and takes longer until its events are folded again.
    """
    with program.open_running() as running:
        results = running.engine.rebuild_numbers()
    for result in results:
        verdict = "the same as before" if result.same else "NOT the same as before"
        click.echo(f"{result.slug}: {result.events} events folded, {verdict}")
    sys.exit(0 if all(result.same for result in results) else 1)
