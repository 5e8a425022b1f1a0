"""The spin: the hot path. One locked read, one decision, one commit."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from functools import partial
from typing import Any, Final
from uuid import UUID

from attrs import frozen

from ...domain.decimals import decimal_text
from ...domain.games.fairness import SeedKeys, commitment_of
from ...domain.games.files import canonical
from ...domain.games.game import Game
from ...domain.ledger.events import Account, AccountKind, EventType
from ...domain.limits.play_hours import Turn
from ...domain.money import checked_amount
from ...domain.play.players import Player
from ...domain.play.rounds import Round, Settlement, require_playable, settle_round
from ..access import PlayerPrincipal, require_seat
from ..answers import SPIN, Answer, Command, Content, Outcome, checked_action_id, replay, settle
from ..errors import NotFound
from ..journal import PlayerJournal
from ..limits.guard import count_play, notices_of, require_allowed
from ..ports.play import LockedPlayer
from ..ports.safety import SafetyWatch
from ..ports.services import Clock, Ids
from ..ports.storage import Storage, UnitOfWork
from ..safety.odds import odds_of
from ..safety.spin_guard import SpinSafety
from ..transactions import transact
from ..wire import success

LONGEST_FRACTION: Final = 40


@frozen
class RoundProof:
    """What it takes to check a round later: its public link, and what was fixed before it was played."""

    link: str
    game_version: str
    server_seed_hash: str
    client_seed: str
    nonce: int


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
    proof: RoundProof


@frozen
class GameRecord:
    """A game in the lobby. `rtp` is the exact return as a decimal string; `rtp_exact` as a fraction.

    With free spins the fraction has thousands of digits, and is left out.

    A stake is a multiple of `stake_step_minor` within the limits, or one of the levels where there are any.
    """

    game_key: str
    name: str
    rtp: str
    rtp_exact: str | None
    min_stake_minor: int
    max_stake_minor: int
    stake_step_minor: int
    stake_levels_minor: Sequence[int]
    look: Mapping[str, str]
    version: str


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
                _short(game.rtp),
                game.min_stake_minor,
                game.max_stake_minor,
                game.stake.coins,
                game.stake.levels_minor,
                game.look,
                game.version,
            )
            for game in self.games
        ]


def _short(ratio: Fraction) -> str | None:
    text = str(ratio)
    return text if len(text) <= LONGEST_FRACTION else None


@frozen
class ReadGame:
    """Shows a game whole: reels, lines and pay table, as the file that it is played from."""

    games: Sequence[Game]

    def __call__(self, game_key: str) -> Content:
        """Return the game's canonical file and its version. Raises NotFound."""
        for game in self.games:
            if game.game_key == game_key:
                return success(game=json.loads(canonical(game)), version=game.version)
        raise NotFound("game")


@frozen
class Spin:
    """Plays a round for a player."""

    storage: Storage
    clock: Clock
    ids: Ids
    seeds: SeedKeys
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
        (InsufficientFunds, BonusAckRequired, LossLimitReached, CooldownActive, PlayStopped, SeedRetired, and those
        of `require_allowed`) is a committed answer, not an exception. Beside the result stand `action` when the
        tenant enforces one, and `limitNotices` when a mark of a player's own limit was reached.
        """
        stake = checked_amount(stake_minor, "stakeMinor")
        action_id = str(self.ids.new()) if action_id is None else checked_action_id(action_id)
        command = Command.of(SPIN, principal.player_id, action_id, stake_minor=stake, game_key=game_key)
        binding = principal.binding
        game = next((game for game in self.games if game.game_key == game_key), None)
        if game is not None:
            self.storage.game_files.keep(game)

        def work(unit: UnitOfWork) -> Answer:
            watch = SafetyWatch(asked_at=self.clock.now(), only_enforced=True)
            seat = require_seat(unit.players.lock(principal.player_id, command.key, watch=watch), principal)
            now = self.clock.now()
            if seat.answer is not None:
                return replay(seat.answer, command, now)
            # Asked only now: what was played is answered again even if the game has gone since.
            if game is None:
                raise NotFound("game")
            round_ = _Round(
                ids=self.ids,
                now=now,
                game=game,
                stake_minor=game.checked_stake(stake),
                action_id=action_id,
                seeds=self.seeds,
                odds=odds_of(self.games),
            )
            act = partial(round_.play, unit, seat)
            return settle(unit, command, act, binding=binding, now=now)

        return transact(self.storage, binding, work)


@frozen(kw_only=True)
class _Round:
    """One round about to be played."""

    ids: Ids
    now: datetime
    game: Game
    stake_minor: int
    action_id: str
    seeds: SeedKeys
    odds: Mapping[str, Fraction]

    def play(self, unit: UnitOfWork, seat: LockedPlayer) -> Outcome:
        safety = SpinSafety(ids=self.ids, now=self.now, seat=seat, odds=self.odds)
        safety.require_open()
        require_allowed(seat, self.stake_minor, self.now)
        require_playable(seat.player, seat.bonuses, self.stake_minor)
        stopped = safety.stop_at_limit(unit, stake_minor=self.stake_minor, game_key=self.game.game_key)
        if stopped is not None:
            return stopped
        # Drawn only now: a refusal takes no nonce, so that those of the rounds have no gap.
        play = self.game.play(self.seeds.draw(seat.player.player_id, seat.player.seeds))
        settled = settle_round(
            self.game, play, seat.player, seat.bonuses, stake_minor=self.stake_minor, now=self.now
        )
        kept = self._round(seat, settled)
        journal = self._journal(seat, settled, kept)
        counted = Turn(self.now, self.stake_minor, settled.win_minor)
        play_pass, told = count_play(seat, counted, journal)
        player = settled.after_bonus.with_seeds(seat.player.seeds.played())
        player = player.active(self.now, last_seq=journal.last_seq)
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
        if play_pass is not None:
            unit.save(play_pass)
        unit.add(kept, *journal.events)
        result = _result(kept, self._proof(seat.player, kept))
        return Outcome(success(result=result, **safety.act_on(unit, kept), **notices_of(told)))

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
            game_version=self.game.version,
            seed_number=seat.player.seeds.number,
            nonce=seat.player.seeds.nonce,
        )

    def _proof(self, player: Player, kept: Round) -> RoundProof:
        state = player.seeds
        return RoundProof(
            link=str(self.seeds.link(player.login_code.agent_symbols, kept.round_id)),
            game_version=self.game.version,
            server_seed_hash=commitment_of(self.seeds.server_seed(player.player_id, state)),
            client_seed=state.client_seed,
            nonce=state.nonce,
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


def _result(played: Round, proof: RoundProof) -> SpinResult:
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
        proof=proof,
    )
