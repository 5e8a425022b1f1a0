"""Reading and locking players, with their sessions, bonuses and rounds."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, Literal
from uuid import UUID

from attrs import frozen
from sqlalchemy import FromClause, Select, and_, select

from ....application.ports.bindings import AnswerKey, StoredAnswer
from ....application.ports.filters import Page, PlayerFilter
from ....application.ports.play import FairRound, LockedPlayer, PlayerView
from ....application.ports.safety import SafetyWatch
from ....domain.access.codes import Code
from ....domain.games.fairness import RevealedSeed
from ....domain.ledger.events import LedgerEvent
from ....domain.play.players import Player
from ....domain.play.rounds import Round
from ....domain.play.sessions import Session
from ....domain.vouchers.bonuses import Bonus, BonusStatus
from ..connection.channel import Row
from ..records.games import REVEALED_SEEDS
from ..records.ledger import EVENTS
from ..records.play import PLAYERS, ROUNDS, SESSIONS
from ..records.queries import (
    LIMIT,
    Only,
    Query,
    asked_for,
    compiled,
    fill,
    literal,
    matching,
    newest,
    param,
    query_of,
    scope,
    scoped,
)
from ..records.tenancy import ANSWERS
from ..records.vouchers import BONUSES
from ..transaction import PostgresTransaction
from .limits import held_pass, locking_passes, passes_in
from .lookups import all_of, find, one_of, page_by
from .safety import safety_by, safety_in
from .tenancy import is_storable

_OPEN_BONUSES: Final = (BonusStatus.PENDING, BonusStatus.TRIGGERED)

_LOCKING: Final = fill(
    """
select $players from unnest(cast(:player_ids as uuid[])) as wanted (player_id)
cross join lateral (
    select * from playtime.players x
    where x.operator_id = :operator_id and x.player_id = wanted.player_id for no key update $skip
) p
""",
    players=PLAYERS.select_list("p"),
)
"""Locks players in the given order. Each is looked up alone, by the primary key, also without statistics."""

_DEPENDENT: Final = fill(
    """
select wanted.player_id, $sessions, $bonuses, $answers
from unnest(
    cast(:player_ids as uuid[]), cast(:actor_ids as uuid[]), cast(:action_ids as text[])
) as wanted (player_id, actor_id, action_id)
left join lateral (
    select * from playtime.sessions x
    where x.operator_id = :operator_id and x.player_id = wanted.player_id and x.ended_at is null offset 0
) s on true
left join lateral (
    select * from playtime.bonuses x
    where x.operator_id = :operator_id and x.player_id = wanted.player_id
    and x.status in ('PENDING', 'TRIGGERED') offset 0
) b on true
left join lateral (
    select * from playtime.answers x
    where x.operator_id = :operator_id and x.actor_id = wanted.actor_id and x.action_id = wanted.action_id offset 0
) a on true
order by wanted.player_id, b.bonus_id
""",
    sessions=SESSIONS.select_list("s"),
    bonuses=BONUSES.select_list("b"),
    answers=ANSWERS.select_list("a"),
)
"""The open sessions and bonuses of locked players, and the answer of each one's key: a row for each bonus.

