"""The commands of `playtime ledger`."""

import sys

import click

from ...application.books import OperatorBooks
from ...application.sealing import SealedBooks
from .program import Program


@click.group()
def ledger() -> None:
    """The ledger."""


@ledger.command("verify")
@click.pass_obj
def verify_ledger(program: Program) -> None:
    """Hold every balance against the entries of the ledger, and every seal against its events."""
    clean = True
    with program.open_running() as running:
        books = running.engine.verify_ledger()
        for operator in books:
            sealed = running.engine.verify_seals.of(operator.operator_id, operator.slug)
            _tell(operator, sealed)
            clean = clean and operator.clean and sealed.clean
    click.echo(f"{len(books)} operators: {'clean' if clean else 'NOT CLEAN'}")
    sys.exit(0 if clean else 1)


def _tell(operator: OperatorBooks, sealed: SealedBooks) -> None:
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
    tell_seals(sealed)


def tell_seals(sealed: SealedBooks) -> None:
    """Say how far an operator's events are sealed, and which seals do not hold."""
    seal = sealed.last_seal
    newest = "" if seal is None else f"; seal {seal.number} is {seal.hash.hex()}"
    click.echo(f"  {sealed.sealed} events under {sealed.seals} seals, {sealed.unsealed} not sealed yet{newest}")
    for broken in sealed.breaks:
        click.echo(f"  BROKEN seal {broken.number}: {broken.fault} (up to event {broken.last_event_id})")
