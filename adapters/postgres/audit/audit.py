"""The audit's reads: rows that break the rules of the ledger."""

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from ....application.ports.audit import Found, Stored
from ....domain.games.rtp_alarm import GameTotals
from ..connection.channel import Statement
from ..connection.planning import WHOLE_TABLES
from ..records.queries import fill, scoped
from ..transaction import PostgresTransaction
from .checks import check_query

_FIRST: Final = "select id, count(*) over () from ($query) broken order by id limit $limit"

_PLAY: Final = """
select game_key, count(*), sum(stake_minor)::text, sum(win_minor)::text,
    sum(stake_minor::numeric * stake_minor)::text, max(stake_minor), game_version
from playtime.rounds where true $and_operator group by game_key, game_version
order by game_key collate "C", game_version collate "C"
"""


@frozen
class PostgresAudit:
    """The checks of the ledger's rules."""

    transaction: PostgresTransaction

    def find(self, what: Stored, limit: int) -> Found:
        """Return the rows that break a rule, and the query that found them."""
        check = check_query(what, bound=self.transaction.bound)(**self._values)
        first = Statement(fill(_FIRST, query=check.sql, limit=str(limit)), check.values)
        rows = self.transaction.read(WHOLE_TABLES, first)[1]
        return Found(rows[0][1] if rows else 0, tuple(row[0] for row in rows), check.sql)

    def play(self) -> Sequence[GameTotals]:
        query = scoped(_PLAY, bound=self.transaction.bound)
        rows = self.transaction.read(WHOLE_TABLES, query(**self._values))[1]
        return [GameTotals(row[0], row[1], int(row[2]), int(row[3]), int(row[4]), *row[5:]) for row in rows]

    @property
    def _values(self) -> dict[str, Any]:
        if not self.transaction.bound:
            return {}
        binding = self.transaction.binding
        return {"operator_id": binding.operator_id, "tenant_id": binding.tenant_id}
