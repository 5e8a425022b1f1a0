"""The audit: a check of every rule of the books against the rows.

`CHECKS` is the one table of rules. A rule about stored rows is a code in `Stored`, a query in each storage, and a
row here. Any other rule is a function from a `Look` to a `Found`, and a row here.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

from attrs import frozen

from ...domain.games.game import Game
from ...domain.tenancy.staff import Permission, Role
from ...domain.tenancy.trail import ActionName, StaffAction
from ..access import StaffPrincipal, look
from ..decisions import Change
from ..game_versions import GameVersions
from ..ports.audit import Found, Stored
from ..ports.storage import Storage, UnitOfWork
from ..use_case import StaffUseCase
from .sealing import VerifySeals

T = TypeVar("T")

SAMPLE: Final = 10
"""The most ids that a finding names."""

NEWEST_SEALS: Final = 25
"""The number of seals that are recomputed while somebody waits for the answer; `playtime audit run` does all."""


class Severity(StrEnum):
    """The severity of a broken rule.

    CRITICAL: the books are wrong. WARNING: somebody should look, but no coin is in a wrong place.
    """

    CRITICAL = "critical"
    WARNING = "warning"


@frozen(kw_only=True)
class Look:
    """The principal of an audit, and its input besides the rows. `newest_seals` is None for all seals."""

    storage: Storage
    principal: StaffPrincipal
    games: Sequence[Game]
    newest_seals: int | None

    def read(self, reading: Callable[[UnitOfWork], T]) -> T:
        """Read in a unit of its own."""
        return look(self.storage, self.principal, reading)

    @property
    def operators(self) -> list[tuple[UUID, str]]:
        """The operators that the principal sees as a whole: all, one, or for an agent none."""
        found = [(entry.operator_id, entry.slug) for entry in self.storage.directory.operators()]
        if self.principal.role is Role.OWNER:
            return found
        whole = self.principal.tenant_id == self.principal.operator_id
        return [entry for entry in found if whole and entry[0] == self.principal.operator_id]


Find = Callable[[Look], Found]


@frozen
class Check:
    """A rule of the books, and the function that finds rows that break it."""

    code: str
    severity: Severity
    holds: str
    find: Find


def stored(what: Stored, severity: Severity, holds: str) -> Check:
    """Return a rule that each storage checks with a query of its own."""
    return Check(what.value, severity, holds, lambda look: look.read(lambda unit: unit.audit.find(what, SAMPLE)))


def possible_returns(look: Look) -> Found:
    """Find the game versions with payouts that their odds do not allow."""
    versions = GameVersions(look.games, look.storage.game_files)
    odd = [
        play.game_key if versions.is_offered(play) else f"{play.game_key}:{play.game_version}"
        for play in look.read(lambda unit: unit.audit.play())
        if versions.has_drifted(play)
    ]
    query = "outcomes of the rounds, by game and version, within a bound at 0.001: domain/games/drift.py"
    return Found(len(odd), tuple(odd[:SAMPLE]), query)


def seals_hold(look: Look) -> Found:
    """Find the seals that are broken."""
    broken = []
    for operator_id, slug in look.operators:
        verify = partial(VerifySeals(look.storage).of, principal=look.principal, newest=look.newest_seals)
        books = verify(operator_id, slug)
        broken += [f"{slug}:{found.number}" for found in books.broken_seals]
    scope = "all seals" if look.newest_seals is None else f"the newest {look.newest_seals} seals"
    named = sorted(set(broken))
    return Found(
        len(named), tuple(named[:SAMPLE]), f"{scope} of each operator, recomputed from the events: docs/audit.md"
    )


_C, _W = Severity.CRITICAL, Severity.WARNING

CHECKS: Final = (
    stored(Stored.SUM_NOT_ZERO, _C, "The entries of an operator add up to 0."),
    stored(Stored.BALANCE_DIFFERS, _C, "A balance is the sum of its account's entries."),
    stored(Stored.BELOW_FLOOR, _C, "No account is below its floor."),
    stored(Stored.POOL_DIFFERS, _C, "Pools hold exactly the open vouchers and the pending bonuses."),
    stored(
        Stored.FOLD_DIFFERS,
        _C,
        "A rolled-up total and the later entries are the sum of all entries.",
    ),
    stored(Stored.BALANCE_CHAIN_BROKEN, _C, "The balances that entries state follow from each other."),
    stored(
        Stored.VOUCHER_DIFFERS,
        _C,
        "Issued vouchers are redeemed, voided, expired or open, each with its amounts, as the ledger says.",
    ),
    stored(Stored.BONUS_NOT_HALF, _C, "A voucher's bonus is half of its amount, rounded down."),
    stored(Stored.BONUS_OVERDUE, _C, "An open player with a pending bonus has more than 1.00 FUN."),
    stored(Stored.ROUND_WITHOUT_OUTCOME, _C, "Every bet has a round, and every round shows its outcome."),
    stored(Stored.ROUND_DIFFERS, _C, "A round's stake, win and bonus are what its events moved."),
    stored(Stored.WIN_WITHOUT_BET, _C, "Nobody wins without a bet."),
    stored(Stored.TWO_WINS, _C, "A round wins once."),
    stored(Stored.DUPLICATE_ACTION, _C, "An action is done once."),
    stored(
        Stored.SESSION_DIFFERS,
        _C,
        "Every session is stored, and its start, balances and totals are those of its events.",
    ),
    stored(Stored.PLAYER_SEQ_GAP, _C, "A player's events are numbered from 1 without a gap."),
    stored(Stored.LIMIT_PASSED, _C, "No bet could take a session past its loss limit, which its events have set."),
    stored(Stored.ROLLUP_DIFFERS, _C, "The buckets of the analytics are the sums of the ledger's events."),
    stored(Stored.EXTERNAL_WIN_WITHOUT_BET, _W, "An external win has a bet under its own action id."),
    stored(Stored.EXTERNAL_CONFLICT, _W, "An external event is reported in one way only."),
    Check("RTP_ALARM", _W, "A game's payouts are possible by its odds.", possible_returns),
    Check("SEAL_BROKEN", _C, "Sealed events have not changed.", seals_hold),
)
"""The rules of the books."""


@frozen
class Rule:
    """A rule as the audit lists it."""

    code: str
    severity: Severity
    holds: str


@frozen
class Finding:
    """A broken rule: the number of rows, the first of them, and the query that found them."""

    code: str
    severity: Severity
    holds: str
    count: int
    sample: tuple[str, ...]
    query: str


@frozen
class AuditReport:
    """The result of an audit. It is clean without errors; warnings may remain."""

    ran_at: datetime
    clean: bool
    checks: list[Rule]
    findings: list[Finding]

    @property
    def errors(self) -> list[Finding]:
        """The broken rules of severity CRITICAL."""
        return [finding for finding in self.findings if finding.severity is Severity.CRITICAL]

    @property
    def warnings(self) -> list[Finding]:
        """The broken rules of severity WARNING."""
        return [finding for finding in self.findings if finding.severity is Severity.WARNING]


@frozen
class RunAudit(StaffUseCase):
    """Checks every rule against the rows that the principal sees: an agent's, an operator's, or all."""

    games: Sequence[Game]

    def __call__(
        self,
        principal: StaffPrincipal,
        *,
        newest_seals: int | None = NEWEST_SEALS,
        checks: Sequence[Check] = CHECKS,
    ) -> AuditReport:
        """Run the checks, each in a unit of its own, and write the event into the trail. Raises Forbidden."""
        principal.require(Permission.READ_LEDGER)
        now = self.clock.now()
        look = Look(storage=self.storage, principal=principal, games=self.games, newest_seals=newest_seals)
        findings = []
        for check in checks:
            found = check.find(look)
            if found.count:
                findings.append(
                    Finding(check.code, check.severity, check.holds, found.count, found.sample, found.query)
                )
        rules = [Rule(check.code, check.severity, check.holds) for check in checks]
        clean = all(finding.severity is Severity.WARNING for finding in findings)
        report = AuditReport(now, clean, rules, findings)
        about = {"clean": clean, "findings": [finding.code for finding in findings]}
        action = StaffAction(name=ActionName.RUN_AUDIT, object_kind="books")
        return self.act(principal, action, lambda _: None, lambda _, __: Change(report, after=about))
