"""The commands of `playtime ledger`."""

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from ....application.access import SYSTEM
from ....application.engine import Engine
from ....application.errors import SetupError
from ....application.ledger.books import OperatorBooks
from ....application.ledger.export_check import CheckedFile
from ....application.ledger.sealing import SealedBooks
from ....domain.ledger.recorded_seals import RecordedSeal
from ....domain.plurals import counted
from ..findings import naming, require_operators
from ..ledger_files import check_file, export_ledger, read_lines, read_seals
from ..program import Program

MOST_FAULTS: Final = 20
"""The most faults of a file that are printed. A file that is not a ledger has one in every line."""


class _RecordedSealType(click.ParamType[RecordedSeal]):
    """A seal on the command line."""

    name = "seal"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> RecordedSeal:  # noqa: ANN401 - as click declares it
        """Read a recorded seal."""
        try:
            return RecordedSeal.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group()
def ledger() -> None:
    """Verify, export, import and deduplicate the ledger."""


@ledger.command("verify")
@click.option(
    "--file", type=click.Path(path_type=Path, dir_okay=False), help="Check an exported file, without a database."
)
@click.option(
    "--seal",
    "given",
    type=_RecordedSealType(),
    multiple=True,
    metavar="SLUG=N:HASH",
    help="A seal that you wrote down; it must be in the chain. Repeatable.",
)
@click.option(
    "--seals",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file of such seals, one a line, as PLAYTIME_SEALS_FILE has them.",
)
@click.pass_obj
def verify_ledger(
    program: Program, *, file: Path | None, given: tuple[RecordedSeal, ...], seals: Path | None
) -> None:
    """Check every balance against the entries of the ledger, and every seal against its events."""
    recorded = frozenset((*given, *(() if seals is None else read_seals(seals))))
    if file is not None:
        _show_file(check_file(file, recorded), recorded)
    with program.open_existing() as running:
        verdicts, is_compared = verify_books(running.engine, recorded)
    _conclude(verdicts, is_clean=is_compared)


def verify_books(engine: Engine, recorded: frozenset[RecordedSeal]) -> tuple[list[bool], bool]:
    """Verify the books of all operators and print the results.

    Returns the verdict on each operator, and whether the chains have all recorded seals.
    """
    books = [(sealed, _verify(engine, sealed)) for sealed in engine.verify_seals(SYSTEM, recorded=recorded)]
    return [verdict for _, verdict in books], _compare(recorded, (sealed for sealed, _ in books))


@ledger.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--tenant", metavar="SLUG", help="An operator or agent; by default all operators.")
@click.pass_obj
def export(program: Program, *, file: Path, tenant: str | None) -> None:
    """Export events and seals to FILE (gzip). The same command continues an interrupted export."""
    with program.open_existing() as running:
        with naming(tenant):
            require_operators(running.engine.export_ledger.plan(tenant).sections)
        bar: Any = click.progressbar(length=1, label="exporting", file=sys.stderr, update_min_steps=1)
        with bar:

            def progress(done: int, total: int) -> None:
                bar.length = max(total, 1)
                bar.update(done - bar.pos)

            running.engine.note_export(SYSTEM, "ledger", {"tenant": tenant})
            plan = export_ledger(running.engine.export_ledger, file, tenant, progress=progress)
    click.echo(f"{counted(plan.events, 'event')} of {counted(len(plan.sections), 'ledger')} in {file}")


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
    with program.open_existing() as running:
        read = partial(read_lines, file)
        with naming(tenant):
            imported = running.engine.import_ledger(read, tenant=tenant, external_only=external_only)
    click.echo(
        f"{counted(imported.added, 'event')} added, {imported.present} there already,"
        f" {imported.left_out} left out, {imported.conflicting} in conflict with the books"
    )


@ledger.command("dedupe")
@click.option("--apply", is_flag=True, help="Mark the duplicates; without it they are only listed.")
@click.option("--tenant", metavar="SLUG", help="An operator; by default all.")
@click.pass_obj
def dedupe(program: Program, *, apply: bool, tenant: str | None) -> None:
    """Find true duplicates among the events of external games, and mark them with --apply. Deletes nothing."""
    with program.open_existing() as running, naming(tenant):
        found = running.engine.dedupe_ledger(tenant, apply=apply)
    require_operators(found)
    for operator in found:
        click.echo(f"{operator.slug}: {counted(operator.count, 'duplicate')}, {operator.marked} marked")
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


def _show_file(checked: CheckedFile, recorded: frozenset[RecordedSeal]) -> NoReturn:
    for operator in checked.operators:
        click.echo(f"{operator.slug}: {'clean' if operator.clean else 'NOT CLEAN'}")
        _show_seals(operator)
    if checked.digests:
        click.echo(f"{counted(checked.digests, 'digest')} in place of events that are not in the file")
    for fault in checked.faults[:MOST_FAULTS]:
        click.echo(f"line {fault.line}: {fault.reason}")
    compared = _compare(recorded, checked.operators)
    _conclude([operator.clean for operator in checked.operators], is_clean=compared and not checked.faults)


def _compare(recorded: frozenset[RecordedSeal], books: Iterable[SealedBooks]) -> bool:
    """Print the recorded seals that the chains lack; return whether they have all."""
    if not recorded:
        click.echo("compared with no seal of yours")
        return True
    missing = sorted(recorded.difference(*(operator.found for operator in books)))
    for seal in missing:
        click.echo(f"MISSING your seal {seal}: the chain does not have it")
    click.echo(f"compared with {counted(len(recorded), 'seal')} of yours, {len(missing)} missing")
    return not missing


def _conclude(verdicts: Sequence[bool], *, is_clean: bool) -> NoReturn:
    """Print the result of a check and end the program with its status."""
    if is_clean:
        require_operators(verdicts)
    is_clean = is_clean and all(verdicts)
    click.echo(f"{counted(len(verdicts), 'ledger')}: {'clean' if is_clean else 'NOT CLEAN'}")
    sys.exit(0 if is_clean else 1)


def _verify(engine: Engine, sealed: SealedBooks) -> bool:
    """Print the result for an operator's books and seals; return whether they are clean."""
    try:
        (operator,) = engine.verify_ledger(SYSTEM, sealed.operator_id)
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
    counts = f"{counted(events, 'event')}, {counted(len(operator.accounts), 'account')}"
    click.echo(f"{operator.slug}: {verdict}; {counts}, sum {operator.sum_minor}")
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
    counts = f"{counted(sealed.sealed, 'event')} under {counted(sealed.seals, 'seal')}"
    click.echo(f"  {counts}, {sealed.unsealed} not sealed yet{newest}")
    for broken in sealed.broken_seals:
        click.echo(f"  BROKEN seal {broken.number}: {broken.fault} (up to event {broken.last_event_id})")
