"""Exclusions of players, the pass that carries them to the next account, and the reality check."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from attrs import frozen

from ...domain.ledger.events import EventType
from ...domain.limits.exclusions import CoolOff, Exclusion, cool_off, self_exclusion
from ...domain.limits.play_passes import PlayPass
from ...domain.limits.reality_checks import RealityCheck, reality_check
from ...domain.play.sessions import Session
from ..access import PlayerPrincipal, require_session
from ..decisions import Decided, Decision, Moment
from ..journal import PlayerJournal
from ..ports.play import LockedPlayer
from ..ports.services import Clock
from ..ports.storage import Storage
from ..transactions import transact
from ..use_case import WritingUseCase
from .pass_decisions import DecidesOnPass


@frozen
class PlayPassRecord:
    """A play pass as its player gets it, to be shown when the next voucher is redeemed."""

    code: str


@frozen
class GetPlayPass(DecidesOnPass):
    """Gives players the pass that carries their limits and exclusions. It is made at the first request."""

    def __call__(self, principal: PlayerPrincipal) -> PlayPassRecord:
        """Return the pass. Raises InvalidToken."""
        return PlayPassRecord(str(self.change_pass(principal, lambda play_pass, *_: play_pass).play_pass.code))


@frozen
class StartExclusion(DecidesOnPass):
    """Excludes a player: for a cool-off, or for months. Nobody can end it early."""

    def cool_off(self, principal: PlayerPrincipal, period: CoolOff) -> Exclusion:
        """Start a cool-off. Raises ExclusionRuns if a running exclusion ends no earlier, InvalidToken."""
        return self._start(principal, partial(cool_off, period), EventType.COOL_OFF_TAKEN)

    def self_exclusion(self, principal: PlayerPrincipal, months: int) -> Exclusion:
        """Start a self-exclusion. Raises InvalidInput, ExclusionRuns, InvalidToken."""
        return self._start(principal, partial(self_exclusion, months), EventType.SELF_EXCLUSION_TAKEN)

    def _start(
        self, principal: PlayerPrincipal, wanted: Callable[[datetime], Exclusion], event_type: EventType
    ) -> Exclusion:
        def change(play_pass: PlayPass, journal: PlayerJournal, _: str) -> PlayPass:
            changed = play_pass.exclude(wanted(journal.at.now))
            assert changed.exclusion is not None
            meta = {"until": changed.exclusion.until.isoformat()}
            journal.note(event_type, action_id=str(journal.at.new_id()), meta=meta)
            return changed

        started = self.change_pass(principal, change).play_pass.exclusion
        assert started is not None
        return started


@frozen
class ReadRealityCheck:
    """Shows players the figures of their session so far."""

    storage: Storage
    clock: Clock

    def __call__(self, principal: PlayerPrincipal) -> RealityCheck:
        """Return the check. Raises InvalidToken when the session has ended."""
        view = transact(self.storage, principal.binding, lambda unit: unit.players.get(principal.player_id))
        _, session = require_session(view, principal)
        return reality_check(session, self.clock.now())


@frozen
class AcknowledgeRealityCheck(WritingUseCase):
    """Notes that a player has seen the reality check that was due. May be repeated."""

    def __call__(self, principal: PlayerPrincipal) -> RealityCheck:
        """Return the check after it. Raises InvalidToken."""
        return self.carry_out_for_player(principal, decide_reality_check)


def decide_reality_check(locked: LockedPlayer, session: Session, at: Moment) -> Decision[RealityCheck]:
    """Decide to acknowledge a reality check. One that is not due stays as it is."""
    check = reality_check(session, at.now)
    if not check.due:
        return Decided(check)
    seen = session.checked(at.now)
    journal = PlayerJournal.of(locked, at)
    meta = {"elapsed_seconds": check.elapsed_seconds, "net_minor": check.net_minor}
    journal.note(EventType.REALITY_CHECK_ACKNOWLEDGED, action_id=str(at.new_id()), meta=meta)
    player = locked.player.active(at.now, last_seq=journal.last_seq)
    return Decided(reality_check(seen, at.now), added=journal.events, saved=(seen, player))
