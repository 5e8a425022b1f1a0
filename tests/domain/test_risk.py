"""The risk scorer: the two examples of the rules, the edges of each marker, and properties of any policy."""

from datetime import timedelta
from fractions import Fraction
from random import Random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.safety.losing_runs import chance_of_run, fair_run
from playtime.domain.safety.markers import MARKERS, STREAK_SPINS, PlayedSpin
from playtime.domain.safety.policy import RiskPolicy
from playtime.domain.safety.risk import Band, Risk

from support.models import NOW, moments
from support.risk import CHANCES, ODDS, WHEEL, paced, scored, spin, staked

INSTANT = timedelta(microseconds=1)
FIVE_MINUTES = timedelta(minutes=5)


def test_first_example_of_the_rules_is_a_nudge() -> None:
    risk = scored(staked(100, 200, 300, 400))
    assert (risk.score, risk.band, risk.reasons) == (35, Band.ELEVATED, ("BET_ACCEL",))
    assert risk.evidence == {
        "BET_ACCEL": {"raises": 3, "spins": 4, "first_stake_minor": 100, "last_stake_minor": 400}
    }


def test_second_example_of_the_rules_is_tilt_risk() -> None:
    risk = scored(paced([spin()] * 16, gap_ms=900))
    assert (risk.score, risk.band, risk.reasons) == (60, Band.TILT_RISK, ("LOSS_STREAK", "SPIN_RATE"))
    assert risk.evidence == {
        "LOSS_STREAK": {"lost_in_a_row": 16, "fair_run": 16},
        "SPIN_RATE": {"median_gap_ms": 900, "spins": 16},
    }


def test_no_spin_scores_nothing() -> None:
    assert scored([]) == Risk(0, Band.CALM, (), {})
    assert scored([spin()]).score == 0


@pytest.mark.parametrize(
    ("stakes", "fires"),
    [
        ((100, 200, 300), False),
        ((100, 200, 300, 400, 100, 100), True),
        ((100, 200, 200, 300, 300, 400), True),
        # A lower stake begins a new climb, and raises to earlier stakes are not new highs.
        ((100, 200, 100, 200, 300), False),
        ((100, 300, 200, 400, 300, 500), False),
        ((500, 100, 200, 300, 400, 500), False),
        ((200, 100, 200, 300, 400, 500), True),
    ],
)
def test_climb_is_three_raises_to_new_highs(stakes: tuple[int, ...], *, fires: bool) -> None:
    assert ("BET_ACCEL" in scored(staked(*stakes)).reasons) is fires


@pytest.mark.parametrize(("between", "fires"), [(101, False), (102, True)])
def test_new_high_is_compared_with_the_100_spins_before(between: int, *, fires: bool) -> None:
    """The raise to 200 comes 100 or 101 spins after the stake of 400."""
    stakes = (400, *[100] * (between - 2), 200, 300, 400)
    assert ("BET_ACCEL" in scored(staked(*stakes)).reasons) is fires


class TestChase:
    """A raise after each lost spin and none after another: seven raises are needed."""

    @staticmethod
    def _reasons(*steps: tuple[int, int]) -> tuple[str, ...]:
        """Score stakes and wins, after a stake of 900 that no raise exceeds."""
        return scored(paced([spin(900, 900), *[spin(stake, win) for stake, win in steps]])).reasons

    def test_is_found_below_earlier_stakes(self) -> None:
        climbs = ((100, 0), (200, 0), (400, 400), (100, 0), (200, 0), (400, 0), (800, 800))
        chased = (*climbs, (100, 0), (200, 0), (400, 400))
        assert self._reasons(*chased) == ("BET_ACCEL",)
        assert self._reasons(*chased[:-1]) == ()

    def test_a_loss_without_a_raise_is_none(self) -> None:
        assert self._reasons(*((100 + at, 0) for at in range(3)), *((100, 0), (100, 0)) * 3) == ()

    def test_a_raise_after_a_win_is_none(self) -> None:
        raised = ((100, 0), (200, 200), (300, 0), (400, 0), (500, 0), (600, 0), (700, 700))
        assert self._reasons(*raised) == ()


