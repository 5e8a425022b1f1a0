"""Players and their wallets."""

from datetime import timedelta

import pytest

from playtime.domain.errors import InvalidInput
from playtime.domain.ledger.events import Account, AccountKind
from playtime.domain.ledger.wallet import InsufficientFunds, Wallet
from playtime.domain.play.players import PLAYER_IDLE_DAYS, PlayerClosed, PlayerStatus

from support.models import AGENT, NOW, PLAYER, make_player


def test_a_players_money_is_on_the_players_own_account() -> None:
    assert make_player().account == Account(AccountKind.PLAYER, PLAYER)
    assert make_player().tenant_id == AGENT


def test_credit_and_debit_change_the_wallet_alone() -> None:
    player = make_player(100)
    assert player.credit(50) == make_player(150)
    assert player.debit(100) == make_player(0)
    assert player.with_wallet(Wallet(7)) == make_player(7)


def test_a_player_has_no_credit() -> None:
    with pytest.raises(InsufficientFunds):
        make_player(100).debit(101)
    for amount in (0, -1):
        with pytest.raises(InvalidInput):
            make_player(100).debit(amount)
        with pytest.raises(InvalidInput):
            make_player(100).credit(amount)


def test_activity_counts_events_and_never_runs_backwards() -> None:
    later = NOW + timedelta(minutes=1)
    assert make_player().active(later, last_seq=4) == make_player(last_active_at=later, last_seq=4)
    assert make_player(last_active_at=later).active(NOW, last_seq=5).last_active_at == later


def test_only_an_open_player_plays() -> None:
    assert make_player().is_open
    assert not make_player(status=PlayerStatus.CLOSED).is_open


def test_closing_happens_once_and_keeps_the_rest() -> None:
    closed = make_player(7).close()
    assert closed == make_player(7, status=PlayerStatus.CLOSED)
    with pytest.raises(PlayerClosed) as refused:
        closed.close()
    assert refused.value.data() == {"player_id": PLAYER}


def test_an_open_player_is_idle_from_thirty_days_on() -> None:
    assert PLAYER_IDLE_DAYS == 30
    month, instant = timedelta(days=30), timedelta(microseconds=1)
    assert make_player().is_idle(NOW + month)
    assert not make_player().is_idle(NOW + month - instant)
    assert not make_player(status=PlayerStatus.CLOSED).is_idle(NOW + month)
    assert not make_player().is_idle(NOW - month)


def test_numbering_is_not_activity() -> None:
    assert make_player().numbered(9) == make_player(last_seq=9)
