"""What has to be done by itself: vouchers, idle players, totals and numbers to fold, and the ledger to seal.

One operator at a time, in its own bound units, in bounded batches; several programs may sweep at once.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from attrs import frozen

from ...domain.games.fairness import SeedKeys
from ...domain.ledger.events import EventType
from ...domain.play.players import PLAYER_IDLE_DAYS
from ..access import SYSTEM, SYSTEM_ID
from ..ledger.sealing import SEAL_BATCH, SealLedger
from ..play.closing import lock_for_closing
from ..ports.analytics import FOLD_BATCH
from ..ports.bindings import Binding
from ..ports.services import Clock, Ids
from ..ports.storage import Storage, UnitOfWork
from ..transactions import transact
from ..vouchers.desk import pool_event

BATCH: Final = 100
SMALL_SHARE: Final = 100
"""A fold that comes to less than this part of what was asked for has left nothing; see Ledger.fold."""
MOST_FOLDS: Final = 100
"""Batches of one fold in a sweep at the most: the rest of a backlog, and what play adds, is the next sweep's."""
MOST_FAILURES: Final = 100
"""Failures after which an operator's other players wait for the next sweep: then it is not the players."""


@frozen
class Swept:
    """What a sweep did."""

    vouchers_expired: int = 0
    players_closed: int = 0
    entries_folded: int = 0
    events_sealed: int = 0
    events_counted: int = 0

    def plus(self, other: "Swept") -> "Swept":
        """Return both together."""
        return Swept(
            self.vouchers_expired + other.vouchers_expired,
            self.players_closed + other.players_closed,
            self.entries_folded + other.entries_folded,
            self.events_sealed + other.events_sealed,
            self.events_counted + other.events_counted,
        )


@frozen
class Sweep:
    """Does everything that is due, for every operator, and returns what it was."""

    storage: Storage
    clock: Clock
    ids: Ids
    seeds: SeedKeys

    def __call__(self, stopped: Callable[[], bool] = lambda: False) -> Swept:
        """Sweep until nothing is due or `stopped` says so, which is asked between batches and between players.

        What fails for one player, step or operator is no reason to leave the others undone. It is raised in the
        end: as it is when it is one failure, as an ExceptionGroup when they are several.
        """
        swept, failures = Swept(), list[Exception]()
        for entry in self.storage.directory.operators():
            binding = SYSTEM.binding_at(entry.operator_id)
            steps = (
                self._expiries(binding, stopped),
                self._closings(binding, stopped, failures),
                self._folds(self._fold, binding, stopped),
                self._folds(self._count, binding, stopped),
                self._seals(binding, stopped),
            )
            for step in steps:
                with _kept(failures, f"in a sweep of {entry.slug}"):
                    for done in step:
                        swept = swept.plus(done)
        if len(failures) == 1:
            raise failures[0]
        if failures:
            raise ExceptionGroup("a sweep could not do everything", failures)
        return swept

    def _expiries(self, binding: Binding, stopped: Callable[[], bool]) -> Iterator[Swept]:
        while not stopped():
            done = self._expire(binding)
            if done == Swept():
                return
            yield done

    def _expire(self, binding: Binding) -> Swept:
        return Swept(vouchers_expired=transact(self.storage, binding, self._expire_batch))

    def _expire_batch(self, unit: UnitOfWork) -> int:
        now = self.clock.now()
        overdue = unit.vouchers.lock_overdue(now, BATCH)
        if not overdue:
            return 0
        locked, _ = unit.wallets.lock(sorted({voucher.tenant_id for voucher in overdue}))
        wallets = dict(locked)
        for voucher in overdue:
            expired = voucher.expire(now)
            wallet = wallets[voucher.tenant_id] = wallets[voucher.tenant_id].credit(expired.total_minor)
            unit.save(expired)
            unit.add(
                pool_event(
                    EventType.VOUCHER_EXPIRED,
                    expired,
                    wallet,
                    staff_id=SYSTEM_ID,
                    now=now,
                    event_id=self.ids.new(),
                )
            )
        unit.save(*wallets.values())
        unit.commit()
        return len(overdue)

    def _closings(
        self, binding: Binding, stopped: Callable[[], bool], failures: list[Exception]
    ) -> Iterator[Swept]:
        """Close the idle players, those idle longest first; who cannot be closed holds up nobody behind."""
        before = self.clock.now() - timedelta(days=PLAYER_IDLE_DAYS)
        passed_over, enough = set[UUID](), len(failures) + MOST_FAILURES
        while len(failures) < enough and not stopped():
            found = self._idle(binding, before, BATCH + len(passed_over))
            idle = [player_id for player_id in found if player_id not in passed_over]
            if not idle:
                return
            for player_id in idle:
                if stopped():
                    return
                closed = False
                with _kept(failures, f"closing player {player_id}"):
                    closed = self._close(binding, player_id)
                if closed:
                    yield Swept(players_closed=1)
                else:
                    passed_over.add(player_id)

    def _idle(self, binding: Binding, before: datetime, limit: int) -> Sequence[UUID]:
        return transact(self.storage, binding, lambda unit: unit.players.idle(before, limit))

    def _close(self, binding: Binding, player_id: UUID) -> bool:
        def work(unit: UnitOfWork) -> bool:
            seat, now = unit.players.lock(player_id), self.clock.now()
            # Asked again under the lock: the player may have come back, or another sweep may have been faster.
            if seat is None or not seat.player.is_idle(now):
                return False
            lock_for_closing(unit, seat, ids=self.ids, seeds=self.seeds, now=now, closed_by=SYSTEM_ID).act(unit)
            unit.commit()
            return True

        return transact(self.storage, binding, work)

    @staticmethod
    def _folds(fold: Callable[[Binding], Swept], binding: Binding, stopped: Callable[[], bool]) -> Iterator[Swept]:
        """Fold until little is left: where play goes on something always is, and it is not to hold up the rest.

        A batch that is not full may leave much behind, as tenants share its room. So only a small one is the last.
        """
        for _ in range(MOST_FOLDS):
            if stopped():
                return
            done = fold(binding)
            yield done
            if done.entries_folded + done.events_counted < max(FOLD_BATCH // SMALL_SHARE, 1):
                return

    def _fold(self, binding: Binding) -> Swept:
        return Swept(entries_folded=transact(self.storage, binding, lambda unit: unit.ledger.fold(FOLD_BATCH)))

    def _seals(self, binding: Binding, stopped: Callable[[], bool]) -> Iterator[Swept]:
        """Seal until what is left is no whole batch: events keep coming, and the next sweep comes as well."""
        seal, sealed = SealLedger(self.storage, self.clock), SEAL_BATCH
        while sealed == SEAL_BATCH and not stopped():
            sealed = seal(binding.operator_id)
            yield Swept(events_sealed=sealed)

    def _count(self, binding: Binding) -> Swept:
        return Swept(events_counted=transact(self.storage, binding, lambda unit: unit.analytics.fold(FOLD_BATCH)))


@contextmanager
def _kept(failures: list[Exception], doing: str) -> Iterator[None]:
    """Keep the failure of a block for the end, with a note of what was being done."""
    try:
        yield
    except Exception as failure:  # noqa: BLE001 - a defect of one is raised in the end as well
        failure.add_note(doing)
        failures.append(failure)
