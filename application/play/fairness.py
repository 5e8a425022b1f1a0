"""Fairness for players: commitments before the rounds, the seed after them, a public link to each round."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from ...domain.games.fairness import (
    MalformedLink,
    RevealedSeed,
    RoundLink,
    SeedKeys,
    SeedRetired,
    checked_client_seed,
    commitment_of,
    parse_link,
)
from ...domain.play.players import Player
from ...domain.tenancy.tenants import TenantStatus
from ..access import PlayerPrincipal, public_binding, require_session
from ..answers import Answer, Content
from ..decisions import Decided, Decision, Moment, deciding
from ..errors import NotFound
from ..ports.bindings import StoredAnswer
from ..ports.play import FairRound, LockedPlayer
from ..ports.storage import Storage, UnitOfWork
from ..transactions import transact
from ..use_case import WritingUseCase
from ..wire import encode, record_from, success, to_wire


@frozen
class SpentSeed:
    """A revealed server seed. It decided `rounds` rounds, with nonces from 0."""

    server_seed: str
    server_seed_hash: str
    client_seed: str
    rounds: int


@frozen
class FairnessState:
    """The values fixed for a player's next round, and the seed that was revealed last.

    The hash of the server seed after this one is published as well, before a client seed is chosen for it. `nonce`
    is that of the next round.
    """

    server_seed_hash: str
    next_server_seed_hash: str
    client_seed: str
    nonce: int
    previous: SpentSeed | None


@frozen
class RoundExport:
    """A round as anybody gets it who knows its link, with a digest of all other fields.

    The digest is the SHA-256 of their JSON. Amounts in minor units.
    """

    link: str
    game_key: str
    game_version: str
    stake_minor: int
    win_minor: int
    outcome: Mapping[str, Any]
    played_at: datetime
    server_seed_hash: str
    client_seed: str
    nonce: int
    server_seed: str | None
    digest: str = ""

    def sealed(self) -> "RoundExport":
        """Return the export under its digest."""
        content = to_wire(self)
        del content["digest"]
        return evolve(self, digest=hashlib.sha256(encode(content)).hexdigest())


@frozen
class ReadFairness:
    """Shows players the commitments to their next round."""

    storage: Storage
    seeds: SeedKeys

    def __call__(self, principal: PlayerPrincipal) -> FairnessState:
        """Return the state. Raises InvalidToken when the session has ended, SeedRetired."""

        def read(unit: UnitOfWork) -> FairnessState:
            view, _ = require_session(unit.players.get(principal.player_id), principal)
            return fairness_state(self.seeds, view.player, unit.players.last_revealed(principal.player_id))

        return transact(self.storage, principal.binding, read)


@frozen
class RotateSeed(WritingUseCase):
    """Reveals a player's server seed and goes on with the next one, whose hash is already published."""

    seeds: SeedKeys

    def __call__(
        self, principal: PlayerPrincipal, *, client_seed: str | None = None, action_id: str | None = None
    ) -> Answer:
        """Rotate, with a new client seed if one is given. Raises InvalidInput, InvalidToken."""
        if client_seed is not None:
            checked_client_seed(client_seed)
        command = self.command("ROTATE_SEED", principal.player_id, action_id, client_seed=client_seed)

        def read(unit: UnitOfWork) -> StoredAnswer | LockedPlayer:
            locked, _ = require_session(unit.players.lock(principal.player_id, command.key), principal)
            return locked.answer or locked

        def decide(locked: LockedPlayer, at: Moment) -> Decision[Content]:
            return decide_rotation(self.seeds, locked.player, client_seed, at.now)

        return self.carry_out_command(command, read, decide, binding=principal.binding)


