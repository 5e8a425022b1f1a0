"""The benchmark of the return alarm: how soon it finds games that drift, and how often fair ones set it off.

A drifting game wins a share of its lost rounds after all, at the prizes of its own fair rounds. A game that pays
too little loses some of its won rounds. At mixed stakes 1 round of 100 is at a stake 1,000 times as large.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from random import Random
from typing import Final

from attrs import frozen

from ...domain.games.drift import WHOLE_MULTIPLE, has_drifted
from ...domain.games.external_alarm import StakeSums, has_left_its_odds
from ...domain.games.game import Game
from ...domain.games.inference import Odds
from ...domain.games.par_sheet import sheet_of
from ...domain.plurals import counted
from .safety_play import RandomDraw

CHECKS: Final = tuple(
    step * 10**power for power in (1, 2, 3, 4, 5) for step in (1, 2, 5) if step * 10**power <= 10**5
)
"""The numbers of rounds after which the alarm is read. More reads find no fair game that these do not bound."""

DRIFTS: Final = (Fraction(10, 100), Fraction(-10, 100), Fraction(3, 100))
LOW_LEVEL: Final = 7
HIGH_LEVEL: Final = 16
"""The stake levels of 1.00 FUN and of 1,000.00 FUN."""

STAKES_MINOR: Final = {LOW_LEVEL: 100, HIGH_LEVEL: 100_000}
FAIR_ROUNDS: Final = 2_000

Levels = Callable[[int], int]


def equal_stakes(_number: int) -> int:
    """Return the level of every round: the low one."""
    return LOW_LEVEL


def mixed_stakes(number: int) -> int:
    """Return the level of a round: each hundredth is at the high one."""
    return HIGH_LEVEL if number % 100 == 0 else LOW_LEVEL


@frozen
class Runs:
    """Runs of fair rounds of a game, as multiples in millionths of the stake."""

    game: Game
    wins: Sequence[Sequence[int]]

    @classmethod
    def of(cls, game: Game, *, runs: int, rounds: int, seed: int) -> "Runs":
        """Play the runs."""
        draw = RandomDraw(Random(f"{seed}:{game.game_key}"))  # noqa: S311 - repeatable
        coins = game.stake.coins
        played = [[game.play(draw).coins * WHOLE_MULTIPLE // coins for _ in range(rounds)] for _ in range(runs)]
        return cls(game, played)

    def drifting(self, by: Fraction, seed: int) -> "Runs":
        """Return the runs with a return that differs by `by`."""
        random = Random(seed)  # noqa: S311 - repeatable
        return Runs(self.game, [self._drifting(wins, by, random) for wins in self.wins])

    def _drifting(self, wins: Sequence[int], by: Fraction, random: Random) -> list[int]:
        prizes = [win for win in wins if win]
        share = float(abs(by) / self.game.rtp)
        if by < 0:
            return [0 if random.random() < share else win for win in wins]
        share *= len(prizes) / (len(wins) - len(prizes))
        return [win or (random.choice(prizes) if random.random() < share else 0) for win in wins]

    def found_after(self, levels: Levels) -> list[int | None]:
        """Return for each run the first number of rounds at which the alarm was set off."""
        return [next(self._alarms(wins, levels), None) for wins in self.wins]

    def _alarms(self, wins: Sequence[int], levels: Levels) -> Iterator[int]:
        counts: Counter[tuple[int, int]] = Counter()
        before = 0
        for rounds in CHECKS[: bisect_right(CHECKS, len(wins))]:
            counts.update((levels(number), wins[number]) for number in range(before, rounds))
            before = rounds
            if has_drifted(self.game, counts):
                yield rounds

    def external_found_after(self, levels: Levels) -> list[int | None]:
        """Return the same for the alarm of external games, which has sums only."""
        return [next(self._external_alarms(wins, levels), None) for wins in self.wins]

    def _external_alarms(self, wins: Sequence[int], levels: Levels) -> Iterator[int]:
        odds = Odds(rtp=self.game.rtp, variance=sheet_of(self.game).spread.variance)
        sums, before = StakeSums(0, 0, 0, 0), 0
        for rounds in CHECKS[: bisect_right(CHECKS, len(wins))]:
            stakes = [STAKES_MINOR[levels(number)] for number in range(before, rounds)]
            won = sum(stake * win for stake, win in zip(stakes, wins[before:rounds], strict=True))
            sums = StakeSums(
                rounds,
                sums.handle_minor + sum(stakes),
                sums.payout_minor + won // WHOLE_MULTIPLE,
                sums.squares + sum(stake**2 for stake in stakes),
            )
            before = rounds
            if has_left_its_odds(odds, sums):
                yield rounds


def measure_returns(
    games: Iterable[Game], *, runs: int, rounds: int, fair_runs: int, seed: int, show: Callable[[str], None]
) -> bool:
    """Show the runs that the alarm finds, and false alarms. Return whether these are as rare as promised."""
    held = True
    for game in games:
        played = Runs.of(game, runs=runs, rounds=rounds, seed=seed)
        for by in DRIFTS:
            drifting = played.drifting(by, seed)
            for name, levels in (("equal stakes", equal_stakes), ("1 % at 1,000 times the stake", mixed_stakes)):
                show(f"{game.game_key}: {float(by):+.0%} at {name}: {_found(drifting.found_after(levels))}")
        fair = Runs.of(game, runs=fair_runs, rounds=FAIR_ROUNDS, seed=seed + 1)
        for name, found in (
            ("equal stakes", fair.found_after(equal_stakes)),
            ("1 % at 1,000 times the stake", fair.found_after(mixed_stakes)),
            ("the external alarm", fair.external_found_after(equal_stakes)),
            ("the external alarm, 1 % at 1,000 times the stake", fair.external_found_after(mixed_stakes)),
        ):
            alarms = sum(after is not None for after in found)
            said = f"{counted(alarms, 'alarm')} in {counted(fair_runs, 'fair run')}"
            show(f"{game.game_key}: {said} of {FAIR_ROUNDS} rounds at {name}")
            held &= alarms <= _most_alarms(fair_runs)
    return held


def _found(after: Sequence[int | None]) -> str:
    found = sorted(rounds for rounds in after if rounds is not None)
    half = f", half of the runs after {found[(len(after) - 1) // 2]}" if 2 * len(found) >= len(after) else ""
    return f"found in {len(found)} of {counted(len(after), 'run')}{half}"


def _most_alarms(runs: int) -> int:
    """Return a number of alarms that a rate of 0.001 exceeds with a chance below 0.1 %: mean and 4 deviations."""
    return runs // 1_000 + 2 + int(4 * (runs / 1_000) ** 0.5)
