"""The port of play passes. As in `ports`, a docstring is what an adapter guarantees."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ...domain.access.codes import Code
from ...domain.limits.play_hours import Turn
from ...domain.limits.play_passes import PlayPass


class PlayPasses(Protocol):
    """Play passes. A pass is locked before the players that are tied to it: see `Players.lock`."""

    def find(self, code: Code) -> PlayPass | None:
        """Return the pass of a code, without a lock."""

    def lock(self, code: Code) -> PlayPass | None:
        """Lock the pass of a code until the unit ends and return it as it is after the wait.

        For a player who is about to be made: one who is there is locked together with the pass.
        """

    def of_player(self, player_id: UUID) -> PlayPass | None:
        """Return the pass that a player is tied to, without a lock."""

    def plays(self, player_id: UUID, since: datetime) -> Sequence[Turn]:
        """Return the rounds a player has played from a moment on, the oldest first."""