@deciding
def decide_rotation(seeds: SeedKeys, player: Player, client_seed: str | None, now: datetime) -> Decision[Content]:
    """Decide to reveal a player's server seed; the next one is used with the client seed, if one is given."""
    revealed = spend_seed(seeds, player, now)
    state = player.seeds.rotated(client_seed)
    if revealed is None:
        state = state.moved_to(seeds.current)
    rotated = player.with_seeds(state)
    content = success(fairness=fairness_state(seeds, rotated, revealed))
    return Decided(content, added=(revealed,), saved=(rotated,))


@frozen
class ReadFairRound:
    """Shows a round by its link to anybody, with all data to recompute it."""

    storage: Storage
    seeds: SeedKeys

    def __call__(self, link: str) -> Content:
        """Return the round and the file of its game.

        Raises NotFound, also for a round with a seed that was retired before it was revealed.
        """
        try:
            parsed = parse_link(link)
        except MalformedLink:
            raise NotFound("round") from None
        found = self._find(parsed)
        if found is None or not _is_accounted_for(found):
            raise NotFound("round")
        content = self.storage.game_files.find(found.round.game_version)
        if content is None:
            raise NotFound("game")
        try:
            export = export_of(self.seeds, parsed, found)
        except SeedRetired:
            # Never revealed, and lost now. The answer is the same as for a round that does not exist.
            raise NotFound("round") from None
        return success(game=json.loads(content), round=export)

    def _find(self, link: RoundLink) -> FairRound | None:
        if not self.seeds.is_genuine(link):
            return None
        entry = self.storage.directory.by_symbols(link.agent_symbols)
        if entry is None or entry.status is TenantStatus.CLOSED:
            return None
        binding = public_binding(entry)
        return transact(self.storage, binding, lambda unit: unit.players.fair_round(link.round_id))


def _is_accounted_for(found: FairRound) -> bool:
    """Return whether the seed of a round is in force or was revealed. One with a retired secret is neither."""
    return found.revealed is not None or found.round.seed_number == found.player.seeds.number


def spend_seed(seeds: SeedKeys, player: Player, now: datetime) -> RevealedSeed | None:
    """Return the player's server seed as revealed now; None if its secret was retired."""
    try:
        server_seed = seeds.server_seed(player.player_id, player.seeds)
    except SeedRetired:
        return None
    return RevealedSeed(
        operator_id=player.operator_id,
        tenant_id=player.tenant_id,
        player_id=player.player_id,
        number=player.seeds.number,
        server_seed=server_seed,
        client_seed=player.seeds.client_seed,
        rounds=player.seeds.nonce,
        revealed_at=now,
    )


def fairness_state(seeds: SeedKeys, player: Player, last: RevealedSeed | None) -> FairnessState:
    """Return a player's state of fairness. Raises SeedRetired."""
    state = player.seeds
    try:
        previous = None if last is None else _spent(seeds.with_server_seed(last))
    except SeedRetired:
        previous = None
    return FairnessState(
        server_seed_hash=commitment_of(seeds.server_seed(player.player_id, state)),
        next_server_seed_hash=commitment_of(seeds.server_seed(player.player_id, state.rotated())),
        client_seed=state.client_seed,
        nonce=state.nonce,
        previous=previous,
    )


def _spent(seed: RevealedSeed) -> SpentSeed:
    return SpentSeed(seed.server_seed.hex(), seed.commitment, seed.client_seed, seed.rounds)


def export_of(seeds: SeedKeys, link: RoundLink, found: FairRound) -> RoundExport:
    """Return a round as it is exported, with its digest.

    It has the server seed once that is revealed; before, only the commitment. Raises SeedRetired.
    """
    played, player = found.round, found.player
    revealed = None if found.revealed is None else seeds.with_server_seed(found.revealed)
    commitment = (
        revealed.commitment if revealed else commitment_of(seeds.server_seed(player.player_id, player.seeds))
    )
    export = record_from(
        RoundExport,
        played,
        link=str(link),
        server_seed_hash=commitment,
        client_seed=revealed.client_seed if revealed else player.seeds.client_seed,
        server_seed=revealed.server_seed.hex() if revealed else None,
        digest="",
    )
    return export.sealed()
