"""The rules: what each of them finds in the texts and names of a file, or in the class names of all files."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath
from typing import Final

from .texts import Name, Text, read
from .words import Word, WordList, word_list

MOST_WORDS: Final = 25
MOST_TEST_NAME_CHARACTERS: Final = 60
SHOWN_WORDS: Final = 8
NOT_PRODUCT: Final = ("tests", "examples", "docs", "tools")
RULES: Final = {
    "word": "a word that we do not use, in prose",
    "name": "a word that we do not use, in a file's or an identifier's name",
    "opening": "a docstring starts with a verb (function) or a noun (class, module); no sentence starts with `Of`",
    "sentence": f"a sentence of a docstring or of Markdown has at most {MOST_WORDS} words",
    "cell": f"a table cell has at most {MOST_WORDS} words",
    "test-name": f"a test's name has at most {MOST_TEST_NAME_CHARACTERS} characters",
    "class-name": "a public class name has one meaning in the product: only a port and its adapters share a name",
}

_SENTENCE_END: Final = re.compile(r"(?<![ .][A-Za-z])[.!?][\"')\]*_]*\s+(?=[\"'(*_]*[A-Z0-9\[])")
_PARAGRAPH_END: Final = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*•]|\d+\.)\s)")
_NAME_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True, order=True)
class Finding:
    """A place that breaks a rule. `wrong` names what is wrong there, `right` what would be right."""

    path: str
    line: int
    rule: str
    wrong: str
    right: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.wrong}; {self.right}"


def check(sources: Mapping[str, str]) -> list[Finding]:
    """Check files, given as source text by path, and return all findings in the order of the files."""
    words = word_list()
    classes = dict[str, list[Name]]()
    found = list[Finding]()
    for path, source in sources.items():
        texts, names = read(PurePath(path), source)
        classes[path] = [name for name in names if name.kind in {"class", "port"}]
        found += _in_file(path, texts, names, words)
    return sorted([*found, *shared_class_names(classes)])


def _in_file(path: str, texts: Iterable[Text], names: Iterable[Name], words: WordList) -> Iterator[Finding]:
    listed = () if path in words.exempt else words.words
    for text in texts:
        yield from _banned_words(path, text, listed)
        if path not in words.exempt:
            yield from _openings(path, text, words)
        yield from _long_sentences(path, text)
    for name in names:
        if (path, name.name) not in words.wire_names:
            yield from _banned_names(path, name, listed)
        if name.kind == "test" and len(name.name) > MOST_TEST_NAME_CHARACTERS:
            wrong = f"{name.name} has {len(name.name)} characters"
            yield Finding(path, name.line, "test-name", wrong, f"use at most {MOST_TEST_NAME_CHARACTERS}")


# --- words ----------------------------------------------------------------------------------------------------


def _banned_words(path: str, text: Text, words: Iterable[Word]) -> Iterator[Finding]:
    place = "docstring" if text.is_docstring else "markdown" if text.kind == "cell" else text.kind
    for word in words:
        if place not in word.places:
            continue
        for match in word.pattern.finditer(text.words):
            wrong = f'"{" ".join(match.group().split())}" in "{_around(text.words, match.start(), match.end())}"'
            yield Finding(path, text.line_of(match.start()), "word", wrong, f"say: {word.say}")


def _around(words: str, start: int, end: int) -> str:
    return " ".join(words[max(0, start - 30) : end + 30].split())


def _banned_names(path: str, name: Name, words: Iterable[Word]) -> Iterator[Finding]:
    spaced = " ".join(_NAME_PART.findall(name.name)).lower()
    for word in words:
        if "name" in word.places and (match := word.pattern.search(spaced)):
            yield Finding(
                path, name.line, "name", f'"{match.group()}" in the name {name.name}', f"say: {word.say}"
            )


# --- docstrings and sentences ---------------------------------------------------------------------------------


def _openings(path: str, text: Text, words: WordList) -> Iterator[Finding]:
    if text.is_docstring and (wrong := _wrong_opening(text, words)):
        right = "start with a verb" if text.kind == "function" else "start with a noun"
        yield Finding(path, text.line, "opening", f'the docstring opens with "{wrong}"', right)
    for line, sentence in sentences(text):
        if re.match(r"Of\s+(?!course\b)", sentence) and not (text.is_docstring and line == text.line):
            yield Finding(path, line, "opening", f'"{_start(sentence)}"', "start with the subject, not with Of")


def _wrong_opening(text: Text, words: WordList) -> str | None:
    opening = re.match(r"\W*([\w'-]*)\W*([\w'-]*)", text.words)
    first, second = (opening[1], opening[2]) if opening else ("", "")
    if first in words.openings and not (first == "Whether" and text.kind == "noun"):
        return first
    if text.kind == "function" and first in words.openings_without_verb:
        return first
    return f"{first} {second}" if second in words.riddles and first[:1].isupper() else None


def _long_sentences(path: str, text: Text) -> Iterator[Finding]:
    if text.kind == "cell":
        if (count := word_count(text.words)) > MOST_WORDS:
            wrong = f'the cell "{_start(text.words)}" has {count} words'
            yield Finding(path, text.line, "cell", wrong, f"use at most {MOST_WORDS}")
    elif text.is_docstring or text.kind == "markdown":
        for line, sentence in sentences(text):
            if (count := word_count(sentence)) > MOST_WORDS:
                wrong = f'the sentence "{_start(sentence)}" has {count} words'
                yield Finding(path, line, "sentence", wrong, f"use at most {MOST_WORDS}")


def sentences(text: Text) -> Iterator[tuple[int, str]]:
    """Yield each sentence with its line. Paragraphs and list items end sentences; indented code is left out."""
    paragraph_starts = [0, *(end.end() for end in _PARAGRAPH_END.finditer(text.words)), len(text.words)]
    for start, end in pairwise(paragraph_starts):
        paragraph = text.words[start:end]
        if paragraph.startswith("    ") or ">>>" in paragraph:
            continue
        begin = 0
        for stop in [*(match.end() for match in _SENTENCE_END.finditer(paragraph)), len(paragraph)]:
            if sentence := paragraph[begin:stop].strip():
                lead = len(paragraph[begin:stop]) - len(paragraph[begin:stop].lstrip())
                yield text.line_of(start + begin + lead), sentence
            begin = stop


def word_count(words: str) -> int:
    """Count the words: what stands between blanks and has a letter or a digit. Code counts as one."""
    return sum(any(character.isalnum() for character in part) for part in words.split())


def _start(sentence: str) -> str:
    words = sentence.split()
    return " ".join(words[:SHOWN_WORDS]) + (" ..." if len(words) > SHOWN_WORDS else "")


# --- class names ----------------------------------------------------------------------------------------------


def shared_class_names(classes: Mapping[str, Iterable[Name]]) -> Iterator[Finding]:
    """Find public classes of the product that share their name without being one port and its adapters.

    A port and its adapters are: one protocol, and below adapters/ at most one class in each adapter's folder.
    """
    by_name = defaultdict[str, list[tuple[str, Name]]](list)
    for path, names in classes.items():
        if PurePath(path).parts[0] not in NOT_PRODUCT:
            for name in names:
                if not name.name.startswith("Test"):
                    by_name[name.name].append((path, name))
    for shared, places in by_name.items():
        if len(places) > 1 and not _are_port_and_adapters(places):
            for path, name in places:
                others = ", ".join(other for other, _ in places if other != path) or "this file"
                wrong = f"{shared} is also a class in {others}"
                yield Finding(path, name.line, "class-name", wrong, "give each its own name")


def _are_port_and_adapters(places: list[tuple[str, Name]]) -> bool:
    adapters = [PurePath(path).parts[:2] for path, name in places if name.kind == "class"]
    is_one_port = len(places) - len(adapters) == 1
    return is_one_port and len(set(adapters)) == len(adapters) and all(part[0] == "adapters" for part in adapters)
