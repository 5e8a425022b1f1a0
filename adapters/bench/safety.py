"""The benchmark of the safety engine: how often fair play is scored as risky, and the cost of scoring."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from time import process_time_ns
from typing import Final
from uuid import UUID

from attrs import define, frozen

from ...application.access import SYSTEM, PlayerPrincipal
from ...application.engine import Engine
from ...application.ports.services import Clock, Ids
from ...domain.tenancy.staff import Role
from ...domain.tenancy.tenants import TenantKind
from .safety_play import FOUND_WITHIN, LENGTHS, PLANTS, START, STYLES, FairPlay, Planted, fair_play, planted

MOST_ELEVATED_PERCENT: Final = 5
MOST_TILT_RISK_PERCENT: Final = 1
LEAST_FOUND_PERCENT: Final = 99
SHORT_SESSION: Final = 500
LONG_SESSION: Final = 5_000
COST_EVENTS: Final = 400
MOST_RATIO: Final = 1.5
MOST_MICROSECONDS: Final = 1_000

OpenEngine = Callable[[Clock, Ids], AbstractContextManager[Engine]]
"""Opens an engine on memory with a clock and ids."""


@define
class _Time:
    """A clock that moves only when the benchmark moves it, and ids of its moments."""

    moment: datetime = START
    _count: int = 0

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment

    def new(self) -> UUID:
        """Return a new UUIDv7 of the moment."""
        self._count += 1
        return UUID(int=int(self.moment.timestamp()) * 1_000 << 80 | 7 << 76 | 2 << 62 | self._count)


@frozen
class Cost:
    """The processor time of the whole use case for one event, in a session of some length, on memory."""

    spins: int
    microseconds: float


def costs(open_engine: OpenEngine, short: int = SHORT_SESSION, long: int = LONG_SESSION) -> tuple[Cost, Cost]:
    """Play one session, and measure events when it is short and when it is long."""
    time = _Time()
    with open_engine(time, time) as engine:
        player, game_key = _player(engine), engine.spin.games[0].game_key

        def play(spins: int) -> None:
            for _ in range(spins):
                time.moment += timedelta(seconds=3)
                engine.spin(player, stake_minor=1, game_key=game_key)

        def measured(spins: int) -> Cost:
            # The best of several runs: other work on the machine only adds time.
            best = min(_events_ns(engine, player, game_key) for _ in range(5))
            return Cost(spins, best / COST_EVENTS / 1_000)

        play(short)
        first = measured(short)
        play(long - short)
        return first, measured(long)


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


def measure_safety(open_engine: OpenEngine, *, sessions: int, seed: int, show: Callable[[str], None]) -> bool:
    """Measure ordinary play and planted signs at every game, and the cost of a score. Return if all is met."""
    with open_engine(_Time(), _Time()) as engine:
        games = engine.spin.games
    met = True
    for game in games:
        for style in STYLES:
            fair = fair_play(game, games, style, sessions=sessions, seed=seed)
            show(line_of_fair(fair))
            met &= is_rare(fair)
        for plant in PLANTS:
            found = planted(game, games, plant, sessions=sessions, seed=seed)
            show(line_of_planted(found))
            met &= is_found(found)
    short, long = costs(open_engine)
    ratio = long.microseconds / short.microseconds
    for cost in (short, long):
        show(f"one event at {cost.spins} spins: {cost.microseconds:.0f} microseconds of processor time")
    show(f"ratio {ratio:.2f} (aim {MOST_RATIO})")
    return met and ratio <= MOST_RATIO and short.microseconds <= MOST_MICROSECONDS


def is_rare(fair: FairPlay) -> bool:
    """Return whether the shares of ordinary sessions in each band are within the aims, at every length."""
    return all(
        100 * elevated <= MOST_ELEVATED_PERCENT and 100 * tilt_risk <= MOST_TILT_RISK_PERCENT
        for elevated, tilt_risk in map(fair.shares, LENGTHS)
    )


def is_found(found: Planted) -> bool:
    """Return whether enough sessions with a planted sign were found in the end."""
    return 100 * found.share(FOUND_WITHIN[-1]) >= LEAST_FOUND_PERCENT


def line_of_fair(fair: FairPlay) -> str:
    """Return the shares of ordinary sessions in each band on one line, and the sessions by marker."""
    shares = [fair.shares(spins) for spins in LENGTHS]
    bands = zip(
        (f"ELEVATED (aim {MOST_ELEVATED_PERCENT} %)", f"TILT_RISK (aim {MOST_TILT_RISK_PERCENT} %)"),
        zip(*shares, strict=True),
        strict=True,
    )
    texts = [f"{band} {' / '.join(f'{share:.1%}' for share in some)}" for band, some in bands]
    spins = " / ".join(map(str, LENGTHS))
    reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(fair.reasons.items())) or "no marker"
    session = f"{fair.game_key}, {len(fair.elevated)} {fair.style} sessions of {spins} spins"
    return f"{session}: {'; '.join(texts)}; ELEVATED by {reasons}"


def line_of_planted(found: Planted) -> str:
    """Return the shares of planted signs that were found on one line, by the number of planted spins."""
    within = " / ".join(map(str, FOUND_WITHIN))
    shares = " / ".join(f"{found.share(spins):.0%}" for spins in FOUND_WITHIN)
    return f"{found.game_key}, {len(found.found)} planted {found.plant}: found within {within} spins: {shares}"
