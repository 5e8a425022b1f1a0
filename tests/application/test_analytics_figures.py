"""Figures of a few events that anybody can add up: a wrong formula, order or share shows at once."""

from datetime import timedelta

from playtime.application.analytics.funnel import FunnelStage
from playtime.application.analytics.reader import AnalyticsRequest
from playtime.application.analytics.revenue import TOP_AGENTS
from playtime.application.ledger.external_events import ExternalEventType
from playtime.application.ledger.ingestion import ExternalEvent
from playtime.application.ports.storage import Storage
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.tenancy.staff import Role

from support.day import DOUBLE, LOSE, Day, build_day, sold
from support.games import make_game

ASKED = AnalyticsRequest(timezone="UTC")


def test_agents_are_ranked_and_the_rest_is_added_up(day: Day) -> None:
    agents = [day.open_agent(f"kiosk-{number}", day.north) for number in range(TOP_AGENTS + 2)]
    for number, agent in enumerate(agents, start=1):
        day.spin(day.welcome(10_000, agent), 10 * number, LOSE)
    data = day.engine.read_revenue(day.north.head, ASKED).data
    first = [(agent.tenant_id, 1, 10 * number) for number, agent in enumerate(agents, start=1)][::-1][:TOP_AGENTS]
    shown = [(share.agent_id, share.agents, share.play.handle_minor) for share in data.by_agent]
    assert shown == [*first, (None, 2, 10 + 20)]
    assert sum(share.play.handle_minor for share in data.by_agent) == data.total.handle_minor


def test_funnel_has_shares_of_all_and_drops_of_each_stage(day: Day) -> None:
    vouchers = [day.sell(1_000) for _ in range(4)]
    guests = [day.guest(day.redeem(voucher)) for voucher in vouchers[:3]]
    day.spin(guests[0], 10, LOSE, times=10)
    day.spin(guests[1], 10, LOSE)
    stages = {stage.stage: stage for stage in day.engine.read_funnel(day.north.head, ASKED).data.stages}
    assert [(stage.vouchers, stage.drop_off) for stage in stages.values()] == [
        (4, 0),
        (3, 1),
        (2, 1),
        (1, 1),
        (0, 1),
    ]
    assert [stage.share_of_issued for stage in stages.values()] == [
        *("1.000000", "0.750000", "0.500000", "0.250000", "0.000000")
    ]
    assert stages[FunnelStage.FIRST_BET].drop_off_rate == "0.333333"
    for stage in (FunnelStage.ISSUED, FunnelStage.REDEEMED):
        assert list(stages[stage].narrowed_by) == ["agentId", "cashierId"]
    assert "gameKey" in stages[FunnelStage.FIRST_BET].narrowed_by


def test_cashier_who_only_voids_has_the_voided_amount(day: Day) -> None:
    day.fund(day.agent, 10_000)
    other, gone = (
        sold(day.engine.issue_voucher(day.agent.cashier, day.agent.tenant_id, amount_minor=amount))
        for amount in (1_000, 200)
    )
    day.engine.void_voucher(day.agent.head, gone.voucher_id)
    rows = {row.cashier_id: row for row in day.engine.read_ops(day.north.head, ASKED).data.cashiers}
    seller, voider = rows[day.agent.cashier.staff_id], rows[day.agent.head.staff_id]
    assert (seller.issued, seller.issued_with_bonus_minor, seller.voided) == (2, 1_800, 0)
    assert (voider.issued, voider.voided, voider.voided_with_bonus_minor) == (0, 1, 300)
    assert other.bonus_minor == 500


def test_active_players_of_day_week_and_month(day: Day) -> None:
    for hours in (0, 20 * 24, 3 * 24, 12):
        day.clock.advance(hours=hours)
        day.spin(day.welcome(1_000), 100, LOSE)
    day.clock.advance(days=5)
    # The players bet 28.5, 8.5, 5.5 and 5 days ago, and one of them now, who wins.
    day.spin(day.welcome(1_000), 100, DOUBLE)
    current = day.engine.read_overview(day.north.head, ASKED).data.current
    assert (current.dau, current.wau, current.mau, current.active_players) == (1, 3, 5, 5)
    assert (current.mean_dau, current.stickiness) == ("0.166667", "0.033333")
    assert (current.last_day_stickiness, current.ngr_minor, current.arpu_minor) == ("0.200000", 300, "60.000000")
    assert (current.hold, current.rtp) == ("0.600000", "0.400000")


