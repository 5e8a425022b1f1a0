"""Exports to files in tests, and damage to those files."""

import gzip
import subprocess
import sys
from pathlib import Path

from attrs import frozen

from playtime.adapters.cli.ledger_files import check_file, export_ledger
from playtime.application.engine import Engine
from playtime.application.ledger.export_check import CheckedFile
from playtime.domain.ledger.recorded_seals import RecordedSeal

from support.tree import ROOT


def exported(engine: Engine, file: Path, tenant: str | None = None) -> Path:
    """Export to a file and return it."""
    export_ledger(engine.export_ledger, file, tenant, progress=lambda _done, _total: None)
    return file


def lines_of(file: Path) -> list[bytes]:
    """Return the lines of an exported file."""
    return gzip.decompress(file.read_bytes()).splitlines()


def written(file: Path, lines: list[bytes]) -> Path:
    """Write lines to a file as an export is written."""
    file.write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines)))
    return file


@frozen
class Verdict:
    """The results of our own check and of the auditor's script for a file."""

    ours: CheckedFile
    recorded: frozenset[RecordedSeal]
    script_status: int
    script_said: str

    @classmethod
    def on(cls, file: Path, *recorded: str) -> "Verdict":
        """Ask both, about a file and seals that were written down."""
        seals = [word for seal in recorded for word in ("--seal", seal)]
        script = [sys.executable, "-I", str(ROOT / "docs" / "verify_ledger.py"), str(file), *seals]
        ran = subprocess.run(script, capture_output=True, text=True, check=False)
        assert not ran.stderr, ran.stderr
        wanted = frozenset(map(RecordedSeal.parse, recorded))
        return cls(check_file(file, wanted), wanted, ran.returncode, ran.stdout)

    @property
    def clean(self) -> bool:
        """Whether both say that the file is in order; they have to agree."""
        found = frozenset[RecordedSeal]().union(*(operator.found for operator in self.ours.operators))
        clean = self.ours.clean and found == self.recorded
        assert clean == (self.script_status == 0), self
        return clean
