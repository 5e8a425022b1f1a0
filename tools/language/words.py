"""The list of words that are not used: read from words.toml, which people read as well."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

PLACES: Final = frozenset({"docstring", "comment", "message", "markdown", "name"})
_FILE: Final = Path(__file__).with_name("words.toml")


@dataclass(frozen=True)
class Word:
    """A word that is not used, in all its forms. `say` is the word to use; `wrong` and `right` are examples."""

    forms: tuple[str, ...]
    say: str
    pattern: re.Pattern[str]
    places: frozenset[str]
    wrong: tuple[str, ...]
    right: tuple[str, ...]


@dataclass(frozen=True)
class WordList:
    """All of words.toml."""

    words: tuple[Word, ...]
    openings: frozenset[str]
    openings_without_verb: frozenset[str]
    riddles: frozenset[str]
    unchecked: dict[str, str]
    exempt: frozenset[str]
    wire_names: dict[tuple[str, str], str]
    """The reason for each exempt name of the HTTP contract, by path and name."""

    @property
    def synonyms(self) -> frozenset[str]:
        """Every word that is looked for or has a reason not to be."""
        return frozenset({form for word in self.words for form in word.forms} | self.unchecked.keys())


@cache
def word_list() -> WordList:
    """Read the list."""
    content = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    openings = content["openings"]
    return WordList(
        words=tuple(map(_word, content["word"])),
        openings=frozenset(openings["never"]),
        openings_without_verb=frozenset(openings["not_a_verb"]),
        riddles=frozenset(openings["riddles"]),
        unchecked=content["unchecked"],
        exempt=frozenset(content["exempt"]),
        wire_names={(path, entry["name"]): entry["why"] for entry in content["wire_name"] for path in entry["in"]},
    )


def _word(entry: dict[str, Any]) -> Word:
    places = frozenset(entry.get("in", PLACES))
    if unknown := places - PLACES:
        raise ValueError(f"{_FILE.name}: {entry['not']}: `in` must be of {sorted(PLACES)}, not {sorted(unknown)}")
    spaced = (r"\s+".join(map(re.escape, form.split())) for form in entry["not"])
    pattern = entry.get("find") or rf"\b(?:{'|'.join(spaced)})\b"
    return Word(
        forms=tuple(entry["not"]),
        say=entry["say"],
        pattern=re.compile(pattern, re.IGNORECASE),
        places=places,
        wrong=tuple(entry.get("wrong", entry["not"])),
        right=tuple(entry.get("right", ())),
    )
