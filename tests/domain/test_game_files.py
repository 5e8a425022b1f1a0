"""Game files: each fault has a path, and the version is the hash of the canonical content."""

import hashlib
import json
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from playtime.domain.games import odds
from playtime.domain.games.demo import DEMO_GAME
from playtime.domain.games.faults import faults_of
from playtime.domain.games.files import (
    LARGEST_FILE_BYTES,
    InvalidGameFile,
    canonical,
    count_odds,
    matches_declared_rtp,
    read_game,
    versioned,
)
from playtime.domain.games.game import Game, StakeRule
from playtime.domain.games.par_sheet import sheet_of
from playtime.domain.money import MAX_AMOUNT_MINOR

from support.games import document_of, file_of, finished, games, make_game
from support.tree import ROOT

Document = dict[str, Any]
Change = Callable[[Document], object]


def _slots() -> Game:
    """Return a game with every feature of the file format."""
    return make_game(
        ["ABWAB", "ABSAB", "SABWA"],
        {"A": {2: 1, 3: 5}, "B": {3: 7}, "W": {3: 50}},
        rows=2,
        lines=[(0, 0, 0), (1, 1, 1), (0, 1, 0)],
        scatter_pays={2: 3},
        free=({2: 4}, 2, 20),
    )


def _faults(document: object) -> dict[str, str]:
    with pytest.raises(InvalidGameFile) as refused:
        read_game(document if isinstance(document, bytes) else file_of(document))
    assert refused.value.code == "INVALID_GAME_FILE"
    assert all(fault.path in str(refused.value) for fault in refused.value.faults)
    assert str(refused.value).encode().decode().isprintable()
    return {fault.path: fault.reason for fault in refused.value.faults}


def _changed(change: Change, game: Game | None = None) -> Document:
    document = document_of(game or _slots())
    change(document)
    return document


# --- versions -------------------------------------------------------------------------------------------------


@given(games())
def test_canonical_file_reads_back_as_the_same_game(game: Game) -> None:
    assert faults_of(game) == []
    again = read_game(canonical(game))
    assert canonical(again) == canonical(game)
    assert again.version == game.version == hashlib.sha256(canonical(game)).hexdigest()
    assert again.rtp == game.rtp


@given(games(), st.integers(0, 4))
def test_version_ignores_order_and_white_space(game: Game, indent: int) -> None:
    document = document_of(game)
    shuffled = {name: document[name] for name in sorted(document, reverse=True) if document[name] is not None}
    assert read_game(json.dumps(shuffled, indent=indent).encode()).version == game.version


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["symbols"][0].update(name="Another"),
        lambda d: d["look"].update(accent="red"),
        lambda d: d["stake"].update(maxMinor=2_000),
        lambda d: d["lines"].reverse(),
    ],
)
def test_changed_content_is_another_version(change: Change) -> None:
    game = _slots()
    assert read_game(file_of(_changed(change, game))).version != game.version


def test_weight_of_one_may_be_omitted() -> None:
    game = _slots()
    document = document_of(game)
    document["reels"][0] = [[symbol, 1] for symbol in document["reels"][0]]
    assert read_game(file_of(document)).version == game.version


def test_free_spins_default_to_the_paid_reels() -> None:
    game = _slots()
    document = document_of(game)
    del document["freeSpins"]["reels"]
    assert read_game(file_of(document)).version == game.version


def test_example_of_the_docs_is_a_valid_game() -> None:
    page = (ROOT / "docs" / "game-files.md").read_text()
    (content,) = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    game = read_game(content.encode())
    assert (game.game_key, game.wild, game.scatter) == ("small-orchard", "moon", "star")
    assert game.free_spins is not None


