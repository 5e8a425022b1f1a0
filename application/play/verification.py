"""Checking exported rounds: all fields of a round are recomputed from its seeds and its game file.

An export is JSON Lines in canonical form: objects with a `game` (its canonical file), a `round`, or both. A saved
answer of GET /fair/rounds/:link is an object with both. A round needs no game if an earlier line has it.
`docs/verify_round.py` does the same with only the standard library.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import field, frozen

from ...domain.errors import InvalidInput
from ...domain.games.fairness import HmacDraw, commitment_of
from ...domain.games.files import InvalidGameFile, read_game
from ...domain.games.game import Game
from ...domain.play.rounds import outcome_of
from ...domain.wire_names import camel, named
from ..wire import encode

_FIELDS: Final = (
    *("link", "game_key", "game_version", "stake_minor", "win_minor", "outcome", "played_at"),
    *("server_seed_hash", "client_seed", "nonce", "server_seed", "digest"),
)


@frozen
class Verdict:
    """The result of checking one line. A round without its server seed is neither right nor wrong yet."""

    line: int
    link: str | None = None
    is_revealed: bool = False
    faults: tuple[str, ...] = ()

    @property
    def is_verified(self) -> bool:
        """Whether the recomputed round is the claimed one."""
        return self.is_revealed and not self.faults


class _Fault(Exception):
    """Raised for a fault of a line."""


@frozen
class Verifier:
    """Checks the lines of one export, in order. Games are read when a round needs them."""

    _files: dict[str, bytes] = field(init=False, factory=dict)
    _games: dict[str, Game] = field(init=False, factory=dict)

    def check(self, lines: Iterable[bytes]) -> Iterator[Verdict]:
        """Yield a verdict for each line with a round, and for each line with a fault."""
        for number, line in enumerate(lines, start=1):
            try:
                verdict = self._check(number, line.removesuffix(b"\n"))
            except _Fault as fault:
                verdict = Verdict(number, faults=(str(fault),))
            if verdict is not None:
                yield verdict

    def _check(self, number: int, line: bytes) -> Verdict | None:
        content = _document(line)
        if "game" in content:
            file = _canonical(content["game"])
            self._files[hashlib.sha256(file).hexdigest()] = file
        if "round" not in content:
            return None
        shown = content["round"]
        played = _round(shown)
        return Verdict(
            number,
            played["link"] if isinstance(played["link"], str) else None,
            is_revealed=played["server_seed"] is not None,
            faults=tuple(self._faults(shown, played)),
        )

    def _game(self, version: str) -> Game | None:
        """Return the game of a version. Raises InvalidGameFile for a file that could not be played."""
        if version not in self._games and version in self._files:
            self._games[version] = read_game(self._files[version])
        return self._games.get(version)

    def _faults(self, shown: Mapping[str, Any], played: Mapping[str, Any]) -> Iterator[str]:
        rest = {name: value for name, value in shown.items() if name != "digest"}
        if hashlib.sha256(encode(rest)).hexdigest() != played["digest"]:
            yield "the digest is not that of the round"
        if played["server_seed"] is None:
            return
        try:
            yield from self._recomputed(played)
        except (TypeError, ValueError, AttributeError, InvalidGameFile) as error:
            yield f"the round cannot be recomputed: {error}"

    def _recomputed(self, played: Mapping[str, Any]) -> Iterator[str]:
        game, seed = self._game(played["game_version"]), bytes.fromhex(played["server_seed"])
        if commitment_of(seed) != played["server_seed_hash"]:
            yield "the server seed is not the one whose hash was published"
        if game is None:
            yield "the file of its game is not there"
            return
        if game.game_key != played["game_key"]:
            yield "the game goes by another key"
        stake_minor = played["stake_minor"]
        try:
            game.checked_stake(stake_minor)
        except InvalidInput as refused:
            yield f"the game takes no such stake: {refused.reason}"
            return
        play = game.play(HmacDraw(seed, played["client_seed"], played["nonce"]))
        coin_minor = game.stake.coin_minor(stake_minor)
        if outcome_of(play, coin_minor) != played["outcome"]:
            yield "the seeds give another outcome"
        if play.coins * coin_minor != played["win_minor"]:
            yield "the seeds give another win"


def _document(line: bytes) -> Mapping[str, Any]:
    """Return the content of a line in canonical form."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        raise _Fault("the line is not JSON in UTF-8") from None
    if not isinstance(content, dict) or not content.keys() <= {"ok", "game", "round"} or len(content) == 0:
        raise _Fault("the line must be an object with a game, a round, or both")
    if content.get("ok", True) is not True or encode(content) != line:
        raise _Fault("the line is not in canonical form")
    return content


def _canonical(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def _round(content: object) -> Mapping[str, Any]:
    if not isinstance(content, dict) or content.keys() != set(map(camel, _FIELDS)):
        raise _Fault("the round must have all fields of a round and no others")
    return named(content, _FIELDS)
