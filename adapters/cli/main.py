"""The `playtime` command: all commands, and how their failures are shown."""

from typing import Any

import click

from ...application.errors import SetupError, StorageUnavailable
from ...domain.errors import DomainError, InvalidInput
from ...domain.wire_names import camel_in
from .commands.analytics import analytics
from .commands.audit import audit
from .commands.bench import bench
from .commands.database import db, isolation, migrate
from .commands.games import games, verify
from .commands.ledger import ledger
from .commands.secrets import secrets
from .commands.serving import demo, serve, smoke, sweep
from .commands.sessions import sessions
from .commands.simulate import simulate
from .commands.staff import staff
from .program import Program
from .worker import TEMPORARY_ERRORS, reason_of, reasons_of


class _Playtime(click.Group):
    """The group of all commands. It shows a failure that an administrator can repair in one line."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click declares it
        try:
            return super().invoke(ctx)
        except StorageUnavailable as error:
            # The API hides the reason from its callers. An administrator needs it.
            raise click.ClickException(f"{error} ({reason_of(error)})") from error
        except ExceptionGroup as several:
            temporary, defects = several.split(TEMPORARY_ERRORS)
            if temporary is None or defects is not None:
                raise
            reasons = "; ".join(reasons_of(temporary))
            raise click.ClickException(f"{StorageUnavailable.text} ({reasons})") from several
        except InvalidInput as error:
            # The fields are those of a file, so they have the names of the file.
            raise click.ClickException(camel_in(str(error))) from error
        except (SetupError, DomainError) as error:
            raise click.ClickException(str(error)) from error


def build_commands(program: Program) -> click.Group:
    """Return the `playtime` command for a composed program."""

    @click.group(cls=_Playtime, context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(package_name="playtime", message="playtime %(version)s")
    @click.pass_context
    def playtime(context: click.Context) -> None:
        """Playtime: a multi-tenant fun-coin casino engine on a double-entry ledger."""
        context.obj = program

    alone = (serve, sweep, migrate, demo, smoke, simulate, verify)
    for command in (*alone, games, bench, staff, isolation, ledger, sessions, audit, analytics, db, secrets):
        playtime.add_command(command)
    return playtime
