"""Rounds that a player can check: commitments before, the seed after, and nonces without a gap."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from attrs import evolve

from playtime.application.answers import Answer
from playtime.application.errors import IdempotencyKeyReused, InvalidToken, NotFound
from playtime.application.play.verification import Verifier
from playtime.application.ports.filters import Page
from playtime.application.ports.storage import Storage
from playtime.application.wire import encode
from playtime.contracts.doubles import PINS, build_engine
from playtime.domain.errors import InvalidInput
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.fairness import SeedKeys, commitment_of
from playtime.domain.play.rounds import Round

from support.day import Day, Guest, build_day
from support.games import finished

ODD = ("🎰:1:0 '; -- " + "é÷%\\" * 20)[:64]


@pytest.fixture
def fair(storage: Storage) -> Day:
    """A day whose rounds are drawn as they are in production."""
    return build_day(storage, seeds=SeedKeys(PINS.current, PINS.secrets))


def _spin(day: Day, guest: Guest, stake_minor: int = 1) -> dict[str, Any]:
    if day.state(guest).bonus_ack_required:
        day.acknowledge(guest)
    result: dict[str, Any] = day.spin(guest, stake_minor).content()["result"]
    return result


def _fairness(answer: Answer) -> dict[str, Any]:
    content: dict[str, Any] = answer.content()["fairness"]
    return content


def _rounds(day: Day, guest: Guest) -> list[Round]:
    return day.engine.list_rounds(day.owner, guest.player_id, Page(limit=10_000))[::-1]


def _export(day: Day, result: dict[str, Any]) -> bytes:
    return encode(day.engine.read_fair_round(result["proof"]["link"]))


# --- commitments ----------------------------------------------------------------------------------------------


def test_what_is_published_before_is_what_was_played_with(fair: Day) -> None:
    guest = fair.welcome(1_000)
    before = fair.engine.read_fairness(guest.principal)
    assert (before.nonce, before.previous, len(before.client_seed)) == (0, None, 16)
    results = [_spin(fair, guest) for _ in range(5)]
    assert {result["proof"]["serverSeedHash"] for result in results} == {before.server_seed_hash}
    assert [result["proof"]["nonce"] for result in results] == [0, 1, 2, 3, 4]
    after = _fairness(fair.engine.rotate_seed(guest.principal, client_seed="mine"))
    assert commitment_of(bytes.fromhex(after["previous"]["serverSeed"])) == before.server_seed_hash
    assert after["previous"] == {
        "serverSeed": after["previous"]["serverSeed"],
        "serverSeedHash": before.server_seed_hash,
        "clientSeed": before.client_seed,
        "rounds": 5,
    }
    assert after["serverSeedHash"] == before.next_server_seed_hash
    assert (after["clientSeed"], after["nonce"]) == ("mine", 0)
    assert fair.engine.read_fairness(guest.principal).server_seed_hash == before.next_server_seed_hash


def test_a_client_seed_stays_until_another_is_set(fair: Day) -> None:
    guest = fair.welcome(1_000)
    fair.engine.rotate_seed(guest.principal, client_seed=ODD)
    assert _fairness(fair.engine.rotate_seed(guest.principal))["clientSeed"] == ODD
    assert len(ODD) == 64
    assert _spin(fair, guest)["proof"]["clientSeed"] == ODD


@pytest.mark.parametrize("client_seed", ["", "x" * 65, "a\nb", "\0"])
def test_a_client_seed_that_is_none_changes_nothing(fair: Day, client_seed: str) -> None:
    guest = fair.welcome(1_000)
    before = fair.engine.read_fairness(guest.principal)
    with pytest.raises(InvalidInput) as refused:
        fair.engine.rotate_seed(guest.principal, client_seed=client_seed)
    assert refused.value.path == "client_seed"
    assert fair.engine.read_fairness(guest.principal) == before


def test_players_have_seeds_of_their_own(fair: Day) -> None:
    guests = [fair.welcome(1_000) for _ in range(3)]
    states = [fair.engine.read_fairness(guest.principal) for guest in guests]
    assert len({state.server_seed_hash for state in states}) == len({state.client_seed for state in states}) == 3


def test_a_session_that_has_ended_sees_and_rotates_nothing(fair: Day) -> None:
    guest = fair.welcome(1_000)
    fair.engine.player_logout(guest.principal)
    with pytest.raises(InvalidToken):
        fair.engine.read_fairness(guest.principal)
    with pytest.raises(InvalidToken):
        fair.engine.rotate_seed(guest.principal)


# --- rotation, twice and interrupted ---------------------------------------------------------------------------


def test_a_rotation_that_was_named_is_answered_again(fair: Day) -> None:
    guest = fair.welcome(1_000)
    _spin(fair, guest)
    first = fair.engine.rotate_seed(guest.principal, client_seed="a", action_id="k")
    _spin(fair, guest)
    again = fair.engine.rotate_seed(guest.principal, client_seed="a", action_id="k")
    assert (again.body, again.replayed) == (first.body, True)
    with pytest.raises(IdempotencyKeyReused):
        fair.engine.rotate_seed(guest.principal, client_seed="b", action_id="k")
    assert fair.engine.read_fairness(guest.principal).nonce == 1


def test_rotation_without_a_round_reveals_a_seed_of_no_round(fair: Day) -> None:
    guest = fair.welcome(1_000)
    for _ in range(3):
        assert _fairness(fair.engine.rotate_seed(guest.principal))["previous"]["rounds"] == 0


def test_refusals_take_no_nonce(fair: Day) -> None:
    guest = fair.welcome(1_000)
    _spin(fair, guest)
    assert fair.spin(guest, 100_000, key="too much").code == "INSUFFICIENT_FUNDS"
    with pytest.raises(NotFound):
        fair.engine.spin(guest.principal, stake_minor=1, game_key="nowhere")
    fair.spin(guest, 1, key="twice")
    fair.spin(guest, 1, key="twice")
    assert [played.nonce for played in _rounds(fair, guest)] == [0, 1]
    assert fair.engine.read_fairness(guest.principal).nonce == 2


def test_spins_and_rotations_of_several_devices_leave_no_gap(fair: Day) -> None:
    """Each seed has decided its own rounds 0, 1, 2 ..., and each of them once."""
    guest = fair.welcome(100_000)

    def device(number: int) -> None:
        for at in range(12):
            if at % 4 == number:
                fair.engine.rotate_seed(guest.principal, client_seed=f"{ODD[:50]}{number}.{at}")
            fair.spin(guest, 1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(device, range(4)))
    by_seed: dict[int, list[int]] = {}
    for played in _rounds(fair, guest):
        assert played.seed_number is not None
        assert played.nonce is not None
        by_seed.setdefault(played.seed_number, []).append(played.nonce)
    assert sum(map(len, by_seed.values())) == 48
    assert all(sorted(nonces) == list(range(len(nonces))) for nonces in by_seed.values())
    fair.books()


# --- rounds, by their link ------------------------------------------------------------------------------------


def test_round_is_public_by_link_and_its_seed_after_rotation(fair: Day) -> None:
    guest = fair.welcome(1_000)
    result = _spin(fair, guest, 10)
    assert result["proof"]["link"].startswith(guest.login_code[:4])
    before = json.loads(_export(fair, result))["round"]
    assert before["serverSeed"] is None
    assert {name: before[name] for name in ("stakeMinor", "winMinor", "outcome")} == {
        name: result[name] for name in ("stakeMinor", "winMinor", "outcome")
    }
    assert (before["nonce"], before["clientSeed"]) == (0, result["proof"]["clientSeed"])
    fair.engine.rotate_seed(guest.principal, client_seed="another")
    after = json.loads(_export(fair, result))["round"]
    assert commitment_of(bytes.fromhex(after["serverSeed"])) == before["serverSeedHash"]
    assert after | {"serverSeed": None, "digest": before["digest"]} == before


def test_exports_are_verified_by_recomputing_them(fair: Day) -> None:
    guest = fair.welcome(10_000)
    results = [_spin(fair, guest, stake) for stake in range(1, 30)]
    waiting = list(Verifier().check(_export(fair, result) for result in results))
    assert not any(verdict.is_revealed or verdict.faults for verdict in waiting)
    fair.engine.rotate_seed(guest.principal)
    verdicts = list(Verifier().check(_export(fair, result) for result in results))
    assert [verdict.link for verdict in verdicts] == [result["proof"]["link"] for result in results]
    assert all(verdict.is_verified for verdict in verdicts)


def test_what_is_no_link_of_ours_shows_nothing(fair: Day) -> None:
    guest, stranger = fair.welcome(1_000), fair.welcome(1_000, fair.stranger)
    link, other = (_spin(fair, who)["proof"]["link"] for who in (guest, stranger))
    for wrong in ("", "x", link[:-1], f"{link}0", other[:4] + link[4:], link[:30] + other[30:], "0" * 46):
        with pytest.raises(NotFound):
            fair.engine.read_fair_round(wrong)
    assert fair.engine.read_fair_round(link.lower())["ok"]


def test_changed_game_is_a_new_version_and_old_rounds_verify(storage: Storage, fair: Day) -> None:
    guest = fair.welcome(1_000)
    old = _spin(fair, guest, 10)
    pays = {**DEMO_GAME.pays, "sunrise": {1: 150}}
    changed = finished(evolve(DEMO_GAME, name="Another Wheel", pays=pays))
    engine = build_engine(storage, clock=fair.clock, seeds=SeedKeys(PINS.current, PINS.secrets), games=(changed,))
    later = evolve(fair, engine=engine)
    new = _spin(later, guest, 10)
    assert old["proof"]["gameVersion"] == DEMO_GAME.version != new["proof"]["gameVersion"] == changed.version
    later.engine.rotate_seed(guest.principal)
    exports = [_export(later, result) for result in (old, new)]
    assert all(verdict.is_verified for verdict in Verifier().check(exports))
    assert json.loads(exports[0])["game"]["name"] == "Lantern Wheel"


def test_closing_a_player_tells_the_seed(fair: Day) -> None:
    guest = fair.welcome(1_000)
    result = _spin(fair, guest)
    fair.engine.close_player(fair.agent.head, guest.player_id)
    (verdict,) = Verifier().check([_export(fair, result)])
    assert verdict.is_verified


def test_an_idle_player_that_is_closed_tells_the_seed(fair: Day) -> None:
    guest = fair.welcome(1_000)
    result = _spin(fair, guest)
    fair.clock.advance(days=31)
    assert fair.engine.sweep().players_closed == 1
    (verdict,) = Verifier().check([_export(fair, result)])
    assert verdict.is_verified


# --- a secret that is gone ------------------------------------------------------------------------------------


def test_a_new_secret_breaks_no_promise(storage: Storage, fair: Day) -> None:
    """The hash of the next seed was published under the old one, so rotating stays with that."""
    guest = fair.welcome(1_000)
    both = SeedKeys("new", {"new": b"another secret", **PINS.secrets})
    later = evolve(fair, engine=build_engine(storage, seed=2, clock=fair.clock, seeds=both))
    for _ in range(3):
        promised = fair.engine.read_fairness(guest.principal).next_server_seed_hash
        assert _fairness(later.engine.rotate_seed(guest.principal))["serverSeedHash"] == promised


def test_a_player_whose_secret_was_retired_rotates_to_play_on(storage: Storage, fair: Day) -> None:
    guest = fair.welcome(1_000)
    result = _spin(fair, guest)
    engine = build_engine(storage, clock=fair.clock, seeds=SeedKeys("new", {"new": b"another secret"}))
    later = evolve(fair, engine=engine)
    assert later.spin(guest, 1, key="k").code == "SEED_RETIRED"
    rotated = _fairness(later.engine.rotate_seed(guest.principal))
    assert (rotated["previous"], rotated["nonce"]) == (None, 0)
    assert _spin(later, guest)["proof"]["nonce"] == 0
    with pytest.raises(NotFound):
        later.engine.read_fair_round(result["proof"]["link"])
    later.books()
