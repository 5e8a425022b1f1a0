"""Reading what is played with: vouchers, players, rounds."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from attrs import frozen
from sqlalchemy import FromClause, Select, Table, and_, select

from ....application.ports.bindings import AnswerKey, StoredAnswer
from ....application.ports.filters import Page, PlayerFilter, VoucherFilter
from ....application.ports.play import FairRound, LockedPlayer, PlayerView
from ....application.ports.safety import SafetyWatch
from ....domain.access.codes import Code
from ....domain.games.fairness import RevealedSeed
from ....domain.ledger.events import LedgerEvent
from ....domain.play.players import Player, PlayerStatus
from ....domain.play.rounds import Round
from ....domain.play.sessions import Session
from ....domain.vouchers.bonuses import Bonus, BonusStatus
from ....domain.vouchers.vouchers import Voucher, VoucherStatus
from ..connection.channel import Row
from ..records import tables
from ..records.play import BONUSES, EVENTS, PLAYERS, REVEALED_SEEDS, ROUNDS, SESSIONS, VOUCHERS
from ..records.queries import (
    LIMIT,
    Only,
    Query,
    asked_for,
    compiled,
    literal,
    locked,
    matching,
    newest,
    page_of,
    param,
    rows_by,
    scope,
)
from ..records.tables import kept_columns
from ..records.tenancy import ANSWERS
from ..transaction import Transaction
from .limits import held_pass, locking_pass
from .safety import safety_by, safety_in
from .tenancy import answer_by, answer_in, is_storable

_OPEN_BONUSES: Final = (BonusStatus.PENDING, BonusStatus.TRIGGERED)


@frozen
class PostgresVouchers:
    """Vouchers of agents."""

    transaction: Transaction

    def find(self, code: Code) -> Voucher | None:
        """Return the voucher of a code, without a lock."""
        query = rows_by(tables.vouchers, "code", bound=self.transaction.bound)
        row = self.transaction.one(query(**self.transaction.scope, code=code.symbols))
        return None if row is None else VOUCHERS.record_of(row)

    def get(self, voucher_id: UUID) -> Voucher | None:
        """Return the voucher, without a lock."""
        query = rows_by(tables.vouchers, "voucher_id", bound=self.transaction.bound)
        row = self.transaction.one(query(**self.transaction.scope, voucher_id=voucher_id))
        return None if row is None else VOUCHERS.record_of(row)

    def lock(self, voucher_id: UUID, key: AnswerKey | None = None) -> tuple[Voucher | None, StoredAnswer | None]:
        """Lock a voucher; then, by a later statement, read the key's answer."""
        _ = self.transaction.binding
        query = rows_by(tables.vouchers, "voucher_id", bound=True, lock=True)
        found, *answers = self.transaction.read(
            query(**self.transaction.scope, voucher_id=voucher_id), *answer_by(self.transaction, key)
        )
        return (VOUCHERS.record_of(found[0]) if found else None), answer_in(answers)

    def lock_batch(self, batch_id: UUID) -> Sequence[Voucher]:
        """Lock the vouchers of a batch and return them by number."""
        _ = self.transaction.binding
        rows = self.transaction.read(_batch()(**self.transaction.scope, batch_id=batch_id))[0]
        return [VOUCHERS.record_of(row) for row in rows]

    def lock_overdue(self, now: datetime, limit: int) -> Sequence[Voucher]:
        """Lock the vouchers that are due longest, passing over those that another unit holds."""
        _ = self.transaction.binding
        rows = self.transaction.read(_overdue()(**self.transaction.scope, expires_at=now, limit=limit))[0]
        return [VOUCHERS.record_of(row) for row in rows]

    def page(self, only: VoucherFilter, page: Page) -> Sequence[Voucher]:
        """Return vouchers, newest id first."""
        if not is_storable(only.code_ends or ""):
            return []
        conditions, values = asked_for(
            ("tenant_id", "is", only.tenant_id),
            ("status", "is", only.status),
            ("player_id", "is", only.player_id),
            ("code", "ends", only.code_ends),
            ("issued_at", "since", only.since),
            ("issued_at", "until", only.until),
        )
        before = page.before is not None
        query = page_of(tables.vouchers, "voucher_id", *conditions, bound=self.transaction.bound, before=before)
        statement = query(**self.transaction.scope, **values, before=page.before, limit=page.limit)
        return [VOUCHERS.record_of(row) for row in self.transaction.read(statement)[0]]


