"""The commands of `playtime sessions`."""

import sys

import click

from ....application.upkeep.rebuild_sessions import OperatorSessions, SessionDifference
from ....domain.plurals import counted
from ..findings import require_operators
from ..program import Program


@click.group()
def sessions() -> None:
    """Maintain the players' sessions."""


@sessions.command("rebuild")
@click.option("--check", is_flag=True, help="Change nothing; status 1 if a stored session differs.")
@click.pass_obj
def rebuild_sessions(program: Program, *, check: bool) -> None:
    """Derive every session from the ledger, and correct the stored sessions that differ."""
    with program.open_existing() as running:
        found = running.engine.rebuild_sessions(check=check)
    require_operators(found)
    for operator in found:
        differences = counted(len(operator.differences), "difference")
        click.echo(f"{operator.slug}: {counted(operator.sessions, 'session')}, {differences}")
        for difference in operator.differences:
            click.echo(f"  {_line(difference)}")
    different = sum(len(operator.differences) for operator in found)
    total = sum(operator.sessions for operator in found)
    verdict = "no difference from the ledger" if not different else _verdict(found, different, check=check)
    click.echo(f"{counted(total, 'session')}: {verdict}")
    sys.exit(1 if different and check else 0)


def _line(difference: SessionDifference) -> str:
    name = f"session {difference.session_id} of player {difference.player_id}"
    if difference.is_missing:
        return f"{name}: is not stored"
    if difference.is_unknown:
        return f"{name}: the ledger does not know it"
    fields = (f"{field} {stored}, ledger {derived}" for field, (stored, derived) in difference.fields.items())
    return f"{name}: {'; '.join(fields)}"


def _verdict(found: list[OperatorSessions], different: int, *, check: bool) -> str:
    unknown = sum(difference.is_unknown for operator in found for difference in operator.differences)
    if check:
        return f"{counted(different, 'difference')} from the ledger"
    corrected = f"{counted(different, 'difference')} from the ledger, put right"
    return f"{corrected}, except {unknown} that the ledger does not know" if unknown else corrected
