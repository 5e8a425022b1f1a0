"""The evidence of rounds: seeds, revealed seeds, and the stored files of games."""

from typing import Any

import pytest
from attrs import evolve

from ..application.errors import AlreadyExists, IsolationViolation, StorageMisuse
from ..application.ports.storage import Storage
from ..domain.games.demo import DEMO_GAME
from ..domain.games.fairness import RevealedSeed, SeedState
from ..domain.games.files import canonical, versioned
from ..domain.play.players import Player
from ..domain.play.rounds import Round
from .house import House
from .records import LATER, NOW, assert_same, fresh_id, fresh_name, player_view, read, write

ODD = "a:1:2 🎰 'quoted' \\ % é"


def _player_with_round(storage: Storage, house: House) -> tuple[Player, Round]:
    """Write a player with a round of its second seed."""
    player = house.player(balance_minor=1_000, seeds=SeedState("key-1", ODD, 2, 7))
    session = house.session(player)
    played = house.round(session, game_version="ab" * 32, seed_number=2, nonce=6)
    write(storage, house.as_agent, player, session, played)
    return player, played


def _revealed(player: Player, number: int, **about: Any) -> RevealedSeed:
    seed = RevealedSeed(
        operator_id=player.operator_id,
        tenant_id=player.tenant_id,
        player_id=player.player_id,
        number=number,
        server_seed=bytes(range(32)),
        client_seed=ODD,
        rounds=2**40,
        revealed_at=NOW,
    )
    return evolve(seed, **about)


class TestSeeds:
    def test_come_back_with_their_player(self, storage: Storage, here: House) -> None:
        player, _ = _player_with_round(storage, here)
        assert_same(player_view(storage, here.as_agent, player).player, player)

    def test_go_on_under_the_lock(self, storage: Storage, here: House) -> None:
        player, _ = _player_with_round(storage, here)
        with storage.begin(here.as_agent) as unit:
            locked = unit.players.lock(player.player_id)
            assert locked is not None
            unit.save(locked.player.with_seeds(locked.player.seeds.played()))
            unit.commit()
        assert player_view(storage, here.as_agent, player).player.seeds == player.seeds.played()
        with storage.begin(here.as_agent) as unit:
            unit.players.lock(player.player_id)
            unit.save(player.with_seeds(player.seeds.rotated("next").moved_to("key-2")))
            unit.commit()
        found = player_view(storage, here.as_agent, player).player.seeds
        assert found == SeedState("key-2", "next", 3, 0)


class TestFairRounds:
    def test_have_their_player_and_no_unrevealed_seed(self, storage: Storage, here: House) -> None:
        player, played = _player_with_round(storage, here)
        found = read(storage, here.as_agent, lambda unit: unit.players.fair_round(played.round_id))
        assert found is not None
        assert_same(found.round, played)
        assert_same(found.player, player)
        assert found.revealed is None

    def test_come_with_the_seed_that_decided_them(self, storage: Storage, here: House) -> None:
        player, played = _player_with_round(storage, here)
        seeds = [_revealed(player, number, rounds=number) for number in (1, 2, 3)]
        write(storage, here.as_agent, *seeds)
        found = read(storage, here.as_agent, lambda unit: unit.players.fair_round(played.round_id))
        assert found is not None
        assert_same(found.revealed, seeds[1])

    def test_without_a_spent_seed_have_none_revealed(self, storage: Storage, here: House) -> None:
        player = here.player()
        session = here.session(player)
        played = here.round(session, seed_number=2)
        write(storage, here.as_agent, player, session, played, _revealed(player, 1))
        found = read(storage, here.as_agent, lambda unit: unit.players.fair_round(played.round_id))
        assert found is not None
        assert found.revealed is None

    def test_of_others_are_not_there(self, storage: Storage, here: House, there: House) -> None:
        _, played = _player_with_round(storage, here)
        for binding in (here.as_neighbour, there.as_agent, there.as_operator):
            assert read(storage, binding, lambda unit: unit.players.fair_round(played.round_id)) is None
        assert read(storage, here.as_operator, lambda unit: unit.players.fair_round(played.round_id)) is not None
        assert read(storage, here.as_agent, lambda unit: unit.players.fair_round(fresh_id())) is None


class TestRevealedSeeds:
    def test_the_last_one_is_found(self, storage: Storage, here: House) -> None:
        player, _ = _player_with_round(storage, here)
        other, _ = _player_with_round(storage, here)
        assert read(storage, here.as_agent, lambda unit: unit.players.last_revealed(player.player_id)) is None
        write(storage, here.as_agent, _revealed(player, 1), _revealed(other, 2, client_seed="other"))
        write(storage, here.as_agent, last := _revealed(player, 2, revealed_at=LATER))
        assert_same(read(storage, here.as_agent, lambda unit: unit.players.last_revealed(player.player_id)), last)

    def test_of_others_are_not_there(self, storage: Storage, here: House, there: House) -> None:
        player, _ = _player_with_round(storage, here)
        write(storage, here.as_agent, _revealed(player, 1))
        for binding in (here.as_neighbour, there.as_agent, there.as_operator):
            assert read(storage, binding, lambda unit: unit.players.last_revealed(player.player_id)) is None

    def test_is_revealed_once(self, storage: Storage, here: House) -> None:
        player, _ = _player_with_round(storage, here)
        write(storage, here.as_agent, _revealed(player, 1))
        with pytest.raises(AlreadyExists):
            write(storage, here.as_agent, _revealed(player, 1, client_seed="another"))

    def test_is_never_saved(self, storage: Storage, here: House) -> None:
        player, _ = _player_with_round(storage, here)
        with storage.begin(here.as_agent) as unit, pytest.raises(StorageMisuse):
            unit.save(_revealed(player, 1))

    def test_of_others_cannot_be_revealed(self, storage: Storage, here: House, there: House) -> None:
        player, _ = _player_with_round(storage, here)
        with pytest.raises(IsolationViolation):
            write(storage, there.as_agent, _revealed(player, 1))


class TestGameFiles:
    def test_a_stored_game_is_found_by_its_version(self, storage: Storage) -> None:
        game = versioned(evolve(DEMO_GAME, name=f"Ünïcødé 🎰 {fresh_name('game')}"))
        assert storage.game_files.find(game.version) is None
        for _ in range(2):
            storage.game_files.keep(game)
            assert storage.game_files.find(game.version) == canonical(game)

    def test_versions_stand_beside_each_other(self, storage: Storage) -> None:
        games = [versioned(evolve(DEMO_GAME, name=fresh_name("game"))) for _ in range(2)]
        for game in games:
            storage.game_files.keep(game)
        assert [storage.game_files.find(game.version) for game in games] == [canonical(game) for game in games]

    @pytest.mark.parametrize("version", ["", "nothing", "%", "\0", "é"])
    def test_a_game_that_was_never_stored_is_not_found(self, storage: Storage, version: str) -> None:
        assert storage.game_files.find(version) is None
