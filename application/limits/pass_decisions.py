"""The decisions that players take on their own pass: they all have this one shape."""

from collections.abc import Callable
from datetime import datetime

from attrs import evolve, frozen

from ...domain.access.codes import RANDOM_VALUES, make_code
from ...domain.limits.play_passes import PlayPass
from ...domain.play.players import Player
from ..access import PlayerPrincipal, require_session
from ..decisions import Decided, Decision, Moment
from ..journal import PlayerJournal
from ..ports.play import LockedPlayer
from ..ports.services import Randomness
from ..ports.storage import UnitOfWork
from ..use_case import WritingUseCase
from .guard import count_history, note_tied, pass_decision, pass_timezone, tenant_timezone

Change = Callable[[PlayPass, PlayerJournal, str], PlayPass]
"""The change of a pass that a player decides. It notes its events in the journal."""


@frozen
class PassOfPlayer:
    """A locked player with a pass, which is a new one if the player has none, and the timezone of its days."""

    locked: LockedPlayer
    play_pass: PlayPass
    timezone: str


@frozen
class DecidesOnPass(WritingUseCase):
    """Base of the use cases in which a player changes the pass, which is made if there is none."""

    randomness: Randomness

    def change_pass(self, principal: PlayerPrincipal, change: Change) -> PassOfPlayer:
        """Change the player's pass and return it. Raises InvalidToken, and the errors of `change`."""

        def read(unit: UnitOfWork) -> PassOfPlayer:
            locked, _ = require_session(unit.players.lock(principal.player_id), principal)
            if locked.play_pass is not None:
                return PassOfPlayer(locked, locked.play_pass, pass_timezone(locked))
            now = self.clock.now()
            play_pass = count_history(unit, self._new_pass(locked.player, now), principal.player_id, now)
            return PassOfPlayer(locked, play_pass, tenant_timezone(unit, play_pass.tenant_id))

        return self.carry_out(principal.binding, read, lambda found, at: decide_on_pass(found, change, at))

    def _new_pass(self, player: Player, now: datetime) -> PlayPass:
        return PlayPass(
            pass_id=self.ids.new(),
            operator_id=player.operator_id,
            tenant_id=player.tenant_id,
            code=make_code(player.login_code.agent_symbols, self.randomness.below(RANDOM_VALUES)),
            created_at=now,
        )


def decide_on_pass(found: PassOfPlayer, change: Change, at: Moment) -> Decision[PassOfPlayer]:
    """Decide a change of a player's pass. A change that leaves the pass equal writes nothing.

    A change without an event only renews what the pass counts. The player is not active by it.
    """
    locked = found.locked
    journal = PlayerJournal.of(locked, at)
    if locked.play_pass is None:
        note_tied(journal, found.play_pass)
    changed = evolve(found, play_pass=change(found.play_pass, journal, found.timezone))
    if changed.play_pass == locked.play_pass:
        return Decided(changed)
    if not journal.events:
        return Decided(changed, saved=(changed.play_pass,))
    return pass_decision(changed, locked, changed.play_pass, journal)
