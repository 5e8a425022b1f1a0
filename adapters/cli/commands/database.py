"""The commands about the database: `playtime migrate`, `db` and `isolation`."""

import sys
from typing import Final

import click

from ....application.errors import SetupError
from ..program import Program

_UP_TO_DATE: Final = "The schema is up to date."


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; list pending migrations, status 1 if there are any.")
@click.pass_obj
def migrate(program: Program, *, check: bool) -> None:
    """Bring the database's schema up to date; on an empty one, make it."""
    with program.open_database() as database:
        if check:
            pending = database.pending()
            click.echo("\n".join(f"pending {name}" for name in pending) or _UP_TO_DATE)
            sys.exit(1 if pending else 0)
        applied = database.migrate()
    click.echo("\n".join(f"applied {name}" for name in applied) or _UP_TO_DATE)


@click.group()
def isolation() -> None:
    """Check the isolation of tenants from each other."""


@isolation.command("check")
@click.pass_obj
def check_isolation(program: Program) -> None:
    """Check catalogue and behaviour of the database by the isolation rules; status 1 if one is broken."""
    with program.open_running() as running:
        if running.database is None:
            raise SetupError("PLAYTIME_STORAGE=memory has no database to check.")
        report = running.database.check_isolation()
    for line in report.lines():
        click.echo(line)
    sys.exit(0 if report.clean else 1)


@click.group()
def db() -> None:
    """Show the address of the database."""


@db.command("url")
@click.pass_obj
def database_url(program: Program) -> None:
    """Print the connection string of the app's role."""
    with program.open_database() as database:
        click.echo(database.app_url)
