"""Stored odds: they change no figure, and nothing that happens to their folder stops a start."""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from playtime.adapters.system import odds_cache
from playtime.adapters.system.game_shelf import count_odds, load_game, load_games, shipped_games
from playtime.adapters.system.odds_cache import OddsCache
from playtime.domain.games import files, odds
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.files import InvalidGameFile, canonical
from playtime.domain.games.game import FreeSpins, Game
from playtime.domain.games.par_sheet import CountedOdds, ParSheet

from support.games import games, make_game
from support.tree import ROOT

OTHER_REELS = evolve(
    make_game(["AB", "CC"], {"A": {1: 2}}, scatter_pays={}),
    free_spins=FreeSpins({1: 2}, 2, 3, make_game(["AAB", "CD"], {"A": {1: 2}}).reels),
)
"""A game whose free spins have reels of their own."""
DEMO_ODDS = ParSheet(DEMO_GAME).count()


def renewed(game: Game) -> Game:
    """Return the same game as another object: nothing is known of its odds, as after a start."""
    return evolve(game)


@pytest.fixture
def cache(tmp_path: Path) -> OddsCache:
    return OddsCache(tmp_path / "cache")


def entries(cache: OddsCache) -> list[Path]:
    assert cache.folder is not None
    return sorted(cache.folder.iterdir())


@pytest.mark.parametrize("game", [*shipped_games(), DEMO_GAME, OTHER_REELS], ids=lambda game: game.game_key)
def test_stored_odds_are_the_counted_ones(game: Game, cache: OddsCache) -> None:
    assert cache.find(game) is None
    counted = ParSheet(game).count()
    cache.store(game, counted)
    assert cache.find(renewed(game)) == counted
    known, again = ParSheet(game, cache.find(game)), ParSheet(game)
    for name in ("at_least_stake", "hit_rate", "wins", "free_spins", "spread", "largest_win"):
        assert getattr(known, name) == getattr(again, name), name


@given(games())
def test_an_entry_reads_back_as_it_was_written(game: Game) -> None:
    counted = ParSheet(game).count()
    assert odds_cache._parsed(odds_cache._text(counted, "entry"), "entry") == counted


