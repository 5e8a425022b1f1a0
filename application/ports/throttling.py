"""The port of counted attempts."""

from typing import Protocol
from uuid import UUID

from ...domain.access.attempts import Attempts


class AttemptLog(Protocol):
    """Counted attempts at secrets."""

    def lock(self, subject_id: UUID) -> Attempts:
        """Lock the count of a subject until the unit ends and return it; a subject never seen counts 0.

        The row is made when it is not there, owned by the binding's tenant, so that there is something to lock.
        """
