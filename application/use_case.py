"""The shape of the use cases that write: read, decide, settle."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from attrs import evolve, frozen

from ..domain.play.sessions import Session
from ..domain.tenancy.trail import ActionName, StaffAction
from .access import PlayerPrincipal, StaffPrincipal, require_session
from .answers import Answer, Command, Content, answered, replay
from .decisions import Decided, Decision, Moment
from .errors import OutcomeUnknown
from .ports.bindings import Binding, StoredAnswer
from .ports.play import LockedPlayer
from .ports.safety import SafetyWatch
from .ports.services import Clock, Ids
from .ports.storage import Storage, UnitOfWork
from .trail import Actor, on_trail
from .transactions import carry_out

L = TypeVar("L")
T = TypeVar("T")


@frozen
class WritingUseCase:
    """Base of the use cases that decide at a moment, which is taken after their locks are held."""

    storage: Storage
    clock: Clock
    ids: Ids

    def carry_out(
        self,
        binding: Binding,
        read: Callable[[UnitOfWork], L],
        decide: Callable[[L, Moment], Decision[T]],
    ) -> T:
        """Read, decide on the data read, settle, and return the result; see `transactions.carry_out`."""
        return carry_out(
            self.storage, binding, read, lambda found: decide(found, Moment(self.clock.now(), self.ids))
        )

    def carry_out_for_player(
        self,
        principal: PlayerPrincipal,
        decide: Callable[[LockedPlayer, Session, Moment], Decision[T]],
        *,
        watch: SafetyWatch | None = None,
    ) -> T:
        """Lock the calling player, and decide with the open session of the caller's token. Raises InvalidToken."""
        return self.carry_out(
            principal.binding,
            lambda unit: unit.players.lock(principal.player_id, watch=watch),
            lambda found, at: decide(*require_session(found, principal), at),
        )

    def command(self, what: str, actor_id: UUID, action_id: str | None, **arguments: Any) -> Command:
        """Return a command, under a new id if the caller has named none. Raises InvalidInput."""
        if action_id is not None:
            return Command.of(what, actor_id, action_id, **arguments)
        made = Command.of(what, actor_id, str(self.ids.new()), **arguments)
        return evolve(made, stores_refusals=False)

    def carry_out_named(
        self,
        command: Command,
        read: Callable[[UnitOfWork], L],
        decide: Callable[[L, Moment], Decision[T]],
        *,
        binding: Binding,
    ) -> T:
        """Carry a command out. An OutcomeUnknown has the id under which to repeat it."""
        try:
            return self.carry_out(binding, read, decide)
        except OutcomeUnknown as unknown:
            raise OutcomeUnknown(unknown.reason, command.key.action_id) from unknown

    def carry_out_command(
        self,
        command: Command,
        read: Callable[[UnitOfWork], StoredAnswer | L],
        decide: Callable[[L, Moment], Decision[Content]],
        *,
        binding: Binding,
        owner: Binding | None = None,
    ) -> Answer:
        """Decide a command once. Its repetitions get the answer that `read` finds stored.

        The answer belongs to the tenant of `owner`, by default of `binding`.
        """

        def decide_once(found: StoredAnswer | L, at: Moment) -> Decision[Answer]:
            if isinstance(found, StoredAnswer):
                return Decided(replay(found, command, at.now))
            return answered(decide(found, at), command, binding=owner or binding, now=at.now)

        return self.carry_out_named(command, read, decide_once, binding=binding)


@frozen
class StaffUseCase(WritingUseCase):
    """Base of the use cases of staff that write. Each action has its event in the audit trail."""

    def act(
        self,
        principal: StaffPrincipal,
        action: StaffAction,
        read: Callable[[UnitOfWork], L],
        decide: Callable[[L, Moment], Decision[T]],
        *,
        binding: Binding | None = None,
    ) -> T:
        """Carry an action out, with its event. By default it is bound to the principal's own tenant."""
        binding = binding or principal.binding
        actor = Actor.of(principal, binding.operator_id)
        return self.carry_out(binding, read, lambda found, at: on_trail(decide(found, at), actor, action, at))

    def act_on_command(
        self,
        principal: StaffPrincipal,
        command: Command,
        read: Callable[[UnitOfWork], StoredAnswer | L],
        decide: Callable[[L, Moment], Decision[Content]],
        *,
        action: StaffAction,
        binding: Binding | None = None,
        owner: Binding | None = None,
    ) -> Answer:
        """Decide a command once, with its event. A repetition has one if it shows secrets again.

        See `carry_out_command`.
        """
        bound = binding or principal.binding
        actor = Actor.of(principal, bound.operator_id)

        def decide_once(found: StoredAnswer | L, at: Moment) -> Decision[Answer]:
            if isinstance(found, StoredAnswer):
                return _repeated(replay(found, command, at.now), actor, action, at)
            decision = decide(found, at)
            answer = answered(decision, command, binding=owner or bound, now=at.now)
            return on_trail(answer, actor, action, at, of=decision)

        return self.carry_out_named(command, read, decide_once, binding=bound)


def _repeated(answer: Answer, actor: Actor, action: StaffAction, at: Moment) -> Decision[Answer]:
    """Return the decision to send a stored answer again; only the PINs of vouchers are secrets in one."""
    if not answer.hints:
        return Decided(answer)
    return on_trail(Decided(answer), actor, evolve(action, name=ActionName.SHOW_PINS_AGAIN), at)
