"""A day for audits, with every operation in it and with books in order."""

from copy import copy

from attrs import evolve, frozen

from playtime.application.access import SYSTEM, StaffPrincipal
from playtime.application.ledger.audit import AuditReport
from playtime.application.ports.storage import Storage
from playtime.domain.games.demo import DEMO_GAME

from support.day import DOUBLE, LOSE, Day, Guest, Sold, build_day


@frozen
class AuditedDay:
    """A day, a player with a pending bonus, and one voucher of each kind. The operator south plays as well."""

    day: Day
    guest: Guest
    voided: Sold

    @classmethod
    def played(cls, storage: Storage) -> "AuditedDay":
        """Play it."""
        day = build_day(storage)
        guest = day.welcome(1_000)
        day.engine.set_loss_limit(guest.principal, loss_limit_minor=10_000)
        day.spin(guest, 100, DOUBLE)
        day.spin(guest, 50, LOSE)
        day.welcome_with_balance(150, 70)
        for desk in (day.agent, day.sister, day.stranger):
            day.sell(333, desk)
            day.spin(day.welcome(5_001, desk), 10, DOUBLE, times=3)
            day.engine.close_player(desk.head, day.welcome(401, desk).player_id)
        voided = day.sell(999)
        day.engine.void_voucher(day.agent.head, voided.voucher_id)
        day.engine.return_credit(day.agent.head, day.agent.tenant_id, amount_minor=9, memo="too much")
        return cls(day, guest, voided)

    def on(self, storage: Storage) -> "AuditedDay":
        """Return the same day on a storage that has a copy of its books."""
        day = copy(self.day)
        day.storage = storage
        day.restart(DEMO_GAME)
        return evolve(self, day=day)

    def audit(self, principal: StaffPrincipal = SYSTEM) -> AuditReport:
        """Check the books against every rule, all of the seals included."""
        return self.day.engine.run_audit(principal, newest_seals=None)

    def broken(self, principal: StaffPrincipal = SYSTEM) -> dict[str, tuple[str, ...]]:
        """Return the codes of the findings, with their samples."""
        return {found.code: found.sample for found in self.audit(principal).findings}
