"""The progress bar of long commands."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def progress_bar(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error; give the function that moves it on by some steps."""
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar.update
