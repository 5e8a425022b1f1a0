"""The spin, which is the hot path: one locked read, one decision, one commit."""

import json
from collections.abc import Mapping, Sequence
from copy import copy
from fractions import Fraction
from functools import partial
from typing import Any, Final, NoReturn
from uuid import UUID

from attrs import evolve, field, frozen

from ...domain.decimals import decimal_text
from ...domain.games.fairness import SeedKeys, commitment_of
from ...domain.games.files import canonical
from ...domain.games.game import Game
from ...domain.ledger.events import Account, AccountKind, EventType
from ...domain.limits.play_hours import Turn
from ...domain.money import checked_amount
from ...domain.play.rounds import Round, Settlement, require_playable, settle_round
from ...domain.play.sessions import Session
from ...domain.safety.fair_losses import FairGame
from ..access import PlayerPrincipal, require_session
from ..answers import SPIN, Answer, Command, Content, answered, checked_action_id, replay
from ..coalescing import Coalescer, Outcome
from ..decisions import Decided, Decision, Moment, deciding, settle
from ..errors import NotFound, OutcomeUnknown, StorageUnavailable, TenantSuspended
from ..journal import PlayerJournal
from ..limits.guard import count_play, notices_of, require_allowed
from ..ports.play import LockedPlayer
from ..ports.safety import SafetyWatch
from ..ports.storage import UnitOfWork
from ..safety.messages import given_action
from ..safety.odds import GameOdds
from ..safety.spin_guard import SpinSafety
from ..transactions import carry_out
from ..use_case import WritingUseCase
from ..wire import record_from, success

LONGEST_FRACTION: Final = 40

RUNS: Final = 2
"""Spins, or groups of them, at once in a process: one is decided while another waits for the database."""


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
    """Plays a round for a player.

    Spins of a tenant that wait at the same time are carried out together: at most `spins_together` of them.
    """

    seeds: SeedKeys
    games: Sequence[Game]
    spins_together: int
    _coalescer: Coalescer["Bet", Answer] = field(init=False, repr=False)

    @_coalescer.default
    def _new_coalescer(self) -> Coalescer["Bet", Answer]:
        return Coalescer(self, most=self.spins_together, runs=RUNS)

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
        try:
            return self.alone(bet) if self.spins_together == 1 else self._coalescer.carry_out(bet)
        except OutcomeUnknown as unknown:
            raise OutcomeUnknown(unknown.reason, action_id) from unknown

    def together(self, bets: Sequence["Bet"]) -> Sequence[Outcome[Answer] | None]:
        """Carry out bets of one tenant in one unit of work; see `coalescing.Work`."""
        binding = bets[0].principal.binding
        try:
            with self.storage.begin(binding) as unit:
                found = unit.players.lock_free([bet.command.key for bet in bets], watch=self._watch())
                decisions = decide_spins(found, bets, self._moment(), seeds=self.seeds, odds=GameOdds(self.games))
                settle(unit, *(decision for decision in decisions if decision is not None))
        except (StorageUnavailable, TenantSuspended) as error:
            return [partial(_raise, error) for _ in bets]
        except Exception:  # noqa: BLE001 - raised for each that fails alone as well
            return [None for _ in bets]
        return [None if decision is None else decision.outcome for decision in decisions]

    def alone(self, bet: "Bet") -> Answer:
        """Carry out one bet; see `coalescing.Work`."""

        def read(unit: UnitOfWork) -> LockedPlayer | None:
            return unit.players.lock(bet.actor_id, bet.command.key, watch=self._watch())

        def decide(found: LockedPlayer | None) -> Decision[Answer]:
            return decide_spin(found, bet, self._moment(), seeds=self.seeds, odds=GameOdds(self.games))

        return carry_out(self.storage, bet.principal.binding, read, decide)

    def _watch(self) -> SafetyWatch:
        return SafetyWatch(asked_at=self.clock.now(), only_enforced=True)

    def _moment(self) -> Moment:
        return Moment(self.clock.now(), self.ids)


@frozen(kw_only=True)
class Bet:
    """A validated request for a round. `game` is None if there is no such game."""

    principal: PlayerPrincipal
    command: Command
    game: Game | None
    stake_minor: int
    action_id: str

    @property
    def group(self) -> tuple[UUID, UUID]:
        """The tenant with its operator: spins of one tenant can run together."""
        return self.principal.operator_id, self.principal.tenant_id

    @property
    def actor_id(self) -> UUID:
        """The player."""
        return self.principal.player_id


def decide_spins(
    found: Sequence[LockedPlayer | None],
    bets: Sequence[Bet],
    at: Moment,
    *,
    seeds: SeedKeys,
    odds: Mapping[str, FairGame],
) -> Sequence[Decision[Answer] | None]:
    """Decide spins of different locked players, each as `decide_spin` does.

    None: the player could not be locked, or has the same pass as one before. The second round would need the pass
    as it is after the first one.
    """
    decisions: list[Decision[Answer] | None] = []
    pass_ids: set[UUID] = set()
    for locked, bet in zip(found, bets, strict=True):
        pass_id = None if locked is None or locked.play_pass is None else locked.play_pass.pass_id
        if locked is None or pass_id in pass_ids:
            decisions.append(None)
            continue
        if pass_id is not None:
            pass_ids.add(pass_id)
        decisions.append(decide_spin(locked, bet, at, seeds=seeds, odds=odds))
    return decisions


@deciding
def decide_spin(
    found: LockedPlayer | None, bet: Bet, at: Moment, *, seeds: SeedKeys, odds: Mapping[str, FairGame]
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
    odds: Mapping[str, FairGame]

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


def _raise(error: Exception) -> NoReturn:
    """Raise an error of several callers, for each as an object of its own: a raise changes the traceback."""
    raise copy(error) from error
