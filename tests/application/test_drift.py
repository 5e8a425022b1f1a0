"""The alarm about a game's return, on every storage: silent for a fair wheel, raised if it pays too much."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from playtime.application.analytics.games import GameFigures, NotJudged
from playtime.application.analytics.reader import AnalyticsRequest
from playtime.application.ledger.external_events import ExternalEventType
from playtime.application.ledger.ingestion import ExternalEvent
from playtime.application.ports.analytics import AnalyticsFilter
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.drift import has_drifted
from playtime.domain.tenancy.staff import Role

from support.day import FIVEFOLD, SUNRISE, Day
from support.games import EVEN_PRIZES, RICH

ROUNDS = 80
EMBER = 5895


def played(day: Day, lowest_ticket: int, *, stakes: tuple[int, ...] = (100,)) -> GameFigures:
    """Play rounds with tickets from `lowest_ticket` upwards, and return the game's figures."""
    random, guest = Random(lowest_ticket), day.welcome(10_000_000)
    for number in range(ROUNDS):
        day.spin(guest, stakes[number % len(stakes)], random.randrange(lowest_ticket, 10_000))
    (game,) = day.engine.read_games(day.north.head, AnalyticsRequest()).data.games
    return game


def test_a_fair_wheel_has_not_drifted(day: Day) -> None:
    game = played(day, 0, stakes=(DEMO_GAME.max_stake_minor, 100))
    assert (game.game_key, game.spins, game.drifted) == (DEMO_GAME.game_key, ROUNDS, False)


def test_one_large_prize_is_luck(day: Day) -> None:
    guest = day.welcome(1_000_000)
    day.spin(guest, DEMO_GAME.max_stake_minor, 9_999)
    (game,) = day.engine.read_games(day.north.head, AnalyticsRequest()).data.games
    assert (game.rtp, game.drifted) == ("100.000000", False)


def test_a_wheel_that_stops_at_its_prizes_alone_has(day: Day) -> None:
    """Five stakes and more a round, eight on average: at equal stakes it is found within 80 rounds."""
    game = played(day, FIVEFOLD)
    assert (game.spins, game.drifted) == (ROUNDS, True)
    assert day.engine.run_audit(day.north.head).findings[0].code == "RTP_ALARM"


def test_one_stake_at_the_maximum_hides_no_drift(day: Day) -> None:
    """The stake is 250 times all others together, and the wheel pays it back."""
    guest = day.welcome(10_000_000)
    day.spin(guest, DEMO_GAME.max_stake_minor, EMBER)
    random = Random(3)
    for _ in range(ROUNDS):
        day.spin(guest, 5, random.randrange(FIVEFOLD, 10_000))
    (game,) = day.engine.read_games(day.north.head, AnalyticsRequest()).data.games
    assert (game.drifted, game.not_judged) == (True, None)


def test_rounds_before_the_period_count(day: Day) -> None:
    played(day, FIVEFOLD)
    day.clock.advance(days=3)
    day.spin(day.welcome(1_000), 100, 0)
    request = AnalyticsRequest(since=day.clock.now() - timedelta(days=1))
    (game,) = day.engine.read_games(day.north.head, request).data.games
    assert (game.spins, game.drifted) == (1, True)


def test_outcomes_are_counted_by_agent_but_not_by_cashier(day: Day) -> None:
    played(day, FIVEFOLD)

    def verdict(**only: Any) -> tuple[bool | None, NotJudged | None]:
        request = AnalyticsRequest(only=AnalyticsFilter(**only))
        (game,) = day.engine.read_games(day.north.head, request).data.games
        return game.drifted, game.not_judged

    assert verdict(agent_id=day.agent.tenant_id) == (True, None)
    assert verdict(cashier_id=day.agent.cashier.staff_id) == (None, NotJudged.FILTERED)


