"""Breaks that players take, the pass that makes them hold for the next account, and the reality check."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from attrs import frozen

from ...domain.ledger.events import EventType
from ...domain.limits.exclusions import CoolOff, Exclusion, cool_off, self_exclusion
from ...domain.limits.play_passes import PlayPass
from ...domain.limits.reality_checks import RealityCheck, reality_check
from ..access import PlayerPrincipal, require_seat
from ..errors import InvalidToken
from ..journal import PlayerJournal
from ..ports.services import Clock, Ids
from ..ports.storage import Storage, UnitOfWork
from ..transactions import transact
from .pass_decisions import DecidesOnPass


@frozen
class PlayPassRecord:
    """A play pass as its player gets it, to be shown when the next voucher is redeemed."""

    code: str


@frozen
class GetPlayPass(DecidesOnPass):
    """Gives players the pass that their limits and breaks stand on; it is made when it is first asked for."""

    def __call__(self, principal: PlayerPrincipal) -> PlayPassRecord:
        """Return the pass. Raises InvalidToken."""
        return PlayPassRecord(str(self.decide(principal, lambda held, *_: held).play_pass.code))


@frozen
class TakeBreak(DecidesOnPass):
    """Excludes a player: for a cool-off, or for months. Nobody can end it early."""

    def cool_off(self, principal: PlayerPrincipal, period: CoolOff) -> Exclusion:
        """Take a cool-off. Raises ExclusionRuns when a break runs that ends no earlier, InvalidToken."""
        return self._take(principal, partial(cool_off, period), EventType.COOL_OFF_TAKEN)

    def self_exclusion(self, principal: PlayerPrincipal, months: int) -> Exclusion:
        """Take a self-exclusion. Raises InvalidInput, ExclusionRuns, InvalidToken."""
        return self._take(principal, partial(self_exclusion, months), EventType.SELF_EXCLUSION_TAKEN)

    def _take(
        self, principal: PlayerPrincipal, wanted: Callable[[datetime], Exclusion], event_type: EventType
    ) -> Exclusion:
        def change(held: PlayPass, journal: PlayerJournal, _: str) -> PlayPass:
            changed = held.exclude(wanted(journal.now))
            assert changed.exclusion is not None
            meta = {"until": changed.exclusion.until.isoformat()}
            journal.note(event_type, action_id=str(self.ids.new()), meta=meta)
            return changed

        taken = self.decide(principal, change).play_pass.exclusion
        assert taken is not None
        return taken


@frozen
class ReadRealityCheck:
    """Shows players what their session came to so far."""

    storage: Storage
    clock: Clock

    def __call__(self, principal: PlayerPrincipal) -> RealityCheck:
        """Return the check. Raises InvalidToken when the session has ended."""
        view = transact(self.storage, principal.binding, lambda unit: unit.players.get(principal.player_id))
        if view is None or view.session is None or view.session.session_id != principal.session_id:
            raise InvalidToken
        return reality_check(view.session, self.clock.now())


@frozen
class AcknowledgeRealityCheck:
    """Notes that a player has seen the reality check that was due. May be repeated."""

    storage: Storage
    clock: Clock
    ids: Ids

    def __call__(self, principal: PlayerPrincipal) -> RealityCheck:
        """Return the check as it is after it. One that is not due is put off by nothing. Raises InvalidToken."""

        def work(unit: UnitOfWork) -> RealityCheck:
            seat, now = require_seat(unit.players.lock(principal.player_id), principal), self.clock.now()
            if seat.session is None:
                raise InvalidToken
            check = reality_check(seat.session, now)
            if not check.due:
                return check
            seen = seat.session.checked(now)
            journal = PlayerJournal(ids=self.ids, now=now, player=seat.player, session_id=seen.session_id)
            meta = {"elapsedSeconds": check.elapsed_seconds, "netMinor": check.net_minor}
            named = str(self.ids.new())
            journal.note(EventType.REALITY_CHECK_ACKNOWLEDGED, action_id=named, meta=meta)
            unit.save(seen, seat.player.active(now, last_seq=journal.last_seq))
            unit.add(*journal.events)
            unit.commit()
            return reality_check(seen, now)

        return transact(self.storage, principal.binding, work)
