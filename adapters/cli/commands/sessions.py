"""The commands about players' sessions."""

import sys

import click

from ....application.upkeep.rebuild_sessions import OperatorSessions, SessionDifference
from ..program import Program


@click.group()
def sessions() -> None:
    """Players' sessions."""


@sessions.command("rebuild")
@click.option("--check", is_flag=True, help="Change nothing; status 1 if something is kept otherwise.")
@click.pass_obj
def rebuild_sessions(program: Program, *, check: bool) -> None:
    """Derive every session from the ledger, and put right what is kept otherwise."""
    with program.open_running() as running:
        found = running.engine.rebuild_sessions(check=check)
    for operator in found:
        click.echo(f"{operator.slug}: {operator.sessions} sessions, {len(operator.differences)} differ")
        for difference in operator.differences:
            click.echo(f"  {_told(difference)}")
    different = sum(len(operator.differences) for operator in found)
    total = sum(operator.sessions for operator in found)
    verdict = "agree with the ledger" if not different else f"{different} {_what_became(found, check=check)}"
    click.echo(f"{total} sessions: {verdict}")
    sys.exit(1 if different and check else 0)


def _told(difference: SessionDifference) -> str:
    name = f"session {difference.session_id} of player {difference.player_id}"
    if difference.is_missing:
        return f"{name}: is not kept"
    if difference.is_unknown:
        return f"{name}: the ledger does not know it"
    fields = (f"{field} {kept}, ledger {derived}" for field, (kept, derived) in difference.fields.items())
    return f"{name}: {'; '.join(fields)}"


def _what_became(found: list[OperatorSessions], *, check: bool) -> str:
    left = sum(difference.is_unknown for operator in found for difference in operator.differences)
    if check:
        return "differ from the ledger"
    return f"differed; put right, but for {left} that the ledger does not know" if left else "differed; put right"
