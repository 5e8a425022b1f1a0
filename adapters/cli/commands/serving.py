"""The commands that serve the API or check a server: `playtime serve`, `demo`, `smoke` and `sweep`."""

import secrets
import sys
from pathlib import Path

import click

from ....application.access import SYSTEM
from ....domain.tenancy.staff import Role
from ..announcement import announced, running_url
from ..findings import note_new
from ..program import DemoDay, Program, Running
from ..progress import progress_bar
from ..seal_notes import SealNotes
from ..smoke import smoke_test
from ..worker import run_worker, sweep_text


@click.command()
@click.pass_obj
def serve(program: Program) -> None:
    """Serve the HTTP API until stopped."""
    with program.open_running() as running:
        note_new(running.database)
        notes = _opened(running)
        if running.database is None:
            _create_owner(running)
        with announced(running), run_worker(running, notes):
            click.echo(f"Serving {running.url} (health: {running.url}/api/health). Stop with Ctrl-C.")
            _note_test_prints(running)
            running.serve()


@click.command()
@click.option("--once", is_flag=True, help="Exit after the day; status 0 if every check held.")
@click.option("--spins", default=5_000, show_default=True, type=click.IntRange(100, 1_000_000))
@click.pass_obj
def demo(program: Program, *, once: bool, spins: int) -> None:
    """Play a day with an owner, an operator, agents and players, show its books, and serve it."""
    _show_phase("Starting the engine and its database")
    with program.open_running() as running:
        note_new(running.database)
        notes = None if once else _opened(running)
        day = program.play_demo(running.engine, spins, progress=progress_bar, show=_show_phase)
        if notes is None:
            click.echo(day.report())
            sys.exit(0 if day.held else 1)
        with announced(running), run_worker(running, notes):
            _note_test_prints(running)
            click.echo(f"The log-ins and a curl line for each route are in {_write_lines(running, day)}")
            click.echo(f"Serving {running.url}. Stop with Ctrl-C.\n")
            click.echo(day.report())
            running.serve()


@click.command()
@click.option("--url", help="The API to check; by default the one that runs on this PLAYTIME_HOME.")
@click.pass_obj
def smoke(program: Program, url: str | None) -> None:
    """Check a running API quickly. Safe on a live one: it moves no coin and makes nothing."""
    asked = url or running_url(program.home()) or program.default_url()
    click.echo(f"asking {asked}")
    results = smoke_test(asked)
    for result in results:
        click.echo(result)
    failed = sum(not result.held for result in results)
    click.echo(f"{len(results) - failed} held, {failed} failed")
    sys.exit(1 if failed else 0)


@click.command()
@click.pass_obj
def sweep(program: Program) -> None:
    """Do the background work of the server once: expire vouchers, close idle players, roll up and seal."""
    with program.open_existing() as running:
        notes = SealNotes.opened(running)
        swept = running.engine.sweep()
        notes.write()
    click.echo(sweep_text(swept))


def _show_phase(name: str) -> None:
    click.echo(name, err=True)


def _write_lines(running: Running, day: DemoDay) -> Path:
    """Write the curl lines of a day into the home folder. They have passwords: only this account may read them."""
    file = running.home / f"{day.name}.sh"
    running.home.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(day.instructions(running.url), encoding="utf-8")
    return file


def _note_test_prints(running: Running) -> None:
    if running.public_url is None:
        click.echo("PLAYTIME_PUBLIC_URL is not set: sheets of vouchers are test prints without QR codes.")


def _opened(running: Running) -> SealNotes:
    """Open the notes and check the address, before anything is made or printed. Raises SetupError."""
    running.require_address()
    return SealNotes.opened(running)


def _create_owner(running: Running) -> None:
    """Create an owner with a new password: no other program can create staff in this one's memory."""
    password = secrets.token_hex(12)
    running.engine.create_platform()
    running.engine.create_staff(SYSTEM, username="owner", password=password, role=Role.OWNER)
    click.echo(f"Everything is stored in memory. Log in as owner with the password {password}")
