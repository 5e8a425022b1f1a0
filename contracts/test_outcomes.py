"""Outcomes of rounds: by game, version, stake level and multiple, with any part of the rounds rolled up."""

from typing import Any

from ..application.ports.analytics import NO_FILTER, AnalyticsFilter
from ..application.ports.bindings import Binding
from ..application.ports.storage import Storage
from ..domain.ledger.events import AccountKind, EventSource, EventType
from ..domain.tenancy.tenants import Tenant
from .house import House
from .records import account, fresh_id, movement, read, write
from .test_analytics import roll_up_all

E = EventType
FIRST, SECOND = "ab" * 32, "cd" * 32
"""Versions of a game."""


class TestOutcomes:
    """All rounds so far count, of those that the binding and the filter let through."""

    def test_of_every_round_since_the_beginning(self, storage: Storage, here: House, there: House) -> None:
        """A level is the class of the stake, and a multiple is in millionths, rounded down."""
        for number, (stake, win) in enumerate([(100, 0), (150, 200), (150, 0), (199, 0), (10**12, 10**12)]):
            self._round(storage, here, here.agent, stake, win)
            self._round(storage, there, there.agent, 5, 5)
            if number in {1, 3}:
                roll_up_all(storage, here.as_operator)
        self._round(storage, here, here.neighbour, 100, 0, "two-wheels")
        agents = {("demo-wheel", FIRST): {(7, 0): 3, (7, 1_333_333): 1, (37, 10**6): 1}}
        two_wheels = {("two-wheels", FIRST): {(7, 0): 1}}
        of_agent = AnalyticsFilter(agent_id=here.agent.tenant_id, region="no-such-region")
        of_game = AnalyticsFilter(game_key="two-wheels")
        for _ in range(2):
            assert self._outcomes(storage, here.as_operator) == {**agents, **two_wheels}
            assert self._outcomes(storage, here.as_operator, of_agent) == agents
            assert self._outcomes(storage, here.as_operator, of_game) == two_wheels
            assert self._outcomes(storage, here.as_agent) == agents
            assert self._outcomes(storage, there.as_operator) == {("demo-wheel", FIRST): {(3, 10**6): 5}}
            roll_up_all(storage, here.as_operator)

    def test_of_each_version_are_apart(self, storage: Storage, here: House) -> None:
        """A version may come back. A bet without a round has no version."""
        for number, version in enumerate((FIRST, SECOND, None, FIRST, SECOND, None)):
            self._round(storage, here, here.agent, 100, 100 * number, version=version)
            if number == 2:
                roll_up_all(storage, here.as_operator)
        expected = {
            ("demo-wheel", version): {(7, number * 10**6): 1, (7, (number + 3) * 10**6): 1}
            for number, version in enumerate((FIRST, SECOND, ""))
        }
        for _ in range(2):
            assert self._outcomes(storage, here.as_operator) == expected
            assert self._outcomes(storage, here.as_agent) == expected
            roll_up_all(storage, here.as_operator)

    def test_are_those_of_the_audit(self, storage: Storage, here: House) -> None:
        for number, version in enumerate((FIRST, SECOND, FIRST)):
            self._round(storage, here, here.agent, 50, 10 * number, version=version)
            self._round(storage, here, here.neighbour, 70, 7, "two-wheels", version=version)
        for binding in (here.as_operator, here.as_agent):
            rounds = read(storage, binding, lambda unit: unit.audit.play())
            assert self._outcomes(storage, binding) == {(p.game_key, p.game_version): p.rounds for p in rounds}

    def test_are_counted_again_after_a_reset(self, storage: Storage, here: House) -> None:
        self._round(storage, here, here.agent, 100, 300)
        roll_up_all(storage, here.as_operator)
        with storage.begin(here.as_operator) as unit:
            unit.roll_up.reset_buckets()
        assert self._outcomes(storage, here.as_operator) == {("demo-wheel", FIRST): {(7, 3 * 10**6): 1}}

    def _outcomes(self, storage: Storage, binding: Binding, only: AnalyticsFilter = NO_FILTER) -> dict[Any, Any]:
        found = read(storage, binding, lambda unit: unit.analytics.play.outcomes(only))
        assert len({(part.game_key, part.game_version) for part in found}) == len(found)
        return {(part.game_key, part.game_version): part.rounds for part in found}

    def _round(
        self,
        storage: Storage,
        house: House,
        tenant: Tenant,
        stake: int,
        win: int,
        game_key: str = "demo-wheel",
        *,
        version: str | None = FIRST,
    ) -> None:
        """Write a round, its bet and its win in one unit of work, beside external events of the same game."""
        player, bank = house.player(tenant), account(AccountKind.HOUSE, tenant)
        session, round_id = house.session(player), fresh_id()
        about: dict[str, Any] = {"tenant": tenant, "round_id": round_id, "game_key": game_key}
        named: dict[str, Any] = {"player_id": player.player_id, "provider": "playtime"}
        events = [house.event(**about, **named, **movement(E.BET, (player.account, 0), (bank, None), stake))]
        if win:
            events.append(
                house.event(**about, **named, **movement(E.WIN, (bank, None), (player.account, win), win))
            )
        external: dict[str, Any] = {"source": EventSource.EXTERNAL, "reported_minor": stake}
        events += [house.event(event_type=kind, **about, **external) for kind in (E.BET, E.WIN)]
        of_version = {"game_key": game_key, "game_version": version, "stake_minor": stake, "win_minor": win}
        rounds = [] if version is None else [house.round(session, round_id=round_id, **of_version)]
        write(storage, house.as_operator, player, session, *rounds, *events)
