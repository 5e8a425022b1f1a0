"""The audit's reads: rows that break the rules of the ledger."""

import re
from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from ....application.ports.analytics import STAKE_CLASSES_MINOR
from ....application.ports.audit import Found, Stored
from ....domain.games.drift import GameOutcomes
from ..analytics.layout import multiple_of
from ..analytics.totals import game_outcomes
from ..connection.channel import Statement
from ..connection.planning import WHOLE_TABLES
from ..records.queries import fill, scoped
from ..transaction import PostgresTransaction
from .checks import check_query

_PARAMETER: Final = re.compile(r"\$([1-9])")
_FIRST: Final = "select id, count(*) over () from ($query) broken order by id limit $limit"

_PLAY: Final = fill(
    """
select game_key, game_version, width_bucket(stake_minor, cast(:steps as bigint[])), $multiple,
    sum(rounds)::bigint
from (
    select game_key, game_version, stake_minor, win_minor, count(*) as rounds
    from playtime.rounds where true $and_operator group by 1, 2, 3, 4
) played group by 1, 2, 3, 4
order by game_key collate "C", game_version collate "C"
""",
    multiple=multiple_of("stake_minor", "win_minor"),
)


def _with_values(check: Statement) -> str:
    """Return a query with its ids in the text, so that a person can run it."""
    return _PARAMETER.sub(lambda found: f"'{check.values[int(found[1]) - 1]}'", check.sql)


@frozen
class PostgresAudit:
    """The checks of the ledger's rules."""

    transaction: PostgresTransaction

    def find(self, what: Stored, limit: int) -> Found:
        """Return the rows that break a rule, and the query that found them."""
        check = check_query(what, bound=self.transaction.bound)(**self._values)
        first = Statement(fill(_FIRST, query=check.sql, limit=str(limit)), check.values)
        rows = self.transaction.read(WHOLE_TABLES, first)[1]
        return Found(rows[0][1] if rows else 0, tuple(row[0] for row in rows), _with_values(check))

    def play(self) -> Sequence[GameOutcomes]:
        query = scoped(_PLAY, bound=self.transaction.bound)
        statement = query(steps=list(STAKE_CLASSES_MINOR), **self._values)
        return game_outcomes(self.transaction.read(WHOLE_TABLES, statement)[1])

    @property
    def _values(self) -> dict[str, Any]:
        if not self.transaction.bound:
            return {}
        binding = self.transaction.binding
        return {"operator_id": binding.operator_id, "tenant_id": binding.tenant_id}
