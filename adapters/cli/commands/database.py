"""The commands about the database: `playtime migrate`, `db` and `isolation`."""

import sys
from typing import Final

import click

from ....application.errors import SetupError
from ..findings import note_new
from ..program import Program

_GIGABYTE: Final = 1 << 30
_UP_TO_DATE: Final = "The schema is up to date."


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; list pending migrations, status 1 if there are any.")
@click.option("--new", is_flag=True, help="Make a new, empty database in a home that has lost its own.")
@click.pass_obj
def migrate(program: Program, *, check: bool, new: bool) -> None:
    """Bring the database's schema up to date; on an empty one, make it."""
    if check:
        if new:
            raise click.UsageError("--check changes nothing, so it takes no --new")
        with program.open_database() as database:
            pending = database.pending()
        click.echo("\n".join(f"pending {name}" for name in pending) or _UP_TO_DATE)
        sys.exit(1 if pending else 0)
    with program.make_database(new=new) as database:
        applied = database.migrate()
        note_new(database)
    click.echo("\n".join(f"applied {name}" for name in applied) or _UP_TO_DATE)


@click.group()
def isolation() -> None:
    """Check the isolation of tenants from each other."""


@isolation.command("check")
@click.pass_obj
def check_isolation(program: Program) -> None:
    """Check catalogue and behaviour of the database by the isolation rules; status 1 if one is broken."""
    with program.open_existing() as running:
        if running.database is None:
            raise SetupError("PLAYTIME_STORAGE=memory has no database to check.")
        report = running.database.check_isolation()
    for line in report.lines():
        click.echo(line)
    sys.exit(0 if report.clean else 1)


@click.group()
def db() -> None:
    """Show the address of the database, and the settings for its server."""


@db.command("url")
@click.option("--owner-read", is_flag=True, help="That of the read-only login that sees all rows.")
@click.pass_obj
def database_url(program: Program, *, owner_read: bool) -> None:
    """Print the connection string of the app's role."""
    with program.open_database() as database:
        click.echo(database.owner_read_url if owner_read else database.app_url)
    if not database.is_up:
        click.echo("The database does not run now: use the address while `playtime serve` runs.", err=True)


@db.command("settings")
@click.option("--memory-gb", type=click.FloatRange(min=0.25), help="The memory of the server's machine.")
@click.option("--cores", type=click.IntRange(min=1), help="The cores of the server's machine.")
@click.pass_obj
def database_settings(program: Program, *, memory_gb: float | None, cores: int | None) -> None:
    """Print the settings of PostgreSQL that fit its machine, by default this one, with a reason for each.

    The lines are those of a postgresql.conf. Where the running server has another value, a comment shows it.
    """
    memory_bytes = None if memory_gb is None else int(memory_gb * _GIGABYTE)
    with program.open_database() as database:
        report = database.settings_report(memory_bytes=memory_bytes, cores=cores)
    click.echo("\n".join(report.lines()))
