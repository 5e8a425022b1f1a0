"""Players logging in, staying logged in, and logging out."""

from datetime import datetime
from uuid import UUID

from attrs import frozen

from ...domain.access.codes import MalformedCode, parse_code
from ...domain.access.pins import PinKeys, PinKind
from ...domain.errors import StateRefusal
from ...domain.play.players import Player, PlayerClosed
from ...domain.play.sessions import SessionEnd
from ..access import PlayerPrincipal, require_seat
from ..errors import InvalidCredentials, InvalidToken
from ..journal import PlayerJournal
from ..limits.guard import refuse_excluded
from ..ports.bindings import Binding
from ..ports.play import LockedPlayer, PlayerView
from ..ports.services import Claims, Clock, Ids, Tokens
from ..ports.storage import Storage, UnitOfWork
from ..throttling import admit, reachable, require_served
from ..transactions import transact
from .players import PlayerState, player_state
from .sessions import note_end, note_login, open_session, player_tokens


@frozen
class PlayerLoginResult:
    """A logged-in player with their tokens."""

    token: str
    refresh_token: str
    session_id: UUID
    player: PlayerState


@frozen
class PlayerLogin:
    """Logs a player in by login code and PIN; resumes the session that is not idle yet."""

    storage: Storage
    clock: Clock
    ids: Ids
    pins: PinKeys
    tokens: Tokens

    def __call__(self, *, login_code: str, pin: str) -> PlayerLoginResult:
        """Return tokens, session and state.

        Raises InvalidCredentials, and only after a right PIN PlayerClosed, CoolingOff, SelfExcluded.
        """
        binding, player = self._admit(login_code)
        if not self.pins.matches(PinKind.PLAYER, player.player_id, player.pin, pin):
            raise InvalidCredentials
        return transact(self.storage, binding, lambda unit: self._open(unit, player.player_id))

    def _admit(self, login_code: str) -> tuple[Binding, Player]:
        try:
            parsed = parse_code(login_code)
        except MalformedCode:
            parsed = None
        entry = None if parsed is None else self.storage.directory.by_symbols(parsed.agent_symbols)

        def find(unit: UnitOfWork) -> tuple[UUID, Player] | None:
            player = None if parsed is None else unit.players.find(parsed)
            return None if player is None else (player.player_id, player)

        return admit(self.storage, reachable(entry), find, guessed=login_code, now=self.clock.now())

    def _open(self, unit: UnitOfWork, player_id: UUID) -> PlayerLoginResult:
        locked = unit.players.lock(player_id)
        forgiven = unit.attempts.lock(player_id).give_back()
        if locked is None:
            raise InvalidCredentials
        unit.save(forgiven)
        if not locked.player.is_open:
            unit.commit()
            raise PlayerClosed(player_id)
        now = self.clock.now()
        try:
            refuse_excluded(locked.play_pass, now)
        except StateRefusal:
            unit.commit()
            raise
        opened = open_session(locked.session, locked.player, self.ids, now)
        journal = PlayerJournal(ids=self.ids, now=now, player=locked.player)
        note_login(journal, opened, action_id=str(self.ids.new()))
        player = locked.player.active(now, last_seq=journal.last_seq)
        session = opened.session.active(now, balance_minor=player.wallet.balance_minor)
        unit.save(player)
        if opened.ended is not None:
            unit.save(opened.ended)
        (unit.save if opened.resumed else unit.add)(session)
        unit.add(*journal.events)
        unit.commit()
        generation = session.refresh_generation
        pair = player_tokens(self.tokens, player, session.session_id, generation=generation, now=now)
        state = player_state(PlayerView(player, session, locked.bonuses))
        return PlayerLoginResult(pair.token, pair.refresh_token, session.session_id, state)


@frozen
class RefreshPlayer:
    """Exchanges a refresh token for a new pair; each is good once, and using one twice ends its session."""

    storage: Storage
    clock: Clock
    ids: Ids
    tokens: Tokens

    def __call__(self, refresh_token: str) -> PlayerLoginResult:
        """Return the next tokens. Raises InvalidToken."""
        claims = self.tokens.read(refresh_token, "player", "refresh")
        require_served(self.storage.directory, claims.tenant_id)
        principal = PlayerPrincipal(
            player_id=claims.subject_id,
            session_id=claims.session_id,
            operator_id=claims.operator_id,
            tenant_id=claims.tenant_id,
        )
        return transact(self.storage, principal.binding, lambda unit: self._rotate(unit, principal, claims))

    def _rotate(self, unit: UnitOfWork, principal: PlayerPrincipal, claims: Claims) -> PlayerLoginResult:
        seat = require_seat(unit.players.lock(principal.player_id), principal)
        now = self.clock.now()
        if seat.session is None:
            raise InvalidToken
        if seat.session.refresh_generation != claims.generation:
            # A refresh token that was used before is in two hands: neither may go on with this session.
            end_session(unit, seat, self.ids, now=now, reason=SessionEnd.REFRESH_REUSED)
            raise InvalidToken
        session = seat.session.rotate_refresh()
        unit.save(session)
        unit.commit()
        generation = session.refresh_generation
        pair = player_tokens(self.tokens, seat.player, session.session_id, generation=generation, now=now)
        state = player_state(PlayerView(seat.player, session, seat.bonuses))
        return PlayerLoginResult(pair.token, pair.refresh_token, session.session_id, state)


@frozen
class PlayerLogout:
    """Ends a player's session; its tokens are no longer good."""

    storage: Storage
    clock: Clock
    ids: Ids

    def __call__(self, principal: PlayerPrincipal) -> None:
        """End the session. Raises InvalidToken when it has ended."""

        def work(unit: UnitOfWork) -> None:
            seat = require_seat(unit.players.lock(principal.player_id), principal)
            end_session(unit, seat, self.ids, now=self.clock.now(), reason=SessionEnd.LOGOUT)

        transact(self.storage, principal.binding, work)


def end_session(unit: UnitOfWork, seat: LockedPlayer, ids: Ids, *, now: datetime, reason: SessionEnd) -> None:
    """End the session of a locked player, with its event, and commit."""
    if seat.session is None:
        raise InvalidToken
    ended = seat.session.end(now, reason)
    journal = PlayerJournal(ids=ids, now=now, player=seat.player, session_id=ended.session_id)
    note_end(journal, ended)
    unit.save(seat.player.numbered(journal.last_seq), ended)
    unit.add(*journal.events)
    unit.commit()
