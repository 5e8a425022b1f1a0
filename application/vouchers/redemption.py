"""Redeeming a voucher: a new player, or a top-up of the one who is logged in."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from attrs import frozen

from ...domain.access.codes import RANDOM_VALUES, Code, MalformedCode, make_code, parse_code
from ...domain.access.pins import PinKeys, PinKind
from ...domain.errors import InvalidInput, StateRefusal
from ...domain.games.fairness import CLIENT_SEED_VALUES, SeedKeys
from ...domain.ledger.events import Account, AccountKind, EventType
from ...domain.limits.play_passes import PlayPass, PlayPassOfOther
from ...domain.play.players import Player
from ...domain.play.rounds import settle_bonuses
from ...domain.play.sessions import Session
from ...domain.vouchers.bonuses import Bonus, BonusStatus, total_minor
from ...domain.vouchers.vouchers import Voucher
from ..access import PlayerPrincipal, require_seat
from ..answers import Answer, Command, Content, Outcome, replay, settle
from ..errors import InvalidCredentials, InvalidToken, UnknownPlayPass, VoucherOfOtherAgent
from ..journal import PlayerJournal
from ..limits.guard import history_of, note_tied, refuse_excluded
from ..play.sessions import hinted_tokens, new_session, token_hints
from ..ports.bindings import Binding, StoredAnswer
from ..ports.services import Clock, Ids, Randomness, Tokens
from ..ports.storage import Storage, UnitOfWork
from ..throttling import admit, reachable
from ..transactions import transact
from ..wire import success
from .desk import derive_hinted, pin_hints

_INSTANT: Final = timedelta(microseconds=1)


@frozen
class RedeemedPlayer:
    """A player as answered to a redemption. The PIN is put in for a new player only."""

    player_id: UUID
    login_code: str
    pin: str | None
    balance_minor: int
    bonus_pending_minor: int


@frozen
class _Seat:
    """The player a voucher is redeemed to, with session, bonuses and pass, before the voucher."""

    player: Player
    session: Session | None
    bonuses: tuple[Bonus, ...] = ()
    is_new: bool = False
    play_pass: PlayPass | None = None
    is_tied_now: bool = False


@frozen
class RedeemVoucher:
    """Turns a voucher's code and PIN into play, exactly once.

    Without a player the voucher makes one; with a player (whose token was checked) it tops that player up, if the
    voucher is of the player's own agent. An Idempotency-Key belongs to the voucher, or to the player of a top-up.
    """

    storage: Storage
    clock: Clock
    ids: Ids
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
        """Redeem the voucher; whoever shows a play pass is tied to it.

        Raises InvalidInput, InvalidCredentials, and only after a right PIN VoucherRedeemed, VoucherVoided,
        VoucherExpired, VoucherOfOtherAgent, UnknownPlayPass, PlayPassOfOther, CoolingOff, SelfExcluded;
        InvalidToken when the player's session has ended.
        """
        shown = None if play_pass is None else read_pass_code(play_pass)
        binding, voucher = self._admit(code)
        if not self.pins.matches(PinKind.VOUCHER, voucher.voucher_id, voucher.pin, pin):
            raise InvalidCredentials
        actor_id = voucher.voucher_id if player is None else player.player_id
        about = {"voucher_id": voucher.voucher_id} | ({} if shown is None else {"play_pass": shown.symbols})
        command = Command.of("REDEEM", actor_id, action_id, **about)
        redemption = _Redemption(
            use_case=self, binding=binding, command=command, voucher_id=voucher.voucher_id, shown=shown
        )
        if player is None:
            return transact(self.storage, binding, redemption.for_new_player)
        if player.tenant_id != voucher.tenant_id:
            transact(self.storage, binding, redemption.give_back)
            raise VoucherOfOtherAgent("the voucher is of another agent", voucher.voucher_id)
        return transact(self.storage, binding, lambda unit: redemption.for_player(unit, player))

    def _admit(self, code: str) -> tuple[Binding, Voucher]:
        try:
            parsed = parse_code(code)
        except MalformedCode:
            parsed = None
        entry = None if parsed is None else self.storage.directory.by_symbols(parsed.agent_symbols)

        def find(unit: UnitOfWork) -> tuple[UUID, Voucher] | None:
            voucher = None if parsed is None else unit.vouchers.find(parsed)
            return None if voucher is None else (voucher.voucher_id, voucher)

        return admit(self.storage, reachable(entry), find, guessed=code, now=self.clock.now())

    def reveal(self, content: Content, hints: Mapping[str, Any]) -> None:
        """Put PIN and tokens into the answer of a redemption."""
        pair = hinted_tokens(self.tokens, dict(hints))
        content["token"], content["refreshToken"] = pair.token, pair.refresh_token
        if "keyId" in hints:
            player_id = UUID(content["player"]["playerId"])
            content["player"]["pin"] = derive_hinted(self.pins, PinKind.PLAYER, player_id, hints)


@frozen(kw_only=True)
class _Redemption:
    """One admitted redemption with the right PIN. Rows are locked in the order voucher, pass, player."""

    use_case: RedeemVoucher
    binding: Binding
    command: Command
    voucher_id: UUID
    shown: Code | None

    def for_new_player(self, unit: UnitOfWork) -> Answer:
        voucher, stored = unit.vouchers.lock(self.voucher_id, self.command.key)
        if voucher is None:
            raise InvalidCredentials
        tenant = unit.tenants.get(voucher.tenant_id)
        region = None if tenant is None else tenant.region
        held = None if self.shown is None else unit.passes.lock(self.shown)
        self._require_known(held, stored)
        player = self._new_player(voucher, region, self.use_case.clock.now())
        seat = _Seat(player, None, is_new=True, play_pass=held, is_tied_now=held is not None)
        return self._redeem(unit, voucher, seat, stored)

    def for_player(self, unit: UnitOfWork, principal: PlayerPrincipal) -> Answer:
        voucher, _ = unit.vouchers.lock(self.voucher_id)
        shown = None if self.shown is None else unit.passes.find(self.shown)
        shown_pass_id = None if shown is None else shown.pass_id
        locked = unit.players.lock(principal.player_id, self.command.key, shown_pass_id=shown_pass_id)
        if voucher is None:
            raise InvalidCredentials
        try:
            seat = require_seat(locked, principal)
        except InvalidToken:
            self.give_back(unit)
            raise
        self._require_known(shown, seat.answer)
        held, ties = seat.play_pass, seat.player.pass_id is None and seat.play_pass is not None
        if held is not None and ties:
            held = history_of(unit, held, seat, self.use_case.clock.now())
        tied = _Seat(seat.player, seat.session, seat.bonuses, play_pass=held, is_tied_now=ties)
        return self._redeem(unit, voucher, tied, seat.answer)

    def _require_known(self, held: PlayPass | None, stored: StoredAnswer | None) -> None:
        """Raise UnknownPlayPass; the attempt stays counted, so that passes cannot be guessed at."""
        if self.shown is not None and held is None and stored is None:
            raise UnknownPlayPass("play pass")

    def give_back(self, unit: UnitOfWork) -> None:
        unit.save(unit.attempts.lock(self.voucher_id).give_back())
        unit.commit()

    def _redeem(self, unit: UnitOfWork, voucher: Voucher, seat: _Seat, stored: StoredAnswer | None) -> Answer:
        # The PIN was right, whatever comes of it.
        forgiven = unit.attempts.lock(self.voucher_id).give_back()
        now, reveal = self.use_case.clock.now(), self.use_case.reveal
        unit.save(forgiven)
        if stored is not None:
            unit.commit()
            return replay(stored, self.command, now, reveal)

        def act() -> Outcome:
            self._require_own_pass(seat)
            refuse_excluded(seat.play_pass, now)
            redeemed = voucher.redeem(seat.player.player_id, now)
            return self._settle(unit, redeemed, seat, now)

        try:
            return settle(unit, self.command, act, binding=self.binding, now=now, reveal=reveal)
        except StateRefusal:
            unit.commit()
            raise

    def _require_own_pass(self, seat: _Seat) -> None:
        if self.shown is not None and seat.play_pass is not None and seat.play_pass.code != self.shown:
            raise PlayPassOfOther

    def _settle(self, unit: UnitOfWork, voucher: Voucher, seat: _Seat, now: datetime) -> Outcome:
        ids = self.use_case.ids
        credited = seat.player.credit(voucher.amount_minor)
        held = _held_bonus(voucher, seat, ids, now)
        player, triggered = settle_bonuses(credited, (*seat.bonuses, *held), now)
        # A top-up belongs to the session that its token is of, however long that has been idle.
        session = seat.session or new_session(player, ids, now)
        journal = PlayerJournal(ids=ids, now=now, player=player, session_id=session.session_id)
        _note_voucher(journal, voucher, credited.wallet.balance_minor)
        journal.trigger_bonuses(triggered, credited.wallet.balance_minor)
        if seat.is_new:
            journal.note(EventType.LOGIN, action_id=str(session.session_id), meta={"resumed": False})
        if seat.play_pass is not None and seat.is_tied_now:
            note_tied(journal, seat.play_pass)
            player = player.tied(seat.play_pass.pass_id)
            if not seat.is_new:
                unit.save(seat.play_pass)
        player = player.active(now, last_seq=journal.last_seq)
        session = session.active(now, balance_minor=player.wallet.balance_minor)
        present = {bonus.bonus_id: bonus for bonus in (*seat.bonuses, *held, *triggered)}
        known = {bonus.bonus_id for bonus in seat.bonuses}
        unit.save(voucher, *(bonus for bonus in triggered if bonus.bonus_id in known))
        (unit.add if seat.is_new else unit.save)(player, session)
        unit.add(*journal.events, *(b for b in present.values() if b.bonus_id not in known))
        pending_minor = total_minor(present.values(), BonusStatus.PENDING)
        return self._outcome(seat, player, session, pending_minor=pending_minor, now=now)

    def _outcome(
        self, seat: _Seat, player: Player, session: Session, *, pending_minor: int, now: datetime
    ) -> Outcome:
        hints = token_hints(player, session.session_id, generation=session.refresh_generation, now=now)
        if seat.is_new:
            hints |= pin_hints(player.pin)
        redeemed = RedeemedPlayer(
            player_id=player.player_id,
            login_code=str(player.login_code),
            pin=None,
            balance_minor=player.wallet.balance_minor,
            bonus_pending_minor=pending_minor,
        )
        content = success(player=redeemed, token=None, refresh_token=None, session_id=session.session_id)
        return Outcome(content, hints)

    def _new_player(self, voucher: Voucher, region: str | None, now: datetime) -> Player:
        use_case = self.use_case
        random_value = use_case.randomness.below(RANDOM_VALUES)
        return Player(
            player_id=use_case.ids.new(),
            operator_id=voucher.operator_id,
            tenant_id=voucher.tenant_id,
            login_code=make_code(voucher.code.agent_symbols, random_value),
            pin=use_case.pins.new_ref(),
            seeds=use_case.seeds.new_state(use_case.randomness.below(CLIENT_SEED_VALUES)),
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
        raise InvalidInput("playPass", "is no code of a play pass") from None


def _held_bonus(voucher: Voucher, seat: _Seat, ids: Ids, now: datetime) -> tuple[Bonus, ...]:
    """Return the bonus that the voucher holds for the player; a bonus of 0 makes none.

    It is younger than those that are held already, also when the clock has stepped back since.
    """
    if not voucher.bonus_minor:
        return ()
    player = seat.player
    held_at = max((now, *(bonus.held_at + _INSTANT for bonus in seat.bonuses)))
    return (
        Bonus(
            bonus_id=ids.new(),
            operator_id=player.operator_id,
            tenant_id=player.tenant_id,
            player_id=player.player_id,
            voucher_id=voucher.voucher_id,
            amount_minor=voucher.bonus_minor,
            held_at=held_at,
        ),
    )


def _note_voucher(journal: PlayerJournal, voucher: Voucher, balance_minor: int) -> None:
    """Write what a redemption moves, named after the voucher so that it cannot be written twice."""
    pool = Account(AccountKind.VOUCHER_POOL, voucher.tenant_id)
    named: dict[str, Any] = {
        "action_id": str(voucher.voucher_id),
        "actor_id": voucher.tenant_id,
        "cashier_id": voucher.issued_by,
    }
    journal.move(
        EventType.VOUCHER_REDEEMED,
        pool,
        journal.player.account,
        voucher.amount_minor,
        balance_minor=balance_minor,
        **named,
    )
    if voucher.bonus_minor:
        held = Account(AccountKind.BONUS_POOL, voucher.tenant_id)
        journal.move(
            EventType.BONUS_HELD,
            pool,
            held,
            voucher.bonus_minor,
            balance_minor=None,
            **named,
        )
