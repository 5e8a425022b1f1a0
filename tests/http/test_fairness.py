"""Provably fair rounds over HTTP: commitments, rotation, and the public page of a round."""

import json

import pytest

from playtime.adapters.http.app import create_app
from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.play.verification import Verifier
from playtime.application.ports.filters import Page
from playtime.contracts.doubles import build_engine
from playtime.domain.games.fairness import SeedKeys

from support.http import Web, build_web


@pytest.fixture
def fair() -> Web:
    """A day over HTTP whose rounds are drawn as they are in production."""
    return build_web(MemoryStorage(), is_fair=True)


def test_a_player_checks_a_round(fair: Web) -> None:
    guest = fair.day.welcome(1_000)
    before = fair.get("/player/fairness", guest.token).content["fairness"]
    assert before.keys() == {"serverSeedHash", "nextServerSeedHash", "clientSeed", "nonce", "previous"}
    proof = fair.spin(guest, 100).content["result"]["proof"]
    assert proof["serverSeedHash"] == before["serverSeedHash"]
    page = fair.get(f"/fair/rounds/{proof['link']}")
    assert (page.status, page.content["round"]["serverSeed"]) == (200, None)
    rotated = fair.post("/player/fairness/rotate", {"clientSeed": "🎰 mine"}, guest.token)
    assert (rotated.status, rotated.content["fairness"]["clientSeed"]) == (200, "🎰 mine")
    assert rotated.content["fairness"]["serverSeedHash"] == before["nextServerSeedHash"]
    export = fair.get(f"/fair/rounds/{proof['link']}")
    (verdict,) = Verifier().check([export.body])
    assert verdict.is_verified


def test_a_rotation_may_be_named(fair: Web) -> None:
    guest, path = fair.day.welcome(1_000), "/player/fairness/rotate"
    first = fair.post(path, {}, guest.token, Idempotency_Key="k")
    again = fair.post(path, {}, guest.token, Idempotency_Key="k")
    assert (first.status, again.body, again.replayed) == (200, first.body, True)
    assert fair.post(path, {"clientSeed": "x"}, guest.token, Idempotency_Key="k").status == 422


@pytest.mark.parametrize("client_seed", ["", "x" * 65, "a\nb", 5, True, 1.5, {}, []])
def test_what_is_no_client_seed_is_refused_with_its_path(fair: Web, client_seed: object) -> None:
    guest = fair.day.welcome(1_000)
    reply = fair.post("/player/fairness/rotate", {"clientSeed": client_seed}, guest.token)
    assert reply.status == 400
    assert reply.content["faults"][0]["path"] == "$.clientSeed"
    assert fair.get("/player/fairness", guest.token).content["fairness"]["previous"] is None


def test_fairness_is_a_players_own(fair: Web) -> None:
    assert fair.get("/player/fairness").status == 401
    assert fair.post("/player/fairness/rotate", {}).status == 401
    assert fair.get("/player/fairness", fair.owner).status == 401


@pytest.mark.parametrize("link", ["x", "0" * 46, "%25", "K7QD" * 11 + "00", "..", "a" * 500])
def test_a_link_that_is_none_is_not_there(fair: Web, link: str) -> None:
    reply = fair.get(f"/fair/rounds/{link}")
    assert (reply.status, reply.code) == (404, "NOT_FOUND")


def test_a_round_whose_secret_was_retired_is_not_there() -> None:
    """A round is private: a refusal that names the state would show the player's id to everybody."""
    storage = MemoryStorage()
    fair = build_web(storage, is_fair=True)
    guest = fair.day.welcome(1_000)
    fair.spin(guest, 1)
    (played,) = fair.day.engine.list_rounds(fair.day.owner, guest.player_id, Page())
    retired = SeedKeys("new", {"new": b"another secret"})
    app = create_app(build_engine(storage, clock=fair.day.clock, seeds=retired))
    link = retired.link(guest.login_code[:4], played.round_id)
    reply = app.test_client().get(f"/api/v1/fair/rounds/{link}")
    assert (reply.status_code, json.loads(reply.data)["code"]) == (404, "NOT_FOUND")
    assert str(guest.player_id) not in reply.text


def test_a_game_is_shown_whole(fair: Web) -> None:
    reply = fair.get("/games/demo-wheel")
    assert (reply.status, reply.keys) == (200, {"ok", "game", "version"})
    assert reply.content["game"]["pays"]["sunrise"] == {"1": 100}
    (listed,) = fair.get("/games").content["games"]
    assert listed["version"] == reply.content["version"]
    assert json.loads(reply.body)["game"]["gameKey"] == listed["gameKey"]
    assert fair.get("/games/nowhere").status == 404
