"""The `playtime` command: all commands. The module of a command is loaded when the command runs.

The list of commands needs none of them: loading the engine takes much longer than showing a help.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from .program import Program

COMMANDS: Final = {
    "analytics": ("analytics", "Maintain the roll-up of analytics."),
    "audit": ("audit", "Audit the books."),
    "backup": (
        "backup",
        "Write database, secrets and newest seals to FILE, also while the service runs.",
    ),
    "bench": ("bench", "Measure the engine on this machine and show the figures."),
    "db": ("database", "Show the address of the database, and the settings for its server."),
    "demo": (
        "serving",
        "Play a day with an owner, an operator, agents and players, show its books, and serve it.",
    ),
    "games": ("games", "Look at games and their odds."),
    "isolation": ("database", "Check the isolation of tenants from each other."),
    "ledger": ("ledger", "Verify, export, import and deduplicate the ledger."),
    "migrate": ("database", "Bring the database's schema up to date; on an empty one, make it."),
    "restore": (
        "backup",
        "Restore the backup FILE into an empty home or database, and check it; status 1 if a check fails.",
    ),
    "secrets": ("secrets", "Manage the secrets of tokens, PINs and server seeds."),
    "serve": ("serving", "Serve the HTTP API until stopped."),
    "sessions": ("sessions", "Maintain the players' sessions."),
    "simulate": ("simulate", "Play on memory with failures, as a seed decides; status 1 if a check fails."),
    "smoke": ("serving", "Check a running API quickly."),
    "staff": ("staff", "Manage staff."),
    "sweep": (
        "serving",
        "Do the background work of the server once: expire vouchers, close idle players, roll up and seal.",
    ),
    "verify": (
        "games",
        "Recompute exported rounds; status 0 if and only if every round was recomputed and is as it claims.",
    ),
}
"""The commands: each with its module in `commands`, and the first sentence of its help."""


class _Playtime(click.Group):
    """The group of all commands. It loads the module of a command, and the engine, for a command that runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click declares it
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f".commands.{module}", __package__), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        room = formatter.width - 6 - max(map(len, COMMANDS))
        listed = [click.Command(name, help=sentence) for name, (_, sentence) in sorted(COMMANDS.items())]
        with formatter.section("Commands"):
            formatter.write_dl([(str(command.name), command.get_short_help_str(room)) for command in listed])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click declares it
        from .failures import shown_failures  # noqa: PLC0415 - loads the engine, which a help does not need

        with shown_failures():
            return super().invoke(ctx)


def build_commands(compose: "Callable[[], Program]") -> click.Group:
    """Return the `playtime` command. It composes the program when a command runs."""

    @click.group(cls=_Playtime, context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(package_name="playtime", message="playtime %(version)s")
    @click.pass_context
    def playtime(context: click.Context) -> None:
        """Playtime: a multi-tenant fun-coin casino engine on a double-entry ledger."""
        context.obj = compose()

    return playtime
