"""The commands of `playtime staff`."""

import sys
from typing import Final

import click

from ....application.access import SYSTEM
from ....application.errors import SetupError
from ....domain.access.passwords import LINE_ENDS
from ....domain.tenancy.staff import Role
from ....domain.tenancy.tenants import TenantKind
from ..findings import naming, note_new
from ..program import Program

HEAD_ROLES: Final = {
    TenantKind.DEV: Role.OWNER,
    TenantKind.OPERATOR: Role.OPERATOR,
    TenantKind.AGENT: Role.AGENT,
}
"""The highest role of each kind of tenant."""


@click.group()
def staff() -> None:
    """Manage staff."""


@staff.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), help="By default the highest one.")
@click.option("--tenant", metavar="SLUG", help="The tenant; by default the platform.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.pass_obj
def create_staff(
    program: Program, name: str, *, role: str | None, tenant: str | None, password_stdin: bool
) -> None:
    """Create a member of staff called NAME; asks for the password."""
    if tenant is None and role not in (None, Role.OWNER):
        raise click.UsageError(f"--role {role} needs --tenant SLUG: the platform itself has owners only")
    password = read_password(from_stdin=password_stdin)
    with program.open_running() as running:
        if running.database is None:
            raise SetupError("PLAYTIME_STORAGE=memory ends with its program: create staff on postgres.")
        note_new(running.database)
        engine = running.engine
        engine.create_platform()
        with naming(tenant):
            found = engine.find_tenant(slug=tenant)
        chosen = HEAD_ROLES[found.kind] if role is None else Role(role)
        record = engine.create_staff(
            SYSTEM, username=name, password=password, role=chosen, tenant_id=found.tenant_id
        )
    click.echo(f"Created {record.username} ({record.role}) with id {record.staff_id}.")


@staff.command("reset")
@click.argument("name")
@click.option("--tenant", metavar="SLUG", help="The tenant; by default the platform.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.pass_obj
def reset_staff(program: Program, name: str, *, tenant: str | None, password_stdin: bool) -> None:
    """Give the member of staff called NAME a new password; asks for it. The member has to change it."""
    password = read_password(from_stdin=password_stdin)
    with program.open_running() as running:
        if running.database is None:
            raise SetupError("PLAYTIME_STORAGE=memory ends with its program: there is no other program's staff.")
        engine = running.engine
        with naming(tenant):
            found = engine.find_tenant(slug=tenant)
        member = engine.find_staff(tenant_id=found.tenant_id, username=name)
        record = engine.reset_password(SYSTEM, member.staff_id, password=password)
    click.echo(f"Reset the password of {record.username}. All sessions have ended.")


def read_password(*, from_stdin: bool) -> str:
    """Return a password from the first line of standard input, or from the terminal; no line end belongs to it.

    Raises SetupError if there is no terminal to ask at.
    """
    if from_stdin:
        # On Linux Python leaves a carriage return before the line feed in place.
        return sys.stdin.readline().rstrip("".join(LINE_ENDS))
    if not sys.stdin.isatty():
        raise SetupError("There is no terminal to ask for the password at: give it with --password-stdin.")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer
