"""Redeeming a voucher: a new player, or a top-up of the player who is logged in."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from attrs import evolve, frozen

from ...domain.access.attempts import Attempts
from ...domain.access.codes import RANDOM_VALUES, Code, MalformedCode, make_code, parse_code
from ...domain.access.pins import PinKeys, PinKind, parse_pin
from ...domain.errors import InvalidInput, all_checked
from ...domain.games.fairness import CLIENT_SEED_VALUES, SeedKeys
from ...domain.ledger.events import Account, AccountKind, EventType
from ...domain.limits.play_passes import PlayPassOfOther
from ...domain.play.players import Player
from ...domain.play.rounds import settle_bonuses
from ...domain.play.sessions import Session
from ...domain.vouchers.bonuses import Bonus, BonusStatus, total_minor
from ...domain.vouchers.vouchers import Voucher
from ..access import PlayerPrincipal, require_session
from ..answers import Answer, Command, Content, answered, replay
from ..decisions import Decided, Decision, Moment, Refused, deciding
from ..errors import InvalidCredentials, UnknownPlayPass, VoucherOfOtherAgent
from ..journal import PlayerJournal
from ..limits.guard import count_history, note_tied, refuse_excluded
from ..play.sessions import hinted_tokens, new_session, token_hints
from ..ports.bindings import Binding
from ..ports.play import LockedPlayer
from ..ports.services import Randomness, Tokens
from ..ports.storage import UnitOfWork
from ..throttling import check_code_attempt
from ..use_case import WritingUseCase
from ..wire import success, to_wire
from .desk import derive_hinted, pin_hints

_INSTANT: Final = timedelta(microseconds=1)


@frozen
class RedeemedPlayer:
    """The player in the answer to a redemption. The PIN is put in for a new player only."""

    player_id: UUID
    login_code: str
    pin: str | None
    balance_minor: int
    bonus_pending_minor: int


@frozen
class RedeemVoucher(WritingUseCase):
    """Turns a voucher's code and PIN into play, exactly once.

    Without a player the voucher makes one. With a player, whose token was checked, it tops that player up if the
    voucher is of the player's own agent. An Idempotency-Key belongs to the voucher, or to the player of a top-up.
    """

    randomness: Randomness
    pins: PinKeys
    seeds: SeedKeys
    tokens: Tokens

    def __call__(
        self,
        *,
        code: str,
        pin: str,
        player: PlayerPrincipal | None = None,
        action_id: str | None = None,
        play_pass: str | None = None,
    ) -> Answer:
        """Redeem the voucher, and tie its player to the play pass if one is shown.

        Raises InvalidInput and InvalidCredentials. Only after a right PIN it raises VoucherRedeemed,
        VoucherVoided, VoucherExpired, VoucherOfOtherAgent or UnknownPlayPass. For a player it also raises
        PlayPassOfOther, CoolingOff or SelfExcluded, and InvalidToken when the session has ended.
        """
        shown, digits = all_checked(
            lambda: None if play_pass is None else read_pass_code(play_pass), lambda: parse_pin(pin)
        )

        def is_right(voucher: Voucher) -> bool:
            return self.pins.matches(PinKind.VOUCHER, voucher.voucher_id, voucher.pin, digits)

        binding, voucher = check_code_attempt(self.storage, code, _find, is_right, now=self.clock.now())
        actor_id = voucher.voucher_id if player is None else player.player_id
        about = {"voucher_id": voucher.voucher_id} | ({} if shown is None else {"play_pass": shown.symbols})
        command = self.command("REDEEM", actor_id, action_id, **about)
        if player is not None and player.tenant_id != voucher.tenant_id:
            raise VoucherOfOtherAgent("the voucher is of another agent", voucher.voucher_id)
        redemption = RedemptionRequest(command=command, binding=binding, principal=player, shown=shown)
        answer = self.carry_out_named(
            command,
            lambda unit: self._lock(unit, voucher.voucher_id, redemption),
            lambda locked, at: decide_redemption(locked, redemption, at),
            binding=binding,
        )
        return answer.revealed(self.reveal)

    def reveal(self, content: Content, hints: Mapping[str, Any]) -> None:
        """Put PIN and tokens into the answer of a redemption."""
        content.update(to_wire(hinted_tokens(self.tokens, dict(hints))))
        if "key_id" in hints:
            player_id = UUID(hints["player_id"])
            content["player"]["pin"] = derive_hinted(self.pins, PinKind.PLAYER, player_id, hints)

    def _lock(self, unit: UnitOfWork, voucher_id: UUID, redemption: "RedemptionRequest") -> "LockedVoucher":
        """Lock voucher, pass, player and, if a pass is shown, attempts. Raises InvalidCredentials."""
        principal, key, shown = redemption.principal, redemption.command.key, redemption.shown
        voucher, stored = unit.vouchers.lock(voucher_id, key if principal is None else None)
        if voucher is None:
            raise InvalidCredentials
        if principal is None:
            tenant = unit.tenants.get(voucher.tenant_id)
            shown_pass = None if shown is None else unit.passes.lock(shown)
            made = self._new_player(voucher, None if tenant is None else tenant.region)
            player: LockedPlayer | None = LockedPlayer(made, None, (), stored, play_pass=shown_pass)
        else:
            shown_pass = None if shown is None else unit.passes.find(shown)
            shown_pass_id = None if shown_pass is None else shown_pass.pass_id
            player = unit.players.lock(principal.player_id, key, shown_pass_id=shown_pass_id)
            if player is not None and player.play_pass is not None and player.is_pass_shown:
                counted = count_history(unit, player.play_pass, principal.player_id, self.clock.now())
                player = evolve(player, play_pass=counted)
        attempts = None if shown is None else unit.attempts.lock(voucher_id)
        return LockedVoucher(voucher, player, attempts)

    def _new_player(self, voucher: Voucher, region: str | None) -> Player:
        random_value, now = self.randomness.below(RANDOM_VALUES), self.clock.now()
        return Player(
            player_id=self.ids.new(),
            operator_id=voucher.operator_id,
            tenant_id=voucher.tenant_id,
            login_code=make_code(voucher.code.agent_symbols, random_value),
            pin=self.pins.new_ref(),
            seeds=self.seeds.new_state(self.randomness.below(CLIENT_SEED_VALUES)),
            created_at=now,
            last_active_at=now,
            cashier_id=voucher.issued_by,
            region=region,
        )


def read_pass_code(text: str) -> Code:
    """Return the code of a play pass as people type it. Raises InvalidInput."""
    try:
        return parse_code(text)
    except MalformedCode:
        raise InvalidInput("play_pass", "must be the code of a play pass") from None


def _find(unit: UnitOfWork, code: Code) -> tuple[UUID, Voucher] | None:
    voucher = unit.vouchers.find(code)
    return None if voucher is None else (voucher.voucher_id, voucher)


@frozen(kw_only=True)
class RedemptionRequest:
    """A request with a right PIN: for a new player, or for the player of `principal`. `shown` is a pass's code."""

    command: Command
    binding: Binding
    principal: PlayerPrincipal | None
    shown: Code | None


