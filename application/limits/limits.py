"""Players' own limits: to set, raise and read them, and to acknowledge their notices."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen

from ...domain.ledger.events import EventType
from ...domain.limits.exclusions import Exclusion
from ...domain.limits.limits import LOSS_WINDOWS, Limit, LimitKind, Raise
from ...domain.limits.play_passes import Notice, PlayPass
from ...domain.tenancy.staff import Permission
from ..access import PlayerPrincipal, StaffPrincipal, look, require_session
from ..decisions import Decided, Decision, Moment
from ..errors import NotFound
from ..journal import PlayerJournal
from ..ports.play import LockedPlayer
from ..ports.services import Clock
from ..ports.storage import Storage, UnitOfWork
from ..transactions import transact
from ..use_case import WritingUseCase
from .guard import note_notices, pass_decision, pass_timezone, tenant_timezone
from .pass_decisions import DecidesOnPass


@frozen
class RaiseRecord:
    """A raise that waits. The amount is in the field of its unit; both are null for no limit."""

    limit_minor: int | None
    limit_minutes: int | None
    asked_at: datetime
    confirmable_at: datetime
    lapses_at: datetime


@frozen
class LimitRecord:
    """A limit and its use: minor units for losses, minutes and seconds for time. Null means no limit."""

    kind: LimitKind
    limit_minor: int | None
    limit_minutes: int | None
    net_loss_minor: int | None
    played_seconds: int | None
    raised: RaiseRecord | None


@frozen
class PlayerLimits:
    """A player's limits, the notices that are not acknowledged, and the exclusion that runs."""

    has_play_pass: bool
    limits: Sequence[LimitRecord]
    notices: Sequence[Notice]
    exclusion: Exclusion | None


def no_limits(now: datetime) -> PlayerLimits:
    """Return the limits of a player without a pass: nothing is limited or counted."""
    none = [_record(Limit(kind), None, now) for kind in LimitKind]
    return PlayerLimits(has_play_pass=False, limits=none, notices=(), exclusion=None)


def pass_limits(play_pass: PlayPass, now: datetime, timezone: str) -> PlayerLimits:
    """Return the limits of a pass, with the days of a timezone."""
    exclusion = play_pass.exclusion
    return PlayerLimits(
        has_play_pass=True,
        limits=[_record(play_pass.limit(kind), play_pass.used(kind, now, timezone), now) for kind in LimitKind],
        notices=play_pass.notices,
        exclusion=exclusion if exclusion is not None and exclusion.runs(now) else None,
    )


@frozen
class SetLimit(DecidesOnPass):
    """Sets one of a player's limits: at once if it is lower, else after 24 hours and a confirmation."""

    def __call__(self, principal: PlayerPrincipal, kind: LimitKind, amount: int | None) -> PlayerLimits:
        """Set the limit, in minor units or minutes; None takes it away, which is a raise.

        Raises InvalidInput, InvalidToken.
        """

        def change(play_pass: PlayPass, journal: PlayerJournal, timezone: str) -> PlayPass:
            before = play_pass.limit(kind)
            changed = play_pass.set_limit(kind, amount, journal.at.now, timezone=timezone)
            after = changed.limit(kind)
            if after.amount != before.amount:
                _note(journal, EventType.LIMIT_SET, before, after.amount)
            elif after.raised is not None and after.raised != before.raised:
                _note(journal, EventType.LIMIT_RAISE_ASKED, before, after.raised.amount)
            elif after.raised is None and before.raised is not None:
                # The raise that waited was withdrawn.
                _note(journal, EventType.LIMIT_SET, before, after.amount)
            note_notices(journal, changed.notices_since(play_pass))
            return changed

        changed = self.change_pass(principal, change)
        return pass_limits(changed.play_pass, self.clock.now(), changed.timezone)