def test_week_ends_after_seven_days(day: Day) -> None:
    day.spin(day.welcome(1_000), 100, LOSE)
    day.clock.advance(days=7, hours=12)
    day.spin(day.welcome(1_000), 100, LOSE)
    current = day.engine.read_overview(day.north.head, ASKED).data.current
    assert (current.wau, current.mau) == (1, 2)


def test_young_cohorts_do_not_lower_the_retention(day: Day) -> None:
    guest = day.welcome(1_000)
    day.clock.advance(days=1)
    day.engine.acknowledge_reality_check(guest.principal)
    assert day.spin(guest, 100, LOSE).code is None
    day.clock.advance(days=1)
    day.welcome(1_000)
    day.clock.advance(hours=1)
    retention = day.engine.read_players(day.north.head, ASKED).data.retention
    assert (retention.d1.players, retention.d1.returned, retention.d1.rate) == (1, 1, "1.000000")
    assert (retention.d7.players, retention.d7.rate) == (0, None)


def test_part_that_returns_as_before_has_no_share_in_a_change(day: Day) -> None:
    one, other = day.welcome(10_000), day.welcome(10_000, day.sister)
    for ticket in (DOUBLE, LOSE):
        day.spin(one, 100, ticket)
    day.clock.advance(minutes=20)
    since = day.clock.now() - timedelta(minutes=10)
    for guest, ticket in ((one, DOUBLE), (one, LOSE), (other, LOSE)):
        day.spin(guest, 100, ticket)
    asked = AnalyticsRequest(since=since, until=since + timedelta(minutes=30), timezone="UTC")
    data = day.engine.read_attribution(day.north.head, asked, "rtp").data
    assert (data.previous_value, data.value, data.exact) == ("1.000000", "0.666667", "-1/3")
    assert [(part.key, part.exact) for part in data.agents] == [(str(day.sister.tenant_id), "-1/3")]


def test_external_games_have_rounds_and_shares_of_their_own(day: Day) -> None:
    provider = day.hire(day.agent.tenant_id, day.north.operator_id, "provider", Role.PROVIDER)
    sent = [("BET", "wheel", 300), ("SPIN", "wheel", 0), ("SPIN", "dice", 0), ("BET", "dice", 100)]
    events = [
        ExternalEvent(
            event_type=ExternalEventType(kind),
            action_id=str(number),
            game_key=game_key,
            provider="them",
            amount_minor=amount_minor,
        )
        for number, (kind, game_key, amount_minor) in enumerate(sent)
    ]
    day.engine.ingest_events(provider, events)
    day.spin(day.welcome(1_000), 100, LOSE)
    games = day.engine.read_games(day.north.head, ASKED).data.games
    assert {game.game_key: (game.spins, game.volume) for game in games} == {
        "wheel": (2, "0.750000"),
        "dice": (2, "0.250000"),
        DEMO_GAME.game_key: (1, "1.000000"),
    }


def test_expected_return_is_weighted_by_the_stakes(storage: Storage) -> None:
    half = make_game(["AB"], {"A": {1: 1}})
    day = build_day(storage, games=[DEMO_GAME, half])
    guest = day.welcome(1_000)
    day.spin(guest, 300, LOSE)
    day.engine.spin(guest.principal, stake_minor=100, game_key=half.game_key)
    current = day.engine.read_overview(day.north.head, ASKED).data.current
    assert (current.handle_minor, current.expected_rtp) == (400, "0.837500")


def test_player_of_the_first_moment_is_new_of_the_last_not(day: Day) -> None:
    created = day.record(day.welcome(1_000)).created_at
    for since, until, new in (
        (created, created + timedelta(hours=1), 1),
        (created - timedelta(hours=1), created, 0),
        (created + timedelta(microseconds=1), created + timedelta(hours=1), 0),
    ):
        asked = AnalyticsRequest(since=since, until=until, bucket="hour", timezone="UTC")
        assert day.engine.read_players(day.north.head, asked).data.new == new
