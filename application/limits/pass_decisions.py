"""What players decide on their own pass: one way through which all of it goes."""

from collections.abc import Callable

from attrs import frozen

from ...domain.limits.play_passes import PlayPass
from ..access import PlayerPrincipal, require_seat
from ..journal import PlayerJournal
from ..ports.services import Clock, Ids, Randomness
from ..ports.storage import Storage, UnitOfWork
from ..transactions import transact
from .guard import keep_pass, note_tied, pass_of, seat_journal, seat_timezone, tenant_timezone

Decision = Callable[[PlayPass, PlayerJournal, str], PlayPass]
"""Decides on a pass in a timezone: returns the pass after it, and notes events in the journal."""


@frozen
class Decided:
    """A pass after a decision, and the timezone whose days it counts."""

    play_pass: PlayPass
    timezone: str


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
            timezone = seat_timezone(seat) if known else tenant_timezone(unit, held.tenant_id)
            changed = change(held, journal, timezone)
            if changed != seat.play_pass:
                keep_pass(unit, seat, changed, journal)
            return Decided(changed, timezone)

        return transact(self.storage, principal.binding, work)