`offset 0` keeps the planner from joining whole tables. It takes an operator that is newer than its statistics to
have no rows, and would read all of them.
"""

IDLE: Final = """
select player_id from playtime.players
where status = 'OPEN' and idle_hour <= cast(:moment as timestamptz)
and greatest(last_active_at, idle_from) <= cast(:moment as timestamptz) $and_operator
order by idle_hour, greatest(last_active_at, idle_from), player_id limit cast(:limit as bigint)
"""
"""The open players that were idle the longest. Of those who are not, only some of the first hour are read."""


@frozen
class PostgresPlayers:
    """Players, their sessions, bonuses and rounds."""

    transaction: PostgresTransaction

    def find(self, login_code: Code) -> Player | None:
        return find(self.transaction, PLAYERS, login_code=login_code.symbols)

    def get(self, player_id: UUID) -> PlayerView | None:
        query = _view(bound=self.transaction.bound)
        views = _views(self.transaction.read(query(**self.transaction.scope, player_id=player_id))[0])
        return views[0] if views else None

    def lock(
        self,
        player_id: UUID,
        key: AnswerKey | None = None,
        *,
        shown_pass_id: UUID | None = None,
        watch: SafetyWatch | None = None,
    ) -> LockedPlayer | None:
        (found,) = self._lock([player_id], [key], watch=watch, shown_pass_id=shown_pass_id)
        return found

    def lock_free(
        self, keys: Sequence[AnswerKey], *, watch: SafetyWatch | None = None
    ) -> Sequence[LockedPlayer | None]:
        return self._lock([key.actor_id for key in keys], keys, watch=watch, skip="skip locked")

    def _lock(
        self,
        player_ids: Sequence[UUID],
        keys: Sequence[AnswerKey | None],
        *,
        watch: SafetyWatch | None,
        shown_pass_id: UUID | None = None,
        skip: Literal["", "skip locked"] = "",
    ) -> list[LockedPlayer | None]:
        """Lock passes and players, then read sessions, bonuses and answers by later statements, in one round trip.

        The reads are statements of their own. A statement sees the rows committed before it began, so a join in
        the locking statement would read them as they were before the wait.
        """
        _ = self.transaction.binding
        wanted = sorted(zip(player_ids, keys, strict=True), key=itemgetter(0))
        about: dict[str, Any] = {
            **self.transaction.scope,
            "player_ids": [player_id for player_id, _ in wanted],
            "actor_ids": [key and key.actor_id for _, key in wanted],
            "action_ids": [key and key.action_id for _, key in wanted],
            "shown_pass_id": shown_pass_id,
        }
        passes, players, dependent, *safety = self.transaction.read(
            locking_passes(skip)(**about),
            query_of(fill(_LOCKING, skip=skip))(**about),
            query_of(_DEPENDENT)(**about),
            *([] if watch is None else [safety_by(self.transaction, player_ids, watch)]),
            plans_once=True,
        )
        watched = safety_in(safety[0]) if safety else {}
        held = passes_in(passes)
        rows = {player_id: list(group) for player_id, group in groupby(dependent, key=itemgetter(0))}
        found = {}
        for player in map(PLAYERS.record_of, players):
            if skip and player.pass_id is not None and player.pass_id not in held:
                continue
            about_player = rows.get(player.player_id, [])
            found[player.player_id] = LockedPlayer(
                player,
                *_session_and_bonuses(row[1:] for row in about_player),
                _answer_in(about_player),
                watched.get(player.player_id),
                *held_pass(held, player, shown_pass_id),
            )
        return [found.get(player_id) for player_id in player_ids]

    def events(self, player_id: UUID, after_seq: int, limit: int) -> Sequence[LedgerEvent]:
        query = _events(bound=self.transaction.bound)
        statement = query(**self.transaction.scope, player_id=player_id, after_seq=after_seq, limit=limit)
        return all_of(self.transaction, EVENTS, statement)

    def idle(self, before: datetime, limit: int) -> Sequence[UUID]:
        """Return the open players that were idle the longest, by an index on the hour."""
        query = scoped(IDLE, bound=self.transaction.bound)
        statement = query(**self.transaction.scope, moment=before, limit=limit)
        return [row[0] for row in self.transaction.read(statement)[0]]

    def page(self, only: PlayerFilter, page: Page) -> Sequence[PlayerView]:
        if not is_storable(only.code_ends or ""):
            return []
        conditions, values = asked_for(
            ("tenant_id", "is", only.tenant_id),
            ("status", "is", only.status),
            ("login_code", "ends", only.code_ends),
            ("created_at", "since", only.since),
            ("created_at", "until", only.until),
        )
        query = _views_page(*conditions, bound=self.transaction.bound, before=page.before is not None)
        statement = query(**self.transaction.scope, **values, before=page.before, limit=page.limit)
        return _views(self.transaction.read(statement)[0])

    def session(self, session_id: UUID) -> Session | None:
        """Return a visible session."""
        return find(self.transaction, SESSIONS, session_id=session_id)

    def sessions(self, player_id: UUID, page: Page) -> Sequence[Session]:
        return page_by(self.transaction, SESSIONS, page, ("player_id", "is", player_id))

    def rounds(self, player_id: UUID, page: Page) -> Sequence[Round]:
        return page_by(self.transaction, ROUNDS, page, ("player_id", "is", player_id))

    def fair_round(self, round_id: UUID) -> FairRound | None:
        """Return a round with its player and its seed, read by one statement."""
        query = _fair_round(bound=self.transaction.bound)
        row = self.transaction.one(query(**self.transaction.scope, round_id=round_id))
        if row is None:
            return None
        player, seed = row[_ROUND_WIDTH:][:_PLAYER_WIDTH], row[_ROUND_WIDTH + _PLAYER_WIDTH :]
        revealed = None if seed[0] is None else REVEALED_SEEDS.record_of(seed)
        return FairRound(ROUNDS.record_of(row[:_ROUND_WIDTH]), PLAYERS.record_of(player), revealed)

    def last_revealed(self, player_id: UUID) -> RevealedSeed | None:
        query = _last_revealed(bound=self.transaction.bound)
        return one_of(
            self.transaction, REVEALED_SEEDS, query(**self.transaction.scope, player_id=player_id, limit=1)
        )


_BONUS_FROM: Final = len(SESSIONS.columns)
_BONUS_END: Final = _BONUS_FROM + len(BONUSES.columns)
_PLAYER_WIDTH: Final = len(PLAYERS.columns)
_ROUND_WIDTH: Final = len(ROUNDS.columns)


def _with_dependents(player: FromClause) -> Select[Any]:
    """Select a player's open session and open bonuses: a row for each bonus, and one where there is none."""
    sessions, bonuses = SESSIONS.table, BONUSES.table
    joined = player.outerjoin(
        sessions,
        and_(
            sessions.c.operator_id == player.c.operator_id,
            sessions.c.player_id == player.c.player_id,
            sessions.c.ended_at.is_(None),
        ),
    ).outerjoin(
        bonuses,
        and_(
            bonuses.c.operator_id == player.c.operator_id,
            bonuses.c.player_id == player.c.player_id,
            bonuses.c.status.in_([literal(status.value) for status in _OPEN_BONUSES]),
        ),
    )
    return select(*sessions.c, *bonuses.c).select_from(joined)


