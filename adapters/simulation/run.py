"""A deterministic simulation: the real use cases on memory, and a seed that decides everything around them.

The seed draws the commands, their order and interleaving, the clock, ids, tickets and codes. It draws the calls
that fail before or after their commit, and the moments at which the process ends. Clients send commands again, in
copies, and changed.

Every commit is compared with the model of the rules, and every answer with its commit. Now and then all commands
end. Then each of them is answered, all books are compared with the model, and audited.
"""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

from attrs import define, field, frozen

from ...application.access import SYSTEM
from ...application.engine import Engine, EngineParts, compose
from ...application.errors import (
    InvalidCredentials,
    InvalidToken,
    IsolationViolation,
    ReplaySecretExpired,
    StorageError,
    StorageMisuse,
)
from ...application.ports.bindings import StoredAnswer
from ...application.ports.storage import Storage
from ...domain.errors import DomainError
from ...domain.play.players import PlayerClosed
from ...domain.tenancy.tenants import TenantKind
from .books import check_books, check_history
from .clients import Clients
from .commands import NamedCommand
from .model import SECRET_LIFE, RuleBroken, require, require_same
from .observer import Action, Observer
from .stage import Cancelled, Stage, Task

T = TypeVar("T")

STEPS: Final = 300
CROWD: Final = 5
STEPS_BETWEEN_RESTS: Final = 50
LONGEST_LOCK: Final = timedelta(minutes=61)
LEAPS: Final = (timedelta(minutes=31), timedelta(hours=25), timedelta(days=10), timedelta(days=30))
DEFECTS: Final = (IsolationViolation, StorageMisuse)

Build = Callable[[Stage], tuple[EngineParts, Storage]]
"""Returns the parts of the engine of a stage, and the storage behind the stage."""


@frozen
class SeedOutcome:
    """The result of a seed. `failure` is None if every check held."""

    seed: int
    steps: int
    trace: str
    failure: str | None = None
    last_lines: Sequence[str] = ()


def simulate(seed: int, build: Build, steps: int = STEPS) -> SeedOutcome:
    """Run a seed."""
    stage = Stage(seed)
    parts, storage = build(stage)
    simulation = Simulation(stage=stage, engine=compose(parts), storage=storage)
    try:
        simulation.run(steps)
    except RuleBroken as broken:
        stage.cancel_all()
        return SeedOutcome(seed, simulation.steps, stage.trace, str(broken), list(stage.last_lines))
    finally:
        storage.close()
    return SeedOutcome(seed, simulation.steps, stage.trace)


