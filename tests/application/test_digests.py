"""The digest of each command covers its kind and every argument; a stored refusal is compared by it as well."""

from collections.abc import Callable
from functools import partial

import pytest
from attrs import frozen

from playtime.application.answers import Answer
from playtime.application.errors import IdempotencyKeyReused
from playtime.domain.games.demo import DEMO_GAME

from support.day import Day, Guest

Send = Callable[[], Answer]


@frozen
class Case:
    """A command under a key, and the same command with one argument changed."""

    first: Send
    changed: Send


def _give(day: Day, **changes: object) -> Send:
    about = {"tenant_id": day.agent.tenant_id, "amount_minor": 100, "memo": "m", "action_id": "key"} | changes
    return partial(day.engine.give_credit, day.north.head, **about)  # type: ignore[arg-type] # any argument


def _return(day: Day, **changes: object) -> Send:
    about = {"tenant_id": day.agent.tenant_id, "amount_minor": 100, "memo": "m", "action_id": "key"} | changes
    return partial(day.engine.return_credit, day.north.head, **about)  # type: ignore[arg-type] # as above


def _sell(day: Day, **changes: object) -> Send:
    about = {"tenant_id": day.agent.tenant_id, "amount_minor": 100, "action_id": "key"} | changes
    return partial(day.engine.issue_voucher, day.north.head, **about)  # type: ignore[arg-type] # as above


def _batch(day: Day, **changes: object) -> Send:
    about = {"tenant_id": day.agent.tenant_id, "amount_minor": 100, "count": 2, "action_id": "key"} | changes
    return partial(day.engine.issue_vouchers, day.north.head, **about)  # type: ignore[arg-type] # as above


def _spin(day: Day, guest: Guest, **changes: object) -> Send:
    about = {"stake_minor": 20, "game_key": DEMO_GAME.game_key, "action_id": "key"} | changes
    return partial(day.engine.spin, guest.principal, **about)  # type: ignore[arg-type] # as above


def _rotate(day: Day, guest: Guest, client_seed: str | None) -> Send:
    return partial(day.engine.rotate_seed, guest.principal, client_seed=client_seed, action_id="key")


def _redeem(day: Day, guest: Guest, **changes: str) -> Case:
    """Return a top-up, and another one with another voucher or with a pass shown."""
    one, other = day.sell(100), day.sell(100)
    shown = {"play_pass": day.engine.get_play_pass(guest.principal).code} if "play_pass" in changes else {}
    second = other if "voucher" in changes else one
    redeem = partial(day.engine.redeem_voucher, player=guest.principal, action_id="key")
    return Case(
        partial(redeem, code=one.code, pin=one.pin), partial(redeem, code=second.code, pin=second.pin, **shown)
    )


def _void(day: Day) -> Case:
    one, other = day.sell(100), day.sell(100)
    void = partial(day.engine.void_voucher, day.agent.head, action_id="key")
    return Case(partial(void, one.voucher_id), partial(void, other.voucher_id))


def _close(day: Day) -> Case:
    one, other = day.welcome(100), day.welcome(100)
    close = partial(day.engine.close_player, day.agent.head, action_id="key")
    return Case(partial(close, one.player_id), partial(close, other.player_id))


CASES: dict[str, Callable[[Day], Case]] = {
    "give: tenant": lambda day: Case(_give(day), _give(day, tenant_id=day.sister.tenant_id)),
    "give: amount": lambda day: Case(_give(day), _give(day, amount_minor=101)),
    "give: memo": lambda day: Case(_give(day), _give(day, memo="n")),
    "give: kind": lambda day: Case(_give(day), _return(day)),
    "return: tenant": lambda day: Case(_return(day), _return(day, tenant_id=day.sister.tenant_id)),
    "return: kind": lambda day: Case(_return(day), _give(day)),
    "voucher: tenant": lambda day: Case(_sell(day), _sell(day, tenant_id=day.sister.tenant_id)),
    "voucher: amount": lambda day: Case(_sell(day), _sell(day, amount_minor=101)),
    "batch: tenant": lambda day: Case(_batch(day), _batch(day, tenant_id=day.sister.tenant_id)),
    "batch: amount": lambda day: Case(_batch(day), _batch(day, amount_minor=101)),
    "batch: count": lambda day: Case(_batch(day), _batch(day, count=3)),
    "spin: game": lambda day: _spins(day, game_key="no-such-game"),
    "spin: stake": lambda day: _spins(day, stake_minor=21),
    "rotate: seed": lambda day: _rotations(day, "mine", "yours"),
    "rotate: none": lambda day: _rotations(day, "mine", None),
    "redeem: voucher": lambda day: _redeem(day, day.welcome(100), voucher="other"),
    "redeem: pass": lambda day: _redeem(day, day.welcome(100), play_pass="shown"),
    "void: voucher": _void,
    "close: player": _close,
}


def _spins(day: Day, **changes: object) -> Case:
    guest = day.welcome(1_000)
    return Case(_spin(day, guest), _spin(day, guest, **changes))


def _rotations(day: Day, one: str, other: str | None) -> Case:
    guest = day.welcome(1_000)
    return Case(_rotate(day, guest, one), _rotate(day, guest, other))


@pytest.mark.parametrize("name", CASES)
def test_key_is_refused_for_another_argument(day: Day, name: str) -> None:
    for desk in (day.agent, day.sister):
        day.fund(desk, 10_000)
    day.fund(day.north, 10_000)
    case = CASES[name](day)
    first = case.first()
    assert first.code is None
    with pytest.raises(IdempotencyKeyReused):
        case.changed()
    assert case.first().body == first.body
    day.books()


@pytest.mark.parametrize(
    "name", [name for name in CASES if name.split(":")[0] in {"give", "voucher", "batch", "spin"}]
)
def test_key_of_a_refusal_is_refused_for_another_argument(day: Day, name: str) -> None:
    if name.startswith("spin"):
        guest = day.welcome(150)
        changes: dict[str, object] = (
            {"game_key": "no-such-game"} if name.endswith("game") else {"stake_minor": 152}
        )
        case = Case(_spin(day, guest, stake_minor=151), _spin(day, guest, **({"stake_minor": 151} | changes)))
    else:
        # Nobody has credit: every order of staff is refused.
        case = CASES[name](day)
    refused = case.first()
    assert refused.code == "INSUFFICIENT_FUNDS"
    with pytest.raises(IdempotencyKeyReused):
        case.changed()
    assert case.first().body == refused.body
