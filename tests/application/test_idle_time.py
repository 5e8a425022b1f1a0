"""Idle time of players: the time in which they could not play does not count."""

from datetime import timedelta

import pytest

from playtime.application.access import StaffPrincipal
from playtime.domain.limits.exclusions import CoolOff
from playtime.domain.safety.actions import Enforcement
from playtime.domain.tenancy.tenants import TenantStatus

from support.day import LOSE, Day, Guest

DAY = timedelta(days=1)
SOON = timedelta(microseconds=1)


def _wait(day: Day, by: timedelta) -> None:
    day.clock.set(day.clock.now() + by)


def _closed(day: Day) -> int:
    return day.engine.sweep().players_closed


def _closes_after(day: Day, left: timedelta) -> None:
    """Check that the one player is closed after so much more time, and not before."""
    _wait(day, left - SOON)
    assert _closed(day) == 0
    assert day.engine.sweep().players_closed == 0
    _wait(day, SOON)
    assert _closed(day) == 1
    day.books()


@pytest.mark.parametrize("sweeps", [False, True])
def test_a_cool_off_is_not_idle_time(day: Day, *, sweeps: bool) -> None:
    guest = day.welcome(2_990)
    day.engine.start_exclusion.cool_off(guest.principal, CoolOff.MONTH)
    _wait(day, 30 * DAY)
    if sweeps:
        assert _closed(day) == 0
    _wait(day, timedelta(seconds=30))
    assert _closed(day) == 0
    assert day.record(guest).balance_minor == 2_990
    assert day.engine.player_login(login_code=guest.login_code, pin=guest.pin).token
    _closes_after(day, 30 * DAY)


def test_a_self_exclusion_is_not_idle_time(day: Day) -> None:
    guest = day.welcome(2_990)
    _wait(day, timedelta(minutes=10))
    until = day.engine.start_exclusion.self_exclusion(guest.principal, 6).until
    for days in (29, 31, 90):
        _wait(day, days * DAY)
        assert _closed(day) == 0
    day.clock.set(until)
    _closes_after(day, 30 * DAY)


def test_all_exclusions_of_a_pass_count(day: Day) -> None:
    """Another account of the pass takes the next exclusion."""
    guest = day.welcome(2_990)
    code = str(day.engine.get_play_pass(guest.principal).code)
    day.engine.start_exclusion.cool_off(guest.principal, CoolOff.WEEK)
    _wait(day, 10 * DAY)
    voucher = day.sell(100)
    answer = day.engine.redeem_voucher(code=voucher.code, pin=voucher.pin, play_pass=code)
    other = day.guest(answer)
    day.engine.start_exclusion.cool_off(other.principal, CoolOff.WEEK)
    day.engine.close_player(day.agent.head, other.player_id)
    _wait(day, 20 * DAY)
    assert _closed(day) == 0
    _closes_after(day, 14 * DAY)


@pytest.mark.parametrize("what", ["agent", "north", "both"])
def test_a_suspension_is_not_idle_time(day: Day, what: str) -> None:
    day.welcome(1_000)
    status = day.engine.set_tenant_status
    names = ("agent", "north") if what == "both" else (what,)
    _wait(day, 10 * DAY)
    for name in names:
        status.suspend(day.owner, getattr(day, name).tenant_id)
    for _ in range(4):
        _wait(day, 10 * DAY)
        assert _closed(day) == 0
    for name in names:
        status.resume(day.owner, getattr(day, name).tenant_id)
    _wait(day, 5 * DAY)
    status.suspend(day.owner, day.agent.tenant_id)
    _wait(day, 60 * DAY)
    assert _closed(day) == 0
    status.resume(day.owner, day.agent.tenant_id)
    _closes_after(day, 15 * DAY)


def test_suspensions_that_overlap_count_once(day: Day) -> None:
    day.welcome(1_000)
    status = day.engine.set_tenant_status
    for name in ("agent", "north"):
        status.suspend(day.owner, getattr(day, name).tenant_id)
        _wait(day, 10 * DAY)
    for name in ("agent", "north"):
        status.resume(day.owner, getattr(day, name).tenant_id)
        _wait(day, 10 * DAY)
    # Suspended for 30 of 40 days.
    _closes_after(day, 20 * DAY)


def _provoke(day: Day, guest: Guest) -> timedelta:
    """Play until the tenant's enforcement pauses the player; return the pause."""
    for _ in range(40):
        answer = day.spin(guest, 1, LOSE).content()
        _wait(day, timedelta(milliseconds=500))
        if answer.get("action", {}).get("actionType") == "COOLDOWN":
            return timedelta(seconds=answer["action"]["cooldownSeconds"])
    raise AssertionError


def test_an_enforced_cooldown_is_not_idle_time(day: Day) -> None:
    head: StaffPrincipal = day.north.head
    day.engine.set_safety_settings(head, day.agent.tenant_id, enforce=Enforcement.COOLDOWN)
    guest = day.welcome(1_000)
    pause = _provoke(day, guest)
    last = day.record(guest).last_active_at
    day.clock.set(last + 30 * DAY)
    assert _closed(day) == 0
    _closes_after(day, pause)


def test_an_enforced_stop_is_not_idle_time(day: Day) -> None:
    day.engine.set_safety_settings(day.north.head, day.agent.tenant_id, enforce=Enforcement.STOP, zone="UTC")
    guest = day.welcome(1_000)
    day.engine.set_loss_limit(guest.principal, loss_limit_minor=10)
    assert day.spin(guest, 11, LOSE, key="1").code == "LOSS_LIMIT_REACHED"
    last = day.record(guest).last_active_at
    tomorrow = (last + DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    day.clock.set(last + 30 * DAY)
    assert _closed(day) == 0
    _closes_after(day, tomorrow - last)


def test_play_starts_the_idle_time_again(day: Day) -> None:
    guest = day.welcome(1_000)
    status = day.engine.set_tenant_status
    status.suspend(day.owner, day.agent.tenant_id)
    _wait(day, 40 * DAY)
    assert _closed(day) == 0
    status.resume(day.owner, day.agent.tenant_id)
    _wait(day, DAY)
    day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
    _closes_after(day, 30 * DAY)
    (record,) = (row for row in day.engine.list_tenants(day.owner) if row.tenant_id == day.agent.tenant_id)
    assert record.status == TenantStatus.ACTIVE
