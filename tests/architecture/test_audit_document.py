"""docs/audit.md against the code: the keys of a line, of a seal, and the form."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from uuid import UUID

from playtime.domain.ledger.seals import FORM, LINED, START, Seal, moment_text

from support.tree import ROOT

DOCUMENT = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
SCRIPT = (ROOT / "docs" / "verify_ledger.py").read_text(encoding="utf-8")


def _keys(chapter: str) -> set[str]:
    """Return the keys that the first column of a chapter's table names."""
    text = DOCUMENT.split(f"## {chapter}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


def test_every_key_of_an_event_is_documented() -> None:
    camel = {re.sub(r"_(\w)", lambda found: found.group(1).upper(), name) for name in LINED}
    assert _keys("An event") == camel


def test_every_key_of_a_seal_is_documented() -> None:
    seal = Seal(
        operator_id=UUID(int=1),
        tenant_id=UUID(int=1),
        number=1,
        first=START,
        last=START,
        event_count=1,
        previous_hash=bytes(32),
        hash=bytes(32),
        sealed_at=datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC),
    )
    assert _keys("The chain") == {*seal.head, "hash"}
    assert moment_text(seal.sealed_at) in DOCUMENT


def test_the_form_is_named() -> None:
    assert FORM in DOCUMENT
    assert FORM in SCRIPT


def test_the_script_is_a_page() -> None:
    assert len(SCRIPT.splitlines()) < 132
    assert set(re.findall(r"^import (\w+)", SCRIPT, re.MULTILINE)) == {"gzip", "hashlib", "json", "re", "sys"}


def test_the_script_without_a_file_says_how_it_is_used() -> None:
    words = [sys.executable, "-I", str(ROOT / "docs" / "verify_ledger.py")]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("usage: verify_ledger.py FILE")
