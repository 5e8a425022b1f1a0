"""What lets players check their rounds: commitments before, the seed after, each round by a public link."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from functools import partial
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
from ..access import PlayerPrincipal, public_binding, require_seat
from ..answers import Answer, Command, Content, Outcome, replay, settle
from ..errors import InvalidToken, NotFound
from ..ports.play import FairRound, LockedPlayer
from ..ports.services import Clock
from ..ports.storage import Storage, UnitOfWork
from ..transactions import transact
from ..wire import encode, success, to_wire


@frozen
class SpentSeed:
    """A server seed that was played with and told: `rounds` nonces from 0 on."""

    server_seed: str
    server_seed_hash: str
    client_seed: str
    rounds: int


@frozen
class FairnessState:
    """What is fixed for a player's next round, and the seed that was told last.

    The hash of the server seed after this one is published as well: it is there before a client seed is chosen for
    it. `nonce` is that of the next round.
    """

    server_seed_hash: str
    next_server_seed_hash: str
    client_seed: str
    nonce: int
    previous: SpentSeed | None


@frozen
class RoundExport:
    """A round as anybody may have it who knows its link, under a digest of everything else that it says.

    The digest is the SHA-256 of the rest as it stands on the wire; amounts in minor units.
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
    """Shows players the commitments that their next round is played under."""

    storage: Storage
    seeds: SeedKeys

    def __call__(self, principal: PlayerPrincipal) -> FairnessState:
        """Return the state. Raises InvalidToken when the session has ended, SeedRetired."""

        def read(unit: UnitOfWork) -> FairnessState:
            view = unit.players.get(principal.player_id)
            if view is None or view.session is None or view.session.session_id != principal.session_id:
                raise InvalidToken
            return fairness_state(self.seeds, view.player, unit.players.last_revealed(principal.player_id))

        return transact(self.storage, principal.binding, read)


@frozen
class RotateSeed:
    """Tells a player the server seed in force and goes on with the next one, the hash of which is known."""

    storage: Storage
    clock: Clock
    seeds: SeedKeys

    def __call__(
        self, principal: PlayerPrincipal, *, client_seed: str | None = None, action_id: str | None = None
    ) -> Answer:
        """Rotate, with a new client seed if one is given. Raises InvalidInput, InvalidToken."""
        if client_seed is not None:
            checked_client_seed(client_seed)
        command = Command.of("ROTATE_SEED", principal.player_id, action_id, client_seed=client_seed)

        def work(unit: UnitOfWork) -> Answer:
            seat = require_seat(unit.players.lock(principal.player_id, command.key), principal)
            now = self.clock.now()
            if seat.answer is not None:
                return replay(seat.answer, command, now)
            act = partial(self._rotate, unit, seat, client_seed, now)
            return settle(unit, command, act, binding=principal.binding, now=now)

        return transact(self.storage, principal.binding, work)

    def _rotate(self, unit: UnitOfWork, seat: LockedPlayer, client_seed: str | None, now: datetime) -> Outcome:
        player = seat.player
        revealed = spend_seed(self.seeds, player, now)
        state = player.seeds.rotated(client_seed)
        if revealed is None:
            state = state.moved_to(self.seeds.current)
        else:
            unit.add(revealed)
        rotated = player.with_seeds(state)
        unit.save(rotated)
        return Outcome(success(fairness=fairness_state(self.seeds, rotated, revealed)))


@frozen
class ReadFairRound:
    """Shows anybody who has its link a round with everything that it takes to recompute it."""

    storage: Storage
    seeds: SeedKeys

    def __call__(self, link: str) -> Content:
        """Return the round and the file of its game.

        Raises NotFound, also for rounds from before there were seeds, and for those whose seed was retired untold.
        """
        try:
            parsed = parse_link(link)
        except MalformedLink:
            raise NotFound("round") from None
        found = self._find(parsed)
        if found is None or found.round.game_version is None or not _is_accounted_for(found):
            raise NotFound("round")
        content = self.storage.game_files.find(found.round.game_version)
        if content is None:
            raise NotFound("game")
        try:
            export = export_of(self.seeds, parsed, found)
        except SeedRetired:
            # Neither told nor to be had any more; whose it is, is nobody's business.
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
    """Whether the seed of a round is the one in force or was told; one whose secret was retired is neither."""
    return found.revealed is not None or found.round.seed_number == found.player.seeds.number


def spend_seed(seeds: SeedKeys, player: Player, now: datetime) -> RevealedSeed | None:
    """Return the server seed in force as it is told from now on; None when its secret was retired."""
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
    """Return what a player may know of their seeds. Raises SeedRetired."""
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
    """Return a round as it is exported, under a digest of everything else that it says.

    The server seed is in it once it was told; before, the commitment alone. Raises SeedRetired.
    """
    played, player = found.round, found.player
    revealed = None if found.revealed is None else seeds.with_server_seed(found.revealed)
    commitment = (
        revealed.commitment if revealed else commitment_of(seeds.server_seed(player.player_id, player.seeds))
    )
    export = RoundExport(
        link=str(link),
        game_key=played.game_key,
        game_version=played.game_version or "",
        stake_minor=played.stake_minor,
        win_minor=played.win_minor,
        outcome=played.outcome,
        played_at=played.played_at,
        server_seed_hash=commitment,
        client_seed=revealed.client_seed if revealed else player.seeds.client_seed,
        nonce=played.nonce or 0,
        server_seed=revealed.server_seed.hex() if revealed else None,
    )
    return export.sealed()
