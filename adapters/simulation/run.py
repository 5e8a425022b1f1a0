"""A deterministic simulation: the real use cases on memory, and a seed that decides everything around them.

The seed draws commands, their order and interleaving, the clock, ids, tickets and codes; which calls fail before
or after their commit; when clients retry, send copies, or try to change what they sent; when the process ends
with commands under way. After each commit the books must add up; after each answer the clients must find what
they were told before; now and then everything comes to rest, is compared with what was acknowledged, and audited.
"""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

from attrs import define, field, frozen

from ...application.access import SYSTEM
from ...application.engine import Engine, EngineParts, compose
from ...application.errors import (
    InvalidCredentials,
    InvalidToken,
    IsolationViolation,
    NotFound,
    StorageError,
    StorageMisuse,
)
from ...application.ledger.audit import CHECKS
from ...application.ports.storage import Storage
from ...domain.errors import DomainError
from ...domain.play.players import PlayerClosed
from ...domain.tenancy.staff import Role
from ...domain.tenancy.tenants import TenantKind, TenantNotInStatus
from .clients import Clients
from .model import Action, Auditor, House, held
from .stage import Cancelled, SimulationFailed, Stage, Task

STEPS: Final = 300
MOST_SEEDS: Final = 2**32
CROWD: Final = 5
STEPS_BETWEEN_RESTS: Final = 50
LONGEST_LOCK: Final = timedelta(minutes=61)
DEFECTS: Final = (IsolationViolation, StorageMisuse)

Build = Callable[[Stage], tuple[EngineParts, Storage]]
"""Returns the parts of the engine of a stage, and the storage behind the stage."""


@frozen
class Outcome:
    """What a seed came to. `failure` is None when everything held."""

    seed: int
    steps: int
    trace: str
    failure: str | None = None
    last_lines: Sequence[str] = ()


def simulate(seed: int, build: Build, steps: int = STEPS) -> Outcome:
    """Run a seed and return what it came to."""
    stage = Stage(seed)
    parts, storage = build(stage)
    play = Play(stage=stage, engine=compose(parts), storage=storage)
    try:
        play.run(steps)
    except SimulationFailed as failed:
        stage.cancel_all()
        return Outcome(seed, play.steps, stage.trace, str(failed), list(stage.last_lines))
    finally:
        storage.close()
    return Outcome(seed, play.steps, stage.trace)


