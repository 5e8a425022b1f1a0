"""The documents name only files that exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.tree import ROOT, place, source_files

DOCUMENTS = [file for file in source_files() if file.suffix == ".md"]
LINK = re.compile(r"\]\(([^)#\s]+)")
FILE_NAME = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|json|toml|sql))`")


def missing_in(document: Path) -> Iterator[str]:
    """Yield links to no file, and names of files that are below neither the root nor the document's folder."""
    text = document.read_text(encoding="utf-8")
    for target in LINK.findall(text):
        if "://" not in target and not (document.parent / target).exists():
            yield target
    for name in FILE_NAME.findall(text):
        if not any((folder / name).exists() for folder in (ROOT, document.parent)):
            yield name


def test_there_are_documents() -> None:
    assert ROOT / "README.md" in DOCUMENTS


@pytest.mark.parametrize("document", DOCUMENTS, ids=place)
def test_links_and_file_names_lead_to_files(document: Path) -> None:
    assert list(missing_in(document)) == []
