"""The commands `playtime backup` and `playtime restore`."""

import sys
from pathlib import Path

import click

from ....application.access import SYSTEM
from ..program import Program
from ..progress import progress_bar
from .audit import audit_lines, counted_warnings
from .ledger import verify_books

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
@click.option(
    "--base", is_flag=True, help="Copy the files of the embedded cluster with its log, instead of a dump."
)
@click.pass_obj
def backup(program: Program, *, file: Path, base: bool) -> None:
    """Write database, secrets and newest seals to FILE, also while the service runs. FILE holds secrets."""
    program.back_up(file, base=base, progress=progress_bar)
    click.echo(f"{file} is complete. It holds the secrets: anyone who reads it can redeem every voucher.")


@click.command()
@click.argument("file", type=_FILE)
@click.pass_obj
def restore(program: Program, *, file: Path) -> None:
    """Restore the backup FILE into an empty home or database, and check it; status 1 if a check fails."""
    with program.restore(file, progress=progress_bar) as restored:
        click.echo("Checking the books.")
        verdicts, is_compared = verify_books(restored.engine, restored.seals)
        report = restored.engine.run_audit(SYSTEM, newest_seals=None)
        for line in audit_lines(report, SYSTEM):
            click.echo(line)
    is_clean = is_compared and all(verdicts) and report.clean
    verdict = "clean" if is_clean else "NOT CLEAN"
    click.echo(f"Restored the backup of {restored.made_at}: {verdict}{counted_warnings(report)}")
    sys.exit(0 if is_clean else 1)