def run_seeds(
    build: Build,
    first: int,
    *,
    seconds: float,
    steps: int = STEPS,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[Outcome]:
    """Run one seed after another for some seconds: at least one, and none after the first that fails."""
    ran: list[Outcome] = []
    ends = monotonic() + seconds
    while not ran or (ran[-1].failure is None and monotonic() < ends):
        ran.append(simulate(first + len(ran), build, steps))
    return ran


@define(kw_only=True)
class Play:
    """One simulation under way."""

    stage: Stage
    engine: Engine
    storage: Storage
    clients: Clients = field(init=False)
    auditor: Auditor = field(init=False)
    steps: int = 0

    def __attrs_post_init__(self) -> None:
        """Look at every commit."""
        self.clients = Clients(stage=self.stage, engine=self.engine)
        self.auditor = Auditor(self.storage, self.clients.model)
        self.stage.watch = self.auditor.watch

    # --- the course of a seed ----------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        """Open the houses, play, come to rest. Raises SimulationFailed."""
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
        engine = self.engine
        engine.create_platform()
        for name in ("north", "south"):
            made = engine.create_tenant(SYSTEM, slug=name, name=name, kind=TenantKind.OPERATOR)
            operator = House(tenant_id=made.tenant_id, operator_id=made.tenant_id, slug=name)
            self.clients.operators.append(operator)
            self.clients.hire(operator, Role.OPERATOR)
            for letter in "ab":
                slug = f"{name}-{letter}"
                agent = engine.create_tenant(
                    SYSTEM, slug=slug, name=slug, kind=TenantKind.AGENT, parent_id=made.tenant_id
                )
                house = House(tenant_id=agent.tenant_id, operator_id=made.tenant_id, slug=slug)
                self.clients.houses.append(house)
                self.clients.hire(house, Role.AGENT)
            for at in (operator, *self.clients.houses[-2:]):
                self.clients.endow(at, 10_000)

    # --- coming to rest ----------------------------------------------------------------------------------

    def _rest(self) -> None:
        """Let everything end, resolve what is not known, and compare; then perhaps let much time pass."""
        stage, random = self.stage, self.stage.random
        while stage.tasks:
            self._step()
        stage.is_calm = True
        stage.note("rest")
        self._resume_all()
        if random.random() < 0.5:  # noqa: PLR2004 - a chance
            # Long enough for every lock after wrong guesses, too short for an answer's secrets to be forgotten.
            self._pass_time(LONGEST_LOCK)
        self._resolve()
        self._compare()
        if random.random() < 0.3:  # noqa: PLR2004 - a chance
            self._pass_time(
                random.choice((timedelta(minutes=31), timedelta(hours=25), timedelta(days=10), timedelta(days=30)))
            )
            self._call(self.clients.sweep())
            self._compare()
            due = [slip for slip in self.clients.model.slips.values() if slip.status == "ISSUED"]
            late = [slip.code for slip in due if slip.expires_at <= stage.moment]
            held(what=not late, otherwise=f"vouchers {late} are overdue after a sweep")
        stage.is_calm = False

    def _pass_time(self, by: timedelta) -> None:
        self.stage.moment += by
        self.stage.latest = max(self.stage.latest, self.stage.moment)

    def _resume_all(self) -> None:
        for house in self.clients.houses:
            try:
                self._call(
                    lambda house=house: self.clients.as_clerk(  # type: ignore[misc] # a default binds the house
                        self.clients.operator_of(house),
                        partial(self.engine.set_tenant_status.resume, tenant_id=house.tenant_id),
                    )
                )
            except TenantNotInStatus:
                continue
        self.clients.suspended.clear()

    def _call(self, work: Callable[[], Any]) -> None:
        """Run something by itself, in calm weather. What a storage refuses now is a failure."""
        try:
            try:
                work()
            except InvalidCredentials:
                # Guesses that were counted and could not be given back have locked somebody out.
                self._pass_time(LONGEST_LOCK)
                work()
        except (StorageError, ExceptionGroup) as error:
            raise SimulationFailed(f"refused with nothing in the way: {error!r}") from error

    def _resolve(self) -> None:
        """Ask for the answer of every action that may have happened, as a client does that got none."""
        for action in self.clients.actions:
            if not action.is_settled:
                self._call(partial(self.clients.attempt, action))
            if not action.is_settled:
                self._wait_and_ask(action)

    def _wait_and_ask(self, action: Action) -> None:
        try:
            action.send()
        except InvalidCredentials:
            self._pass_time(LONGEST_LOCK)
            self._call(partial(self.clients.attempt, action))
        except (InvalidToken, PlayerClosed):
            pass
        except DomainError:
            action.is_dropped = True
        if action.body is None:
            # The player was closed in between: the desk looks it up.
            try:
                self._call(action.look_up)
            except NotFound as missing:
                raise SimulationFailed(f"what was acknowledged is gone: {missing}") from missing
            action.is_dropped = True

    def _compare(self) -> None:
        self.auditor.compare(operator.tenant_id for operator in self.clients.operators)
        self._call(self._audit)

    def _audit(self) -> None:
        """Hold every rule of the books, all seals included; only luck, which a seed may well have, is let be."""
        rules = [check for check in CHECKS if check.code != "RTP_ALARM"]
        report = self.engine.run_audit(SYSTEM, newest_seals=None, checks=rules)
        found = [f"{finding.code} {', '.join(finding.sample)}" for finding in report.findings]
        held(what=report.clean, otherwise=f"the audit finds {'; '.join(found)}")


def _judge(task: Task) -> None:
    """Let refusals pass, and failures that were simulated; anything else is a defect."""
    raised = task.raised
    for one in raised.exceptions if isinstance(raised, ExceptionGroup) else [raised]:
        _judge_one(one)


def _judge_one(raised: BaseException | None) -> None:
    if isinstance(raised, SimulationFailed):
        raise raised
    if raised is None or isinstance(raised, Cancelled):
        return
    if not isinstance(raised, DomainError) or isinstance(raised, DEFECTS):
        raise SimulationFailed(f"a command ended with {raised!r}") from raised
