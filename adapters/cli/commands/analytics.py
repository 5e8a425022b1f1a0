"""The commands of `playtime analytics`."""

import sys

import click

from ....domain.plurals import counted
from ..findings import require_operators
from ..program import Program


@click.group()
def analytics() -> None:
    """Maintain the roll-up of analytics."""


@analytics.command("rebuild")
@click.pass_obj
def rebuild(program: Program) -> None:
    """Make the roll-up of analytics again from the ledger; status 1 if the old one differed.

    May run while the service does. Answers stay exact, but take longer until their events are rolled up again.
    """
    with program.open_existing() as running:
        results = running.engine.rebuild_analytics()
    require_operators(results)
    for result in results:
        verdict = "the same as before" if result.same else "NOT the same as before"
        click.echo(f"{result.slug}: {counted(result.events, 'event')} rolled up, {verdict}")
    sys.exit(0 if all(result.same for result in results) else 1)
