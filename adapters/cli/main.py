"""The commands of `playtime`."""

import secrets
import sys
from typing import Any, Final

import click

from ...application.access import SYSTEM
from ...application.errors import SetupError, StorageUnavailable
from ...domain.errors import DomainError, InvalidInput
from ...domain.tenancy.staff import Role
from ...domain.tenancy.tenants import TenantKind
from ...domain.wire_names import camel_in
from ..demo.day import play_demo
from ..simulation.run import MOST_SEEDS, STEPS, run_seeds
from .announcement import announced, running_url
from .bench.command import bench
from .commands.analytics import analytics
from .commands.audit import audit
from .commands.games import games, verify
from .commands.ledger import ledger
from .commands.sessions import sessions
from .program import Program, Running
from .smoke import smoke_test
from .worker import PUT_OFF, reason_of, reasons_of, run_worker, swept_text

_UP_TO_DATE: Final = "The schema is up to date."
_DEFAULT_ROLES: Final = {
    TenantKind.DEV: Role.OWNER,
    TenantKind.OPERATOR: Role.OPERATOR,
    TenantKind.AGENT: Role.AGENT,
}


class _Commands(click.Group):
    """Says what an administrator can mend in one line, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click declares it
        try:
            return super().invoke(ctx)
        except StorageUnavailable as error:
            # A caller is not told why; who sits before the machine has to know.
            raise click.ClickException(f"{error} ({reason_of(error)})") from error
        except ExceptionGroup as several:
            put_off, defects = several.split(PUT_OFF)
            if put_off is None or defects is not None:
                raise
            raise click.ClickException(
                f"{StorageUnavailable.text} ({'; '.join(reasons_of(put_off))})"
            ) from several
        except InvalidInput as error:
            # The fields are those of a file, and bear its names.
            raise click.ClickException(camel_in(str(error))) from error
        except (SetupError, DomainError) as error:
            raise click.ClickException(str(error)) from error


def build_commands(program: Program) -> click.Group:
    """Return the `playtime` command for a composed program."""

    @click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(package_name="playtime", message="playtime %(version)s")
    @click.pass_context
    def playtime(context: click.Context) -> None:
        """Playtime: a multi-tenant fun-coin casino engine on a double-entry ledger."""
        context.obj = program

    alone = (serve, sweep, migrate, demo, smoke, simulate, verify)
    for command in (*alone, games, bench, staff, isolation, ledger, sessions, audit, analytics, db):
        playtime.add_command(command)
    return playtime


@click.command()
@click.pass_obj
def serve(program: Program) -> None:
    """Serve the HTTP API until stopped."""
    with program.open_running() as running:
        running.require_address()
        if running.database is None:
            _first_owner(running)
        click.echo(f"Serving {running.url} (health: {running.url}/api/health). Stop with Ctrl-C.")
        with announced(running), run_worker(running):
            running.serve()


@click.command()
@click.pass_obj
def sweep(program: Program) -> None:
    """Do once what the server does by itself: expire vouchers, close idle players, fold and seal."""
    with program.open_running() as running:
        swept = running.engine.sweep()
    click.echo(swept_text(swept))


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; list what is pending, status 1 if something is.")
@click.pass_obj
def migrate(program: Program, *, check: bool) -> None:
    """Bring the database's schema up to date; on an empty one, make it."""
    with program.open_database() as database:
        if check:
            pending = database.pending()
            click.echo("\n".join(f"pending {name}" for name in pending) or _UP_TO_DATE)
            sys.exit(1 if pending else 0)
        applied = database.migrate()
    click.echo("\n".join(f"applied {name}" for name in applied) or _UP_TO_DATE)


@click.command()
@click.option("--once", is_flag=True, help="Exit after the day; status 0 if every check held.")
@click.option("--spins", default=5_000, show_default=True, type=click.IntRange(100, 1_000_000))
@click.pass_obj
def demo(program: Program, *, once: bool, spins: int) -> None:
    """Play a day with an owner, an operator, agents and players; then serve it."""
    with program.open_running() as running:
        if not once:
            running.require_address()
        day = play_demo(running.engine, spins=spins)
        click.echo(day.report())
        if once:
            sys.exit(0 if day.held else 1)
        click.echo(day.how_to_go_on(running.url))
        click.echo(f"\nServing {running.url}. Stop with Ctrl-C.")
        with announced(running), run_worker(running):
            running.serve()


