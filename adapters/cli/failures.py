"""Failures of commands on the terminal: those that an administrator can repair, in one line."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from ...application.errors import NothingToCheck, SetupError, StorageUnavailable
from ...domain.errors import DomainError, InvalidInput
from ...domain.wire_names import camel_in
from .worker import TEMPORARY_ERRORS, reason_of, reasons_of

NOTHING_TO_CHECK: Final = 3
"""The status of a command that found no database, or nothing in it. Click uses 2 for wrong options."""


class _Nothing(click.ClickException):
    """A command that had nothing to check."""

    exit_code = NOTHING_TO_CHECK


@contextmanager
def shown_failures() -> Iterator[None]:
    """Show a failure that an administrator can repair in one line. Raises ClickException in its place."""
    try:
        yield
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
