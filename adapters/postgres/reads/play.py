"""Reading and locking players, with their sessions, bonuses and rounds."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from attrs import frozen
from sqlalchemy import FromClause, Select, and_, func, select

from ....application.ports.bindings import AnswerKey
from ....application.ports.filters import Page, PlayerFilter
from ....application.ports.play import FairRound, LockedPlayer, PlayerView
from ....application.ports.safety import SafetyWatch
from ....domain.access.codes import Code
from ....domain.games.fairness import RevealedSeed
from ....domain.ledger.events import LedgerEvent
from ....domain.play.players import Player, PlayerStatus
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
    literal,
    matching,
    newest,
    param,
    rows_by,
    scope,
)
from ..records.tenancy import ANSWERS
from ..records.vouchers import BONUSES
from ..transaction import PostgresTransaction
from .limits import held_pass, locking_pass
from .lookups import all_of, find, one_of, page_by
from .safety import safety_by, safety_in
from .tenancy import is_storable

_OPEN_BONUSES: Final = (BonusStatus.PENDING, BonusStatus.TRIGGERED)


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
        """Lock pass and player, then read session, bonuses and answer by a later statement, in one round trip.

        The reads are statements of their own. A statement sees the rows committed before it began, so a join in
        the locking statement would read them as they were before the wait.
        """
        _ = self.transaction.binding
        locking = rows_by(PLAYERS, "player_id", bound=True, lock=True)
        about: dict[str, Any] = {**self.transaction.scope, "player_id": player_id}
        if key is not None:
            about |= {"actor_id": key.actor_id, "action_id": key.action_id}
        watched = [] if watch is None else [safety_by(self.transaction, player_id, watch)]
        passes, found, dependent, *safety = self.transaction.read(
            locking_pass(shown=shown_pass_id is not None)(**about, shown_pass_id=shown_pass_id),
            locking(**about),
            _dependent(keyed=key is not None)(**about),
            *watched,
        )
        if not found:
            return None
        player = PLAYERS.record_of(found[0])
        play_pass, timezone = held_pass(passes, player, shown_pass_id)
        session, bonuses = _session_and_bonuses(dependent)
        answer = None
        if key is not None and dependent and dependent[0][_ANSWER_FROM] is not None:
            answer = ANSWERS.record_of(dependent[0][_ANSWER_FROM:])
        watching = safety_in(safety[0]) if safety else None
        return LockedPlayer(player, session, bonuses, answer, watching, play_pass, timezone)

    def events(self, player_id: UUID, after_seq: int, limit: int) -> Sequence[LedgerEvent]:
        query = _events(bound=self.transaction.bound)
        statement = query(**self.transaction.scope, player_id=player_id, after_seq=after_seq, limit=limit)
        return all_of(self.transaction, EVENTS, statement)

    def idle(self, before: datetime, limit: int) -> Sequence[UUID]:
        """Return the open players that were idle the longest.

        An index finds the players created before that moment, and these are searched. An index on the time of the
        last activity would change with every spin, and with it all other indexes of the table.
        """
        query = _idle(bound=self.transaction.bound)
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
_ANSWER_FROM: Final = _BONUS_FROM + len(BONUSES.columns)
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
def _idle(*, bound: bool) -> Query:
    players = PLAYERS.table
    moment = param(players.c.last_active_at, "moment")
    idle_since = func.greatest(players.c.last_active_at, players.c.idle_from)
    statement = select(players.c.player_id).where(
        *scope(players, bound=bound),
        players.c.status == literal(PlayerStatus.OPEN),
        players.c.created_at <= moment,
        idle_since <= moment,
    )
    return compiled(statement.order_by(idle_since, players.c.player_id).limit(LIMIT))


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
def _dependent(*, keyed: bool) -> Query:
    """Return the query for a locked player's open session and bonuses, and the answer of a key."""
    players, answers, bonuses = PLAYERS.table, ANSWERS.table, BONUSES.table
    statement = _with_dependents(players)
    if keyed:
        named = and_(answers.c.operator_id == players.c.operator_id, *matching(answers, ["actor_id", "action_id"]))
        source = statement.get_final_froms()[0].outerjoin(answers, named)
        statement = select(*statement.selected_columns, *answers.c).select_from(source)
    conditions = [*scope(players, bound=True), players.c.player_id == param(players.c.player_id)]
    return compiled(statement.where(*conditions).order_by(bonuses.c.bonus_id))


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


def _session_and_bonuses(rows: Iterable[Row]) -> tuple[Session | None, tuple[Bonus, ...]]:
    session, bonuses = None, []
    for row in rows:
        if session is None and row[0] is not None:
            session = SESSIONS.record_of(row[:_BONUS_FROM])
        if row[_BONUS_FROM] is not None:
            bonuses.append(BONUSES.record_of(row[_BONUS_FROM:_ANSWER_FROM]))
    return session, tuple(bonuses)
