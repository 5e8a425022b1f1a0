"""The work that is due without a request: expiry, idle players, roll-ups and seals.

One operator at a time, in units bound to it, in bounded batches. Several programs may sweep at once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from operator import add
from typing import Final
from uuid import UUID

from attrs import astuple, field, frozen

from ...domain.games.fairness import SeedKeys
from ...domain.ledger.events import EventType, LedgerEvent
from ...domain.periods import Span
from ...domain.play.players import PLAYER_IDLE_DAYS
from ...domain.safety.actions import SafetySettings
from ...domain.tenancy.tenants import TenantWallet
from ...domain.vouchers.vouchers import Voucher
from ..access import SYSTEM
from ..answers import Content
from ..decisions import Decided, Decision, Moment
from ..errors import ClockDiffers, StorageSilent
from ..ledger.sealing import SEAL_BATCH, SealLedger
from ..play.closing import ClosingPlayer, decide_closing, lock_for_closing
from ..ports.bindings import SYSTEM_ID, Binding
from ..ports.filters import Page
from ..ports.play import LockedPlayer
from ..ports.rollup import ROLL_UP_BATCH
from ..ports.safety import SafetyFilter
from ..ports.services import Clock, Ids, Stopwatch, SweepLog
from ..ports.storage import UnitOfWork
from ..transactions import transact
from ..use_case import WritingUseCase
from ..vouchers.desk import pool_event
from .clock_check import ClockCheck

BATCH: Final = 100
SMALL_SHARE: Final = 100
"""A roll-up of less than this part of its limit has left nothing; see RollUp."""
MOST_BATCHES: Final = 100
"""The most batches of one roll-up in a sweep; the next sweep does the rest of a backlog."""
STEP_SECONDS: Final = 60
"""The longest work of one kind for one operator in a sweep. Others get their turn; the next sweep continues."""
MOST_FAILURES: Final = 100
"""Failures after which an operator's other players wait for the next sweep: then it is not the players."""


LONGEST_PAUSE: Final = timedelta(days=1)
MOST_ACTIONS: Final = 1_000
"""The most safety actions after a player's last activity that count."""


@frozen
class Swept:
    """The work of a sweep, counted."""

    vouchers_expired: int = 0
    players_closed: int = 0
    entries_rolled_up: int = 0
    events_sealed: int = 0
    events_rolled_up: int = 0

    def plus(self, other: "Swept") -> "Swept":
        """Return the sum."""
        return Swept(*map(add, astuple(self), astuple(other)))


_Step = Callable[[Callable[[], bool]], Iterator[Swept]]
"""One kind of work for one operator. It takes `stopped`."""


