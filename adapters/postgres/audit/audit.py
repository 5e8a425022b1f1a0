"""Looking for what breaks the rules of the books."""

from collections.abc import Sequence
from textwrap import dedent
from typing import Final

from attrs import frozen

from ....application.ports.audit import Found, Stored
from ....domain.games.rtp_alarm import GameTotals
from ..connection.channel import PATIENCE, Statement
from ..transaction import Transaction
from .checks import QUERIES

_FIRST: Final = "select id, count(*) over () from ({query}) broken order by id limit {limit}"

_SCOPE: Final = "and operator_id = $1"
_OWN: Final = "and ($1::uuid = $2::uuid or owner_id = $2::uuid{or_stated})"

_PLAY: Final = """
select game_key, count(*), sum(stake_minor)::text, sum(win_minor)::text,
    sum(stake_minor::numeric * stake_minor)::text, max(stake_minor), game_version
from playtime.rounds where true {scope} group by game_key, game_version
order by game_key collate "C", game_version collate "C" nulls first
"""


@frozen
class PostgresAudit:
    """What is checked of the books."""

    transaction: Transaction

    def find(self, what: Stored, limit: int) -> Found:
        """Return what breaks a rule, and the query that found it."""
        query = dedent(self._scoped(QUERIES[what], states="stated_minor" in QUERIES[what])).strip()
        values = self._values(owned="$2" in query)
        rows = self.transaction.read(PATIENCE, Statement(_FIRST.format(query=query, limit=limit), values))[1]
        return Found(rows[0][1] if rows else 0, tuple(row[0] for row in rows), query)

    def play(self) -> Sequence[GameTotals]:
        """Return what was staked and won at each version of each game."""
        statement = Statement(self._scoped(_PLAY), self._values(owned=False))
        rows = self.transaction.read(PATIENCE, statement)[1]
        return [GameTotals(row[0], row[1], int(row[2]), int(row[3]), int(row[4]), *row[5:]) for row in rows]

    def _scoped(self, text: str, *, states: bool = False) -> str:
        """Return a query for who is bound. An agent's account is one that it owns, or that it sees stated."""
        own = _OWN.format(or_stated=" or stated_minor is not null" if states else "")
        bound = self.transaction.bound
        return text.format(scope=_SCOPE if bound else "", own=own if bound else "")

    def _values(self, *, owned: bool) -> Sequence[object]:
        if not self.transaction.bound:
            return ()
        binding = self.transaction.binding
        return (binding.operator_id, binding.tenant_id) if owned else (binding.operator_id,)