@click.command()
@click.option("--url", help="The API to check; by default the one that runs on this PLAYTIME_HOME.")
@click.pass_obj
def smoke(program: Program, url: str | None) -> None:
    """Check a running API quickly. Safe on a live one: it moves no coin and makes nothing."""
    results = smoke_test(url or running_url(program.home()) or program.default_url())
    for result in results:
        click.echo(result)
    failed = sum(not result.held for result in results)
    click.echo(f"{len(results) - failed} held, {failed} failed")
    sys.exit(1 if failed else 0)


@click.command()
@click.option("--seed", type=click.IntRange(0, MOST_SEEDS), help="The seed; with --seconds, the first of them.")
@click.option(
    "--steps", default=STEPS, show_default=True, type=click.IntRange(1, 100_000), help="Commands a seed."
)
@click.option("--seconds", type=click.IntRange(1, 86_400), help="Run one seed after another for so long.")
@click.pass_obj
def simulate(program: Program, *, seed: int | None, steps: int, seconds: int | None) -> None:
    """Play on memory as a seed decides, failures included; status 1 where something does not hold."""
    first = secrets.randbelow(MOST_SEEDS) if seed is None else seed
    ran = run_seeds(program.simulated_engine, first, seconds=seconds or 0, steps=steps)
    for outcome in ran:
        if outcome.failure is not None:
            click.echo("\n".join(outcome.last_lines))
            click.echo(f"seed {outcome.seed}, step {outcome.steps}: {outcome.failure}")
            click.echo(f"Show it again: playtime simulate --seed {outcome.seed} --steps {steps}")
            sys.exit(1)
    if len(ran) == 1:
        click.echo(f"seed {first} held for {ran[0].steps} steps; trace {ran[0].trace}")
    else:
        click.echo(f"{len(ran)} seeds from {first} on held, {sum(outcome.steps for outcome in ran)} steps")


@click.group()
def staff() -> None:
    """Members of staff."""


@staff.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), help="By default the tenant's own.")
@click.option("--tenant", metavar="SLUG", help="The tenant; by default the platform.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.pass_obj
def create_staff(
    program: Program, name: str, *, role: str | None, tenant: str | None, password_stdin: bool
) -> None:
    """Create a member of staff called NAME; asks for the password."""
    password = _password(from_stdin=password_stdin)
    with program.open_running() as running:
        if running.database is None:
            raise SetupError("PLAYTIME_STORAGE=memory keeps nothing between programs.")
        engine = running.engine
        engine.create_platform()
        found = engine.find_tenant(slug=tenant)
        chosen = _DEFAULT_ROLES[found.kind] if role is None else Role(role)
        record = engine.create_staff(
            SYSTEM, username=name, password=password, role=chosen, tenant_id=found.tenant_id
        )
    click.echo(f"Created {record.username} ({record.role}) with id {record.staff_id}.")


@click.group()
def isolation() -> None:
    """The isolation of tenants from each other."""


@isolation.command("check")
@click.pass_obj
def check_isolation(program: Program) -> None:
    """Hold the database's catalogue and behaviour against the isolation rules."""
    with program.open_running() as running:
        if running.database is None:
            raise SetupError("PLAYTIME_STORAGE=memory has no database to check.")
        report = running.database.check_isolation()
    for line in report.lines():
        click.echo(line)
    sys.exit(0 if report.clean else 1)


@click.group()
def db() -> None:
    """The database."""


@db.command("url")
@click.pass_obj
def database_url(program: Program) -> None:
    """Print the connection string of the app's role."""
    with program.open_database() as database:
        click.echo(database.app_url)


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer


def _first_owner(running: Running) -> None:
    """Give a memory storage, which no other program can reach, somebody who can log in."""
    password = secrets.token_urlsafe(12)
    running.engine.create_platform()
    running.engine.create_staff(SYSTEM, username="owner", password=password, role=Role.OWNER)
    click.echo(f"Everything is kept in memory. Log in as owner with the password {password}")
