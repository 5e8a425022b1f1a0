"""The `playtime` command, which is also `python -m playtime`."""

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .adapters.cli.main import build_commands

if TYPE_CHECKING:
    from .adapters.cli.program import Program

YOUNG_OBJECTS: Final = 20_000
"""The new objects after which the collector looks for garbage. Loading makes many, and hardly any garbage."""


def main() -> None:
    """Run the `playtime` command."""
    gc.set_threshold(YOUNG_OBJECTS)
    build_commands(_compose)(prog_name=Path(sys.argv[0]).name)


def _compose() -> "Program":
    from .bootstrap import composed_program  # noqa: PLC0415 - loads the engine, which a help does not need

    return composed_program()


if __name__ == "__main__":
    main()
