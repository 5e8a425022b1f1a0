"""The commands of `playtime ledger`."""

import sys
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from ....application.engine import Engine
from ....application.errors import SetupError
from ....application.ledger.books import OperatorBooks
from ....application.ledger.export_check import CheckedFile
from ....application.ledger.sealing import SealedBooks
from ..ledger_files import check_file, export_ledger, read_lines
from ..program import Program

MOST_FAULTS: Final = 20
"""The most faults of a file that are printed. A file that is not a ledger has one in every line."""


@click.group()
def ledger() -> None:
    """Verify, export, import and deduplicate the ledger."""


@ledger.command("verify")
@click.option(
    "--file", type=click.Path(path_type=Path, dir_okay=False), help="Check an exported file, without a database."
)
@click.pass_obj
def verify_ledger(program: Program, *, file: Path | None) -> None:
    """Check every balance against the entries of the ledger, and every seal against its events."""
    if file is not None:
        _show_file(check_file(file))
    with program.open_running() as running:
        verdicts = [_verify(running.engine, sealed) for sealed in running.engine.verify_seals()]
    click.echo(f"{len(verdicts)} operators: {'clean' if all(verdicts) else 'NOT CLEAN'}")
    sys.exit(0 if all(verdicts) else 1)


@ledger.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--tenant", metavar="SLUG", help="An operator or agent; by default all operators.")
@click.pass_obj
def export(program: Program, *, file: Path, tenant: str | None) -> None:
    """Export events and seals to FILE (gzip). The same command continues an interrupted export."""
    with program.open_running() as running:
        bar: Any = click.progressbar(length=1, label="exporting", file=sys.stderr, update_min_steps=1)
        with bar:

            def progress(done: int, total: int) -> None:
                bar.length = max(total, 1)
                bar.update(done - bar.pos)

            plan = export_ledger(running.engine.export_ledger, file, tenant, progress=progress)
    click.echo(f"{plan.events} events of {len(plan.sections)} operators in {file}")


@ledger.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--tenant", metavar="SLUG", help="Put everything into this tenant's books.")
@click.option("--external-only", is_flag=True, help="Leave out all other events than those of external games.")
@click.pass_obj
def import_ledger(program: Program, *, file: Path, tenant: str | None, external_only: bool) -> None:
    """Add the events of external games in FILE, an exported ledger. A second run adds nothing."""
    if not file.is_file():
        raise SetupError(f"There is no file {file}.")
    _require_readable(file)
    with program.open_running() as running:
        read = partial(read_lines, file)
        imported = running.engine.import_ledger(read, tenant=tenant, external_only=external_only)
    click.echo(
        f"{imported.added} events added, {imported.present} were there already, {imported.left_out} left out"
    )


@ledger.command("dedupe")
@click.option("--apply", is_flag=True, help="Mark the duplicates; without it they are only listed.")
@click.option("--tenant", metavar="SLUG", help="An operator; by default all.")
@click.pass_obj
def dedupe(program: Program, *, apply: bool, tenant: str | None) -> None:
    """Find true duplicates among the events of external games, and mark them with --apply. Deletes nothing."""
    with program.open_running() as running:
        found = running.engine.dedupe_ledger(tenant, apply=apply)
    for operator in found:
        click.echo(f"{operator.slug}: {operator.count} duplicates, {operator.marked} marked")
        for duplicate in operator.first:
            event = duplicate.event
            click.echo(
                f"  {event.event_id} ({event.action_id}) repeats {duplicate.original_id}:"
                f" {event.event_type} {event.amount_minor} at {event.game_key}, {event.occurred_at.isoformat()}"
            )


def _require_readable(file: Path) -> None:
    """Raise SetupError with the first fault of a file that differs from its export."""
    checked = check_file(file)
    for fault in checked.faults:
        raise SetupError(f"{file}, line {fault.line}: {fault.reason}.")


def _show_file(checked: CheckedFile) -> NoReturn:
    for operator in checked.operators:
        click.echo(f"{operator.slug}: {'clean' if operator.clean else 'NOT CLEAN'}")
        _show_seals(operator)
    if checked.digests:
        click.echo(f"{checked.digests} digests stand for events that are not in the file")
    for fault in checked.faults[:MOST_FAULTS]:
        click.echo(f"line {fault.line}: {fault.reason}")
    click.echo(f"{len(checked.operators)} operators: {'clean' if checked.clean else 'NOT CLEAN'}")
    sys.exit(0 if checked.clean else 1)


def _verify(engine: Engine, sealed: SealedBooks) -> bool:
    """Print the result for an operator's books and seals; return whether they are clean."""
    try:
        (operator,) = engine.verify_ledger(sealed.operator_id)
    except ValueError as error:
        # Another program has written a row that is not an event. The seals can be checked all the same.
        click.echo(f"{sealed.slug}: NOT CLEAN; a row cannot be read: {error}")
        _show_seals(sealed)
        return False
    _show(operator, sealed)
    return operator.clean and sealed.clean


def _show(operator: OperatorBooks, sealed: SealedBooks) -> None:
    events = sum(movement.count for movement in operator.movements)
    verdict = "clean" if operator.clean and sealed.clean else "NOT CLEAN"
    click.echo(
        f"{operator.slug}: {verdict}; {events} events, {len(operator.accounts)} accounts, sum {operator.sum_minor}"
    )
    for total in operator.disagreements:
        click.echo(
            f"  {total.account.kind} {total.account.owner_id}: entries {total.entries_minor},"
            f" books {total.stated_minor}, floor {total.floor_minor}"
        )
    _show_seals(sealed)


def _show_seals(sealed: SealedBooks) -> None:
    """Print the number of sealed events of an operator, and its broken seals."""
    seal = sealed.last_seal
    newest = "" if seal is None else f"; seal {seal.number} is {seal.hash.hex()}"
    click.echo(f"  {sealed.sealed} events under {sealed.seals} seals, {sealed.unsealed} not sealed yet{newest}")
    for broken in sealed.broken_seals:
        click.echo(f"  BROKEN seal {broken.number}: {broken.fault} (up to event {broken.last_event_id})")
