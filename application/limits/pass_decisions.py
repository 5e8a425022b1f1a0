"""The decisions that players take on their own pass: they all have this one shape."""

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from ...domain.access.codes import RANDOM_VALUES, make_code
from ...domain.limits.play_passes import PlayPass
from ...domain.play.players import Player
from ..access import PlayerPrincipal, require_session
from ..decisions import Decided, Decision, Moment
from ..journal import PlayerJournal
from ..ports.play import LockedPlayer
from ..ports.services import Clock, Ids, Randomness
from ..ports.storage import Storage, UnitOfWork
from ..transactions import carry_out
from .guard import count_history, note_tied, pass_decision, pass_timezone, tenant_timezone

Change = Callable[[PlayPass, PlayerJournal, str], PlayPass]
"""The change of a pass that a player decides. It notes its events in the journal."""


@frozen
class FoundPass:
    """A locked player, the pass to decide on (the player's own, or a new one), and the timezone of its days."""

    locked: LockedPlayer
    play_pass: PlayPass
    timezone: str


@frozen
class ChangedPass:
    """A pass after a decision, and the timezone whose days it counts."""

    play_pass: PlayPass
    timezone: str


@frozen
class DecidesOnPass:
    """Base of the use cases in which a player changes the pass, which is made if there is none."""

    storage: Storage
    clock: Clock
    ids: Ids
    randomness: Randomness

    def change_pass(self, principal: PlayerPrincipal, change: Change) -> ChangedPass:
        """Change the player's pass and return it. Raises InvalidToken, and the errors of `change`."""

        def read(unit: UnitOfWork) -> FoundPass:
            locked, _ = require_session(unit.players.lock(principal.player_id), principal)
            if locked.play_pass is not None:
                return FoundPass(locked, locked.play_pass, pass_timezone(locked))
            now = self.clock.now()
            play_pass = count_history(unit, self._new_pass(locked.player, now), principal.player_id, now)
            return FoundPass(locked, play_pass, tenant_timezone(unit, play_pass.tenant_id))

        return carry_out(
            self.storage,
            principal.binding,
            read,
            lambda found: decide_on_pass(found, change, Moment(self.clock.now(), self.ids)),
        )

    def _new_pass(self, player: Player, now: datetime) -> PlayPass:
        return PlayPass(
            pass_id=self.ids.new(),
            operator_id=player.operator_id,
            tenant_id=player.tenant_id,
            code=make_code(player.login_code.agent_symbols, self.randomness.below(RANDOM_VALUES)),
            created_at=now,
        )


def decide_on_pass(found: FoundPass, change: Change, at: Moment) -> Decision[ChangedPass]:
    """Decide a change of a player's pass. A change that leaves the pass equal writes nothing."""
    locked = found.locked
    journal = PlayerJournal.of(locked, at)
    if locked.play_pass is None:
        note_tied(journal, found.play_pass)
    changed = change(found.play_pass, journal, found.timezone)
    result = ChangedPass(changed, found.timezone)
    if changed == locked.play_pass:
        return Decided(result)
    return pass_decision(result, locked, changed, journal)