def test_raise_in_the_21st_newest_spin_is_not_counted() -> None:
    raised = [100, 200, 300, 400]
    assert scored(staked(*raised, *[400] * 16)).reasons == ("BET_ACCEL",)
    assert scored(staked(*raised, *[400] * 17)).reasons == ()


def test_spin_rate_needs_six_spins() -> None:
    assert scored(paced([spin(win_minor=100)] * 5, gap_ms=100)).reasons == ()
    assert scored(paced([spin(win_minor=100)] * 6, gap_ms=100)).reasons == ("SPIN_RATE",)


@pytest.mark.parametrize(("gap_ms", "fires"), [(1_199, True), (1_200, False), (1_201, False), (0, True)])
def test_spin_rate_needs_a_median_gap_below_1200_ms(gap_ms: int, *, fires: bool) -> None:
    assert ("SPIN_RATE" in scored(paced([spin(win_minor=100)] * 20, gap_ms=gap_ms)).reasons) is fires


def test_median_of_an_even_number_of_gaps_is_their_middle() -> None:
    gaps_ms = (1_000, 1_399, 1_000, 1_399, 1_000, 1_399)
    ends = [sum(gaps_ms[:at]) for at in range(7)]
    spins = [spin(win_minor=100, played_at=NOW + timedelta(milliseconds=end)) for end in ends]
    found = scored(spins, now=spins[-1].played_at)
    assert found.evidence["SPIN_RATE"]["median_gap_ms"] == 1_199
    slower = [evolve(one, played_at=NOW + (one.played_at - NOW) * 1_200 / 1_199) for one in spins]
    assert scored(slower, now=slower[-1].played_at).reasons == ()


def test_spin_rate_uses_the_newest_twenty_spins_only() -> None:
    slow = paced([spin(win_minor=100)] * 30, gap_ms=5_000, until=NOW - timedelta(minutes=1))
    fast = paced([spin(win_minor=100)] * 20, gap_ms=500)
    assert scored([*slow, *fast]).reasons == ("SPIN_RATE",)
    assert scored([*slow, *fast[10:]]).reasons == ()


def test_equal_timestamps_are_gaps_of_0() -> None:
    assert scored([spin(win_minor=100)] * 6).evidence == {"SPIN_RATE": {"median_gap_ms": 0, "spins": 6}}


def test_clock_that_steps_back_keeps_order_and_makes_no_gap() -> None:
    steps = [0, 3, 6, -50, -47, -44, -41]
    spins = [spin(100 * at, 100 * at, played_at=NOW + timedelta(seconds=s)) for at, s in enumerate(steps, 1)]
    risk = scored(spins)
    assert risk.reasons == ("BET_ACCEL",)
    assert risk.evidence["BET_ACCEL"]["raises"] == 6
    quick = [evolve(one, played_at=NOW - timedelta(seconds=at)) for at, one in enumerate(spins)]
    assert scored(quick).evidence["SPIN_RATE"]["median_gap_ms"] == 0


@pytest.mark.parametrize(("lost", "fires"), [(15, False), (16, True), (17, True)])
def test_loss_streak_fires_at_k_star(lost: int, *, fires: bool) -> None:
    spins = paced([spin(1, 1), *[spin(1)] * lost])
    assert scored(spins).reasons == (("LOSS_STREAK",) if fires else ())


def test_win_of_the_stake_ends_a_loss_streak() -> None:
    assert scored(paced([spin(2)] * 8 + [spin(2, 1)] * 8)).reasons == ("LOSS_STREAK",)
    assert scored(paced([spin(2)] * 15 + [spin(2, 2)] + [spin(2)] * 15)).reasons == ()
    assert scored(paced([spin(2)] * 20 + [spin(2, 2)])).reasons == ()