@frozen
class Sweep(WritingUseCase):
    """Does all work that is due, for every operator, and returns its counts."""

    seeds: SeedKeys
    storage_clock: Clock
    stopwatch: Stopwatch
    sweep_log: SweepLog
    clock_check: ClockCheck = field(init=False)

    @clock_check.default
    def _make_clock_check(self) -> ClockCheck:
        return ClockCheck(self.clock, self.storage_clock, self.stopwatch)

    def __call__(self, stopped: Callable[[], bool] = lambda: False) -> Swept:
        """Sweep until nothing is due or `stopped` is true. It is called between batches and between players.

        A failure for one player, step or operator does not stop the work for the others. It is raised at the end;
        several failures are raised as an ExceptionGroup. A silent storage ends the sweep. Nothing is expired or
        closed by a clock that is not to be trusted: ClockDiffers, once.
        """
        swept, failures = Swept(), list[Exception]()
        try:
            for entry in self.storage.directory.operators():
                for step in self._steps(SYSTEM.binding_at(entry.operator_id), failures):
                    with _collected(failures, f"in a sweep of {entry.slug}"):
                        for done in step(self._in_time(stopped)):
                            swept = swept.plus(done)
        except StorageSilent as silent:
            # All further work would wait for the same storage.
            failures.append(silent)
        else:
            if not stopped():
                self.sweep_log.note(self.clock.now())
        failures = _without_repetitions(failures)
        if len(failures) == 1:
            raise failures[0]
        if failures:
            raise ExceptionGroup("a sweep could not do everything", failures)
        return swept

    def _steps(self, binding: Binding, failures: list[Exception]) -> Sequence[_Step]:
        return (
            partial(self._expiries, binding),
            partial(self._closings, binding, failures),
            partial(self._roll_ups, self._roll_up_totals, binding),
            partial(self._roll_ups, self._roll_up_buckets, binding),
            partial(self._seals, binding),
        )

    def _in_time(self, stopped: Callable[[], bool]) -> Callable[[], bool]:
        """Return a `stopped` for a step that begins now, which is also true after STEP_SECONDS."""
        until = self.stopwatch.elapsed() + timedelta(seconds=STEP_SECONDS)
        return lambda: stopped() or self.stopwatch.elapsed() > until

    def _expiries(self, binding: Binding, stopped: Callable[[], bool]) -> Iterator[Swept]:
        while not stopped():
            done = self._expire(binding)
            if done == Swept():
                return
            yield done

    def _expire(self, binding: Binding) -> Swept:
        def read(unit: UnitOfWork) -> _Overdue:
            now = self.clock_check.now()
            vouchers = unit.vouchers.lock_overdue(now, BATCH)
            tenant_ids = sorted({voucher.tenant_id for voucher in vouchers})
            return _Overdue(vouchers, unit.wallets.lock(tenant_ids)[0] if vouchers else {}, now)

        return self.carry_out(binding, read, lambda overdue, at: decide_expiry(overdue, at.ids))

    def _closings(
        self, binding: Binding, failures: list[Exception], stopped: Callable[[], bool]
    ) -> Iterator[Swept]:
        """Close the idle players, those idle longest first. One that cannot be closed does not hold up others."""
        before = self.clock_check.now() - timedelta(days=PLAYER_IDLE_DAYS)
        passed_over, enough = set[UUID](), len(failures) + MOST_FAILURES
        while len(failures) < enough and not stopped():
            found = self._idle(binding, before, BATCH + len(passed_over))
            idle = [player_id for player_id in found if player_id not in passed_over]
            if not idle:
                return
            for player_id in idle:
                if stopped():
                    return
                closed, at = False, Moment(self.clock_check.now(), self.ids)
                with _collected(failures, f"closing player {player_id}"):
                    closed = self._close(binding, player_id, at)
                if closed:
                    yield Swept(players_closed=1)
                else:
                    passed_over.add(player_id)

    def _idle(self, binding: Binding, before: datetime, limit: int) -> Sequence[UUID]:
        return transact(self.storage, binding, lambda unit: unit.players.idle(before, limit))

    def _close(self, binding: Binding, player_id: UUID, at: Moment) -> bool:
        def read(unit: UnitOfWork) -> tuple[ClosingPlayer, Sequence[Span]] | None:
            locked, now = unit.players.lock(player_id), at.now
            # Checked again under the lock: the player may be back, or another sweep may have closed the player.
            if locked is None or not locked.player.is_idle(now):
                return None
            return lock_for_closing(unit, locked), read_away(unit, locked, now)

        def decide(found: tuple[ClosingPlayer, Sequence[Span]] | None, _: Moment) -> Decision[Content | None]:
            return Decided(None) if found is None else decide_idle(*found, at, self.seeds)

        return self.carry_out(binding, read, decide) is not None

    @staticmethod
    def _roll_ups(
        roll_up: Callable[[Binding], Swept], binding: Binding, stopped: Callable[[], bool]
    ) -> Iterator[Swept]:
        """Roll up until little is left: during play something always is, and the other work must go on.

        A batch that is not full may leave many events, because tenants share its limit. So only a small one is the
        last.
        """
        for _ in range(MOST_BATCHES):
            if stopped():
                return
            done = roll_up(binding)
            yield done
            if done.entries_rolled_up + done.events_rolled_up < max(ROLL_UP_BATCH // SMALL_SHARE, 1):
                return

    def _roll_up_totals(self, binding: Binding) -> Swept:
        added = transact(self.storage, binding, lambda unit: unit.roll_up.account_totals(ROLL_UP_BATCH))
        return Swept(entries_rolled_up=added)

    def _seals(self, binding: Binding, stopped: Callable[[], bool]) -> Iterator[Swept]:
        """Seal until less than a whole batch is left, which waits for the next sweep and its events."""
        seal, sealed = SealLedger(self.storage, self.clock), SEAL_BATCH
        while sealed == SEAL_BATCH and not stopped():
            sealed = seal(binding.operator_id)
            yield Swept(events_sealed=sealed)

    def _roll_up_buckets(self, binding: Binding) -> Swept:
        added = transact(self.storage, binding, lambda unit: unit.roll_up.buckets(ROLL_UP_BATCH))
        return Swept(events_rolled_up=added)


@frozen
class _Overdue:
    """Locked vouchers that are overdue at a time, and the locked wallets of their agents."""

    vouchers: Sequence[Voucher]
    wallets: Mapping[UUID, TenantWallet]
    now: datetime


def decide_expiry(overdue: _Overdue, ids: Ids) -> Decision[Swept]:
    """Decide to expire overdue vouchers: amount and bonus return to the agents."""
    at, wallets = Moment(overdue.now, ids), dict(overdue.wallets)
    expired, events = list[Voucher](), list[LedgerEvent]()
    for voucher in overdue.vouchers:
        expired.append(voucher.expire(at.now))
        wallet = wallets[voucher.tenant_id] = wallets[voucher.tenant_id].credit(voucher.total_minor)
        events.append(pool_event(EventType.VOUCHER_EXPIRED, expired[-1], wallet, at, staff_id=SYSTEM_ID))
    return Decided(Swept(vouchers_expired=len(expired)), added=events, saved=(*expired, *wallets.values()))


def read_away(unit: UnitOfWork, locked: LockedPlayer, now: datetime) -> Sequence[Span]:
    """Read the time in which a player could not play: suspensions, exclusions, and enforced pauses."""
    player, play_pass = locked.player, locked.play_pass
    tenants = [unit.tenants.get(tenant_id) for tenant_id in (player.tenant_id, player.operator_id)]
    settings = unit.safety.settings(player.tenant_id)
    settings = settings or SafetySettings(operator_id=player.operator_id, tenant_id=player.tenant_id)
    recent = SafetyFilter(player_id=player.player_id, since=player.last_active_at - LONGEST_PAUSE)
    pauses = (action.keeps_away(settings) for action in unit.safety.actions(recent, Page(MOST_ACTIONS)))
    return [
        *(span for tenant in tenants if tenant is not None for span in tenant.suspensions_until(now)),
        *(() if play_pass is None else play_pass.exclusions),
        *(span for span in pauses if span is not None),
    ]


def decide_idle(
    found: ClosingPlayer, away: Sequence[Span], at: Moment, seeds: SeedKeys
) -> Decision[Content | None]:
    """Decide to close an idle player, unless the player could not play in part of the time."""
    counted = found.locked.player.counting_idle(at.now, away)
    if counted.is_idle(at.now):
        return decide_closing(found, at, seeds, closed_by=SYSTEM_ID)
    return Decided(None, saved=(counted,))


def _without_repetitions(failures: Sequence[Exception]) -> list[Exception]:
    """Return the failures with the first ClockDiffers only: it is the same for every operator."""
    differing = [failure for failure in failures if isinstance(failure, ClockDiffers)]
    return [failure for failure in failures if failure not in differing[1:]]


@contextmanager
def _collected(failures: list[Exception], doing: str) -> Iterator[None]:
    """Collect the failure of a block for the end, with a note on the work that failed.

    Raises StorageSilent, which ends all work.
    """
    try:
        yield
    except StorageSilent:
        raise
    except Exception as failure:  # noqa: BLE001 - a defect of one is raised in the end as well
        failure.add_note(doing)
        failures.append(failure)
