"""The help of the command, which is made without the modules of the commands."""

from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from playtime.adapters.cli import main
from playtime.adapters.cli.main import COMMANDS, build_commands


def never() -> None:
    """Stand for the composition, which a help does not need."""
    raise AssertionError


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_has_the_first_sentence_of_each_help(name: str) -> None:
    module, sentence = COMMANDS[name]
    command = getattr(import_module(f"{main.__package__}.commands.{module}"), name)
    assert isinstance(command, click.Command)
    assert command.get_short_help_str(limit=1_000) == sentence


def test_help_lists_every_command_and_composes_nothing() -> None:
    result = CliRunner().invoke(build_commands(never), ["--help"])  # type: ignore[arg-type] # composes nothing
    assert result.exit_code == 0
    lines = result.output.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == sorted(COMMANDS)


def test_an_unknown_command_is_a_wrong_option() -> None:
    result = CliRunner().invoke(build_commands(never), ["nothing"])  # type: ignore[arg-type] # composes nothing
    assert result.exit_code == 2
    assert "No such command 'nothing'" in result.output
