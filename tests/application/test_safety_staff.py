"""Settings and views of player protection for staff, and their permissions: on every storage."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from playtime.application.access import StaffPrincipal
from playtime.application.errors import Forbidden, NotFound
from playtime.application.ports.safety import ActionCount, SafetyFilter
from playtime.application.safety.staff_views import SafetyBucket
from playtime.domain.errors import DomainError, InvalidInput
from playtime.domain.local_time import Bucket
from playtime.domain.safety.actions import ActionType, Enforcement, TenantHasNoPlayers
from playtime.domain.safety.policy import DEFAULT_POLICY

from support.day import Day
from support.safety import actions, enforce, lose, note

OFF = Enforcement.OFF


def people(day: Day) -> dict[str, StaffPrincipal]:
    """Return the members of staff, by role and tenant."""
    desks = {"operator": day.north, "agent": day.agent, "sister": day.sister, "other operator": day.south}
    named = {"owner": day.owner}
    for name, desk in desks.items():
        named |= {name: desk.head, f"{name}'s cashier": desk.cashier, f"{name}'s analyst": desk.analyst}
    return named


READERS: dict[str, type[DomainError] | None] = {
    "owner": None,
    "operator": None,
    "operator's cashier": Forbidden,
    "operator's analyst": None,
    "agent": None,
    "agent's cashier": Forbidden,
    "agent's analyst": None,
    "sister": NotFound,
    "sister's cashier": Forbidden,
    "sister's analyst": NotFound,
    "other operator": NotFound,
    "other operator's cashier": Forbidden,
    "other operator's analyst": NotFound,
}
SETTERS: dict[str, type[DomainError] | None] = {
    **dict.fromkeys(READERS, Forbidden),
    "owner": None,
    "operator": None,
    "other operator": NotFound,
}


@pytest.mark.parametrize("name", READERS)
def test_who_may_read_a_tenants_settings(day: Day, name: str) -> None:
    refusal, who = READERS[name], people(day)[name]
    if refusal is None:
        assert day.engine.read_safety_settings(who, day.agent.tenant_id).enforce is OFF
    else:
        with pytest.raises(refusal):
            day.engine.read_safety_settings(who, day.agent.tenant_id)


@pytest.mark.parametrize("name", SETTERS)
def test_who_may_set_them(day: Day, name: str) -> None:
    refusal, who = SETTERS[name], people(day)[name]
    if refusal is None:
        made = day.engine.set_safety_settings(who, day.agent.tenant_id, enforce=Enforcement.STOP)
        assert (made.enforce, made.changed_by) == (Enforcement.STOP, who.staff_id)
    else:
        with pytest.raises(refusal):
            day.engine.set_safety_settings(who, day.agent.tenant_id, enforce=Enforcement.STOP)
        assert day.engine.read_safety_settings(day.owner, day.agent.tenant_id).enforce is OFF


def test_settings_come_back_and_are_replaced_whole(day: Day) -> None:
    policy = {"markers": {"BET_ACCEL": {"points": 50}}}
    made = enforce(day, "cooldown", zone="Europe/Vienna", policy=policy)
    assert made == day.engine.read_safety_settings(day.agent.analyst, day.agent.tenant_id)
    assert (made.zone, made.changed_at) == ("Europe/Vienna", day.clock.now())
    assert made.policy["markers"]["BET_ACCEL"] == {"on": True, "points": 50, "raises": 3}
    replaced = enforce(day, "stop")
    assert replaced == day.engine.read_safety_settings(day.agent.head, day.agent.tenant_id)
    assert (replaced.zone, replaced.policy) == ("America/Los_Angeles", DEFAULT_POLICY.content())
    assert day.engine.read_safety_settings(day.north.head, day.sister.tenant_id).enforce is OFF


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"policy": {"markers": {"MOOD": {}}}}, "policy.markers"),
        ({"policy": {"bands": {"stop": 1}}}, "policy.bands"),
    ],
)
def test_invalid_settings_are_refused_and_change_nothing(day: Day, given: dict[str, Any], path: str) -> None:
    before = enforce(day, "cooldown")
    with pytest.raises(InvalidInput) as refused:
        enforce(day, "stop", **given)
    assert refused.value.path == path
    assert day.engine.read_safety_settings(day.north.head, day.agent.tenant_id) == before


def test_who_has_no_players_has_no_settings(day: Day) -> None:
    with pytest.raises(TenantHasNoPlayers) as refused:
        day.engine.read_safety_settings(day.north.head, day.north.tenant_id)
    assert refused.value.data() == {"kind": "OPERATOR"}
    with pytest.raises(TenantHasNoPlayers):
        day.engine.set_safety_settings(day.north.head, day.north.tenant_id, enforce=OFF)


# --- views ----------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(day: Day) -> Day:
    """Three players of two agents and another operator, each at risk, at three o'clock in the afternoon in UTC."""
    day.clock.advance(hours=3)
    for desk in (day.agent, day.sister, day.stranger):
        guest = day.welcome(100_000, desk)
        lose(day, guest, 16, gap_ms=800)
        note(day, guest)
    return day


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("owner", 3),
        ("operator", 2),
        ("operator's analyst", 2),
        ("agent", 1),
        ("agent's analyst", 1),
        ("sister", 1),
        ("other operator", 1),
        ("agent's cashier", None),
    ],
)
def test_who_sees_which_actions(busy: Day, name: str, seen: int | None) -> None:
    who, engine = people(busy)[name], busy.engine
    if seen is None:
        for call in (engine.list_safety_actions, engine.summarize_safety):
            with pytest.raises(Forbidden):
                call(who)
        return
    assert len(engine.list_safety_actions(who)) == seen
    _, summary = engine.summarize_safety(who)
    assert (summary.actions, summary.players) == (seen, seen)
    foreign = SafetyFilter(tenant_id=busy.stranger.tenant_id)
    mine = name in {"owner", "other operator"}
    assert len(engine.list_safety_actions(who, foreign)) == mine
    assert engine.summarize_safety(who, foreign)[1].actions == mine


