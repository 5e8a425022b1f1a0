"""The audit on every storage: it finds nothing wrong, in the scope of each caller; also the returns of games."""

import re
from fractions import Fraction

import pytest

from playtime.application.access import SYSTEM
from playtime.application.errors import Forbidden
from playtime.application.ledger.audit import CHECKS, Check, Look, Severity
from playtime.application.ports.audit import Found, Stored
from playtime.application.ports.storage import Storage
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.drift import GameOutcomes, has_drifted
from playtime.domain.games.par_sheet import sheet_of

from support.audit_day import AuditedDay
from support.day import SUNRISE, Day
from support.games import EVEN_PRIZES
from support.tree import ROOT


@pytest.fixture
def audited(storage: Storage) -> AuditedDay:
    return AuditedDay.played(storage)


def test_day_with_every_operation_is_clean_for_every_caller(audited: AuditedDay) -> None:
    day = audited.day
    for _ in range(2):
        for principal in (
            SYSTEM,
            day.north.head,
            day.agent.head,
            day.sister.analyst,
            day.south.head,
            day.stranger.head,
        ):
            report = audited.audit(principal)
            assert (report.clean, report.findings) == (True, [])
        day.engine.sweep()


def test_empty_books_are_clean(day: Day) -> None:
    assert day.engine.run_audit(SYSTEM).findings == []


def test_every_rule_is_looked_at_and_says_what_it_holds(audited: AuditedDay) -> None:
    rules = audited.audit().checks
    assert [rule.code for rule in rules] == [check.code for check in CHECKS]
    assert len({rule.code for rule in rules}) == len(rules)
    assert {code.value for code in Stored} < {rule.code for rule in rules}
    assert all(rule.holds.endswith(".") for rule in rules)


def test_a_cashier_may_not_look(day: Day) -> None:
    with pytest.raises(Forbidden):
        day.engine.run_audit(day.agent.cashier)


def _planted(audited: AuditedDay) -> None:
    """Give the player of north's agent a coin that nobody paid."""
    with audited.day.storage.begin(audited.day.agent.head.binding) as unit:
        locked = unit.players.lock(audited.guest.player_id)
        assert locked is not None
        unit.save(locked.player.credit(1))
        unit.commit()


def test_who_sees_a_finding(audited: AuditedDay) -> None:
    """An agent itself, an operator its agents, the owner all."""
    _planted(audited)
    day, found = audited.day, {"BALANCE_DIFFERS": (f"PLAYER:{audited.guest.player_id}",)}
    for principal in (SYSTEM, day.north.head, day.north.analyst, day.agent.head):
        assert audited.broken(principal) == found
    for principal in (day.sister.head, day.south.head, day.stranger.head):
        assert audited.broken(principal) == {}


def test_a_finding_says_what_it_is(audited: AuditedDay) -> None:
    _planted(audited)
    (finding,) = audited.audit().findings
    assert (finding.severity, finding.count, finding.sample) == (
        Severity.CRITICAL,
        1,
        (f"PLAYER:{audited.guest.player_id}",),
    )
    assert finding.holds == "A balance is the sum of its account's entries."
    assert finding.query


def test_a_rule_of_somebody_else_is_a_function_and_a_row(audited: AuditedDay) -> None:
    def never(look: Look) -> Found:
        tenants = [slug for _, slug in look.operators]
        return Found(len(tenants), tuple(tenants), "the directory")

    check = Check("NEVER", Severity.WARNING, "Nobody is there.", never)
    run = audited.day.engine.run_audit
    assert [f.sample for f in run(SYSTEM, checks=[*CHECKS, check]).findings] == [("platform", "north", "south")]
    assert [f.sample for f in run(audited.day.north.head, checks=[check]).findings] == [("north",)]
    assert run(audited.day.agent.head, checks=[check]).findings == []


def test_books_with_warnings_only_are_clean(audited: AuditedDay) -> None:
    def once(look: Look) -> Found:
        return Found(1, ("id",), "a query")

    warning = Check("ODD", Severity.WARNING, "Nothing is odd.", once)
    error = Check("WRONG", Severity.CRITICAL, "Nothing is wrong.", once)
    run = audited.day.engine.run_audit
    for checks, clean, counts in (
        ([], True, (0, 0)),
        ([warning, warning], True, (0, 2)),
        ([warning, error], False, (1, 1)),
        ([error], False, (1, 0)),
    ):
        report = run(SYSTEM, checks=checks)
        assert (report.clean, (len(report.errors), len(report.warnings))) == (clean, counts)
        assert len(report.findings) == len(checks)


def test_severities_of_the_rules_are_those_of_the_docs() -> None:
    warnings = {check.code for check in CHECKS if check.severity is Severity.WARNING}
    text = (ROOT / "docs" / "audit.md").read_text()
    documented = re.findall(r"^\| `([A-Z_]+)` \|", text.partition("### Errors and warnings")[2], re.MULTILINE)
    assert sorted(documented) == sorted(warnings)


def test_a_game_that_pays_what_its_odds_do_not_allow_is_found(day: Day) -> None:
    guest = day.welcome(1_000)
    day.spin(guest, 10, SUNRISE)
    assert day.engine.run_audit(SYSTEM).findings == [], "one large prize is luck"
    for _ in range(19):
        day.spin(guest, 10, SUNRISE)
    (finding,) = day.engine.run_audit(SYSTEM).findings
    assert (finding.code, finding.count, finding.sample) == ("RTP_ALARM", 1, ("demo-wheel",))
    assert day.engine.run_audit(day.sister.head).findings == []


class TestVersions:
    """The odds of today's game do not allow what the one before it paid fairly."""

    def _play(self, day: Day) -> None:
        guest = day.welcome(1_000_000)
        for number in range(60):
            day.spin(guest, 100, SUNRISE - 167 * number)

    def test_each_is_judged_by_its_own_odds(self, day: Day) -> None:
        self._play(day)
        day.restart(EVEN_PRIZES)
        assert day.engine.run_audit(SYSTEM).findings == []
        self._play(day)
        assert day.engine.run_audit(SYSTEM).findings == []
        old, new = sorted(_played(day), key=lambda play: play.game_version != DEMO_GAME.version)
        assert (old.game_version, new.game_version) == (DEMO_GAME.version, EVEN_PRIZES.version)
        assert has_drifted(EVEN_PRIZES, old.rounds)

    def test_one_that_paid_too_much_is_found_when_it_is_gone(self, day: Day) -> None:
        guest = day.welcome(1_000)
        for _ in range(20):
            day.spin(guest, 10, SUNRISE)
        day.restart(EVEN_PRIZES)
        self._play(day)
        (finding,) = day.engine.run_audit(SYSTEM).findings
        assert (finding.code, finding.sample) == ("RTP_ALARM", (f"demo-wheel:{DEMO_GAME.version}",))


def _played(day: Day) -> list[GameOutcomes]:
    with day.storage.begin_owner_read() as unit:
        return list(unit.audit.play())


class TestTheReturn:
    def test_the_variance_is_exact(self) -> None:
        (reel,) = DEMO_GAME.reels
        pays = [DEMO_GAME.pays.get(symbol, {}).get(1, 0) for symbol in reel.strip]
        squares = sum(weight * pay**2 for weight, pay in zip(reel.weights, pays, strict=True))
        assert sheet_of(DEMO_GAME).spread.variance == Fraction(squares, 10_000) - Fraction(19, 20) ** 2
