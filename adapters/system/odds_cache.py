"""The counted odds of games, stored between two starts.

Counting takes a program longer than the rest of its start. An entry is found only for the same game and the same
code, so it has the figures that counting would give. A damaged entry counts as missing. A failure here only costs
time, so nothing is raised.
"""

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from ...domain.games import par_sheet
from ...domain.games.files import canonical
from ...domain.games.game import Game
from ...domain.games.odds import WindowCount
from ...domain.games.par_sheet import CountedOdds

MOST_ENTRIES: Final = 200
"""The entries of one release; the oldest are removed. An entry of our own games has up to 30 kB."""

_PREFIX: Final = "odds-"
_CODE_DIGITS: Final = 16
_HEX: Final = 16

_log: Final = logging.getLogger("playtime.odds")


@frozen
class OddsCache:
    """A folder with an entry for each game; None: nothing is stored. Its parent is never made.

    Several programs may use it at once: an entry appears as a whole, and all write the same.
    """

    folder: Path | None = None

    def find(self, game: Game) -> CountedOdds | None:
        """Return the odds of a game as they were counted before; None if they have to be counted."""
        file = self._file(game)
        if file is None:
            return None
        try:
            return _parsed(file.read_bytes(), file.name)
        except OSError:
            return None

    def store(self, game: Game, odds: CountedOdds) -> None:
        """Store the odds of a game."""
        file = self._file(game)
        if file is None:
            return
        try:
            file.parent.mkdir(mode=0o700, exist_ok=True)
            _write(file, _text(odds, file.name))
            _prune(file.parent)
        except OSError as error:
            _log.info("the odds of %s are not stored, so each start counts them: %s", game.game_key, error)

    def _file(self, game: Game) -> Path | None:
        """Return the file of a game, whose name has the digests of the code and of the game."""
        code = code_digest()
        if self.folder is None or code is None:
            return None
        return self.folder / f"{_own_prefix(code)}{hashlib.sha256(canonical(game)).hexdigest()}"


@cache
def code_digest() -> str | None:
    """Return the digest of the code that counts odds; None if its source is not there."""
    try:
        return _digest_of((Path(__file__), *sorted(Path(par_sheet.__file__).parent.glob("*.py"))))
    except OSError:
        return None


def _digest_of(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _own_prefix(code: str) -> str:
    return f"{_PREFIX}{code[:_CODE_DIGITS]}-"


def _text(odds: CountedOdds, name: str) -> bytes:
    """Return the text of an entry: its digest, then JSON. Fractions are hexadecimal, as they may be very long."""
    content = {
        "entry": name,
        "paid": _pairs(odds.paid),
        "free": None if odds.free is None else _pairs(odds.free),
        "atLeastStake": [f"{part:x}" for part in odds.at_least_stake.as_integer_ratio()],
    }
    body = json.dumps(content, separators=(",", ":")).encode()
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _parsed(text: bytes, name: str) -> CountedOdds | None:
    """Return the odds of an entry; None if it is damaged."""
    digest, _, body = text.partition(b"\n")
    if digest != hashlib.sha256(body).hexdigest().encode():
        return None
    try:
        content = json.loads(body)
        if content["entry"] != name:
            return None
        above, below = (int(part, _HEX) for part in content["atLeastStake"])
        free = content["free"]
        return CountedOdds(
            _window(content["paid"]), None if free is None else _window(free), Fraction(above, below)
        )
    except (ArithmeticError, KeyError, TypeError, ValueError):
        return None


def _pairs(window: WindowCount) -> list[tuple[int, int, int]]:
    return [(coins, scatters, count) for (coins, scatters), count in window.counts.items()]


def _window(pairs: Any) -> WindowCount:  # noqa: ANN401 - JSON
    counts = {(int(coins), int(scatters)): int(count) for coins, scatters, count in pairs}
    return WindowCount(sum(counts.values()), counts)


def _write(file: Path, text: bytes) -> None:
    """Write a file in one step. After a power cut it may be damaged, which its digest shows."""
    descriptor, draft = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(text)
        Path(draft).replace(file)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _prune(folder: Path) -> None:
    """Remove the entries of other releases, and the oldest of too many."""
    own = _own_prefix(code_digest() or "")
    entries = sorted(folder.glob(f"{_PREFIX}*"), key=lambda file: (file.name.startswith(own), _written_at(file)))
    foreign = sum(not file.name.startswith(own) for file in entries)
    for file in entries[: max(foreign, len(entries) - MOST_ENTRIES)]:
        file.unlink(missing_ok=True)


def _written_at(file: Path) -> int:
    """Return the time of a file, 0 if another program has just removed it."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
