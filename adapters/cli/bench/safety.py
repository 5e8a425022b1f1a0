"""How often fair play is taken for risky, and what it costs to score an event."""

import sys
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from time import process_time_ns
from typing import Final

import click
from attrs import frozen

from ....application.access import SYSTEM, PlayerPrincipal
from ....application.engine import Engine
from ....application.safety.odds import odds_of
from ....domain.games.game import Game
from ....domain.safety.markers import PlayedSpin
from ....domain.safety.policy import DEFAULT_POLICY
from ....domain.safety.risk import Band, RiskScorer
from ....domain.tenancy.staff import Role
from ....domain.tenancy.tenants import TenantKind
from ...simulation.stage import START, Stage
from ..program import Program

SESSIONS: Final = 10_000
SPINS: Final = 100
STAKE_MINOR: Final = 100
START_BALANCE_MINOR: Final = 10_000
GAP_MS: Final = (2_000, 6_000)
"""An ordinary pace: two to six seconds between spins, each as likely."""

MOST_ELEVATED_PERCENT: Final = 5
MOST_TILT_RISK_PERCENT: Final = 1
SHORT_SESSION: Final = 500
LONG_SESSION: Final = 5_000
COST_EVENTS: Final = 400
MOST_RATIO: Final = 1.5
MOST_MICROSECONDS: Final = 1_000


@frozen
class FairPlay:
    """How many fair sessions of a game reached a band at any moment; one in TILT_RISK was ELEVATED as well."""

    game_key: str
    sessions: int
    elevated: int
    tilt_risk: int

    @property
    def held(self) -> bool:
        """Whether no more sessions than aimed at were taken for risky."""
        within = 100 * self.elevated <= MOST_ELEVATED_PERCENT * self.sessions
        return within and 100 * self.tilt_risk <= MOST_TILT_RISK_PERCENT * self.sessions

    def line(self) -> str:
        """Return the figures."""
        return (
            f"{self.game_key}: {self.sessions} fair sessions of {SPINS} spins;"
            f" ELEVATED {self.elevated / self.sessions:.2%} (aim {MOST_ELEVATED_PERCENT} %),"
            f" TILT_RISK {self.tilt_risk / self.sessions:.2%} (aim {MOST_TILT_RISK_PERCENT} %)"
        )


def fair_play(game: Game, games: Sequence[Game], *, sessions: int, seed: int) -> FairPlay:
    """Play fair sessions of a game with an even stake at an ordinary pace, scoring each spin of them."""
    random, scorer = Random(f"fair:{seed}"), RiskScorer(DEFAULT_POLICY, odds_of(games))  # noqa: S311 - repeatable
    elevated = tilt_risk = 0
    for _ in range(sessions):
        score = _highest_score(game, scorer, random)
        elevated += score >= DEFAULT_POLICY.bands["elevated"]
        tilt_risk += score >= DEFAULT_POLICY.bands["tiltRisk"]
    return FairPlay(game.game_key, sessions, elevated, tilt_risk)


@frozen
class RandomDraw:
    """Draws as a seed repeats them, at less cost than a stream that could be checked."""

    random: Random

    def below(self, bound: int) -> int:
        """Return the next number below `bound`."""
        return self.random.randrange(bound)


def _highest_score(game: Game, scorer: RiskScorer, random: Random) -> int:
    moment, spins, highest = START, list[PlayedSpin](), 0
    draw, coin_minor = RandomDraw(random), game.stake.coin_minor(STAKE_MINOR)
    for _ in range(SPINS):
        moment += timedelta(milliseconds=random.randint(*GAP_MS))
        win_minor = game.play(draw).coins * coin_minor
        spins.append(
            PlayedSpin(game_key=game.game_key, stake_minor=STAKE_MINOR, win_minor=win_minor, played_at=moment)
        )
        risk = scorer.score(spins, start_balance_minor=START_BALANCE_MINOR, now=moment)
        if risk.band is not Band.CALM:
            highest = max(highest, risk.score)
    return highest


@frozen
class Cost:
    """What an event costs in a session of so many spins: processor time of the whole use case, on memory."""

    spins: int
    microseconds: float


def costs(program: Program, short: int = SHORT_SESSION, long: int = LONG_SESSION) -> tuple[Cost, Cost]:
    """Play one session, and measure events when it is short and when it is long."""
    stage = Stage(0)
    engine, storage = program.simulated_engine(stage)
    player = _player(engine)
    game_key = engine.spin.games[0].game_key

    def play(spins: int) -> None:
        for _ in range(spins):
            stage.moment += timedelta(seconds=3)
            engine.spin(player, stake_minor=1, game_key=game_key)

    def measured(spins: int) -> Cost:
        # The best of several runs: whatever else the machine does only ever adds.
        best = min(_events_ns(engine, player, game_key) for _ in range(5))
        return Cost(spins, best / COST_EVENTS / 1_000)

    play(short)
    first = measured(short)
    play(long - short)
    second = measured(long)
    storage.close()
    return first, second


def _events_ns(engine: Engine, player: PlayerPrincipal, game_key: str) -> int:
    begun = process_time_ns()
    for _ in range(COST_EVENTS):
        engine.note_safety_event(player, game_key=game_key, event_type="spin")
    return process_time_ns() - begun


def _player(engine: Engine) -> PlayerPrincipal:
    """Return a player of an operator and agent of the benchmark's own."""
    north = engine.create_tenant(SYSTEM, slug="bench", name="Bench", kind=TenantKind.OPERATOR)
    desk = SYSTEM.acting_as(Role.OPERATOR, north.tenant_id, north.tenant_id)
    kiosk = engine.create_tenant(desk, slug="bench-kiosk", name="Kiosk", kind=TenantKind.AGENT)
    engine.give_credit(SYSTEM, north.tenant_id, amount_minor=2_000_000, memo="bench")
    engine.give_credit(desk, kiosk.tenant_id, amount_minor=2_000_000, memo="bench")
    voucher = engine.issue_voucher(desk, kiosk.tenant_id, amount_minor=1_000_000).content()["voucher"]
    redeemed = engine.redeem_voucher(code=voucher["code"], pin=voucher["pin"]).content()
    return engine.authenticate.player(redeemed["token"])


@click.command("safety")
@click.option("--sessions", default=SESSIONS, show_default=True, type=click.IntRange(100, 1_000_000))
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0))
@click.pass_obj
def bench_safety(program: Program, *, sessions: int, seed: int) -> None:
    """Show how much fair play is taken for risky, and what scoring costs; status 1 above what is aimed at.

    The shares that are aimed at are those of the demo game, the first. A wilder game comes to more: it takes the
    losses of LOSS_CLUSTER in fair play, too, and a tenant that plays it may weigh that marker otherwise.
    """
    engine, storage = program.simulated_engine(Stage(seed))
    games = engine.spin.games
    storage.close()
    played = [fair_play(game, games, sessions=sessions, seed=seed) for game in games]
    for outcome in played:
        click.echo(outcome.line())
    short, long = costs(program)
    ratio = long.microseconds / short.microseconds
    for cost in (short, long):
        click.echo(f"one event at {cost.spins} spins: {cost.microseconds:.0f} microseconds of processor time")
    click.echo(f"ratio {ratio:.2f} (aim {MOST_RATIO})")
    cheap = ratio <= MOST_RATIO and short.microseconds <= MOST_MICROSECONDS
    sys.exit(0 if cheap and played[0].held else 1)
