"""The commands of `playtime secrets`."""

import click

from ..program import Program


@click.group()
def secrets() -> None:
    """Manage the secrets of tokens, PINs and server seeds."""


@secrets.command("retire")
@click.argument("key_id", metavar="ID")
@click.confirmation_option(prompt="Its vouchers can then only be voided, and its players closed. Go on?")
@click.pass_obj
def retire(program: Program, *, key_id: str) -> None:
    """Give up the secret ID, which is lost for good, so that the service starts without it."""
    with program.open_database() as database:
        database.retire_secret(key_id)
    click.echo(f"The secret {key_id} is retired.")


@secrets.command("rotate")
@click.option(
    "--now", is_flag=True, help="Drop the old secret at once, as after a theft: everybody logs in again."
)
@click.pass_obj
def rotate(program: Program, *, now: bool) -> None:
    """Make a new secret that signs tokens. Tokens of the old one stay good until the next rotation."""
    file = program.rotate_secret(overlaps=not now)
    old = "is gone: everybody logs in again" if now else "is still accepted until the next rotation"
    click.echo(f"{file} has a new secret of tokens. The old one {old}. Restart the servers of this home.")
