"""Sessions: when one goes on, when it is over, and what it adds up to."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.play.sessions import SESSION_IDLE_MINUTES, Session, SessionEnd, StaffSession

from support.models import AGENT, CASHIER, NOW, OPERATOR, make_session, moments, uid

IDLE = timedelta(minutes=30)
INSTANT = timedelta(microseconds=1)


def test_session_is_resumed_before_30_idle_minutes() -> None:
    assert SESSION_IDLE_MINUTES == 30
    session = make_session(last_active_at=NOW)
    assert session.resumable(NOW)
    assert session.resumable(NOW + IDLE - INSTANT)
    assert not session.resumable(NOW + IDLE)
    assert not session.resumable(NOW + 2 * IDLE)


def test_an_ended_session_is_not_resumed() -> None:
    assert not make_session().end(NOW, SessionEnd.LOGOUT).resumable(NOW)


def test_clock_that_steps_back_keeps_the_last_activity() -> None:
    before = NOW - timedelta(hours=5)
    session = make_session()
    assert session.resumable(before)
    assert session.active(before, balance_minor=7).last_active_at == NOW
    assert session.active(before, balance_minor=7).end_balance_minor == 7
    assert session.end(before, SessionEnd.LOGOUT).ended_at == NOW


def test_idle_session_ends_at_its_last_activity() -> None:
    later = NOW + timedelta(hours=2)
    idle = make_session().end(later, SessionEnd.IDLE)
    assert (idle.ended_at, idle.end_reason, idle.is_open) == (NOW, SessionEnd.IDLE, False)
    for reason in (SessionEnd.LOGOUT, SessionEnd.PLAYER_CLOSED):
        assert make_session().end(later, reason).ended_at == later


def test_every_round_postpones_the_end() -> None:
    played = make_session().played(NOW + IDLE, game_key="g", stake_minor=1, win_minor=0, balance_minor=999)
    assert played.resumable(NOW + 2 * IDLE - INSTANT)


def test_refresh_is_not_activity() -> None:
    session = make_session().rotate_refresh(NOW)
    assert session.refresh_generation == 2
    assert not session.resumable(NOW + IDLE)


@given(
    st.lists(
        st.tuples(moments, st.sampled_from("abc"), st.integers(1, 100), st.integers(0, 500), st.integers(0, 10**6))
    )
)
def test_the_totals_are_the_sums_of_the_rounds(
    rounds: list[tuple[object, str, int, int, int]],
) -> None:
    session = make_session()
    for now, game_key, stake, win, balance in rounds:
        session = session.played(
            now,  # type: ignore[arg-type]
            game_key=game_key,
            stake_minor=stake,
            win_minor=win,
            balance_minor=balance,
        )
    assert session.spins == len(rounds)
    assert session.bets_minor == sum(stake for _, _, stake, _, _ in rounds)
    assert session.wins_minor == sum(win for _, _, _, win, _ in rounds)
    assert session.net_loss_minor == session.bets_minor - session.wins_minor
    assert session.games == tuple(sorted({game_key for _, game_key, _, _, _ in rounds}))
    assert session.end_balance_minor == (rounds[-1][4] if rounds else 1000)
    assert session.start_balance_minor == 1000
    assert session.last_active_at == max([NOW, *(now for now, *_ in rounds)])  # type: ignore[type-var]


@pytest.mark.parametrize(("minutes", "expected"), [(5, 5), (-5, 0)])
def test_staff_rotate_their_refresh_token_too(minutes: int, expected: int) -> None:
    session = StaffSession(
        session_id=uid(8),
        operator_id=OPERATOR,
        tenant_id=AGENT,
        staff_id=CASHIER,
        started_at=NOW,
        last_active_at=NOW,
    )
    rotated = session.rotate_refresh(NOW + timedelta(minutes=minutes))
    assert session.is_open
    assert rotated.refresh_generation == 2
    assert rotated.last_active_at == NOW + timedelta(minutes=expected)


def test_staff_session_ends_no_earlier_than_its_activity() -> None:
    session = StaffSession(
        session_id=uid(8),
        operator_id=OPERATOR,
        tenant_id=AGENT,
        staff_id=CASHIER,
        started_at=NOW,
        last_active_at=NOW,
    )
    ended = session.end(NOW + IDLE)
    assert (ended.ended_at, ended.is_open) == (NOW + IDLE, False)
    assert session.end(NOW - IDLE).ended_at == NOW


def test_session_is_continued_before_30_minutes_after_its_end() -> None:
    ended = make_session().end(NOW, SessionEnd.LOGOUT)
    assert ended.is_continued(NOW)
    assert ended.is_continued(NOW + IDLE - INSTANT)
    assert not ended.is_continued(NOW + IDLE)
    assert not make_session().is_continued(NOW)


def test_third_session_continues_the_first_and_the_second() -> None:
    def played(session: Session) -> Session:
        return session.played(NOW, game_key="g", stake_minor=100, win_minor=30, balance_minor=0)

    first = played(make_session(started_at=NOW))
    second = played(make_session(started_at=NOW + IDLE).continuing(first))
    third = make_session(started_at=NOW + 2 * IDLE).continuing(second)
    assert (third.earlier_bets_minor, third.earlier_wins_minor) == (200, 60)
    assert (third.total_bets_minor, third.total_wins_minor, third.total_loss_minor) == (200, 60, 140)
    assert (third.net_loss_minor, third.began_at) == (0, NOW)
