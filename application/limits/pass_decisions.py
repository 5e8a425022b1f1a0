"""What players decide on their own pass: one way through which all of it goes."""

from collections.abc import Callable
from datetime import tzinfo

from attrs import frozen

from ...domain.limits.play_passes import PlayPass
from ..access import PlayerPrincipal, require_seat
from ..journal import PlayerJournal
from ..ports.services import Clock, Ids, Randomness
from ..ports.storage import Storage, UnitOfWork
from ..transactions import transact
from .guard import keep_pass, note_tied, pass_of, seat_journal, seat_zone, tenant_zone

Decision = Callable[[PlayPass, PlayerJournal, tzinfo], PlayPass]
"""What a player decides: the pass after it. What is to be noted is written into the journal."""


@frozen
class Decided:
    """A pass after a decision, and the zone whose days it counts."""

    play_pass: PlayPass
    zone: tzinfo


@frozen
class DecidesOnPass:
    """Base of the use cases in which a player decides something on the pass."""

    storage: Storage
    clock: Clock
    ids: Ids
    randomness: Randomness

    def decide(self, principal: PlayerPrincipal, change: Decision) -> Decided:
        """Carry out a decision on the player's pass, which is made where there is none, and return the pass.

        What changes nothing writes nothing. Raises InvalidToken, and what `change` raises.
        """

        def work(unit: UnitOfWork) -> Decided:
            seat = require_seat(unit.players.lock(principal.player_id), principal)
            now = self.clock.now()
            held = pass_of(unit, seat, now, ids=self.ids, randomness=self.randomness)
            journal = seat_journal(seat, self.ids, now)
            if seat.play_pass is None:
                note_tied(journal, held)
            known = seat.play_pass is not None
            zone = seat_zone(seat) if known else tenant_zone(unit, held.tenant_id)
            changed = change(held, journal, zone)
            if changed != seat.play_pass:
                keep_pass(unit, seat, changed, journal)
            return Decided(changed, zone)

        return transact(self.storage, principal.binding, work)
