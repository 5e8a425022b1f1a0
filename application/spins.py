"""The spin: the hot path. One locked read, one decision, one commit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from attrs import frozen

from ..domain.games import Game
from ..domain.ledger import Account, AccountKind, EventType
from ..domain.money import checked_amount
from ..domain.rounds import Round, Settlement, require_playable, settle_round
from .access import PlayerPrincipal
from .answers import Answer, Command, Outcome, checked_action_id, replay, settle
from .errors import NotFound
from .journal import PlayerJournal
from .ports import Clock, Ids, LockedPlayer, Randomness, Storage, UnitOfWork
from .redemption import require_seat
from .transactions import transact
from .wire import decimal_text, success


@frozen
class SpinResult:
    """A played round as its player sees it. Amounts in minor units."""

    round_id: UUID
    action_id: str
    game_key: str
    outcome: Mapping[str, Any]
    stake_minor: int
    win_minor: int
    balance_minor: int
    bonus_triggered: bool
    bonus_minor: int


@frozen
class GameRecord:
    """A game in the lobby. `rtp` is the exact return as a decimal string; `rtp_exact` as a fraction."""

    game_key: str
    name: str
    rtp: str
    rtp_exact: str
    min_stake_minor: int
    max_stake_minor: int


@frozen
class ListGames:
    """Lists the games that can be played."""

    games: Sequence[Game]

    def __call__(self) -> list[GameRecord]:
        """Return the games in the order they are offered."""
        return [
            GameRecord(
                game.game_key,
                game.name,
                decimal_text(game.rtp),
                str(game.rtp),
                game.min_stake_minor,
                game.max_stake_minor,
            )
            for game in self.games
        ]


@frozen
class Spin:
    """Plays a round for a player."""

    storage: Storage
    clock: Clock
    ids: Ids
    randomness: Randomness
    games: Sequence[Game]

    def __call__(
        self,
        principal: PlayerPrincipal,
        *,
        stake_minor: int,
        game_key: str,
        action_id: str | None = None,
    ) -> Answer:
        """Play, or answer again what was played under this action id.

        Raises InvalidInput, StakeOutOfRange, NotFound, InvalidToken, IdempotencyKeyReused. A state refusal
        (InsufficientFunds, BonusAckRequired) is a committed answer, not an exception.
        """
        stake = checked_amount(stake_minor, "stakeMinor")
        action_id = str(self.ids.new()) if action_id is None else checked_action_id(action_id)
        command = Command.of("SPIN", principal.player_id, action_id, stake_minor=stake, game_key=game_key)
        binding = principal.binding

        def work(unit: UnitOfWork) -> Answer:
            seat = require_seat(unit.players.lock(principal.player_id, command.key), principal)
            now = self.clock.now()
            if seat.answer is not None:
                return replay(seat.answer, command, now)
            # Asked only now: what was played is answered again even if the game has changed or gone since.
            game = self._game(game_key)
            round_ = _Round(
                ids=self.ids,
                now=now,
                game=game,
                stake_minor=game.checked_stake(stake),
                action_id=action_id,
                ticket=self.randomness.below(game.total_weight),
            )
            act = partial(round_.play, unit, seat)
            return settle(unit, command, act, binding=binding, now=now)

        return transact(self.storage, binding, work)

    def _game(self, game_key: str) -> Game:
        for game in self.games:
            if game.game_key == game_key:
                return game
        raise NotFound("game")


@frozen(kw_only=True)
class _Round:
    """One round about to be played."""

    ids: Ids
    now: datetime
    game: Game
    stake_minor: int
    action_id: str
    ticket: int

    def play(self, unit: UnitOfWork, seat: LockedPlayer) -> Outcome:
        require_playable(seat.player, seat.bonuses, self.stake_minor)
        settled = settle_round(
            self.game,
            seat.player,
            seat.bonuses,
            ticket=self.ticket,
            stake_minor=self.stake_minor,
            now=self.now,
        )
        kept = self._round(seat, settled)
        journal = self._journal(seat, settled, kept)
        player = settled.after_bonus.active(self.now, last_seq=journal.last_seq)
        unit.save(player, *settled.triggered)
        if seat.session is not None:
            unit.save(
                seat.session.played(
                    self.now,
                    game_key=self.game.game_key,
                    stake_minor=self.stake_minor,
                    win_minor=settled.win_minor,
                    balance_minor=player.wallet.balance_minor,
                )
            )
        unit.add(kept, *journal.events)
        return Outcome(success(result=_result(kept)))

    def _round(self, seat: LockedPlayer, settled: Settlement) -> Round:
        player = settled.after_bonus
        return Round(
            round_id=self.ids.new(),
            operator_id=player.operator_id,
            tenant_id=player.tenant_id,
            player_id=player.player_id,
            session_id=seat.session.session_id if seat.session else player.player_id,
            action_id=self.action_id,
            game_key=self.game.game_key,
            stake_minor=self.stake_minor,
            win_minor=settled.win_minor,
            bonus_minor=settled.bonus_minor,
            balance_minor=player.wallet.balance_minor,
            outcome=settled.outcome,
            played_at=self.now,
        )

    def _journal(self, seat: LockedPlayer, settled: Settlement, kept: Round) -> PlayerJournal:
        journal = PlayerJournal(ids=self.ids, now=self.now, player=seat.player, session_id=kept.session_id)
        about: dict[str, Any] = {
            "round_id": kept.round_id,
            "game_key": self.game.game_key,
            "provider": self.game.provider,
        }
        own = seat.player.account
        house = Account(AccountKind.HOUSE, seat.player.tenant_id)
        journal.move(
            EventType.BET,
            own,
            house,
            self.stake_minor,
            balance_minor=settled.after_bet.wallet.balance_minor,
            action_id=self.action_id,
            **about,
        )
        balance_minor = settled.after_win.wallet.balance_minor
        if settled.win_minor:
            journal.move(
                EventType.WIN,
                house,
                own,
                settled.win_minor,
                balance_minor=balance_minor,
                action_id=self.action_id,
                **about,
            )
        journal.trigger_bonuses(settled.triggered, balance_minor, **about)
        return journal


def _result(played: Round) -> SpinResult:
    return SpinResult(
        round_id=played.round_id,
        action_id=played.action_id,
        game_key=played.game_key,
        outcome=played.outcome,
        stake_minor=played.stake_minor,
        win_minor=played.win_minor,
        balance_minor=played.balance_minor,
        bonus_triggered=played.bonus_minor > 0,
        bonus_minor=played.bonus_minor,
    )