# --- faults ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "path", "reason"),
    [
        (lambda d: d["reels"][0].__setitem__(1, "X"), "reels[0][1]", "one of the game's symbols"),
        (lambda d: d["freeSpins"]["reels"][2].__setitem__(4, "X"), "freeSpins.reels[2][4]", "must be one of"),
        (lambda d: d["reels"][1].__setitem__(0, ["A", 0]), "reels[1][0][1]", "between 1 and 1000000"),
        (lambda d: d["reels"][1].__setitem__(0, ["A", 10**9]), "reels[1][0][1]", "between 1 and 1000000"),
        (lambda d: d["reels"][1].__setitem__(0, ["A", 10**6]), "reels[1]", "must add up to at most 1000000"),
        (lambda d: d["reels"][1].__setitem__(0, ["A", 1.0]), "reels[1][0][1]", "whole number"),
        (lambda d: d["reels"][1].__setitem__(0, ["A", True]), "reels[1][0][1]", "whole number"),
        (lambda d: d["reels"][1].__setitem__(0, 7), "reels[1][0]", "a symbol"),
        (lambda d: d["reels"].__setitem__(0, []), "reels[0]", "between 1 and 1000"),
        (lambda d: d["reels"].__setitem__(0, ["A"] * 1_001), "reels[0]", "between 1 and 1000"),
        (lambda d: d["reels"][1].__setitem__(3, "S"), "reels[1][2]", "at most one scatter"),
        (lambda d: d["lines"][1].__setitem__(2, 2), "lines[1][2]", "a row from 0 to 1"),
        (lambda d: d["lines"][1].__setitem__(2, -1), "lines[1][2]", "between 0"),
        (lambda d: d["lines"][0].pop(), "lines[0]", "a row for each of the 3 reels"),
        (lambda d: d["lines"].append([0, 0, 0]), "lines[3]", "duplicate line"),
        (lambda d: d["lines"].clear(), "lines", "between 1 and 100"),
        (lambda d: d["pays"].update(X={"3": 1}), "pays.X", "one of the game's symbols"),
        (lambda d: d["pays"].update(S={"3": 1}), "pays.S", "scatterPays"),
        (lambda d: d["pays"]["A"].update({"4": 9}), "pays.A.4", "at most 3"),
        (lambda d: d["pays"]["A"].update({"3": 0}), "pays.A.3", "between 1"),
        (lambda d: d["pays"]["A"].update({"2": 6}), "pays.A.3", "at least 6, as a shorter run pays"),
        (lambda d: d["pays"]["A"].update({"one": 6}), "pays.A.one", "a number of symbols from 1 to 99"),
        (lambda d: d["pays"].update(A={"2": 1}), "pays.A.3", "is missing"),
        (lambda d: d["pays"].clear(), "pays", "at least one symbol"),
        (lambda d: d["scatterPays"].update({"3": 9}), "scatterPays.3", "at most 2"),
        (lambda d: d.update(scatter=None), "scatterPays", "needs a `scatter`"),
        (lambda d: d.update(scatter=None), "freeSpins", "needs a `scatter`"),
        (lambda d: d.update(wild="X"), "wild", "one of the game's symbols"),
        (lambda d: d.update(wild="S"), "wild", "must not be the scatter"),
        (lambda d: d["symbols"].append(d["symbols"][0]), "symbols[4].id", "duplicate symbol id"),
        (lambda d: d["symbols"][0].pop("name"), "symbols[0].name", "is missing"),
        (lambda d: d["freeSpins"].update(mostSpins=3), "freeSpins.mostSpins", "at least the largest award"),
        (lambda d: d["freeSpins"].update(multiplier=0), "freeSpins.multiplier", "between 1"),
        (lambda d: d["freeSpins"]["reels"].pop(), "freeSpins.reels", "must be 3"),
        (lambda d: d["stake"].update(coins=3), "stake.minMinor", "multiple of the 3 coins"),
        (lambda d: d["stake"].update(minMinor=2_000), "stake.minMinor", "to maxMinor"),
        (lambda d: d["stake"].update(levelsMinor=[5, 5]), "stake.levelsMinor[1]", "duplicate level"),
        (lambda d: d["stake"].update(levelsMinor=[5_000]), "stake.levelsMinor[0]", "within the limits"),
        (lambda d: d["stake"].update(maxMinor=10**12), "stake.maxMinor", "times the largest win"),
        (lambda d: d["stake"].pop("coins"), "stake.coins", "is missing"),
        (lambda d: d.update(rows=0), "rows", "between 1 and 8"),
        (lambda d: d.update(rows="2"), "rows", "whole number"),
        (lambda d: d.update(format=2), "format", "must be 1"),
        (lambda d: d.update(gameKey="Not A Key"), "gameKey", "small letters"),
        (lambda d: d.update(name=""), "name", "a string"),
        (lambda d: d.update(name="a\u0000b"), "name", "printable"),
        (lambda d: d.update(look=[]), "look", "an object"),
        (lambda d: d.update(extra=1), "extra", "unknown field"),
        (lambda d: d.update({"\ud800": 1}), r"\ud800", "unknown field"),
        (lambda d: d.update({"a\n" * 50: 1}), r"a\n" * 20, "unknown field"),
        (lambda d: d["stake"].update({"\x00": 1}), r"stake.\x00", "unknown field"),
        (lambda d: d.update(look={"\ud800": "x"}), r"look.\ud800", "40 printable"),
        (lambda d: d.update(look={"a\n": "x"}), r"look.a\n", "40 printable"),
        (lambda d: d.update(look={"": "x"}), "look.", "40 printable"),
        (lambda d: d.update(look={"a" * 41: "x"}), "look." + "a" * 40, "40 printable"),
        (lambda d: d.update(look={"a": "\ud800"}), "look.a", "printable"),
        (lambda d: d["pays"].update({"\udfff": {"3": 1}}), r"pays.\udfff", "40 printable"),
        (lambda d: d["pays"]["A"].update({"\udfff": 1}), r"pays.A.\udfff", "a number of symbols from 1 to 99"),
        (lambda d: d["pays"]["A"].update({"1\u0663": 1}), "pays.A.1\u0663", "a number of symbols from 1 to 99"),
        (lambda d: d["symbols"][0].update(id="A" * 41), "symbols[0].id", "at most 40 printable"),
        (lambda d: d.pop("lines"), "lines", "is missing"),
    ],
)
def test_each_fault_has_its_path_and_reason(change: Change, path: str, reason: str) -> None:
    faults = _faults(_changed(change))
    assert reason in faults[path], faults