@frozen
class LockedVoucher:
    """A locked voucher, its player, and the attempts if a pass is shown.

    A new player, who is not stored yet, has no session.
    """

    voucher: Voucher
    player: LockedPlayer | None
    attempts: Attempts | None


def decide_redemption(locked: LockedVoucher, redemption: RedemptionRequest, at: Moment) -> Decision[Answer]:
    """Decide a redemption with the right PIN. A pass that is refused is counted, so that nobody can try passes."""
    decision, attempts = _decide(locked, redemption, at), locked.attempts
    if attempts is not None and isinstance(decision, Refused) and isinstance(decision.error, UnknownPlayPass):
        return decision.saving(attempts.count_pass(at.now))
    return decision


@deciding
def _decide(locked: LockedVoucher, redemption: RedemptionRequest, at: Moment) -> Decision[Answer]:
    player = locked.player
    if redemption.principal is not None:
        player, _ = require_session(player, redemption.principal)
    assert player is not None
    if player.answer is not None:
        return Decided(replay(player.answer, redemption.command, at.now))
    if locked.attempts is not None and locked.attempts.is_locked(at.now):
        # Others showed wrong passes since the PIN was checked.
        raise InvalidCredentials
    decision = _redeem(locked.voucher, player, redemption.shown, at)
    return answered(decision, redemption.command, binding=redemption.binding, now=at.now)