def test_a_summary_of_nothing_is_zeros_and_never_everything(busy: Day) -> None:
    only = SafetyFilter(action_type=ActionType.STOP)
    asked, summary = busy.engine.summarize_safety(busy.owner, only)
    assert (summary.actions, summary.players, summary.by_type, summary.by_reason) == (0, 0, (), ())
    assert {(one.nudges, one.cooldowns, one.stops) for one in summary.series} == {(0, 0, 0)}
    assert len(summary.series) == 31
    assert asked.to - asked.from_ == timedelta(days=30)


def test_the_default_range_includes_what_happened_right_now(busy: Day) -> None:
    asked, summary = busy.engine.summarize_safety(busy.owner)
    assert actions(busy)[-1].acted_at == busy.clock.now() < asked.to
    assert summary.actions == 3
    assert summary.by_type == (ActionCount("COOLDOWN", 3, 3),)
    assert summary.by_reason == (ActionCount("LOSS_STREAK", 3, 3), ActionCount("SPIN_RATE", 3, 3))
    # It is seven in the morning in Los Angeles.
    assert summary.series[-1] == SafetyBucket(datetime(2026, 3, 1, 8, tzinfo=UTC), 0, 3, 0)


def test_buckets_are_those_of_the_timezone(busy: Day) -> None:
    since = datetime(2026, 3, 1, 14, 50, tzinfo=UTC)
    only = SafetyFilter(since=since, until=since + timedelta(hours=2))
    for bucket, timezone, starts in (
        (Bucket.HOUR, "UTC", ("14:00", "15:00", "16:00")),
        (Bucket.HOUR, "Asia/Kathmandu", ("14:15", "15:15", "16:15")),
        (Bucket.DAY, "UTC", ("00:00",)),
    ):
        asked, summary = busy.engine.summarize_safety(busy.owner, only, bucket=bucket, timezone=timezone)
        assert [f"{one.at:%H:%M}" for one in summary.series] == list(starts)
        assert (asked.bucket, asked.timezone) == (bucket, timezone)
        assert sum(one.cooldowns for one in summary.series) == 3
    (week,) = busy.engine.summarize_safety(busy.owner, only, bucket=Bucket.WEEK, timezone="UTC")[1].series
    assert week.at == datetime(2026, 2, 23, tzinfo=UTC)


