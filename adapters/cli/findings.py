"""The words of commands for things that are not there: operators to check, a tenant, and a database."""

from collections.abc import Iterator, Sized
from contextlib import contextmanager

import click

from ...application.errors import NotFound, NothingToCheck, SetupError
from .program import Database


def require_operators(found: Sized) -> None:
    """Refuse a database or a file without operators. Raises NothingToCheck."""
    if not found:
        raise NothingToCheck("there are no operators, so nothing was checked: check PLAYTIME_HOME or the file")


def note_new(database: Database | None) -> None:
    """Print the home in which a database was made: its path may be misspelt."""
    if database is not None and database.is_new:
        click.echo(f"Made a new database in {database.home}.", err=True)


@contextmanager
def naming(slug: str | None) -> Iterator[None]:
    """Name the slug of `--tenant` in the error of a block that does not find it. Raises SetupError."""
    try:
        yield
    except NotFound as error:
        if slug is None:
            raise
        raise SetupError(f"There is no {error.what} with the slug {slug}.") from error
