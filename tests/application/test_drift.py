"""The alarm about a game's return, on every storage: silent for a fair wheel, raised if it pays too much."""

from random import Random

from playtime.application.analytics.games import GameFigures
from playtime.application.analytics.reader import AnalyticsRequest
from playtime.application.ledger.external_events import ExternalEventType
from playtime.application.ledger.ingestion import ExternalEvent
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.tenancy.staff import Role

from support.day import FIVEFOLD, Day

ROUNDS = 80


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


def test_external_game_needs_many_rounds_before_a_verdict(day: Day) -> None:
    desk = day.north
    day.engine.configure_game(desk.head, "theirs", provider="them", expected_rtp="0.95", volatility="3")
    provider = day.hire(day.agent.tenant_id, desk.operator_id, "provider", Role.PROVIDER)
    reported = [
        ExternalEvent(event_type=kind, action_id="one", game_key="theirs", provider="them", amount_minor=amount)
        for kind, amount in ((ExternalEventType.BET, 100), (ExternalEventType.WIN, 10_000))
    ]
    day.engine.ingest_events(provider, reported)
    (game,) = day.engine.read_games(desk.head, AnalyticsRequest()).data.games
    assert (game.payout_minor, game.volatility, game.drifted) == (10_000, "3.000000", None)
