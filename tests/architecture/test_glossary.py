"""The glossary: one sentence for each term, and the same synonyms as in the word list of the language checker."""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest

from playtime.tools.language.rules import check
from playtime.tools.language.words import Word, word_list

from support.tree import ROOT

GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
TERMS, WORDS = GLOSSARY.split("\n## Clauses and words\n")


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the tables, without their headings."""
    for line in text.splitlines():
        if line.startswith("|") and not re.match(r"\|(?:-|.*\| not \|$)", line):
            yield [cell.strip() for cell in line[1:-1].split("|")]


SYNONYMS = [synonym for row in rows(GLOSSARY) for synonym in row[-1].split(", ") if synonym]


@pytest.mark.parametrize("synonym", sorted(set(SYNONYMS)))
def test_each_synonym_is_looked_for_or_has_a_reason(synonym: str) -> None:
    assert synonym in word_list().synonyms


@pytest.mark.parametrize("word", word_list().words, ids=lambda word: word.forms[0])
def test_each_word_of_the_list_is_in_the_glossary(word: Word) -> None:
    assert set(word.forms) & set(SYNONYMS)


def test_each_reason_is_about_a_synonym_of_the_glossary() -> None:
    assert word_list().unchecked.keys() <= set(SYNONYMS)


@pytest.mark.parametrize("row", list(rows(TERMS)), ids=lambda row: row[0])
def test_term_has_one_sentence_in_plain_words(row: list[str]) -> None:
    term, meaning, _ = row
    assert re.fullmatch(r"[A-Z1].*[^.]\.", meaning)
    assert not re.search(r"[.!?] [A-Z]", meaning)
    assert check({"docs/a.md": f"| {term} | {meaning} |\n"}) == []


def test_terms_of_an_area_are_in_alphabetical_order() -> None:
    for area in TERMS.split("\n## ")[1:]:
        terms = [row[0].lower() for row in rows(area)]
        assert terms
        assert [(one, next_) for one, next_ in pairwise(terms) if one >= next_] == []


def test_table_cells_are_short() -> None:
    assert check({"docs/glossary.md": GLOSSARY}) == []
