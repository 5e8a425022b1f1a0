"""The list of planted faults: the files in `faults/`, one for each area."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = Path(__file__).parent / "faults"


@dataclass(frozen=True)
class Fault:
    """A small fault: in one file, one text is replaced by another. The nearest tests must find it.

    They run on the memory storage, or on PostgreSQL where `postgres` is true.
    """

    area: str
    id: str
    file: str
    old: str
    new: str
    tests: Sequence[str]
    why: str
    postgres: bool = False

    def planted_in(self, text: str) -> str:
        """Return the text of the file with the fault. Raises ValueError if the old text is not there once."""
        count = text.count(self.old)
        if count != 1:
            raise ValueError(f"{self.id}: the old text occurs {count} times in {self.file}, must be once")
        return text.replace(self.old, self.new)


def all_faults() -> Sequence[Fault]:
    """Return every planted fault, in the order of the files."""
    return [
        Fault(area=file.stem, **entry)
        for file in sorted(FOLDER.glob("*.toml"))
        for entry in tomllib.loads(file.read_text(encoding="utf-8"))["fault"]
    ]


def mistakes(faults: Sequence[Fault], root: Path = ROOT) -> Iterator[str]:
    """Yield a line for each entry that cannot be planted, or has no tests to run."""
    seen = set[str]()
    for fault in faults:
        if fault.id in seen:
            yield f"{fault.id}: duplicate id"
        seen.add(fault.id)
        if fault.old == fault.new:
            yield f"{fault.id}: old and new text are equal"
        if not fault.tests:
            yield f"{fault.id}: has no tests"
        yield from _mistakes_in_files(fault, root)


def _mistakes_in_files(fault: Fault, root: Path) -> Iterator[str]:
    file = root / fault.file
    if not file.is_file():
        yield f"{fault.id}: there is no file {fault.file}"
        return
    try:
        planted = fault.planted_in(file.read_text(encoding="utf-8"))
        if file.suffix == ".py":
            compile(planted, fault.file, "exec")
    except ValueError as mistake:
        yield str(mistake)
    except SyntaxError as mistake:
        yield f"{fault.id}: the new text is not Python: {mistake}"
    for test in fault.tests:
        if not _exists(test, root):
            yield f"{fault.id}: there is no test {test}"


def _exists(test: str, root: Path) -> bool:
    """Return whether a test file defines the named class and function, or imports them from contracts."""
    place, *names = test.split("[", maxsplit=1)[0].split("::")
    file = root / place
    if not file.is_file():
        return False
    texts = [file.read_text(encoding="utf-8")]
    shared = root / "contracts" / file.name
    if "from playtime.contracts" in texts[0] and shared.is_file():
        texts.append(shared.read_text(encoding="utf-8"))
    return all(any(f"def {name}(" in text or f"class {name}" in text for text in texts) for name in names)
