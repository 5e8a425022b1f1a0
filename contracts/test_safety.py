"""The records of player protection: settings, actions, and the newest play of a session."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from ..application.errors import StorageMisuse
from ..application.ports.filters import Page
from ..application.ports.safety import (
    ActionCount,
    BucketCount,
    PlayerSafety,
    SafetyFilter,
    SafetyTally,
    SafetyWatch,
)
from ..application.ports.storage import Storage
from ..domain.play.players import Player
from ..domain.play.rounds import Round
from ..domain.play.sessions import Session, SessionEnd
from ..domain.safety.actions import (
    ActionCause,
    ActionType,
    Enforcement,
    PastActions,
    Pause,
    SafetyAction,
    SafetySettings,
)
from ..domain.safety.markers import PlayedSpin
from ..domain.safety.policy import RiskPolicy
from ..domain.safety.risk import Band
from .house import House
from .records import LATER, NOW, add_and_commit, assert_same, fresh_id, fresh_ids, read, write

WATCH = SafetyWatch(asked_at=NOW)
INSTANT = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
POLICY = RiskPolicy.of({"markers": {"GAME_HOP": {"on": False, "points": 3, "games": 9}}, "bands": {"stop": 99}})


def id_at(moment: datetime, number: int = 0) -> UUID:
    """Return a new UUIDv7 of a moment, as the rounds of that moment have. A larger number sorts later."""
    millis = int(moment.timestamp() * 1_000)
    return UUID(int=millis << 80 | 7 << 76 | number << 64 | 0b10 << 62 | fresh_id().int & (1 << 62) - 1)


def spin_of(played: Round) -> PlayedSpin:
    """Return the part of a round that markers read."""
    return PlayedSpin(
        game_key=played.game_key,
        stake_minor=played.stake_minor,
        win_minor=played.win_minor,
        played_at=played.played_at,
    )


def player_in_session(storage: Storage, here: House, *settings: SafetySettings) -> tuple[Player, Session]:
    """Return a player of the agent with an open session, both in the books."""
    player = here.player(balance_minor=1_000)
    session = here.session(player)
    write(storage, here.as_agent, player, session, *settings)
    return player, session


def rounds(here: House, session: Session, *moments: datetime) -> list[Round]:
    """Return a round for each moment, with different stakes and wins."""
    return [
        here.round(
            session, round_id=id_at(at, n), played_at=at, stake_minor=n + 1, win_minor=n, game_key=f"g{n % 3}"
        )
        for n, at in enumerate(moments)
    ]


def watched(storage: Storage, here: House, player: Player, watch: SafetyWatch = WATCH) -> PlayerSafety:
    """Return the play of a player, and assert that it is the same with and without a lock."""
    with storage.begin(here.as_agent) as unit:
        locked = unit.players.lock(player.player_id, watch=watch)
        seen = unit.safety.of_player(player.player_id, watch)
    assert locked is not None
    assert seen is not None
    assert locked.safety == seen
    return seen


class TestSettings:
    def test_are_none_until_they_are_set(self, storage: Storage, here: House) -> None:
        assert read(storage, here.as_agent, lambda unit: unit.safety.settings(here.agent.tenant_id)) is None

    @pytest.mark.parametrize("enforce", Enforcement)
    def test_come_back_as_they_were_set(self, storage: Storage, here: House, enforce: Enforcement) -> None:
        settings = here.safety_settings(
            enforce=enforce,
            timezone="Asia/Kathmandu",
            policy=POLICY,
            changed_by=here.cashier.staff_id,
            changed_at=LATER,
        )
        write(storage, here.as_operator, settings, here.safety_settings(here.neighbour))
        for binding in (here.as_agent, here.as_operator):
            found = read(storage, binding, lambda unit: unit.safety.settings(here.agent.tenant_id))
            assert found is not None
            assert found == settings
            assert_same(found.changed_at, LATER)

    def test_are_changed_in_every_part(self, storage: Storage, here: House) -> None:
        write(storage, here.as_agent, here.safety_settings())
        changed = here.safety_settings(enforce=Enforcement.STOP, timezone="UTC", policy=POLICY, changed_at=NOW)
        with storage.begin(here.as_operator) as unit:
            unit.safety.settings(here.agent.tenant_id)
            unit.save(changed)
            unit.commit()
        assert read(storage, here.as_agent, lambda unit: unit.safety.settings(here.agent.tenant_id)) == changed


class TestActions:
    def test_come_back_as_they_were_written(self, storage: Storage, here: House) -> None:
        player, session = player_in_session(storage, here)
        full = here.safety_action(
            player,
            session_id=session.session_id,
            acted_at=LATER,
            action_type=ActionType.COOLDOWN,
            cause=ActionCause.SPIN,
            score=60,
            band=Band.TILT_RISK,
            reasons=("LOSS_STREAK", "SPIN_RATE"),
            evidence={"LOSS_STREAK": {"lostInARow": 13, "fairRun": 13}, "SPIN_RATE": {}},
            pause_seconds=90,
            game_key="demo-wheel",
            event_type="spin ended 'so'",
        )
        bare = here.safety_action(player, cause=ActionCause.LOSS_LIMIT, action_type=ActionType.STOP)
        write(storage, here.as_agent, full, bare)
        found = self._listed(storage, here)
        assert_same(tuple(found), tuple(sorted((full, bare), key=lambda action: action.action_id, reverse=True)))

    def test_are_never_changed(self, storage: Storage, here: House) -> None:
        player, _ = player_in_session(storage, here)
        action = here.safety_action(player)
        write(storage, here.as_agent, action)
        with storage.begin(here.as_agent) as unit:
            unit.players.lock(player.player_id)
            with pytest.raises(StorageMisuse):
                unit.save(evolve(action, score=1))

    def test_are_chosen_by_each_part_of_a_filter(self, storage: Storage, here: House) -> None:
        player, _ = player_in_session(storage, here)
        other, stranger = here.player(), here.player(here.neighbour)
        write(storage, here.as_operator, other, stranger)
        ids = fresh_ids(4)
        actions = [
            here.safety_action(player, action_id=ids[0], reasons=("BET_ACCEL",), acted_at=NOW),
            here.safety_action(other, action_id=ids[1], action_type=ActionType.STOP, acted_at=NOW + INSTANT),
            here.safety_action(player, action_id=ids[2], reasons=("BET_ACCEL", "SPIN_RATE"), acted_at=LATER),
            here.safety_action(stranger, action_id=ids[3], acted_at=LATER),
        ]
        write(storage, here.as_operator, *actions)
        first, second, third, fourth = actions
        wanted: list[tuple[dict[str, Any], list[SafetyAction]]] = [
            ({}, [fourth, third, second, first]),
            ({"tenant_id": here.agent.tenant_id}, [third, second, first]),
            ({"player_id": player.player_id}, [third, first]),
            ({"player_id": player.player_id, "reason": "SPIN_RATE"}, [third]),
            ({"action_type": ActionType.STOP}, [second]),
            ({"reason": "BET_ACCEL"}, [third, first]),
            ({"reason": "bet_accel"}, []),
            ({"reason": "BET%"}, []),
            ({"reason": "\0"}, []),
            ({"since": NOW + INSTANT, "until": LATER}, [second]),
            ({"since": LATER}, [fourth, third]),
            ({"until": NOW}, []),
            ({"tenant_id": here.neighbour.tenant_id, "player_id": player.player_id}, []),
            ({"player_id": fresh_id()}, []),
        ]
        for only, found in wanted:
            assert self._listed(storage, here, **only) == found, only
            with storage.begin(here.as_operator) as unit:
                tally = unit.safety.tally(SafetyFilter(**only))
            assert (tally.actions, tally.players) == (len(found), len({action.player_id for action in found}))

    def test_are_paged_newest_first(self, storage: Storage, here: House) -> None:
        player, _ = player_in_session(storage, here)
        actions = [here.safety_action(player, action_id=action_id) for action_id in fresh_ids(5)][::-1]
        write(storage, here.as_agent, *actions)
        with storage.begin(here.as_agent) as unit:
            first = unit.safety.actions(SafetyFilter(), Page(limit=2))
            second = unit.safety.actions(SafetyFilter(), Page(limit=9, before=first[-1].action_id))
        assert [*first, *second] == actions

    @staticmethod
    def _listed(storage: Storage, here: House, **only: Any) -> list[SafetyAction]:
        with storage.begin(here.as_operator) as unit:
            return list(unit.safety.actions(SafetyFilter(**only), Page()))


class TestTally:
    def test_of_nothing(self, storage: Storage, here: House) -> None:
        edges = [NOW, NOW + MINUTE]
        for tally in (
            read(storage, here.as_agent, lambda unit: unit.safety.tally(SafetyFilter())),
            read(storage, here.as_agent, lambda unit: unit.safety.tally(SafetyFilter(), edges)),
        ):
            assert tally == SafetyTally((), (), (), 0, 0)

    def test_counts_by_bucket_type_and_reason(self, storage: Storage, here: House) -> None:
        player, _ = player_in_session(storage, here)
        other = here.player()
        edges = [NOW, NOW + 7 * MINUTE, NOW + 8 * MINUTE, NOW + 15 * MINUTE]
        made: list[tuple[Player, timedelta, ActionType, tuple[str, ...]]] = [
            (player, timedelta(), ActionType.NUDGE, ("BET_ACCEL",)),
            (player, 7 * MINUTE - INSTANT, ActionType.NUDGE, ("BET_ACCEL",)),
            (other, 6 * MINUTE, ActionType.COOLDOWN, ("BET_ACCEL", "SPIN_RATE")),
            (other, 15 * MINUTE - INSTANT, ActionType.STOP, ()),
            (other, 8 * MINUTE, ActionType.NUDGE, ()),
            # Outside of all buckets.
            (other, 15 * MINUTE, ActionType.STOP, ()),
            (other, -INSTANT, ActionType.STOP, ()),
        ]
        write(
            storage,
            here.as_agent,
            other,
            *(
                here.safety_action(who, acted_at=NOW + after, action_type=kind, reasons=reasons)
                for who, after, kind, reasons in made
            ),
        )
        expected = SafetyTally(
            (
                BucketCount(0, ActionType.NUDGE, 2),
                BucketCount(0, ActionType.COOLDOWN, 1),
                BucketCount(2, ActionType.NUDGE, 1),
                BucketCount(2, ActionType.STOP, 1),
            ),
            (ActionCount("NUDGE", 3, 2), ActionCount("COOLDOWN", 1, 1), ActionCount("STOP", 3, 1)),
            (ActionCount("BET_ACCEL", 3, 2), ActionCount("SPIN_RATE", 1, 1)),
            7,
            2,
        )
        found = read(storage, here.as_agent, lambda unit: unit.safety.tally(SafetyFilter(), edges))
        assert_same(found, expected)
        only = SafetyFilter(since=NOW, until=NOW + 7 * MINUTE)
        found = read(storage, here.as_agent, lambda unit: unit.safety.tally(only, edges))
        assert [(count.bucket, count.count) for count in found.buckets] == [(0, 2), (0, 1)]


class TestOfPlayer:
    def test_nobody(self, storage: Storage, here: House) -> None:
        with storage.begin(here.as_agent) as unit:
            assert unit.safety.of_player(fresh_id(), WATCH) is None
            assert unit.players.lock(fresh_id(), watch=WATCH) is None

    def test_who_has_done_nothing(self, storage: Storage, here: House) -> None:
        player, _ = player_in_session(storage, here)
        assert watched(storage, here, player) == PlayerSafety(None, PastActions(), ())

    def test_without_a_watch_nothing_is_looked_at(self, storage: Storage, here: House) -> None:
        player, _ = player_in_session(storage, here)
        with storage.begin(here.as_agent) as unit:
            locked = unit.players.lock(player.player_id)
        assert locked is not None
        assert locked.safety is None

    @pytest.mark.parametrize("enforce", [None, *Enforcement])
    def test_only_where_something_is_enforced(
        self, storage: Storage, here: House, enforce: Enforcement | None
    ) -> None:
        settings = [] if enforce is None else [here.safety_settings(enforce=enforce)]
        player, session = player_in_session(storage, here, *settings)
        played, *_ = rounds(here, session, NOW)
        write(storage, here.as_operator, played, here.safety_settings(here.neighbour, enforce=Enforcement.STOP))
        watch = evolve(WATCH, only_enforced=True)
        with storage.begin(here.as_agent) as unit:
            locked = unit.players.lock(player.player_id, watch=watch)
            seen = unit.safety.of_player(player.player_id, watch)
        assert locked is not None
        assert locked.safety == seen
        if enforce in {None, Enforcement.OFF}:
            assert seen is None
        else:
            assert seen == PlayerSafety(settings[0], PastActions(), (spin_of(played),))
        assert watched(storage, here, player).settings == (settings[0] if settings else None)

    def test_the_spins_of_the_open_session_in_the_order_of_play(self, storage: Storage, here: House) -> None:
        player, session = player_in_session(storage, here)
        ended = here.session(player).end(NOW, SessionEnd.LOGOUT)
        other = here.player()
        others = here.session(other)
        before = rounds(here, ended, NOW - 2 * MINUTE)
        # The clock stepped back: the order is that of the ids.
        played = rounds(here, session, NOW - MINUTE, NOW - MINUTE, NOW - MINUTE)
        played[1] = evolve(played[1], played_at=NOW - 2 * MINUTE)
        write(storage, here.as_agent, ended, other, others)
        write(storage, here.as_agent, *reversed(played), *before, *rounds(here, others, NOW))
        seen = watched(storage, here, player).spins
        assert_same(seen, tuple(spin_of(one) for one in played))

    def test_so_many_spins_and_those_of_the_last_minutes(self, storage: Storage, here: House) -> None:
        player, session = player_in_session(storage, here)
        moments = [NOW - 7 * MINUTE, NOW - 6 * MINUTE, NOW - 5 * MINUTE, NOW - 4 * MINUTE, NOW - 3 * MINUTE]
        written = rounds(here, session, *moments)
        played = [spin_of(one) for one in written]
        write(storage, here.as_agent, *written)
        for spins, oldest in ((1, 2), (2, 2), (3, 2), (4, 1), (5, 0), (9, 0)):
            found = watched(storage, here, player, evolve(WATCH, spins=spins)).spins
            assert list(found) == played[oldest:], spins
        later = SafetyWatch(asked_at=NOW + 10 * MINUTE, spins=2)
        assert list(watched(storage, here, player, later).spins) == played[3:]

    def test_at_most_a_thousand(self, storage: Storage, here: House) -> None:
        player, session = player_in_session(storage, here)
        played = rounds(here, session, *[NOW + timedelta(milliseconds=at) for at in range(1_100)])
        write(storage, here.as_agent, *played)
        assert list(watched(storage, here, player).spins) == [spin_of(one) for one in played[-1_000:]]

    def test_the_actions_of_the_past(self, storage: Storage, here: House) -> None:
        player, _ = player_in_session(storage, here)
        other = here.player()
        day = timedelta(hours=24)
        made: list[tuple[ActionType, timedelta, int | None]] = [
            (ActionType.NUDGE, 3 * day, None),
            (ActionType.STOP, 2 * day, None),
            (ActionType.COOLDOWN, day, 90),
            (ActionType.COOLDOWN, day - INSTANT, 91),
            (ActionType.NUDGE, MINUTE, None),
            (ActionType.STOP, 2 * MINUTE, 92),
            (ActionType.STOP, 3 * MINUTE, None),
        ]
        actions = [
            here.safety_action(
                player, action_id=action_id, action_type=kind, acted_at=NOW - age, pause_seconds=seconds
            )
            for action_id, (kind, age, seconds) in zip(fresh_ids(len(made)), made, strict=True)
        ]
        write(storage, here.as_agent, other, *actions, here.safety_action(other, acted_at=LATER))
        assert watched(storage, here, player).past == PastActions(
            nudged_at=NOW - MINUTE,
            stopped_at=NOW - 3 * MINUTE,
            pauses=(Pause(NOW - day + INSTANT, 91), Pause(NOW - 2 * MINUTE, 92)),
        )
        assert watched(storage, here, other).past == PastActions(nudged_at=LATER)

    def test_of_two_operators_each_sees_its_own(self, storage: Storage, here: House, there: House) -> None:
        """Both operators' books have the same ids."""
        player, session = player_in_session(storage, here, here.safety_settings(enforce=Enforcement.STOP))
        played = rounds(here, session, NOW)
        action = here.safety_action(player)
        write(storage, here.as_agent, *played, action)
        moved = [
            evolve(record, operator_id=there.operator.operator_id, tenant_id=there.agent.tenant_id, **given)
            for record, given in (
                (player, {}),
                (session, {}),
                (played[0], {"stake_minor": 7}),
                (action, {"acted_at": LATER}),
            )
        ]
        with storage.begin(there.as_agent) as unit:
            add_and_commit(unit, *moved)
        seen = watched(storage, here, player)
        assert seen.settings is not None
        assert (seen.past.nudged_at, seen.spins) == (NOW, (spin_of(played[0]),))
        others = watched(storage, there, player)
        assert others.settings is None
        assert (others.past.nudged_at, others.spins[0].stake_minor) == (LATER, 7)