def test_a_second_start_counts_no_odds(cache: OddsCache, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = [*map(renewed, shipped_games()), OTHER_REELS]
    count_odds(shelf, cache)
    monkeypatch.setattr(odds, "MOST_STEPS", -1)
    count_odds(map(renewed, shelf), cache)
    with pytest.raises(InvalidGameFile):
        count_odds([renewed(shelf[0])], OddsCache())


def test_a_process_counts_the_odds_of_a_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.json").write_bytes(canonical(shipped_games()[0]).replace(b"harbor", b"inland"))
    first = load_game(tmp_path / "a.json")
    monkeypatch.setattr(odds, "MOST_STEPS", -1)
    assert load_game(tmp_path / "a.json") is first
    assert load_games(tmp_path) == (first,)


def test_a_second_server_counts_no_odds(tmp_path: Path) -> None:
    """Each is a process of its own, so that only the files are left of the first one."""
    program = (
        "import sys\nfrom pathlib import Path\nfrom playtime.bootstrap import Settings, build_container\n"
        "from playtime.domain.games import odds\nif sys.argv[2:]: odds.MOST_STEPS = -1\n"
        "build_container(Settings(storage='memory', home=Path(sys.argv[1]))).app()\n"
    )
    for words in ([], ["counts nothing"]):
        subprocess.run([sys.executable, "-c", program, str(tmp_path), *words], cwd=ROOT.parent, check=True)
    assert len([*(tmp_path / "cache").iterdir()]) == len(load_games())


@given(st.data())
def test_a_damaged_entry_counts_as_missing(data: st.DataObject) -> None:
    text = bytearray(odds_cache._text(DEMO_ODDS, "entry"))
    at = data.draw(st.integers(0, len(text) - 1))
    if data.draw(st.booleans()):
        del text[at:]
    else:
        text[at] ^= data.draw(st.integers(1, 255))
    assert odds_cache._parsed(bytes(text), "entry") is None


def test_a_damaged_entry_is_replaced(cache: OddsCache) -> None:
    cache.store(DEMO_GAME, DEMO_ODDS)
    (entry,) = entries(cache)
    whole = entry.read_bytes()
    entry.write_bytes(whole[:-1])
    assert cache.find(DEMO_GAME) is None
    count_odds([renewed(DEMO_GAME)], cache)
    assert entry.read_bytes() == whole


def test_the_entry_of_another_game_is_not_used(cache: OddsCache) -> None:
    cache.store(DEMO_GAME, DEMO_ODDS)
    (entry,) = entries(cache)
    other = evolve(DEMO_GAME, pays={**DEMO_GAME.pays, "ember": {1: 2}})
    assert cache.find(other) is None
    cache.store(other, ParSheet(other).count())
    (file,) = set(entries(cache)) - {entry}
    entry.replace(file)
    assert cache.find(other) is None


def test_entries_of_other_code_are_not_used_and_removed(cache: OddsCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.store(DEMO_GAME, CountedOdds(DEMO_ODDS.paid, None, DEMO_ODDS.at_least_stake / 2))
    old = entries(cache)
    monkeypatch.setattr(odds_cache, "code_digest", lambda: "c0de" * 16)
    assert cache.find(DEMO_GAME) is None
    cache.store(DEMO_GAME, DEMO_ODDS)
    assert len(entries(cache)) == 1
    assert not set(old) & set(entries(cache))
    monkeypatch.setattr(odds_cache, "code_digest", lambda: None)
    assert cache.find(DEMO_GAME) is None, "without its source the code is not known"


def test_the_code_digest_covers_every_module_of_games() -> None:
    covered = (odds_cache, odds, files, sys.modules[Game.__module__], sys.modules[ParSheet.__module__])
    folder = [Path(str(module.__file__)) for module in covered]
    whole = odds_cache._digest_of(folder)
    assert len({whole, *(odds_cache._digest_of(folder[:at] + folder[at + 1 :]) for at in range(5))}) == 6
    everything = [Path(odds_cache.__file__), *sorted((ROOT / "domain" / "games").glob("*.py"))]
    assert odds_cache.code_digest() == odds_cache._digest_of(everything)


def test_only_so_many_entries_remain(cache: OddsCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(odds_cache, "MOST_ENTRIES", 2)
    for age, key in ((3, "oldest"), (2, "older"), (1, "newest")):
        game = evolve(DEMO_GAME, game_key=key)
        cache.store(game, DEMO_ODDS)
        file = cache._file(game)
        assert file is not None
        os.utime(file, (1_000_000 - age, 1_000_000 - age))
    found = [cache.find(evolve(DEMO_GAME, game_key=key)) is not None for key in ("oldest", "older", "newest")]
    assert found.count(True) == 2
    assert not found[0]


def no_rights(**_: object) -> tuple[int, str]:
    raise PermissionError


@pytest.mark.parametrize("in_the_way", ["no parent", "a file", "no rights"])
def test_a_folder_that_cannot_be_written_stops_nothing(
    tmp_path: Path, in_the_way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = OddsCache(tmp_path / "home" / "cache")
    if in_the_way == "a file":
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "cache").write_text("")
    if in_the_way == "no rights":
        (tmp_path / "home").mkdir()
        monkeypatch.setattr(tempfile, "mkstemp", no_rights)
    count_odds([renewed(DEMO_GAME)], cache)
    assert cache.find(DEMO_GAME) is None
    assert (tmp_path / "home").exists() == (in_the_way != "no parent")


def test_writers_at_once_leave_one_whole_entry(cache: OddsCache) -> None:
    seen: list[CountedOdds | None] = []

    def write() -> None:
        for _ in range(20):
            cache.store(DEMO_GAME, DEMO_ODDS)
            seen.append(cache.find(DEMO_GAME))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [DEMO_ODDS] * 80
    assert len(entries(cache)) == 1
    assert entries(cache)[0].stat().st_mode & 0o077 == 0
