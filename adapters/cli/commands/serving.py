"""The commands that serve the API or check a server: `playtime serve`, `demo`, `smoke` and `sweep`."""

import secrets
import sys

import click

from ....application.access import SYSTEM
from ....domain.tenancy.staff import Role
from ..announcement import announced, running_url
from ..program import Program, Running
from ..progress import progress_bar
from ..seal_notes import SealNotes
from ..smoke import smoke_test
from ..worker import run_worker, sweep_text


@click.command()
@click.pass_obj
def serve(program: Program) -> None:
    """Serve the HTTP API until stopped."""
    with program.open_running() as running:
        running.require_address()
        if running.database is None:
            _create_owner(running)
        click.echo(f"Serving {running.url} (health: {running.url}/api/health). Stop with Ctrl-C.")
        _serve(running)


@click.command()
@click.option("--once", is_flag=True, help="Exit after the day; status 0 if every check held.")
@click.option("--spins", default=5_000, show_default=True, type=click.IntRange(100, 1_000_000))
@click.pass_obj
def demo(program: Program, *, once: bool, spins: int) -> None:
    """Play a day with an owner, an operator, agents and players; then serve it."""
    with program.open_running() as running:
        if not once:
            running.require_address()
        day = program.play_demo(running.engine, spins, progress_bar)
        click.echo(day.report())
        if once:
            sys.exit(0 if day.held else 1)
        click.echo(day.instructions(running.url))
        click.echo(f"\nServing {running.url}. Stop with Ctrl-C.")
        _serve(running)


@click.command()
@click.option("--url", help="The API to check; by default the one that runs on this PLAYTIME_HOME.")
@click.pass_obj
def smoke(program: Program, url: str | None) -> None:
    """Check a running API quickly. Safe on a live one: it moves no coin and makes nothing."""
    results = smoke_test(url or running_url(program.home()) or program.default_url())
    for result in results:
        click.echo(result)
    failed = sum(not result.held for result in results)
    click.echo(f"{len(results) - failed} held, {failed} failed")
    sys.exit(1 if failed else 0)


@click.command()
@click.pass_obj
def sweep(program: Program) -> None:
    """Do the background work of the server once: expire vouchers, close idle players, roll up and seal."""
    with program.open_running() as running:
        notes = SealNotes.opened(running)
        swept = running.engine.sweep()
        notes.write()
    click.echo(sweep_text(swept))


def _serve(running: Running) -> None:
    if running.public_url is None:
        click.echo("PLAYTIME_PUBLIC_URL is not set: sheets of vouchers are test prints without QR codes.")
    with announced(running), run_worker(running):
        running.serve()


def _create_owner(running: Running) -> None:
    """Create an owner with a new password: no other program can create staff in this one's memory."""
    password = secrets.token_urlsafe(12)
    running.engine.create_platform()
    running.engine.create_staff(SYSTEM, username="owner", password=password, role=Role.OWNER)
    click.echo(f"Everything is stored in memory. Log in as owner with the password {password}")
