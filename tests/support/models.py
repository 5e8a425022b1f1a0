"""Domain objects for tests, and strategies that draw them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hypothesis import strategies as st

from playtime.domain.access.codes import AGENT_VALUES, RANDOM_VALUES, Code, make_code, symbols_of
from playtime.domain.access.pins import PinRef
from playtime.domain.games.fairness import SeedState
from playtime.domain.ledger.wallet import Wallet
from playtime.domain.money import MAX_AMOUNT_MINOR
from playtime.domain.play.players import Player
from playtime.domain.play.sessions import Session
from playtime.domain.vouchers.bonuses import Bonus, BonusStatus
from playtime.domain.vouchers.vouchers import Voucher, issue

NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CODE: Final = make_code("7KQ2", 123_456_789_012)

amounts = st.integers(1, MAX_AMOUNT_MINOR)
small_amounts = st.one_of(st.integers(1, 300), st.integers(1, 10_000))
balances = st.one_of(st.sampled_from([0, 1, 50, 99, 100, 101, 102]), st.integers(0, 10**9))
moments = st.integers(0, 10**6).map(lambda seconds: NOW + timedelta(seconds=seconds))


def uid(number: int) -> UUID:
    """Return the id of that number; ids sort as their numbers do."""
    return UUID(int=7 << 76 | 0b10 << 62 | number)


OPERATOR, AGENT, PLAYER, CASHIER = uid(1), uid(2), uid(3), uid(4)


def make_player(balance_minor: int = 0, **about: Any) -> Player:
    """Return an open player with a balance."""
    fields: dict[str, Any] = {
        "player_id": PLAYER,
        "operator_id": OPERATOR,
        "tenant_id": AGENT,
        "login_code": CODE,
        "pin": PinRef("k1"),
        "seeds": SeedState("k1", "a client seed"),
        "created_at": NOW,
        "last_active_at": NOW,
        "wallet": Wallet(balance_minor),
    }
    return Player(**fields | about)


def make_bonus(amount_minor: int, number: int = 1, **about: Any) -> Bonus:
    """Return a pending bonus; of two, the one with the smaller number is the older."""
    fields: dict[str, Any] = {
        "bonus_id": uid(1000 + number),
        "operator_id": OPERATOR,
        "tenant_id": AGENT,
        "player_id": PLAYER,
        "voucher_id": uid(2000 + number),
        "cashier_id": uid(3000 + number),
        "amount_minor": amount_minor,
        "held_at": NOW + timedelta(seconds=number),
    }
    return Bonus(**fields | about)


def make_voucher(amount_minor: int = 1000, **about: Any) -> Voucher:
    """Return an issued voucher."""
    fields: dict[str, Any] = {
        "voucher_id": uid(5),
        "operator_id": OPERATOR,
        "tenant_id": AGENT,
        "code": CODE,
        "pin": PinRef("k1"),
        "amount_minor": amount_minor,
        "issued_by": CASHIER,
        "now": NOW,
        "batch_id": uid(9),
    }
    return issue(**fields | about)


def make_session(**about: Any) -> Session:
    """Return a session that has just begun."""
    fields: dict[str, Any] = {
        "session_id": uid(6),
        "operator_id": OPERATOR,
        "tenant_id": AGENT,
        "player_id": PLAYER,
        "started_at": NOW,
        "last_active_at": NOW,
        "start_balance_minor": 1000,
        "end_balance_minor": 1000,
    }
    return Session(**fields | about)


@st.composite
def codes(draw: st.DrawFn) -> Code:
    """Draw a well-formed code."""
    agent = symbols_of(draw(st.integers(0, AGENT_VALUES - 1)), 4)
    return make_code(agent, draw(st.integers(0, RANDOM_VALUES - 1)))


@st.composite
def bonus_lists(draw: st.DrawFn) -> list[Bonus]:
    """Draw bonuses of a player in any order, some of them paid, some held at the same moment."""
    drawn = draw(
        st.lists(
            st.tuples(st.integers(1, 500), st.sampled_from(BonusStatus), st.integers(0, 3)),
            max_size=6,
        )
    )
    bonuses = [
        make_bonus(amount, number, status=status, held_at=NOW + timedelta(seconds=second))
        for number, (amount, status, second) in enumerate(drawn)
    ]
    return draw(st.permutations(bonuses))
