"""The spin, which is the hot path: one locked read, one decision, one commit."""

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from attrs import evolve, frozen

from ...domain.decimals import decimal_text
from ...domain.games.fairness import SeedKeys, commitment_of
from ...domain.games.files import canonical
from ...domain.games.game import Game
from ...domain.ledger.events import Account, AccountKind, EventType
from ...domain.limits.play_hours import Turn
from ...domain.money import checked_amount
from ...domain.play.rounds import Round, Settlement, require_playable, settle_round
from ...domain.play.sessions import Session
from ..access import PlayerPrincipal, require_session
from ..answers import SPIN, Answer, Command, Content, answered, checked_action_id, replay
from ..decisions import Decided, Decision, Moment, deciding
from ..errors import NotFound
from ..journal import PlayerJournal
from ..limits.guard import count_play, notices_of, require_allowed
from ..ports.play import LockedPlayer
from ..ports.safety import SafetyWatch
from ..ports.storage import UnitOfWork
from ..safety.messages import given_action
from ..safety.odds import GameOdds
from ..safety.spin_guard import SpinSafety
from ..use_case import WritingUseCase
from ..wire import record_from, success

LONGEST_FRACTION: Final = 40


@frozen
class RoundProof:
    """The data to check a round later: its public link, and the values fixed before it was played."""

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

    The fraction of a game with free spins has thousands of digits, and is omitted. A stake is a multiple of
    `stake_step_minor` within the limits, or one of the levels if there are any.
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
        """Return the games in the order of the lobby."""
        return [
            record_from(
                GameRecord,
                game,
                rtp=decimal_text(game.rtp),
                rtp_exact=_short(game.rtp),
                stake_step_minor=game.stake.coins,
                stake_levels_minor=game.stake.levels_minor,
            )
            for game in self.games
        ]


def _short(ratio: Fraction) -> str | None:
    text = str(ratio)
    return text if len(text) <= LONGEST_FRACTION else None


@frozen
class ReadGame:
    """Shows the whole game: reels, lines and pay table, as in the game file."""

    games: Sequence[Game]

    def __call__(self, game_key: str) -> Content:
        """Return the game's canonical file and its version. Raises NotFound."""
        for game in self.games:
            if game.game_key == game_key:
                return success(game=json.loads(canonical(game)), version=game.version)
        raise NotFound("game")


@frozen
class Spin(WritingUseCase):
    """Plays a round for a player."""

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
        """Play a round, or return the stored answer of this action id.

        Raises InvalidInput, StakeOutOfRange, NotFound, InvalidToken, IdempotencyKeyReused. State refusals are
        committed answers, not exceptions: InsufficientFunds, BonusAckRequired, LossLimitReached, CooldownActive,
        PlayStopped, SeedRetired and those of `require_allowed`. The answer has `action` when the tenant enforces
        one, and `limit_notices` when a threshold of a player's own limit was reached.
        """
        stake = checked_amount(stake_minor, "stake_minor")
        action_id = str(self.ids.new()) if action_id is None else checked_action_id(action_id)
        command = Command.of(SPIN, principal.player_id, action_id, stake_minor=stake, game_key=game_key)
        game = next((game for game in self.games if game.game_key == game_key), None)
        if game is not None:
            command = evolve(command, game_key=game.game_key, provider=game.provider)
            self.storage.game_files.keep(game)
        bet = Bet(principal=principal, command=command, game=game, stake_minor=stake, action_id=action_id)

        def read(unit: UnitOfWork) -> LockedPlayer | None:
            watch = SafetyWatch(asked_at=self.clock.now(), only_enforced=True)
            return unit.players.lock(principal.player_id, command.key, watch=watch)

        return self.carry_out(
            principal.binding,
            read,
            lambda locked, at: decide_spin(locked, bet, at, seeds=self.seeds, odds=GameOdds(self.games)),
        )


@frozen(kw_only=True)
class Bet:
    """A validated request for a round. `game` is None if there is no such game."""

    principal: PlayerPrincipal
    command: Command
    game: Game | None
    stake_minor: int
    action_id: str


@deciding
def decide_spin(
    found: LockedPlayer | None, bet: Bet, at: Moment, *, seeds: SeedKeys, odds: Mapping[str, Fraction]
) -> Decision[Answer]:
    """Decide a spin of a locked player: the stored answer again, a round, or a refusal.

    `odds` are the chances of each game to win at least the stake.
    """
    locked, session = require_session(found, bet.principal)
    if locked.answer is not None:
        return Decided(replay(locked.answer, bet.command, at.now))
    # Checked after the replay: a round of a game that was removed since is still answered.
    if bet.game is None:
        raise NotFound("game")
    round_ = _Round(
        at=at,
        locked=locked,
        session=session,
        game=bet.game,
        stake_minor=bet.game.checked_stake(bet.stake_minor),
        action_id=bet.action_id,
        seeds=seeds,
        odds=odds,
    )
    return answered(round_.decide(), bet.command, binding=bet.principal.binding, now=at.now)


