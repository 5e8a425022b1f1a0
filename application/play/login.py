"""Login, refresh and logout of players."""

from datetime import datetime
from functools import partial
from uuid import UUID

from attrs import frozen

from ...domain.access.codes import Code
from ...domain.access.pins import PinKeys, PinKind, parse_pin
from ...domain.play.players import Player, PlayerClosed
from ...domain.play.sessions import Session, SessionEnd
from ...domain.vouchers.bonuses import Bonus
from ..access import PlayerPrincipal, player_principal, require_renewable
from ..decisions import Decided, Decision, Moment, Refused, deciding
from ..errors import InvalidCredentials, InvalidToken, TokenExpired
from ..journal import PlayerJournal
from ..limits.guard import refuse_excluded
from ..ports.play import LockedPlayer, PlayerView
from ..ports.services import Tokens
from ..ports.storage import UnitOfWork
from ..throttling import check_code_attempt
from ..use_case import WritingUseCase
from .players import PlayerState, player_state
from .sessions import hinted_tokens, note_end, note_login, open_session, token_hints


@frozen
class PlayerLoginResult:
    """A logged-in player with their tokens."""

    token: str
    refresh_token: str
    session_id: UUID
    player: PlayerState


@frozen
class PlayerLogin(WritingUseCase):
    """Logs a player in by login code and PIN; resumes the session that is not idle yet."""

    pins: PinKeys
    tokens: Tokens

    def __call__(self, *, login_code: str, pin: str) -> PlayerLoginResult:
        """Return tokens, session and state.

        Raises InvalidInput, InvalidCredentials, and only after a right PIN PlayerClosed, CoolingOff, SelfExcluded.
        """
        digits = parse_pin(pin)

        def is_right(player: Player) -> bool:
            return self.pins.matches(PinKind.PLAYER, player.player_id, player.pin, digits)

        binding, player = check_code_attempt(self.storage, login_code, _find, is_right, now=self.clock.now())

        def read(unit: UnitOfWork) -> tuple[LockedPlayer | None, Session | None]:
            locked = unit.players.lock(player.player_id)
            last_id = None if locked is None or locked.session is not None else locked.player.last_session_id
            return locked, None if last_id is None else unit.players.session(last_id)

        found = self.carry_out(binding, read, lambda found, at: decide_login(*found, at))
        return _with_tokens(found, self.tokens)


@frozen
class LoggedIn:
    """A player in the session of a login or refresh, and the time at which the tokens are issued."""

    player: Player
    session: Session
    bonuses: tuple[Bonus, ...]
    issued_at: datetime


@deciding
def decide_login(locked: LockedPlayer | None, last: Session | None, at: Moment) -> Decision[LoggedIn]:
    """Decide the login of a player with the right PIN; `last` is the last session if none is open."""
    if locked is None:
        raise InvalidCredentials
    if not locked.player.is_open:
        raise PlayerClosed(locked.player.player_id)
    refuse_excluded(locked.play_pass, at.now)
    opened = open_session(locked.session, last, locked.player, at)
    journal = PlayerJournal(at=at, player=locked.player)
    note_login(journal, opened, action_id=str(at.new_id()))
    player = locked.player.active(at.now, last_seq=journal.last_seq).in_session(opened.session.session_id)
    session = opened.session.active(at.now, balance_minor=player.wallet.balance_minor)
    result = LoggedIn(player, session, locked.bonuses, at.now)
    if opened.resumed:
        return Decided(result, added=journal.events, saved=(player, session))
    return Decided(result, added=(session, *journal.events), saved=(player, opened.ended))


@frozen
class RefreshPlayer(WritingUseCase):
    """Exchanges a refresh token for a new pair, which ends the old one.

    A used one gets the same new pair for 10 s. Later it ends its session.
    """

    tokens: Tokens

    def __call__(self, refresh_token: str) -> PlayerLoginResult:
        """Return the next tokens. Raises InvalidToken, TenantSuspended, TokenExpired."""
        claims = self.tokens.read(refresh_token, "player", "refresh")
        principal = player_principal(claims)
        found = self.carry_out(
            principal.binding,
            lambda unit: unit.players.lock(principal.player_id),
            lambda locked, at: decide_refresh(*require_renewable(locked, principal), claims.generation, at),
        )
        return _with_tokens(found, self.tokens)


def decide_refresh(locked: LockedPlayer, session: Session, generation: int, at: Moment) -> Decision[LoggedIn]:
    """Decide the exchange of a refresh token of a generation."""
    if session.is_worn_out(at.now):
        ended = decide_logout(SessionEnd.EXPIRED, locked, session, at)
        return Refused(TokenExpired(), added=ended.added, saved=ended.saved)
    if session.repeats_refresh(generation, at.now):
        issued_at = session.refreshed_at or at.now
        return Decided(LoggedIn(locked.player, session, locked.bonuses, issued_at))
    if session.refresh_generation != generation:
        # A refresh token that was used before is in two hands: neither may go on with this session.
        ended = decide_logout(SessionEnd.REFRESH_REUSED, locked, session, at)
        return Refused(InvalidToken(), added=ended.added, saved=ended.saved)
    rotated = session.rotate_refresh(at.now)
    return Decided(LoggedIn(locked.player, rotated, locked.bonuses, at.now), saved=(rotated,))


@frozen
class PlayerLogout(WritingUseCase):
    """Ends a player's session and its tokens."""

    def __call__(self, principal: PlayerPrincipal) -> None:
        """End the session. Raises InvalidToken when it has ended."""
        self.carry_out_for_player(principal, partial(decide_logout, SessionEnd.LOGOUT))


def decide_logout(reason: SessionEnd, locked: LockedPlayer, session: Session, at: Moment) -> Decided[None]:
    """Decide to end the session of a locked player, for a reason."""
    ended = session.end(at.now, reason)
    journal = PlayerJournal.of(locked, at)
    note_end(journal, ended)
    return Decided(None, added=journal.events, saved=(locked.player.numbered(journal.last_seq), ended))


def _find(unit: UnitOfWork, code: Code) -> tuple[UUID, Player] | None:
    player = unit.players.find(code)
    return None if player is None else (player.player_id, player)


def _with_tokens(found: LoggedIn, tokens: Tokens) -> PlayerLoginResult:
    session = found.session
    generation, now = session.refresh_generation, found.issued_at
    pair = hinted_tokens(tokens, token_hints(found.player, session.session_id, generation=generation, now=now))
    state = player_state(PlayerView(found.player, session, found.bonuses))
    return PlayerLoginResult(pair.token, pair.refresh_token, session.session_id, state)