@pytest.mark.parametrize("rolled_up", [False, True], ids=["not rolled up", "rolled up"])
class TestVersions:
    """Each version of a game is judged by its own odds, also when another is offered."""

    def _figures(self, day: Day, *, rolled_up: bool) -> GameFigures:
        if rolled_up:
            day.engine.sweep()
        (game,) = day.engine.read_games(day.north.head, AnalyticsRequest()).data.games
        return game

    def _pays_too_much(self, day: Day) -> None:
        guest = day.welcome(1_000)
        for _ in range(20):
            day.spin(guest, 10, SUNRISE)

    def test_of_other_odds_are_no_alarm(self, day: Day, *, rolled_up: bool) -> None:
        guest = day.welcome(1_000_000)
        for games in ((DEMO_GAME,), (EVEN_PRIZES,), (DEMO_GAME,)):
            day.restart(*games)
            for number in range(60):
                day.spin(guest, 100, SUNRISE - 167 * number)
            assert self._figures(day, rolled_up=rolled_up).drifted is False
        with day.storage.begin_owner_read() as unit:
            played = {one.game_version: one.rounds for one in unit.audit.play()}
        assert has_drifted(EVEN_PRIZES, played[DEMO_GAME.version]), "by the odds of the other it would be one"

    def test_of_other_odds_hide_no_drift(self, day: Day, *, rolled_up: bool) -> None:
        self._pays_too_much(day)
        with day.storage.begin_owner_read() as unit:
            (played,) = unit.audit.play()
        assert not has_drifted(RICH, played.rounds), "by the odds of the other there is none"
        day.restart(RICH)
        day.spin(day.welcome(1_000), 10, SUNRISE)
        game = self._figures(day, rolled_up=rolled_up)
        assert (game.spins, game.drifted, game.not_judged) == (21, True, None)
        assert [found.sample for found in day.engine.run_audit(day.north.head).findings] == [
            (f"demo-wheel:{DEMO_GAME.version}",)
        ]

    def test_that_are_not_offered_any_more_are_judged(self, day: Day, *, rolled_up: bool) -> None:
        self._pays_too_much(day)
        day.restart()
        assert self._figures(day, rolled_up=rolled_up).drifted is True


@pytest.mark.parametrize(
    ("config", "amounts", "verdict"),
    [
        (None, {"BET": 100, "WIN": 10_000}, (None, NotJudged.NO_ODDS)),
        ({}, {"BET": 100, "WIN": 10_000}, (None, NotJudged.NO_VOLATILITY)),
        ({"volatility": "3"}, {"SPIN": 0}, (None, NotJudged.NO_STAKES)),
        ({"volatility": "3"}, {"BET": 100, "WIN": 10_000}, (False, None)),
        ({"volatility": "0.001"}, {"BET": 100, "WIN": 10_000_000}, (True, None)),
    ],
)
def test_external_game_is_judged_by_its_config(
    day: Day, config: dict[str, str] | None, amounts: dict[str, int], verdict: tuple[bool | None, NotJudged | None]
) -> None:
    desk = day.north
    if config is not None:
        day.engine.configure_game(desk.head, "theirs", provider="them", expected_rtp="0.95", **config)
    provider = day.hire(day.agent.tenant_id, desk.operator_id, "provider", Role.PROVIDER)
    reported = [
        ExternalEvent(
            event_type=ExternalEventType(kind),
            action_id="one",
            game_key="theirs",
            provider="them",
            amount_minor=amount,
        )
        for kind, amount in amounts.items()
    ]
    day.engine.ingest_events(provider, reported)
    (game,) = day.engine.read_games(desk.head, AnalyticsRequest()).data.games
    assert (game.drifted, game.not_judged) == verdict


def test_external_events_before_the_period_count(day: Day) -> None:
    config: dict[str, Any] = {"provider": "them", "expected_rtp": "0.95", "volatility": "0.001"}
    day.engine.configure_game(day.north.head, "theirs", **config)
    provider = day.hire(day.agent.tenant_id, day.north.operator_id, "provider", Role.PROVIDER)

    def report(action_id: str, **amounts: int) -> None:
        about: dict[str, Any] = {"action_id": action_id, "game_key": "theirs", "provider": "them"}
        events = [
            ExternalEvent(event_type=ExternalEventType(kind), amount_minor=amount, **about)
            for kind, amount in amounts.items()
        ]
        day.engine.ingest_events(provider, events)

    report("one", BET=100, WIN=10_000_000)
    day.clock.advance(days=3)
    report("two", BET=100, WIN=95)
    request = AnalyticsRequest(since=day.clock.now() - timedelta(days=1))
    (game,) = day.engine.read_games(day.north.head, request).data.games
    assert (game.spins, game.payout_minor, game.drifted) == (1, 95, True)
