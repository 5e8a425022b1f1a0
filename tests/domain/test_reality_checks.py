"""The reality check: due after each hour of a session, with the session's result."""

from datetime import timedelta

import pytest
from attrs import evolve

from playtime.contracts.house import House
from playtime.contracts.records import NOW, fresh_tenant
from playtime.domain.limits.reality_checks import RealityCheckDue, reality_check, require_checked
from playtime.domain.play.sessions import Session
from playtime.domain.tenancy.tenants import TenantKind

SOON = timedelta(microseconds=1)
HOUR = timedelta(minutes=60)


@pytest.fixture
def session() -> Session:
    house = House(fresh_tenant(TenantKind.OPERATOR), *(fresh_tenant(TenantKind.AGENT) for _ in range(2)))
    return evolve(house.session(house.player()), bets_minor=700, wins_minor=200, spins=7)


def test_is_due_an_hour_after_the_start_and_not_before(session: Session) -> None:
    require_checked(session, NOW + HOUR - SOON)
    with pytest.raises(RealityCheckDue) as due:
        require_checked(session, NOW + HOUR)
    assert due.value.data() == {"elapsed_seconds": 3600, "staked_minor": 700, "won_minor": 200, "net_minor": -500}


def test_is_due_again_an_hour_after_it_was_acknowledged(session: Session) -> None:
    seen = session.checked(NOW + timedelta(minutes=75))
    require_checked(seen, NOW + timedelta(minutes=134))
    with pytest.raises(RealityCheckDue) as due:
        require_checked(seen, NOW + timedelta(minutes=135))
    assert due.value.elapsed_seconds == 135 * 60


def test_tells_when_it_will_be_due(session: Session) -> None:
    check = reality_check(session, NOW)
    assert (check.due, check.due_at, check.elapsed_seconds) == (False, NOW + HOUR, 0)


def test_a_clock_that_stepped_back_shows_no_negative_time(session: Session) -> None:
    assert reality_check(session, NOW - HOUR).elapsed_seconds == 0
