"""Players' own limits: set, raised, told of, and seen by staff."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen

from ...domain.ledger.events import EventType
from ...domain.limits.exclusions import Exclusion
from ...domain.limits.limits import LOSS_WINDOWS, Limit, LimitKind, Raise
from ...domain.limits.play_passes import Notice, PlayPass
from ...domain.tenancy.staff import Permission
from ..access import PlayerPrincipal, StaffPrincipal, look, require_seat
from ..errors import InvalidToken, NotFound
from ..journal import PlayerJournal
from ..ports.services import Clock, Ids
from ..ports.storage import Storage, UnitOfWork
from ..transactions import transact
from .guard import keep_pass, note_told, seat_journal, seat_timezone, tenant_timezone
from .pass_decisions import DecidesOnPass


@frozen
class RaiseRecord:
    """A raise that waits. What it would be stands in the field of its unit; both are null for no limit at all."""

    limit_minor: int | None
    limit_minutes: int | None
    asked_at: datetime
    confirmable_at: datetime
    lapses_at: datetime


@frozen
class LimitRecord:
    """A limit and what counts against it: for losses minor units, for time minutes and seconds. Null: none."""

    kind: LimitKind
    limit_minor: int | None
    limit_minutes: int | None
    net_loss_minor: int | None
    played_seconds: int | None
    raised: RaiseRecord | None


@frozen
class PlayerLimits:
    """A player's limits, what was told and not acknowledged, and the break that runs; without a pass none are."""

    has_play_pass: bool
    limits: Sequence[LimitRecord]
    notices: Sequence[Notice]
    exclusion: Exclusion | None


def no_limits(now: datetime) -> PlayerLimits:
    """Return what is seen where there is no pass: nothing is limited and nothing counted."""
    none = [_record(Limit(kind), None, now) for kind in LimitKind]
    return PlayerLimits(has_play_pass=False, limits=none, notices=(), exclusion=None)


def pass_limits(held: PlayPass, now: datetime, timezone: str) -> PlayerLimits:
    """Return what is seen of a pass, with the days of a timezone."""
    exclusion = held.exclusion
    return PlayerLimits(
        has_play_pass=True,
        limits=[_record(held.limit(kind), held.used(kind, now, timezone), now) for kind in LimitKind],
        notices=held.notices,
        exclusion=exclusion if exclusion is not None and exclusion.runs(now) else None,
    )


@frozen
class SetLimit(DecidesOnPass):
    """Sets one of a player's limits: at once if it is lower, else after 24 hours and a confirmation."""

    def __call__(self, principal: PlayerPrincipal, kind: LimitKind, amount: int | None) -> PlayerLimits:
        """Set the limit, in minor units or minutes; None takes it away, which is a raise.

        Raises InvalidInput, InvalidToken.
        """

        def change(held: PlayPass, journal: PlayerJournal, timezone: str) -> PlayPass:
            before = held.limit(kind)
            changed = held.set_limit(kind, amount, journal.now, timezone=timezone)
            after = changed.limit(kind)
            if after.amount != before.amount:
                _note(journal, EventType.LIMIT_SET, before, after.amount)
            elif after.raised is not None and after.raised != before.raised:
                _note(journal, EventType.LIMIT_RAISE_ASKED, before, after.raised.amount)
            elif after.raised is None and before.raised is not None:
                # The raise that waited was withdrawn.
                _note(journal, EventType.LIMIT_SET, before, after.amount)
            note_told(journal, changed.told_since(held))
            return changed

        decided = self.decide(principal, change)
        return pass_limits(decided.play_pass, self.clock.now(), decided.timezone)


@frozen
class ConfirmLimit(DecidesOnPass):
    """Confirms a raise that has waited for 24 hours."""

    def __call__(self, principal: PlayerPrincipal, kind: LimitKind) -> PlayerLimits:
        """Raise the limit. Raises LimitRaiseNotPending, LimitRaiseTooEarly, InvalidToken."""

        def change(held: PlayPass, journal: PlayerJournal, timezone: str) -> PlayPass:
            changed = held.confirm_raise(kind, journal.now, timezone=timezone)
            _note(journal, EventType.LIMIT_RAISED, held.limit(kind), changed.limit(kind).amount)
            note_told(journal, changed.told_since(held))
            return changed

        decided = self.decide(principal, change)
        return pass_limits(decided.play_pass, self.clock.now(), decided.timezone)


@frozen
class AcknowledgeNotices:
    """Notes that a player has seen what was told of the limits. May be repeated."""

    storage: Storage
    clock: Clock
    ids: Ids

    def __call__(self, principal: PlayerPrincipal) -> PlayerLimits:
        """Return the limits after it. Raises InvalidToken."""

        def work(unit: UnitOfWork) -> PlayerLimits:
            seat = require_seat(unit.players.lock(principal.player_id), principal)
            held, now = seat.play_pass, self.clock.now()
            if held is None:
                return no_limits(now)
            if not held.notices:
                return pass_limits(held, now, seat_timezone(seat))
            journal = seat_journal(seat, self.ids, now)
            told = [{"kind": notice.kind, "percent": notice.percent} for notice in held.notices]
            journal.note(EventType.LIMIT_ACKNOWLEDGED, action_id=str(self.ids.new()), meta={"notices": told})
            seen = held.acknowledge()
            keep_pass(unit, seat, seen, journal)
            return pass_limits(seen, now, seat_timezone(seat))

        return transact(self.storage, principal.binding, work)


@frozen
class ReadLimits:
    """Shows players their own limits."""

    storage: Storage
    clock: Clock

    def __call__(self, principal: PlayerPrincipal) -> PlayerLimits:
        """Return the limits. Raises InvalidToken when the session has ended."""

        def read(unit: UnitOfWork) -> PlayerLimits:
            view = unit.players.get(principal.player_id)
            if view is None or view.session is None or view.session.session_id != principal.session_id:
                raise InvalidToken
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
    held = unit.passes.of_player(player_id)
    return no_limits(now) if held is None else pass_limits(held, now, tenant_timezone(unit, held.tenant_id))


def _note(journal: PlayerJournal, event_type: EventType, before: Limit, amount: int | None) -> None:
    unit = "Minor" if before.kind in LOSS_WINDOWS else "Minutes"
    meta = {"kind": before.kind, f"before{unit}": before.amount, f"limit{unit}": amount}
    journal.note(event_type, action_id=str(journal.ids.new()), meta=meta)


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
