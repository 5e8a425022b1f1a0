"""Games: the published pay table decides, exactly."""

from collections import Counter
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from support_models import games

from playtime.domain.errors import InvalidInput
from playtime.domain.games import DEMO_GAME, Game, Prize, StakeOutOfRange
from playtime.domain.money import MAX_AMOUNT_MINOR

TABLE = [
    ("shade", 5895, 0),
    ("ember", 2050, 1),
    ("candle", 1500, 2),
    ("torch", 400, 5),
    ("lantern", 120, 10),
    ("beacon", 30, 25),
    ("sunrise", 5, 100),
]


def _game(*prizes: Prize, low: int = 1, high: int = 100) -> Game:
    return Game("g", "G", "tests", low, high, prizes)


def test_the_demo_game_is_as_published() -> None:
    assert [(prize.name, prize.weight, prize.multiplier) for prize in DEMO_GAME.prizes] == TABLE
    assert (DEMO_GAME.game_key, DEMO_GAME.provider) == ("demo-wheel", "playtime")
    assert (DEMO_GAME.min_stake_minor, DEMO_GAME.max_stake_minor) == (1, 100_000)
    assert DEMO_GAME.total_weight == 10_000


def test_the_demo_game_returns_exactly_19_of_20() -> None:
    by_hand = Fraction(0)
    for _, weight, multiplier in TABLE:
        by_hand += Fraction(weight, 10_000) * multiplier
    assert by_hand == Fraction(19, 20)
    assert DEMO_GAME.rtp == by_hand


def test_every_ticket_of_the_demo_game_wins_by_its_weight() -> None:
    won = Counter(DEMO_GAME.prize_of(ticket).name for ticket in range(10_000))
    assert won == {name: weight for name, weight, _ in TABLE}
    paid = sum(DEMO_GAME.prize_of(ticket).multiplier for ticket in range(10_000))
    assert Fraction(paid, 10_000) == DEMO_GAME.rtp


@given(games())
def test_the_tickets_of_any_game_cover_each_weight_exactly_in_the_order_of_the_table(game: Game) -> None:
    shown = [game.prize_of(ticket) for ticket in range(game.total_weight)]
    assert shown == [prize for prize in game.prizes for _ in range(prize.weight)]
    assert Fraction(sum(prize.multiplier for prize in shown), len(shown)) == game.rtp


@given(games())
def test_a_ticket_out_of_range_is_refused(game: Game) -> None:
    for ticket in (-1, game.total_weight, game.total_weight + 1, -game.total_weight):
        with pytest.raises(ValueError, match="a ticket is from 0 to"):
            game.prize_of(ticket)


@pytest.mark.parametrize(
    ("game", "path"),
    [
        (_game, "prizes"),
        (lambda: _game(Prize("p", 0, 1)), "prizes"),
        (lambda: _game(Prize("p", 1, 1), Prize("q", -1, 1)), "prizes"),
        (lambda: _game(Prize("p", 1, -1)), "prizes"),
        (lambda: _game(Prize("p", 1, 1), low=0), "minStakeMinor"),
        (lambda: _game(Prize("p", 1, 1), low=-5), "minStakeMinor"),
        (lambda: _game(Prize("p", 1, 1), low=11, high=10), "minStakeMinor"),
        (lambda: _game(Prize("p", 1, 2), high=MAX_AMOUNT_MINOR), "maxStakeMinor"),
        (lambda: _game(Prize("p", 1, 0), Prize("q", 1, 10**12 + 1), high=1), "maxStakeMinor"),
    ],
)
def test_a_game_that_could_not_be_played_or_settled_is_refused(game: Callable[[], Game], path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        game()
    assert refused.value.path == path


def test_the_largest_win_may_be_the_largest_amount() -> None:
    assert _game(Prize("p", 1, 10), high=10**11).max_stake_minor * 10 == MAX_AMOUNT_MINOR
    assert _game(Prize("p", 1, 1), low=5, high=5).checked_stake(5) == 5


@pytest.mark.parametrize("stake", [5, 6, 99, 100])
def test_a_stake_within_the_limits_passes(stake: int) -> None:
    assert _game(Prize("p", 1, 1), low=5).checked_stake(stake) == stake


@pytest.mark.parametrize("stake", [1, 4, 101, MAX_AMOUNT_MINOR])
def test_a_stake_outside_the_limits_is_refused(stake: int) -> None:
    with pytest.raises(StakeOutOfRange) as refused:
        _game(Prize("p", 1, 1), low=5).checked_stake(stake)
    assert refused.value.path == "stakeMinor"
    assert refused.value.code == "STAKE_OUT_OF_RANGE"
    assert "between 5 and 100" in str(refused.value)


@pytest.mark.parametrize("stake", [0, -5, 5.0, True, "5", None, 10**30], ids=repr)
def test_what_is_no_amount_is_no_stake(stake: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        _game(Prize("p", 1, 1)).checked_stake(stake)
    assert refused.value.path == "stakeMinor"