def test_symbol_id_of_40_characters_is_accepted() -> None:
    text = json.dumps(document_of(_slots())).replace('"A"', json.dumps("A" * 40))
    assert read_game(text.encode()).pays["A" * 40] == _slots().pays["A"]


def test_all_faults_are_reported_together() -> None:
    def spoil(document: Document) -> None:
        document["reels"][0][0] = "X"
        document["lines"][0][0] = 7
        document["pays"]["A"]["3"] = 10**9
        document["wild"] = "Y"

    assert _faults(_changed(spoil)).keys() >= {"reels[0][0]", "lines[0][0]", "wild"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"format": 1, "format": 1}', "duplicate field"),
        (b"[]", "an object"),
        (b"null", "an object"),
        (b" " * (LARGEST_FILE_BYTES + 1), "larger than"),
    ],
)
def test_content_that_is_not_an_object_is_refused(content: bytes, reason: str) -> None:
    assert reason in _faults(content)["$"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(ANYTHING)
def test_arbitrary_json_is_refused_with_faults(document: object) -> None:
    assert _faults(document)


@given(games(), st.data())
def test_arbitrary_field_is_read_or_refused_with_faults(game: Game, data: st.DataObject) -> None:
    document = document_of(game)
    name = data.draw(st.sampled_from(sorted(document)))
    document[name] = data.draw(
        st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.dictionaries(st.text(), st.integers())
    )
    try:
        read_game(file_of(document))
    except InvalidGameFile as refused:
        assert refused.faults  # noqa: PT017 - the file may also be valid


# --- the declared return --------------------------------------------------------------------------------------


def test_declared_return_off_by_a_millionth_is_refused() -> None:
    document = document_of(DEMO_GAME)
    for declared, is_right in [
        ("0.950000", True),
        ("19/20", True),
        ("950000000/1000000000", True),
        ("0.950001", False),
        ("0.949999", False),
        ("19/21", False),
        ("0.95", False),
        ("95", False),
        ("95 %", False),
        ("1/0", False),
    ]:
        document["rtp"] = declared
        if is_right:
            assert read_game(file_of(document)).rtp == Fraction(19, 20)
        else:
            assert declared in _faults(document)["rtp"]


@given(st.fractions(0, 1), st.integers(6, 12))
def test_declared_return_may_be_rounded(exact: Fraction, places: int) -> None:
    scaled = round(exact * 10**places)
    digits = f"{scaled // 10**places}.{scaled % 10**places:0{places}d}"
    assert matches_declared_rtp(digits, exact)
    off = scaled + 1
    assert not matches_declared_rtp(f"{off // 10**places}.{off % 10**places:0{places}d}", exact)


def test_generated_game_declares_its_return() -> None:
    game = finished(_slots())
    assert game.rtp == read_game(canonical(game)).rtp > 0


# --- odds -------------------------------------------------------------------------------------------------------


def _heavy(coins: int, spins: int) -> Game:
    """Return a game with so many coins and free spins that its sums are many."""
    pays = {symbol: {3: 1 + at, 4: 3 + 2 * at, 5: 10 + 7 * at} for at, symbol in enumerate("ABCDEFGH")}
    return make_game(
        ["ABCDEFGHABCDEFGHABCDS"] * 5,
        pays,
        rows=3,
        lines=[(0, 1, 2, 0, 1), (1, 2, 0, 1, 2), (2, 0, 1, 2, 0), (0,) * 5, (1,) * 5],
        scatter_pays={3: 2, 4: 5, 5: 10},
        free=({3: 10, 4: 20, 5: 30}, 2, spins),
        stake=StakeRule(coins, coins, coins * 1_000),
    )


def test_game_with_too_many_free_spin_sums_is_refused() -> None:
    """Spins need the odds while a player is locked; old rounds of such a game can still be checked."""
    game = _heavy(100, 200)
    assert faults_of(game) == []
    with pytest.raises(InvalidGameFile) as refused:
        count_odds(read_game(canonical(game)))
    assert [fault.path for fault in refused.value.faults] == ["freeSpins.mostSpins"]
    assert read_game(canonical(game)).version == game.version
    assert 0 < count_odds(read_game(canonical(_heavy(20, 100)))).at_least_stake < 1


def test_game_with_too_many_windows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(odds, "MOST_STEPS", 10)
    with pytest.raises(InvalidGameFile, match="reels: makes the odds take too long to count"):
        count_odds(read_game(canonical(_slots())))


def test_spins_find_counted_odds(monkeypatch: pytest.MonkeyPatch) -> None:
    game = read_game(canonical(_slots()))
    count_odds(game)
    monkeypatch.setattr(odds, "MOST_STEPS", 0)
    assert 0 < sheet_of(game).at_least_stake < 1


def test_declared_fraction_must_be_exact() -> None:
    exact = Fraction(19, 20)
    assert matches_declared_rtp("19/20", exact)
    assert matches_declared_rtp("95/100", exact)
    assert not matches_declared_rtp("950001/1000000", exact)
    assert not matches_declared_rtp(f"{19 * 10**30 + 1}/{20 * 10**30}", exact)


@pytest.mark.parametrize("off", [1, 499, 999])
def test_declared_return_nearly_right_is_refused(off: int) -> None:
    assert not matches_declared_rtp(f"0.{950_000 + off}", Fraction(19, 20))
    assert not matches_declared_rtp(f"0.{950_000 - off}", Fraction(19, 20))
    assert not matches_declared_rtp("0.95000", Fraction(19, 20))
    assert matches_declared_rtp("0.950000", Fraction(19, 20))


def test_each_field_of_the_stake_is_part_of_the_version() -> None:
    game = finished(make_game(["AB"], {"A": {1: 1}}, stake=StakeRule(1, 1, 100, (1, 10))))
    for stake in (StakeRule(1, 1, 100), StakeRule(1, 1, 100, (1, 10, 100)), StakeRule(1, 1, 50, (1, 10))):
        assert versioned(evolve(game, stake=stake)).version != versioned(game).version


def test_largest_win_is_that_of_all_lines_together() -> None:
    """One line may win the largest amount, two lines at once may not."""
    largest = StakeRule(1, 1, MAX_AMOUNT_MINOR // 2)
    one = make_game(["A", "B"], {"A": {1: 2}}, lines=[(0, 0)], stake=largest)
    two = make_game(["A", "B"], {"A": {1: 2}}, rows=2, lines=[(0, 0), (1, 1)], stake=largest)
    assert [fault.path for fault in faults_of(one) if fault.path == "stake.maxMinor"] == []
    assert [fault.path for fault in faults_of(two) if fault.path == "stake.maxMinor"] == ["stake.maxMinor"]
