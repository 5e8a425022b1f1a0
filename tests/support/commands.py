"""The `playtime` command inside the test's own process, with substitutes for parts of the product."""

from collections.abc import Callable
from typing import Any

from attrs import fields
from click.testing import CliRunner, Result

from playtime.adapters.cli.main import build_commands
from playtime.adapters.cli.program import Program


def run_command(*words: str, given: bytes = b"", **parts: Any) -> Result:
    """Run a command. A part of the program that is not given fails the test when it is used."""
    program = Program(**{field.name: parts.get(field.name, _unused(field.name)) for field in fields(Program)})
    return CliRunner().invoke(build_commands(lambda: program), words, input=given)


def _unused(name: str) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:  # noqa: ANN401 - never returns
        raise AssertionError(f"the command uses `{name}`")

    return fail