@pytest.mark.parametrize(
    ("games", "found"),
    [
        # 16 at the wheel are enough, regardless of losses in a rarer game before.
        (["rare"] * 4 + [WHEEL] * 16, {"lost_in_a_row": 16, "fair_run": 16}),
        # Over both games the rarer one's 45 are needed.
        ([WHEEL] * 15 + ["rare"] * 29, None),
        ([WHEEL] * 16 + ["rare"] * 29, {"lost_in_a_row": 45, "fair_run": 45}),
        (["slot"] * 14 + [WHEEL] * 15, {"lost_in_a_row": 29, "fair_run": 29}),
        (["slot"] * 13 + [WHEEL] * 15, None),
        # A game that is no longer offered counts as one that never wins.
        (["gone"] * 100, None),
        (["gone"] * 101, {"lost_in_a_row": 101, "fair_run": 101}),
    ],
)
def test_loss_streak_over_games_needs_the_largest_k_star(games: list[str], found: dict[str, int] | None) -> None:
    risk = scored(paced([spin(1, game_key=game) for game in games]))
    assert risk.evidence.get("LOSS_STREAK") == found
    assert len(games) <= STREAK_SPINS


@pytest.mark.parametrize(("spins", "needed"), [(100, 16), (101, 19), (200, 19), (201, 20), (400, 20), (9_999, 21)])
def test_k_star_grows_with_the_session(spins: int, needed: int) -> None:
    """The session counts, also the spins that were not read."""
    lost = paced([spin(1)] * needed)
    assert scored(lost, session_spins=spins).evidence["LOSS_STREAK"]["fair_run"] == needed
    assert scored(lost[1:], session_spins=spins).reasons == ()


@given(st.lists(st.sampled_from(sorted(ODDS)), min_size=100, max_size=100))
def test_fair_mixed_play_reaches_k_star_in_at_most_1_percent(games: list[str]) -> None:
    """Computed exactly, spin by spin: the probability of a run of the largest k* of the games."""
    needed = max(fair_run(CHANCES[game], at_most=Fraction(1, 100)) for game in games)
    chances = {0: Fraction(1)}
    for game in games:
        end_chance = CHANCES[game]
        after = {0: sum((chance for run, chance in chances.items() if run < needed), Fraction(0)) * end_chance}
        for run, chance in chances.items():
            stays = run == needed
            after[run if stays else run + 1] = after.get(run if stays else run + 1, Fraction(0)) + (
                chance if stays else chance * (1 - end_chance)
            )
        chances = after
    assert chances.get(needed, Fraction(0)) <= Fraction(1, 100)
    if len(set(games)) == 1:
        assert chances[needed] == chance_of_run(needed, 100, CHANCES[games[0]])


@pytest.mark.parametrize(
    ("lost_minor", "start_minor", "fires"),
    [
        (4_999, 0, False),
        (5_000, 0, True),
        (5_000, 16_666, True),
        (5_000, 16_667, False),
        (5_001, 16_667, True),
        (29_999, 100_000, False),
        (30_000, 100_000, True),
    ],
)
def test_loss_cluster_needs_5000_and_30_percent_of_the_start(
    lost_minor: int, start_minor: int, *, fires: bool
) -> None:
    risk = scored([spin(lost_minor + 7, 7)], start_balance_minor=start_minor)
    assert risk.reasons == (("LOSS_CLUSTER",) if fires else ())


@pytest.mark.parametrize(("age", "fires"), [(FIVE_MINUTES, True), (FIVE_MINUTES + INSTANT, False)])
def test_spin_of_exactly_five_minutes_is_recent(age: timedelta, *, fires: bool) -> None:
    old = spin(6_000, played_at=NOW - age)
    assert scored([old], start_balance_minor=0).reasons == (("LOSS_CLUSTER",) if fires else ())
    hops = [spin(1, 1, game_key="a", played_at=NOW - age), *[spin(1, 1, game_key=key) for key in "bc"]]
    assert scored(hops).reasons == (("GAME_HOP",) if fires else ())


def test_recent_spins_end_at_the_given_time() -> None:
    spins = [spin(6_000)]
    assert scored(spins, start_balance_minor=0, now=NOW + FIVE_MINUTES).reasons == ("LOSS_CLUSTER",)
    assert scored(spins, start_balance_minor=0, now=NOW + FIVE_MINUTES + INSTANT).reasons == ()
    assert scored(spins, start_balance_minor=0, now=NOW - INSTANT).reasons == ("LOSS_CLUSTER",)