@frozen
class ConfirmLimit(DecidesOnPass):
    """Confirms a raise that has waited for 24 hours."""

    def __call__(self, principal: PlayerPrincipal, kind: LimitKind) -> PlayerLimits:
        """Raise the limit. Raises LimitRaiseNotPending, LimitRaiseTooEarly, InvalidToken."""

        def change(play_pass: PlayPass, journal: PlayerJournal, timezone: str) -> PlayPass:
            changed = play_pass.confirm_raise(kind, journal.at.now, timezone=timezone)
            _note(journal, EventType.LIMIT_RAISED, play_pass.limit(kind), changed.limit(kind).amount)
            note_notices(journal, changed.notices_since(play_pass))
            return changed

        changed = self.change_pass(principal, change)
        return pass_limits(changed.play_pass, self.clock.now(), changed.timezone)


@frozen
class AcknowledgeNotices(WritingUseCase):
    """Notes that a player has seen the notices. May be repeated."""

    def __call__(self, principal: PlayerPrincipal) -> PlayerLimits:
        """Return the limits after it. Raises InvalidToken."""
        return self.carry_out_for_player(principal, lambda locked, _, at: decide_notices(locked, at))


def decide_notices(locked: LockedPlayer, at: Moment) -> Decision[PlayerLimits]:
    """Decide to acknowledge the notices of a player's pass. Without notices nothing is written."""
    play_pass = locked.play_pass
    if play_pass is None:
        return Decided(no_limits(at.now))
    seen = play_pass.acknowledge()
    limits = pass_limits(seen, at.now, pass_timezone(locked))
    if not play_pass.notices:
        return Decided(limits)
    journal = PlayerJournal.of(locked, at)
    notices = [{"kind": notice.kind, "percent": notice.percent} for notice in play_pass.notices]
    journal.note(EventType.LIMIT_ACKNOWLEDGED, action_id=str(at.new_id()), meta={"notices": notices})
    return pass_decision(limits, locked, seen, journal)


@frozen
class ReadLimits:
    """Shows players their own limits."""

    storage: Storage
    clock: Clock

    def __call__(self, principal: PlayerPrincipal) -> PlayerLimits:
        """Return the limits. Raises InvalidToken when the session has ended."""

        def read(unit: UnitOfWork) -> PlayerLimits:
            require_session(unit.players.get(principal.player_id), principal)
            return _read(unit, principal.player_id, self.clock.now())

        return transact(self.storage, principal.binding, read)


@frozen
class ReadPlayerLimits:
    """Shows staff a player's limits."""

    storage: Storage
    clock: Clock

    def __call__(self, principal: StaffPrincipal, player_id: UUID) -> PlayerLimits:
        """Return the limits. Raises Forbidden, NotFound."""
        principal.require(Permission.READ_PLAYERS)

        def read(unit: UnitOfWork) -> PlayerLimits:
            if unit.players.get(player_id) is None:
                raise NotFound("player")
            return _read(unit, player_id, self.clock.now())

        return look(self.storage, principal, read)


def _read(unit: UnitOfWork, player_id: UUID, now: datetime) -> PlayerLimits:
    play_pass = unit.passes.of_player(player_id)
    if play_pass is None:
        return no_limits(now)
    return pass_limits(play_pass, now, tenant_timezone(unit, play_pass.tenant_id))


def _note(journal: PlayerJournal, event_type: EventType, before: Limit, amount: int | None) -> None:
    unit = "minor" if before.kind in LOSS_WINDOWS else "minutes"
    meta = {"kind": before.kind, f"before_{unit}": before.amount, f"limit_{unit}": amount}
    journal.note(event_type, action_id=str(journal.at.new_id()), meta=meta)


def _record(limit: Limit, used: int | None, now: datetime) -> LimitRecord:
    is_loss, raised = limit.kind in LOSS_WINDOWS, limit.pending(now)
    return LimitRecord(
        kind=limit.kind,
        limit_minor=limit.amount if is_loss else None,
        limit_minutes=None if is_loss else limit.amount,
        net_loss_minor=used if is_loss else None,
        played_seconds=None if is_loss else used,
        raised=None if raised is None else _raise_record(raised, is_loss=is_loss),
    )


def _raise_record(raised: Raise, *, is_loss: bool) -> RaiseRecord:
    return RaiseRecord(
        limit_minor=raised.amount if is_loss else None,
        limit_minutes=None if is_loss else raised.amount,
        asked_at=raised.asked_at,
        confirmable_at=raised.confirmable_at,
        lapses_at=raised.lapses_at,
    )
