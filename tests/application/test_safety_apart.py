"""Player protection changes no outcome: the same seed gives the same rounds with any advice or enforcement."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import pytest
from attrs import define, evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from playtime.adapters.memory.storage import MemoryStorage
from playtime.contracts.doubles import PINS
from playtime.domain.games.fairness import SeedKeys
from playtime.domain.safety.actions import LossLimitLocked
from playtime.domain.safety.markers import MARKERS
from playtime.domain.wire_names import camel

from support.day import Day, Guest, build_day
from support.safety import GAME, enforce, note

SPINS: Final = 400
STEPS: Final = 7
"""The stakes climb by doubling so many times, again and again: play that also the usual policy advises about."""
MANY_SPINS: Final = 100_000
HOSTILE: Final = {
    "markers": {
        reason: {
            "points": 100,
            **{
                camel(name): one.highest if name == "gap_ms" else one.lowest
                for name, one in row.thresholds.items()
            },
        }
        for reason, row in MARKERS.items()
    },
    "bands": {"elevated": 1, "tiltRisk": 2, "stop": 100},
}
"""Every marker fires as soon as it can and weighs all: two or more spins are nearly always a STOP."""


@frozen
class Watching:
    """Player protection of a stream of spins. `leap` waits a day between spins, longer than any pause or stop."""

    how: str = "off"
    policy: dict[str, object] | None = None
    events_every: int = 0
    leap: bool = False


WAYS: Final = {
    "nobody asks": Watching(),
    "advice after each spin": Watching(events_every=1),
    "advice under a hostile policy": Watching(policy=HOSTILE, events_every=1),
    "pauses are enforced": Watching("cooldown", events_every=7),
    "pauses are enforced under a hostile policy": Watching("cooldown", HOSTILE),
    "stops are enforced under a hostile policy": Watching("stop", HOSTILE),
}
MANY_WAYS: Final = {
    "nobody asks": Watching(),
    "advice under a hostile policy": Watching(policy=HOSTILE, events_every=10),
    "stops are enforced under a hostile policy": Watching("stop", HOSTILE, leap=True),
}


def outcomes(watching: Watching, seed: int, spins: int) -> tuple[str, int]:
    """Play a seeded stream; return the digest of its outcomes, and how many actions were taken.

    They are drawn as they are in production. A spin that is held up is not sent but waited for.
    """
    day = build_day(MemoryStorage(), seed=seed, seeds=SeedKeys(PINS.current, PINS.secrets))
    enforce(day, watching.how, policy=watching.policy)
    guest, seen, taken = day.welcome(666_666_666_000), hashlib.sha256(), 0
    for at in range(spins):
        day.clock.advance(seconds=3)
        if watching.leap:
            day.clock.advance(hours=25)
        elif watching.how != "off":
            day.clock.advance(seconds=_held(day, guest).total_seconds())
        stake = 100 * 2 ** (at % STEPS)
        content = day.engine.spin(guest.principal, stake_minor=stake, game_key=GAME).content()
        if content.get("code") == "REALITY_CHECK_DUE":
            day.engine.acknowledge_reality_check(guest.principal)
            content = day.engine.spin(guest.principal, stake_minor=stake, game_key=GAME).content()
        result = content["result"]
        taken += "action" in content
        seen.update(repr((result["outcome"], result["stakeMinor"], result["winMinor"])).encode())
        if watching.events_every and at % watching.events_every == 0:
            taken += note(day, guest).action is not None
    return seen.hexdigest(), taken


def _held(day: Day, guest: Guest) -> timedelta:
    until = day.engine.read_player_safety(day.owner, guest.player_id).held_until
    return timedelta() if until is None else until - day.clock.now()


def assert_apart(ways: Mapping[str, Watching], seed: int, spins: int) -> None:
    """Play the same stream in each way, and hold the outcomes to be those of the first."""
    digests = set()
    for name, watching in ways.items():
        digest, taken = outcomes(watching, seed, spins)
        digests.add(digest)
        assert bool(taken) is (name != "nobody asks"), name
    assert len(digests) == 1


def test_outcomes_are_the_same_under_all_ways_of_protection() -> None:
    assert_apart(WAYS, 1, SPINS)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_outcomes_of_a_hundred_thousand_spins_are_the_same() -> None:
    assert_apart(MANY_WAYS, 2, MANY_SPINS)


def test_another_seed_gives_other_outcomes() -> None:
    """The digest sees what it is to see."""
    assert outcomes(Watching(), 1, 50)[0] != outcomes(Watching(), 2, 50)[0]


# --- the loss limit -------------------------------------------------------------------------------------------

STAKE: Final = st.tuples(st.just("spin"), st.integers(1, 300), st.integers(0, 9_999))
LIMIT: Final = st.tuples(st.just("limit"), st.integers(0, 600), st.just(0))
OTHER: Final = st.tuples(st.sampled_from(["acknowledge", "event", "log_in"]), st.integers(0, 35), st.just(0))


@define
class Limited:
    """A player with a loss limit beside a count of its own: the session's net loss, its limit, and the balance."""

    day: Day
    guest: Guest
    balance: int
    lost: int = 0
    limit: int | None = None
    idle_minutes: int = 0

    def set_limit(self, amount: int) -> None:
        """Set a limit; it is accepted unless it is higher than the one in force."""
        higher = self.limit is not None and amount > self.limit
        try:
            self.day.engine.set_loss_limit(self.guest.principal, loss_limit_minor=amount)
        except LossLimitLocked:
            assert higher
        else:
            assert not higher
            self.limit = amount

    def spin(self, stake: int, ticket: int) -> None:
        """Spin; whether the limit lets it through is the count's to say."""
        self.day.randomness.script(ticket)
        answer = self.day.engine.spin(self.guest.principal, stake_minor=stake, game_key=GAME)
        fits = self.limit is None or self.lost + stake <= self.limit
        if answer.code is None:
            assert fits
            result = answer.content()["result"]
            self.lost += stake - result["winMinor"]
            self.balance += result["winMinor"] - stake + result["bonusMinor"]
            self.idle_minutes = 0
        elif answer.code == "LOSS_LIMIT_REACHED":
            assert not fits

    def log_in(self, minutes: int) -> None:
        """Log in after so long; a session that was idle for half an hour is over, and its limit with it."""
        self.day.clock.advance(minutes=minutes)
        login = self.day.engine.player_login(login_code=self.guest.login_code, pin=self.guest.pin)
        self.guest = evolve(self.guest, principal=self.day.engine.authenticate.player(login.token))
        if self.idle_minutes + minutes >= 30:
            self.lost, self.limit = 0, None
        self.idle_minutes = 0

    def take(self, what: str, amount: int, ticket: int) -> None:
        """Take one step."""
        match what:
            case "spin":
                self.spin(amount, ticket)
            case "limit":
                self.set_limit(amount)
            case "log_in":
                self.log_in(amount)
            case "acknowledge":
                self.day.acknowledge(self.guest)
            case _:
                note(self.day, self.guest)


@settings(max_examples=60)
@given(st.lists(st.one_of(STAKE, STAKE, STAKE, LIMIT, OTHER), max_size=60))
def test_no_accepted_bet_passes_the_limit_and_no_win_is_lost(steps: list[tuple[str, int, int]]) -> None:
    day = build_day(MemoryStorage())
    limited = Limited(day, day.welcome(2_000), 2_000)
    for step in steps:
        limited.take(*step)
        record = day.engine.read_player_safety(day.owner, limited.guest.player_id)
        assert (record.net_loss_minor, record.loss_limit_minor) == (limited.lost, limited.limit)
        assert day.state(limited.guest).balance_minor == limited.balance
    day.books()