@frozen
class PostgresPlayers:
    """Players, their sessions, bonuses and rounds."""

    transaction: Transaction

    def find(self, login_code: Code) -> Player | None:
        """Return the player of a login code, without a lock."""
        query = rows_by(tables.players, "login_code", bound=self.transaction.bound)
        row = self.transaction.one(query(**self.transaction.scope, login_code=login_code.symbols))
        return None if row is None else PLAYERS.record_of(row)

    def get(self, player_id: UUID) -> PlayerView | None:
        """Return the player as of one moment, without a lock."""
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

        They are statements of their own for a reason: a statement sees what was committed when it began, so one
        that locked and joined would see the rest as it was before the wait.
        """
        _ = self.transaction.binding
        locking = rows_by(tables.players, "player_id", bound=True, lock=True)
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
        """Return a player's events above a number, in order."""
        query = _events(bound=self.transaction.bound)
        statement = query(**self.transaction.scope, player_id=player_id, after_seq=after_seq, limit=limit)
        return [EVENTS.record_of(row) for row in self.transaction.read(statement)[0]]

    def idle(self, before: datetime, limit: int) -> Sequence[UUID]:
        """Return the open players that were idle longest.

        They are looked for among those made before that moment, whom an index finds: an index on the time of the
        last activity would change with every spin, and all others of the table with it.
        """
        query = _idle(bound=self.transaction.bound)
        statement = query(**self.transaction.scope, moment=before, limit=limit)
        return [row[0] for row in self.transaction.read(statement)[0]]

    def page(self, only: PlayerFilter, page: Page) -> Sequence[PlayerView]:
        """Return players, newest id first."""
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

    def sessions(self, player_id: UUID, page: Page) -> Sequence[Session]:
        """Return a player's sessions, newest id first."""
        rows = self._of_player(tables.sessions, "session_id", player_id, page)
        return [SESSIONS.record_of(row) for row in rows]

    def rounds(self, player_id: UUID, page: Page) -> Sequence[Round]:
        """Return a player's rounds, newest id first."""
        rows = self._of_player(tables.rounds, "round_id", player_id, page)
        return [ROUNDS.record_of(row) for row in rows]

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
        """Return the server seed of a player that was told last."""
        query = _last_revealed(bound=self.transaction.bound)
        row = self.transaction.one(query(**self.transaction.scope, player_id=player_id, limit=1))
        return None if row is None else REVEALED_SEEDS.record_of(row)

    def _of_player(self, table: Table, key: str, player_id: UUID, page: Page) -> Sequence[Row]:
        before = page.before is not None
        query = page_of(table, key, ("player_id", "is"), bound=self.transaction.bound, before=before)
        statement = query(**self.transaction.scope, player_id=player_id, before=page.before, limit=page.limit)
        return self.transaction.read(statement)[0]


_BONUS_FROM: Final = len(SESSIONS.columns)
_ANSWER_FROM: Final = _BONUS_FROM + len(BONUSES.columns)
_PLAYER_WIDTH: Final = len(PLAYERS.columns)
_ROUND_WIDTH: Final = len(ROUNDS.columns)


def _with_dependents(player: FromClause) -> Select[Any]:
    """Select a player's open session and open bonuses: a row for each bonus, and one where there is none."""
    sessions, bonuses = tables.sessions, tables.bonuses
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
    return select(*sessions.columns, *bonuses.columns).select_from(joined)


@cache
def _batch() -> Query:
    vouchers = tables.vouchers
    statement = select(*kept_columns(vouchers)).where(
        *scope(vouchers, bound=True), *matching(vouchers, ["batch_id"])
    )
    return compiled(locked(statement.order_by(vouchers.c.number, vouchers.c.voucher_id)))


@cache
def _overdue() -> Query:
    vouchers = tables.vouchers
    statement = select(*kept_columns(vouchers)).where(
        *scope(vouchers, bound=True),
        vouchers.c.status == literal(VoucherStatus.ISSUED),
        vouchers.c.expires_at <= param(vouchers.c.expires_at),
    )
    oldest = statement.order_by(vouchers.c.expires_at, vouchers.c.voucher_id).limit(LIMIT)
    return compiled(oldest.with_for_update(key_share=True, skip_locked=True))


@cache
def _idle(*, bound: bool) -> Query:
    players = tables.players
    moment = param(players.c.last_active_at, "moment")
    statement = select(players.c.player_id).where(
        *scope(players, bound=bound),
        players.c.status == literal(PlayerStatus.OPEN),
        players.c.created_at <= moment,
        players.c.last_active_at <= moment,
    )
    return compiled(statement.order_by(players.c.last_active_at, players.c.player_id).limit(LIMIT))


@cache
def _events(*, bound: bool) -> Query:
    events = tables.ledger_events
    statement = select(*kept_columns(events)).where(
        *scope(events, bound=bound),
        *matching(events, ["player_id"]),
        events.c.player_seq > param(events.c.player_seq, "after_seq"),
    )
    return compiled(statement.order_by(events.c.player_seq).limit(LIMIT))


@cache
def _dependent(*, keyed: bool) -> Query:
    """What a locked player's next operation depends on, and the answer of a key."""
    players, answers, bonuses = tables.players, tables.answers, tables.bonuses
    statement = _with_dependents(players)
    if keyed:
        named = and_(answers.c.operator_id == players.c.operator_id, *matching(answers, ["actor_id", "action_id"]))
        source = statement.get_final_froms()[0].outerjoin(answers, named)
        statement = select(*statement.selected_columns, *answers.columns).select_from(source)
    conditions = [*scope(players, bound=True), players.c.player_id == param(players.c.player_id)]
    return compiled(statement.where(*conditions).order_by(bonuses.c.bonus_id))


@cache
def _view(*, bound: bool) -> Query:
    players = tables.players
    statement = _with_dependents(players)
    statement = select(*players.columns, *statement.selected_columns).select_from(*statement.get_final_froms())
    conditions = [*scope(players, bound=bound), *matching(players, ["player_id"])]
    return compiled(statement.where(*conditions).order_by(tables.bonuses.c.bonus_id))


@cache
def _views_page(*only: Only, bound: bool, before: bool) -> Query:
    page = newest(tables.players, "player_id", only, bound=bound, before=before).subquery("page")
    statement = _with_dependents(page)
    statement = select(*page.columns, *statement.selected_columns).select_from(*statement.get_final_froms())
    return compiled(statement.order_by(page.c.player_id.desc(), tables.bonuses.c.bonus_id))


@cache
def _fair_round(*, bound: bool) -> Query:
    rounds, players, seeds = tables.rounds, tables.players, tables.revealed_seeds
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
    statement = select(*rounds.columns, *players.columns, *seeds.columns).select_from(joined)
    return compiled(statement.where(*scope(rounds, bound=bound), *matching(rounds, ["round_id"])))


@cache
def _last_revealed(*, bound: bool) -> Query:
    seeds = tables.revealed_seeds
    statement = select(*seeds.columns).where(*scope(seeds, bound=bound), *matching(seeds, ["player_id"]))
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