def run_seeds(
    build: Build,
    first: int,
    *,
    seconds: float,
    steps: int = STEPS,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[SeedOutcome]:
    """Run one seed after another for some seconds: at least one, and none after the first that fails."""
    ran: list[SeedOutcome] = []
    ends = monotonic() + seconds
    while not ran or (ran[-1].failure is None and monotonic() < ends):
        ran.append(simulate(first + len(ran), build, steps))
    return ran


@define(kw_only=True)
class Simulation:
    """One seed under way."""

    stage: Stage
    engine: Engine
    storage: Storage
    clients: Clients = field(init=False)
    steps: int = 0

    def __attrs_post_init__(self) -> None:
        """Let the model follow every commit."""
        self.clients = Clients(stage=self.stage, engine=self.engine)
        observer = Observer(
            storage=self.storage,
            model=self.clients.model,
            actions=self.clients.actions,
            latest=lambda: self.stage.latest,
        )
        self.stage.watch = observer.watch

    # --- the course of a seed ----------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        """Open the tenants and play. Raises RuleBroken."""
        self._open()
        stage, random = self.stage, self.stage.random
        stage.is_calm, rest_at = False, STEPS_BETWEEN_RESTS
        while self.steps < steps:
            if not stage.tasks or (len(stage.tasks) < CROWD and random.random() < 0.4):  # noqa: PLR2004 - a chance
                self.steps += 1
                stage.begin(self.clients.draw())
            else:
                self._step()
            if random.random() < 0.002:  # noqa: PLR2004 - a chance
                stage.note("the process ends")
                stage.cancel_all()
            if self.steps >= rest_at:
                rest_at += STEPS_BETWEEN_RESTS
                self._rest()
        self._rest()

    def _step(self) -> None:
        task = self.stage.step()
        if task.is_over:
            _judge(task)

    def _open(self) -> None:
        """Open two operators with two agents each."""
        self.engine.create_platform()
        for operator in ("north", "south"):
            operator_id = self._open_tenant(operator, TenantKind.OPERATOR, None, 30_000)
            for letter in "ab":
                self._open_tenant(f"{operator}-{letter}", TenantKind.AGENT, operator_id, 10_000)

    def _open_tenant(self, slug: str, kind: TenantKind, parent_id: UUID | None, credit_minor: int) -> UUID:
        made = self.engine.create_tenant(SYSTEM, slug=slug, name=slug, kind=kind, parent_id=parent_id)
        self.clients.open(self.clients.model.tenants[made.tenant_id], credit_minor)
        return made.tenant_id

    # --- at rest -----------------------------------------------------------------------------------------

    def _rest(self) -> None:
        """Let all commands end, ask for missing answers, and compare. Then perhaps let much time pass."""
        stage, random = self.stage, self.stage.random
        while stage.tasks:
            self._step()
        stage.is_calm = True
        stage.note("rest")
        self._resume_all()
        if random.random() < 0.5:  # noqa: PLR2004 - a chance
            # Long enough for every lock after wrong attempts, too short for an answer's secrets to be forgotten.
            self._pass_time(LONGEST_LOCK)
        for action in self.clients.actions.values():
            if action.answer is None and not action.is_dropped:
                self._resolve(action)
        self._compare()
        if random.random() < 0.3:  # noqa: PLR2004 - a chance
            self._pass_time(random.choice(LEAPS))
            self._calmly(self.engine.sweep)
            self._compare()
            self._require_swept()
        stage.is_calm = False

    def _pass_time(self, by: timedelta) -> None:
        self.stage.moment += by
        self.stage.latest = max(self.stage.latest, self.stage.moment)

    def _resume_all(self) -> None:
        for tenant in self.clients.tenants:
            if tenant.is_suspended:
                # By the system: a login of the operator's head may be locked now.
                self._calmly(partial(self.engine.set_tenant_status.resume, SYSTEM, tenant.tenant_id))

    def _calmly(self, work: Callable[[], T]) -> T:
        """Run something by itself. A storage that fails now has no excuse."""
        try:
            return work()
        except (StorageError, ExceptionGroup) as error:
            raise RuleBroken(f"failed with nothing in the way: {error!r}") from error

    def _resolve(self, action: Action) -> None:
        """Ask for a missing answer, as a client does. A command that was carried out must give it."""
        refusal = self._calmly(partial(self.clients.attempt, action))
        if isinstance(refusal, InvalidCredentials):
            # Attempts that failed before they were given back have locked the secret.
            self._pass_time(LONGEST_LOCK)
            refusal = self._calmly(partial(self.clients.attempt, action))
        if refusal is not None and action.stored is not None:
            self._require_excuse(action.command, action.stored, refusal)
        action.is_dropped = refusal is not None

    def _require_excuse(self, command: NamedCommand, stored: StoredAnswer, refusal: DomainError) -> None:
        caller = command.caller
        if isinstance(refusal, ReplaySecretExpired):
            excused = command.has_secret and self.stage.moment - stored.created_at >= SECRET_LIFE
        else:
            excused = caller is not None and caller.is_closed and isinstance(refusal, InvalidToken | PlayerClosed)
        require(excused, f"{command.key} was carried out, and now its answer is refused: {refusal!r}")

    def _require_swept(self) -> None:
        model, now = self.clients.model, self.stage.moment
        idle = [player.login_code for player in model.idle(now)]
        require_same("left over by a sweep", ([voucher.code for voucher in model.overdue(now)], idle), ([], []))

    def _compare(self) -> None:
        check_books(self.storage, self.clients.model)
        self._calmly(lambda: check_history(self.storage, self.clients.model, self.engine))


def _judge(task: Task) -> None:
    """Let refusals pass, and simulated failures; anything else is a defect."""
    raised = task.raised
    for one in raised.exceptions if isinstance(raised, ExceptionGroup) else [raised]:
        _judge_one(one)


def _judge_one(raised: BaseException | None) -> None:
    if isinstance(raised, RuleBroken):
        raise raised
    if raised is None or isinstance(raised, Cancelled):
        return
    if not isinstance(raised, DomainError) or isinstance(raised, DEFECTS):
        raise RuleBroken(f"a command ended with {raised!r}") from raised