def test_a_range_is_half_open(busy: Day) -> None:
    first, *_, last = actions(busy)
    for since, until, count in (
        (first.acted_at, last.acted_at, 2),
        (first.acted_at, last.acted_at + timedelta(microseconds=1), 3),
        (first.acted_at + timedelta(microseconds=1), last.acted_at, 1),
    ):
        _, summary = busy.engine.summarize_safety(busy.owner, SafetyFilter(since=since, until=until))
        assert summary.actions == count
        assert sum(one.cooldowns for one in summary.series) == count


@pytest.mark.parametrize(
    ("since", "until", "timezone", "path"),
    [
        ("2026-03-02", "2026-03-02", "UTC", "from"),
        ("2026-03-03", "2026-03-02", "UTC", "from"),
        ("2020-01-01", "2026-03-02", "UTC", "from"),
        ("0001-01-01", None, "UTC", "from"),
        (None, "0001-01-01", "UTC", "to"),
        (None, "9999-12-31", "UTC", "to"),
        (None, None, "Nowhere", "timezone"),
    ],
)
def test_absurd_range_or_timezone_is_refused(
    day: Day, since: str | None, until: str | None, timezone: str, path: str
) -> None:
    since_at, until_at = (
        None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (since, until)
    )
    with pytest.raises(InvalidInput) as refused:
        day.engine.summarize_safety(day.owner, SafetyFilter(since=since_at, until=until_at), timezone=timezone)
    assert refused.value.path == path


def test_one_player_with_the_figures(busy: Day) -> None:
    (action,) = busy.engine.list_safety_actions(busy.agent.head)
    enforce(busy, "cooldown")
    seen = busy.engine.read_player_safety(busy.agent.analyst, action.player_id)
    assert (seen.player_id, seen.tenant_id, seen.enforce) == (
        action.player_id,
        busy.agent.tenant_id,
        Enforcement.COOLDOWN,
    )
    assert seen.held_until == action.acted_at + timedelta(seconds=90)
    assert (seen.score, seen.band, seen.net_loss_minor, seen.loss_limit_minor) == (60, "TILT_RISK", 16, None)
    assert seen.evidence["LOSS_STREAK"] == {"lostInARow": 16, "fairRun": 16}
    assert seen.actions == [action]
    assert seen == busy.engine.read_player_safety(busy.owner, action.player_id)


def test_a_player_who_is_out_shows_actions_and_no_score(busy: Day) -> None:
    (action,) = busy.engine.list_safety_actions(busy.agent.head)
    busy.engine.close_player(busy.agent.head, action.player_id)
    seen = busy.engine.read_player_safety(busy.agent.head, action.player_id)
    assert (seen.session_id, seen.score, seen.band, seen.reasons, seen.held_until) == (None, None, None, (), None)
    assert seen.actions == [action]


@pytest.mark.parametrize(
    ("name", "refusal"),
    [("sister", NotFound), ("other operator", NotFound), ("agent's cashier", Forbidden), ("operator", None)],
)
def test_who_sees_a_player(busy: Day, name: str, refusal: type[DomainError] | None) -> None:
    (action,) = busy.engine.list_safety_actions(busy.agent.head)
    who = people(busy)[name]
    if refusal is None:
        assert busy.engine.read_player_safety(who, action.player_id).actions == [action]
    else:
        with pytest.raises(refusal):
            busy.engine.read_player_safety(who, action.player_id)
