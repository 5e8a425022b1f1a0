"""The `playtime` command: all commands, and how their failures are shown."""

import errno
import os
from typing import Any, Final

import click

from ...application.errors import NothingToCheck, SetupError, StorageUnavailable
from ...domain.errors import DomainError, InvalidInput
from ...domain.wire_names import camel_in
from .commands.analytics import analytics
from .commands.audit import audit
from .commands.backup import backup, restore
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

NOTHING_TO_CHECK: Final = 3
"""The status of a command that found no database, or nothing in it. Click uses 2 for wrong options."""


class _Nothing(click.ClickException):
    """A command that had nothing to check."""

    exit_code = NOTHING_TO_CHECK


class _Playtime(click.Group):
    """The group of all commands. It shows a failure that an administrator can repair in one line."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click declares it
        try:
            return super().invoke(ctx)
        except StorageUnavailable as error:
            # The API hides the reason from its callers. An administrator needs it.
            raise click.ClickException(_with_remedy(f"{error} ({reason_of(error)})")) from error
        except ExceptionGroup as several:
            temporary, defects = several.split(TEMPORARY_ERRORS)
            if temporary is None or defects is not None:
                raise
            reasons = "; ".join(reasons_of(temporary))
            raise click.ClickException(f"{StorageUnavailable.text} ({reasons})") from several
        except InvalidInput as error:
            # The fields are those of a file, so they have the names of the file.
            raise click.ClickException(camel_in(str(error))) from error
        except NothingToCheck as error:
            raise _Nothing(str(error)) from error
        except (SetupError, DomainError) as error:
            raise click.ClickException(_with_remedy(str(error))) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            # Such as a full disk or a file that this account may not write: no defect of ours.
            cause = f"{error.filename or 'a file or connection'}: {error.strerror}."
            raise click.ClickException(_with_remedy(cause)) from error


def _with_remedy(text: str) -> str:
    """Return a message that also says what helps against a full disk."""
    full = os.strerror(errno.ENOSPC) in text and "Make room" not in text
    return f"{text} Make room on its disk." if full else text


def build_commands(program: Program) -> click.Group:
    """Return the `playtime` command for a composed program."""

    @click.group(cls=_Playtime, context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(package_name="playtime", message="playtime %(version)s")
    @click.pass_context
    def playtime(context: click.Context) -> None:
        """Playtime: a multi-tenant fun-coin casino engine on a double-entry ledger."""
        context.obj = program

    alone = (serve, sweep, migrate, backup, restore, demo, smoke, simulate, verify)
    for command in (*alone, games, bench, staff, isolation, ledger, sessions, audit, analytics, db, secrets):
        playtime.add_command(command)
    return playtime
