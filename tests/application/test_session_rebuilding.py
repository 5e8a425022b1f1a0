"""Sessions are stored live and can be rebuilt from the ledger. Both agree, and a rebuild corrects differences."""

from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest
from attrs import evolve

from playtime.application.ports.filters import Page
from playtime.contracts.records import fresh_id
from playtime.domain.limits.limits import LimitKind
from playtime.domain.play.sessions import Session, SessionEnd

from support.day import DOUBLE, FIVEFOLD, LOSE, Day, Guest

SPINS = 120


def sessions(day: Day, guest: Guest) -> list[Session]:
    with day.storage.begin(guest.principal.binding) as unit:
        return list(unit.players.sessions(guest.player_id, Page()))


def differences(day: Day, *, check: bool = True) -> list[tuple[str, set[str]]]:
    return [
        (operator.slug, set(found.fields))
        for operator in day.engine.rebuild_sessions(check=check)
        for found in operator.differences
    ]


def spoil(day: Day, guest: Guest, change: Callable[[Session], Session]) -> None:
    with day.storage.begin(guest.principal.binding) as unit:
        locked = unit.players.lock(guest.player_id)
        assert locked is not None
        assert locked.session is not None
        unit.save(change(locked.session))
        unit.commit()


def test_a_loss_limit_is_derived_as_well_and_never_forgotten(day: Day) -> None:
    guest = day.welcome(1_000)
    for limit in (500, 300):
        day.engine.set_loss_limit(guest.principal, loss_limit_minor=limit)
    day.engine.set_limit(guest.principal, LimitKind.LOSS_24H, 100)
    assert differences(day) == []
    spoil(day, guest, lambda session: evolve(session, loss_limit_minor=None))
    assert differences(day, check=False) == [("north", {"loss_limit_minor"})]
    assert [session.loss_limit_minor for session in sessions(day, guest)] == [300]


def random_day(day: Day, random: Random) -> None:
    """Play as a seed decides: all that begins, changes or ends a session."""
    guests = [day.welcome(20_000), day.welcome(300, day.sister), day.welcome(5_000, day.stranger)]
    for turn in range(SPINS):
        at = random.randrange(len(guests))
        guest = guests[at]
        what = random.choices(range(8), [20, 3, 2, 1, 1, 1, 1, 1])[0]
        day.clock.advance(seconds=random.choice((1, 30, 400)))
        if what == 0:
            day.acknowledge(guest)
            day.engine.acknowledge_reality_check(guest.principal)
            day.spin(guest, random.choice((1, 50, 299)), random.choice((LOSE, LOSE, DOUBLE, FIVEFOLD)))
            continue
        if what == 1:
            day.redeem(day.sell(random.choice((1, 77, 1_000)), [day.agent, day.sister, day.stranger][at]), guest)
        elif what == 2:
            day.clock.advance(minutes=random.choice((29, 30, 31)))
        elif what == 3:
            day.engine.player_logout(guest.principal)
        elif what == 4:
            day.clock.advance(hours=-1)
        elif what == 5:
            day.engine.set_limit(guest.principal, LimitKind.LOSS_7D, random.randrange(10_000, 20_000))
        elif what == 6:
            again = day.engine.player_login(login_code=guest.login_code, pin=guest.pin)
            day.engine.refresh_player(again.refresh_token)
        elif what == 7:
            day.engine.set_loss_limit(guest.principal, loss_limit_minor=2_000 - turn)
        token = day.engine.player_login(login_code=guest.login_code, pin=guest.pin).token
        guests[at] = evolve(guest, principal=day.engine.authenticate.player(token))
    day.engine.close_player(day.agent.head, guests[0].player_id)


@pytest.mark.parametrize("seed", range(4))
def test_both_agree_after_a_random_day(day: Day, seed: int) -> None:
    random_day(day, Random(seed))
    assert differences(day) == []
    found = {operator.slug: operator.sessions for operator in day.engine.rebuild_sessions(check=True)}
    assert found["north"] > 1
    assert found["south"] > 0


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("spins", lambda session: evolve(session, spins=99)),
        ("bets_minor", lambda session: evolve(session, bets_minor=1)),
        ("wins_minor", lambda session: evolve(session, wins_minor=1)),
        ("games", lambda session: evolve(session, games=("other",))),
        ("loss_limit_minor", lambda session: evolve(session, loss_limit_minor=None)),
        ("end_balance_minor", lambda session: evolve(session, end_balance_minor=0)),
        ("last_active_at", lambda session: evolve(session, last_active_at=session.started_at - timedelta(1))),
        ("ended_at", lambda session: session.end(session.last_active_at, SessionEnd.LOGOUT)),
    ],
)
def test_check_reports_a_difference_and_a_rebuild_corrects_it(
    day: Day, field: str, change: Callable[[Session], Session]
) -> None:
    guest, other = day.welcome(1_000), day.welcome(1_000, day.stranger)
    for one in (guest, other):
        day.spin(one, 100, DOUBLE)
        day.engine.set_loss_limit(one.principal, loss_limit_minor=500)
    right = sessions(day, guest)
    spoil(day, guest, change)
    wrong = sessions(day, guest)
    for _ in range(2):
        ((slug, fields),) = differences(day)
        assert (slug, field in fields) == ("north", True)
        assert sessions(day, guest) == wrong, "a check changes nothing"
    assert len(differences(day, check=False)) == 1
    assert sessions(day, guest) == right
    assert differences(day) == []


def test_limit_beyond_the_session_is_not_the_sessions(day: Day) -> None:
    guest = day.welcome(1_000)
    day.engine.set_loss_limit(guest.principal, loss_limit_minor=500)
    day.engine.set_loss_limit(guest.principal, loss_limit_minor=400)
    day.engine.set_limit(guest.principal, LimitKind.LOSS_24H, 300)
    before = sessions(day, guest)
    assert [session.loss_limit_minor for session in before] == [400]
    assert differences(day, check=False) == []
    assert sessions(day, guest) == before


def test_what_the_ledger_does_not_tell_is_left_as_it_was(day: Day) -> None:
    guest = day.welcome(1_000)
    now = day.clock.now()
    spoil(day, guest, lambda session: evolve(session, refresh_generation=7, checked_at=now, spins=5))
    differences(day, check=False)
    (session,) = sessions(day, guest)
    assert (session.refresh_generation, session.checked_at, session.spins) == (7, now, 0)


def test_session_that_is_not_in_the_ledger_is_reported_and_left(day: Day) -> None:
    guest = day.welcome(1_000)
    (session,) = sessions(day, guest)
    unknown = evolve(session, session_id=fresh_id(), ended_at=session.started_at, end_reason=SessionEnd.LOGOUT)
    with day.storage.begin(guest.principal.binding) as unit:
        unit.players.lock(guest.player_id)
        unit.add(unknown)
        unit.commit()
    for check in (True, False, True):
        (north, *_) = [found for found in day.engine.rebuild_sessions(check=check) if found.differences]
        assert [found.is_unknown for found in north.differences] == [True]
    assert len(sessions(day, guest)) == 2


def test_books_without_sessions_agree(day: Day) -> None:
    assert differences(day) == []
    assert differences(day, check=False) == []
