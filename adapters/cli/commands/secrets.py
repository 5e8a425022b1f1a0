"""The commands of `playtime secrets`."""

import click

from ..program import Program


@click.group()
def secrets() -> None:
    """Manage the secrets of PINs and server seeds."""


@secrets.command("retire")
@click.argument("key_id", metavar="ID")
@click.confirmation_option(prompt="Its vouchers can then only be voided, and its players closed. Go on?")
@click.pass_obj
def retire(program: Program, *, key_id: str) -> None:
    """Give up the secret ID, which is lost for good, so that the service starts without it."""
    with program.open_database() as database:
        database.retire_secret(key_id)
    click.echo(f"The secret {key_id} is retired.")
