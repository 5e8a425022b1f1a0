"""The `playtime` command, which is also `python -m playtime`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .adapters.cli.main import build_commands

if TYPE_CHECKING:
    from .adapters.cli.program import Program


def main() -> None:
    """Run the `playtime` command."""
    build_commands(_compose)(prog_name=Path(sys.argv[0]).name)


def _compose() -> "Program":
    from .bootstrap import composed_program  # noqa: PLC0415 - loads the engine, which a help does not need

    return composed_program()


if __name__ == "__main__":
    main()