@cache
def _events(*, bound: bool) -> Query:
    events = EVENTS.table
    statement = select(*events.c).where(
        *scope(events, bound=bound),
        *matching(events, ["player_id"]),
        events.c.player_seq > param(events.c.player_seq, "after_seq"),
    )
    return compiled(statement.order_by(events.c.player_seq).limit(LIMIT))


@cache
def _view(*, bound: bool) -> Query:
    players = PLAYERS.table
    statement = _with_dependents(players)
    statement = select(*players.c, *statement.selected_columns).select_from(*statement.get_final_froms())
    conditions = [*scope(players, bound=bound), *matching(players, ["player_id"])]
    return compiled(statement.where(*conditions).order_by(BONUSES.table.c.bonus_id))


@cache
def _views_page(*only: Only, bound: bool, before: bool) -> Query:
    page = newest(PLAYERS, only, bound=bound, before=before).subquery("page")
    statement = _with_dependents(page)
    statement = select(*page.c, *statement.selected_columns).select_from(*statement.get_final_froms())
    return compiled(statement.order_by(page.c.player_id.desc(), BONUSES.table.c.bonus_id))


@cache
def _fair_round(*, bound: bool) -> Query:
    rounds, players, seeds = ROUNDS.table, PLAYERS.table, REVEALED_SEEDS.table
    joined = rounds.join(
        players,
        and_(players.c.operator_id == rounds.c.operator_id, players.c.player_id == rounds.c.player_id),
    ).outerjoin(
        seeds,
        and_(
            seeds.c.operator_id == rounds.c.operator_id,
            seeds.c.player_id == rounds.c.player_id,
            seeds.c.number == rounds.c.seed_number,
        ),
    )
    statement = select(*rounds.c, *players.c, *seeds.c).select_from(joined)
    return compiled(statement.where(*scope(rounds, bound=bound), *matching(rounds, ["round_id"])))


@cache
def _last_revealed(*, bound: bool) -> Query:
    seeds = REVEALED_SEEDS.table
    statement = select(*seeds.c).where(*scope(seeds, bound=bound), *matching(seeds, ["player_id"]))
    return compiled(statement.order_by(seeds.c.number.desc()).limit(LIMIT))


def _views(rows: Sequence[Row]) -> list[PlayerView]:
    views = []
    for player, group in groupby(rows, key=lambda row: row[:_PLAYER_WIDTH]):
        session, bonuses = _session_and_bonuses([row[_PLAYER_WIDTH:] for row in group])
        views.append(PlayerView(PLAYERS.record_of(player), session, bonuses))
    return views


def _answer_in(rows: Sequence[Row]) -> StoredAnswer | None:
    """Return the answer in the rows of a locked player, which are without one if no key was asked for."""
    answer = rows[0][1 + _BONUS_END :] if rows else ()
    return ANSWERS.record_of(answer) if answer and answer[0] is not None else None


def _session_and_bonuses(rows: Iterable[Row]) -> tuple[Session | None, tuple[Bonus, ...]]:
    session, bonuses = None, []
    for row in rows:
        if session is None and row[0] is not None:
            session = SESSIONS.record_of(row[:_BONUS_FROM])
        if row[_BONUS_FROM] is not None:
            bonuses.append(BONUSES.record_of(row[_BONUS_FROM:_BONUS_END]))
    return session, tuple(bonuses)