def test_wins_reduce_the_loss_of_a_cluster() -> None:
    assert scored([spin(6_000), spin(100, 1_101)], start_balance_minor=0).reasons == ()


def test_game_hop_needs_three_games() -> None:
    assert scored(paced([spin(1, 1, game_key=key) for key in "abab"])).reasons == ()
    assert scored(paced([spin(1, 1, game_key=key) for key in "abac"])).evidence == {
        "GAME_HOP": {"games": 3, "spins": 4}
    }


def test_score_is_at_most_100() -> None:
    stakes = [1_000 * at for at in range(1, 51)]
    keys = ["rare", "slot", WHEEL]
    risk = scored(
        paced([spin(stake, game_key=keys[at % 3]) for at, stake in enumerate(stakes)], gap_ms=500),
        start_balance_minor=0,
    )
    assert (risk.score, risk.band, risk.reasons) == (100, Band.STOP, tuple(sorted(MARKERS)))


@pytest.mark.parametrize(
    ("points", "band"),
    [
        (0, Band.CALM),
        (24, Band.CALM),
        (25, Band.ELEVATED),
        (49, Band.ELEVATED),
        (50, Band.TILT_RISK),
        (74, Band.TILT_RISK),
        (75, Band.STOP),
        (100, Band.STOP),
    ],
)
def test_band_of_each_score(points: int, band: Band) -> None:
    policy = RiskPolicy.of({"markers": {"BET_ACCEL": {"points": points}}})
    assert scored(staked(1, 2, 3, 4), policy=policy).band is band


def test_marker_can_be_off_or_have_no_points() -> None:
    spins = paced([spin()] * 16, gap_ms=900)
    for change in ({"on": False}, {"points": 0}):
        risk = scored(spins, policy=RiskPolicy.of({"markers": {"SPIN_RATE": change}}))
        assert (risk.score, risk.reasons) == (30, ("LOSS_STREAK",))


def test_policy_sets_the_thresholds() -> None:
    policy = RiskPolicy.of(
        {
            "markers": {
                "BET_ACCEL": {"raises": 1},
                "SPIN_RATE": {"spins": 2, "gapMs": 5_000},
                "LOSS_STREAK": {"chancePercent": 50},
                "LOSS_CLUSTER": {"floorMinor": 1, "sharePercent": 0},
                "GAME_HOP": {"games": 2},
            }
        }
    )
    spins = paced([spin(1), *[spin(2)] * 8, spin(2, game_key="slot"), *[spin(2)] * 10])
    assert scored(spins, policy=policy).reasons == tuple(sorted(MARKERS))
    assert scored(spins).reasons == ()


plays = st.lists(
    st.builds(
        spin,
        st.integers(1, 10_000),
        st.integers(0, 10_000),
        game_key=st.sampled_from([*ODDS, "gone"]),
        played_at=moments,
    ),
    max_size=40,
)


@given(plays, moments, st.integers(0, 10**6))
def test_score_is_the_sum_of_points_and_deterministic(
    spins: list[PlayedSpin], now: object, start_minor: int
) -> None:
    risk = scored(spins, start_balance_minor=start_minor, now=now)  # type: ignore[arg-type] # Hypothesis' list
    assert risk.score == min(100, sum(MARKERS[reason].points for reason in risk.reasons))
    assert tuple(risk.evidence) == risk.reasons == tuple(sorted(risk.reasons))
    assert risk == scored(tuple(spins), start_balance_minor=start_minor, now=now)  # type: ignore[arg-type] # Hypothesis' list


def test_loss_chaser_is_at_tilt_risk_within_40_spins() -> None:
    """300 players who double after each loss and spin faster than once a second; a win resets the stake."""
    for seed in range(300):
        random, stake, spins = Random(seed), 10, list[PlayedSpin]()
        for at in range(40):
            win = stake * random.choices((0, 1, 2, 5, 10), (5895, 2050, 1500, 400, 155))[0]
            spins.append(spin(stake, win, played_at=NOW + timedelta(milliseconds=900 * at)))
            if scored(spins, now=spins[-1].played_at).score >= 50:
                break
            stake = 2 * stake if win < stake else 10
        else:
            pytest.fail(f"seed {seed}: the loss chaser was never at risk")