@deciding
def _redeem(voucher: Voucher, locked: LockedPlayer, shown: Code | None, at: Moment) -> Decision[Content]:
    # First the voucher: nobody tries passes with one that cannot be redeemed.
    redeemed, play_pass = voucher.redeem(locked.player.player_id, at.now), locked.play_pass
    _require_pass(locked, shown, at.now)
    credited = locked.player.credit(voucher.amount_minor)
    held = _held_bonus(voucher, locked, at)
    player, triggered = settle_bonuses(credited, (*locked.bonuses, *held), at.now)
    # A top-up belongs to the session of its token, however long that was idle.
    is_new, session = locked.session is None, locked.session or new_session(player, at)
    journal = PlayerJournal(at=at, player=player, session_id=session.session_id)
    _note_voucher(journal, voucher, credited.wallet.balance_minor)
    journal.trigger_bonuses(triggered, credited.wallet.balance_minor)
    if is_new:
        journal.note(EventType.LOGIN, action_id=str(session.session_id), meta={"resumed": False})
    if play_pass is not None and locked.is_pass_shown:
        note_tied(journal, play_pass)
        player = player.tied(play_pass.pass_id)
    player = player.active(at.now, last_seq=journal.last_seq).in_session(session.session_id)
    session = session.active(at.now, balance_minor=player.wallet.balance_minor)
    bonuses = {bonus.bonus_id: bonus for bonus in (*locked.bonuses, *held, *triggered)}
    new_bonuses = [bonuses[bonus.bonus_id] for bonus in held]
    changed_bonuses = [bonus for bonus in triggered if bonus not in new_bonuses]
    content = _content(player, session, total_minor(bonuses.values(), BonusStatus.PENDING))
    hints = token_hints(player, session.session_id, generation=session.refresh_generation, now=at.now)
    if is_new:
        return Decided(
            content,
            added=(player, session, *journal.events, *new_bonuses),
            saved=(redeemed,),
            hints=hints | pin_hints(player.pin),
        )
    return Decided(
        content,
        added=(*journal.events, *new_bonuses),
        saved=(play_pass if locked.is_pass_shown else None, redeemed, *changed_bonuses, player, session),
        hints=hints,
    )


def _require_pass(locked: LockedPlayer, shown: Code | None, now: datetime) -> None:
    """Raise when the player's own pass, or the one that is shown, forbids the redemption.

    An account with a pass gets the same answer for every other code. Without one, unknown and excluded passes get
    the same answer. So no answer but a success tells whether a pass exists.
    """
    play_pass = locked.play_pass
    if shown is not None and locked.player.pass_id is None:
        if play_pass is None or play_pass.is_excluded(now):
            raise UnknownPlayPass("play pass")
        return
    if shown is not None and play_pass is not None and play_pass.code != shown:
        raise PlayPassOfOther
    refuse_excluded(play_pass, now)


def _content(player: Player, session: Session, bonus_pending_minor: int) -> Content:
    redeemed = RedeemedPlayer(
        player_id=player.player_id,
        login_code=str(player.login_code),
        pin=None,
        balance_minor=player.wallet.balance_minor,
        bonus_pending_minor=bonus_pending_minor,
    )
    return success(player=redeemed, token=None, refresh_token=None, session_id=session.session_id)


def _held_bonus(voucher: Voucher, locked: LockedPlayer, at: Moment) -> tuple[Bonus, ...]:
    """Return the bonus that the voucher holds for the player; a bonus of 0 makes none.

    It is younger than the player's other bonuses, also after the clock has stepped back.
    """
    if not voucher.bonus_minor:
        return ()
    player = locked.player
    held_at = max((at.now, *(bonus.held_at + _INSTANT for bonus in locked.bonuses)))
    return (
        Bonus(
            bonus_id=at.new_id(),
            operator_id=player.operator_id,
            tenant_id=player.tenant_id,
            player_id=player.player_id,
            voucher_id=voucher.voucher_id,
            cashier_id=voucher.issued_by,
            amount_minor=voucher.bonus_minor,
            held_at=held_at,
        ),
    )


def _note_voucher(journal: PlayerJournal, voucher: Voucher, balance_minor: int) -> None:
    """Note the movements of a redemption, named after the voucher so that they cannot be noted twice."""
    pool = Account(AccountKind.VOUCHER_POOL, voucher.tenant_id)
    named: dict[str, Any] = {
        "action_id": str(voucher.voucher_id),
        "actor_id": voucher.tenant_id,
        "cashier_id": voucher.issued_by,
    }
    own, amount_minor = journal.player.account, voucher.amount_minor
    journal.move(EventType.VOUCHER_REDEEMED, pool, own, amount_minor, balance_minor=balance_minor, **named)
    if voucher.bonus_minor:
        held = Account(AccountKind.BONUS_POOL, voucher.tenant_id)
        journal.move(EventType.BONUS_HELD, pool, held, voucher.bonus_minor, balance_minor=None, **named)
