"""The audit on every storage: it finds nothing wrong, in the scope of each caller; also the returns of games."""

from fractions import Fraction

import pytest
from attrs import evolve

from playtime.application.access import SYSTEM
from playtime.application.errors import Forbidden
from playtime.application.ledger.audit import CHECKS, Check, Look, Severity
from playtime.application.ports.audit import Found, Stored
from playtime.application.ports.storage import Storage
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.par_sheet import sheet_of
from playtime.domain.games.rtp_alarm import GameTotals, is_possible

from support.audit_day import AuditedDay
from support.day import SUNRISE, Day
from support.games import finished


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
    assert day.engine.run_audit(SYSTEM).clean


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
    assert run(audited.day.agent.head, checks=[check]).clean


def test_a_game_that_pays_what_its_odds_do_not_allow_is_found(day: Day) -> None:
    guest = day.welcome(1_000)
    day.spin(guest, 10, SUNRISE)
    assert day.engine.run_audit(SYSTEM).clean, "one large prize is luck"
    for _ in range(19):
        day.spin(guest, 10, SUNRISE)
    (finding,) = day.engine.run_audit(SYSTEM).findings
    assert (finding.code, finding.count, finding.sample) == ("RTP_ALARM", 1, ("demo-wheel",))
    assert day.engine.run_audit(day.sister.head).clean


class TestVersions:
    """Today's game pays every prize as one stake: to its odds what the one before it paid fairly is impossible."""

    TODAY = finished(evolve(DEMO_GAME, pays={symbol: {1: 1} for symbol in DEMO_GAME.pays}))

    def _swap(self, day: Day) -> None:
        engine = day.engine
        day.engine = evolve(
            engine,
            spin=evolve(engine.spin, games=[self.TODAY]),
            run_audit=evolve(engine.run_audit, games=[self.TODAY]),
        )

    def _play(self, day: Day) -> None:
        guest = day.welcome(1_000_000)
        for number in range(60):
            day.spin(guest, 100, SUNRISE - 167 * number)

    def test_each_is_judged_by_its_own_odds(self, day: Day) -> None:
        self._play(day)
        self._swap(day)
        assert day.engine.run_audit(SYSTEM).clean
        self._play(day)
        assert day.engine.run_audit(SYSTEM).clean
        old, new = sorted(_played(day), key=lambda play: play.game_version != DEMO_GAME.version)
        assert (old.game_version, new.game_version) == (DEMO_GAME.version, self.TODAY.version)
        assert not is_possible(self.TODAY, old)

    def test_one_that_paid_too_much_is_found_when_it_is_gone(self, day: Day) -> None:
        guest = day.welcome(1_000)
        for _ in range(20):
            day.spin(guest, 10, SUNRISE)
        self._swap(day)
        self._play(day)
        (finding,) = day.engine.run_audit(SYSTEM).findings
        assert (finding.code, finding.sample) == ("RTP_ALARM", (f"demo-wheel:{DEMO_GAME.version}",))


def _played(day: Day) -> list[GameTotals]:
    with day.storage.begin_owner_read() as unit:
        return list(unit.audit.play())


class TestTheReturn:
    def test_the_variance_is_exact(self) -> None:
        (reel,) = DEMO_GAME.reels
        pays = [DEMO_GAME.pays.get(symbol, {}).get(1, 0) for symbol in reel.strip]
        squares = sum(weight * pay**2 for weight, pay in zip(reel.weights, pays, strict=True))
        assert sheet_of(DEMO_GAME).spread.variance == Fraction(squares, 10_000) - Fraction(19, 20) ** 2

    @pytest.mark.parametrize(
        ("rounds", "won_minor", "possible"),
        [
            (1, 0, True),
            (1, 100, True),
            (100, 0, True),
            (1_000, 950, True),
            (1_000_000, 950_000, True),
            (1_000_000, 964_000, True),
            (1_000_000, 967_000, False),
            (1_000_000, 934_000, False),
            (1_000_000, 0, False),
            (1_000, 0, False),
        ],
    )
    def test_what_is_possible(self, rounds: int, won_minor: int, *, possible: bool) -> None:
        """A million rounds of one minor unit: standard deviation 3,000, of which 5.5 are not believed."""
        play = GameTotals(
            game_key="demo-wheel",
            rounds=rounds,
            staked_minor=rounds,
            won_minor=won_minor,
            staked_squares=rounds,
            largest_stake_minor=1,
        )
        assert is_possible(DEMO_GAME, play) is possible

    def test_of_other_stakes_is_the_same(self) -> None:
        play = GameTotals("demo-wheel", 10**6, 10**6, 967_000, 10**6, 1)
        larger = evolve(
            play, staked_minor=10**9, won_minor=967_000_000, staked_squares=10**12, largest_stake_minor=1_000
        )
        assert is_possible(DEMO_GAME, play) is is_possible(DEMO_GAME, larger) is False
