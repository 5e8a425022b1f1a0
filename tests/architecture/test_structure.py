"""The table of folders in docs/architecture.md is the one that the command measures."""

import pytest

from playtime.tools import structure


def test_document_has_the_measured_table() -> None:
    measured = structure.BEGIN + structure.table(structure.folders()) + structure.END
    assert measured in structure.DOCUMENT.read_text(encoding="utf-8")


def test_outdated_table_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(structure, "table", lambda _: "another table\n")
    assert structure.main([]) == 1
    assert "out of date" in capsys.readouterr().out