@frozen(kw_only=True)
class _Round:
    """A round that a locked player asks for."""

    at: Moment
    locked: LockedPlayer
    session: Session
    game: Game
    stake_minor: int
    action_id: str
    seeds: SeedKeys
    odds: Mapping[str, Fraction]

    @deciding
    def decide(self) -> Decision[Content]:
        locked, player, now = self.locked, self.locked.player, self.at.now
        safety = SpinSafety(at=self.at, locked=locked, session=self.session, odds=self.odds)
        safety.require_open()
        require_allowed(locked, self.session, self.stake_minor, now)
        require_playable(player, locked.bonuses, self.stake_minor)
        refused = safety.refusal_at_limit(stake_minor=self.stake_minor, game_key=self.game.game_key)
        if refused is not None:
            return refused
        # Drawn after all checks: a refusal takes no nonce, so the nonces of rounds have no gap.
        play = self.game.play(self.seeds.draw(player.player_id, player.seeds))
        settled = settle_round(self.game, play, player, locked.bonuses, stake_minor=self.stake_minor, now=now)
        played = self._round(settled)
        journal = self._journal(settled, played)
        turn = Turn(now, self.stake_minor, settled.win_minor)
        play_pass, notices = count_play(locked, self.session, turn, journal)
        action = safety.action_after(played)
        after = settled.after_bonus.with_seeds(player.seeds.played()).active(now, last_seq=journal.last_seq)
        shown = notices_of(notices) if action is None else {"action": given_action(action), **notices_of(notices)}
        return Decided(
            success(result=_result(played, self._proof(played)), **shown),
            added=(played, *journal.events, action),
            saved=(after, *settled.triggered, self._session(played), play_pass),
        )

    def _round(self, settled: Settlement) -> Round:
        player, seeds = settled.after_bonus, self.locked.player.seeds
        return Round(
            round_id=self.at.new_id(),
            operator_id=player.operator_id,
            tenant_id=player.tenant_id,
            player_id=player.player_id,
            session_id=self.session.session_id,
            action_id=self.action_id,
            game_key=self.game.game_key,
            stake_minor=self.stake_minor,
            win_minor=settled.win_minor,
            bonus_minor=settled.bonus_minor,
            balance_minor=player.wallet.balance_minor,
            outcome=settled.outcome,
            played_at=self.at.now,
            game_version=self.game.version,
            seed_number=seeds.number,
            nonce=seeds.nonce,
        )

    def _session(self, played: Round) -> Session:
        return self.session.played(
            self.at.now,
            game_key=played.game_key,
            stake_minor=played.stake_minor,
            win_minor=played.win_minor,
            balance_minor=played.balance_minor,
        )

    def _proof(self, played: Round) -> RoundProof:
        player = self.locked.player
        return RoundProof(
            link=str(self.seeds.link(player.login_code.agent_symbols, played.round_id)),
            game_version=self.game.version,
            server_seed_hash=commitment_of(self.seeds.server_seed(player.player_id, player.seeds)),
            client_seed=player.seeds.client_seed,
            nonce=player.seeds.nonce,
        )

    def _journal(self, settled: Settlement, played: Round) -> PlayerJournal:
        journal = PlayerJournal.of(self.locked, self.at)
        about: dict[str, Any] = {
            "round_id": played.round_id,
            "game_key": self.game.game_key,
            "provider": self.game.provider,
        }
        own = self.locked.player.account
        house = Account(AccountKind.HOUSE, self.locked.player.tenant_id)
        named = {"action_id": self.action_id, **about}
        balance_minor = settled.after_bet.wallet.balance_minor
        journal.move(EventType.BET, own, house, self.stake_minor, balance_minor=balance_minor, **named)
        balance_minor = settled.after_win.wallet.balance_minor
        if settled.win_minor:
            journal.move(EventType.WIN, house, own, settled.win_minor, balance_minor=balance_minor, **named)
        journal.trigger_bonuses(settled.triggered, balance_minor, **about)
        return journal


def _result(played: Round, proof: RoundProof) -> SpinResult:
    return record_from(SpinResult, played, bonus_triggered=played.bonus_minor > 0, proof=proof)
