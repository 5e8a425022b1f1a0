"""External events from providers, and game configs from operators."""

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from fractions import Fraction
from functools import partial
from typing import Final
from uuid import UUID

from attrs import frozen

from ...domain.decimals import decimal_text
from ...domain.errors import InvalidInput, all_checked
from ...domain.games.configs import LONGEST_GAME_KEY, GameConfig
from ...domain.games.game import Game
from ...domain.ledger.events import EventSource, EventType, LedgerEvent
from ...domain.tenancy.staff import Permission
from ...domain.tenancy.tenants import LONGEST_NAME, TenantKind
from ...domain.tenancy.trail import ActionName, StaffAction
from ..access import StaffPrincipal
from ..decisions import Decided, Moment, put
from ..ports.ledger import ReportContext
from ..trail import described
from ..use_case import StaffUseCase, WritingUseCase
from ..wire import to_wire
from .external_events import (
    Conflict,
    ExternalEventType,
    checked_external_event,
    merge,
    question_of,
    require_own,
    require_printable,
)

LARGEST_REPORT: Final = 1_000


@frozen(kw_only=True)
class ExternalEvent:
    """One event as its provider sends it. `action_id` is the provider's own, and always the same for this event.

    `player_id` is a player of the provider's operator, and `session_id` a session of that player. `agent_id` is by
    default the player's agent; without a player it is the provider's own tenant. `occurred_at` is by default the
    current time.
    """

    event_type: ExternalEventType
    action_id: str
    game_key: str
    provider: str
    amount_minor: int = 0
    occurred_at: datetime | None = None
    player_id: UUID | None = None
    session_id: UUID | None = None
    agent_id: UUID | None = None
    region: str | None = None


@frozen
class Ingested:
    """The numbers of received, new and repeated events, and what needs attention.

    `conflicting` has the differences of events that were reported before in another way, which stay as they are.
    `unregistered` has the keys of the new events' games, without our own games and those with a game config.
    """

    received: int
    accepted: int
    repeated: int
    conflicting: Sequence[Conflict]
    unregistered: Sequence[str]

    @property
    def needs_attention(self) -> bool:
        """Whether an event conflicts or a game is unregistered."""
        return bool(self.conflicting or self.unregistered)


@frozen
class IngestEvents(WritingUseCase):
    """Stores external events of a provider. They move no account, and count separately from our own play.

    `games` are the offered games, which need no game config.
    """

    games: Sequence[Game]

    def __call__(self, principal: StaffPrincipal, events: Sequence[ExternalEvent]) -> Ingested:
        """Store the new events in one transaction, or none. Raises Forbidden, InvalidInput."""
        principal.require(Permission.INGEST_EVENTS)
        if not 1 <= len(events) <= LARGEST_REPORT:
            raise InvalidInput("events", f"must be 1 to {LARGEST_REPORT}")
        now = self.clock.now()
        _, written = all_checked(
            lambda: self._require_own_agents(principal, events),
            lambda: all_checked(
                *(
                    partial(self._event, principal, event, f"events[{number}]", now=now)
                    for number, event in enumerate(events)
                )
            ),
        )

        untimed = {sent.event_id for event, sent in zip(events, written, strict=True) if event.occurred_at is None}
        offered = {game.game_key for game in self.games}
        return self.carry_out(
            principal.binding,
            lambda unit: unit.ledger.report_context(question_of(written)),
            lambda context, at: decide_report(written, context, at, untimed=untimed, offered=offered),
        )

    def _require_own_agents(self, principal: StaffPrincipal, events: Sequence[ExternalEvent]) -> None:
        known: dict[UUID | None, bool] = {None: True}

        def require(number: int, agent_id: UUID | None) -> None:
            if agent_id not in known:
                entry = self.storage.directory.by_tenant(agent_id) if agent_id else None
                known[agent_id] = (
                    entry is not None
                    and entry.kind is TenantKind.AGENT
                    and principal.tenant_id in (entry.tenant_id, entry.operator_id)
                )
            if not known[agent_id]:
                raise InvalidInput(f"events[{number}].agent_id", "must be an agent of your operator")

        all_checked(*(partial(require, number, event.agent_id) for number, event in enumerate(events)))

    def _event(self, principal: StaffPrincipal, event: ExternalEvent, path: str, *, now: datetime) -> LedgerEvent:
        tenant_id = event.agent_id or principal.tenant_id
        external = LedgerEvent(
            event_id=self.ids.new(),
            operator_id=principal.operator_id,
            tenant_id=tenant_id,
            occurred_at=event.occurred_at or now,
            event_type=EventType(event.event_type),
            actor_id=principal.staff_id,
            action_id=event.action_id,
            source=EventSource.EXTERNAL,
            player_id=event.player_id,
            session_id=event.session_id,
            agent_id=None if tenant_id == principal.operator_id else tenant_id,
            game_key=event.game_key,
            provider=event.provider,
            region=event.region,
            reported_minor=event.amount_minor,
        )
        return checked_external_event(external, now, f"{path}.")


def decide_report(
    events: Sequence[LedgerEvent],
    context: ReportContext,
    at: Moment,
    *,
    untimed: Collection[UUID],
    offered: AbstractSet[str],
) -> Decided[Ingested]:
    """Decide the events to store. Raises InvalidInput for ids of others, and then stores none."""
    own = all_checked(
        *(partial(require_own, event, context, f"events[{number}].") for number, event in enumerate(events))
    )
    merged = merge(own, context, at, untimed=untimed)
    unregistered = sorted({str(event.game_key) for event in merged.new} - context.configured - offered)
    result = Ingested(len(events), len(merged.new), merged.repeated, merged.conflicts, unregistered)
    return Decided(result, added=(*merged.new, *merged.notes))


@frozen
class GameConfigRecord:
    """A game config with ratios as decimal texts."""

    game_key: str
    provider: str
    expected_rtp: str
    hit_rate: str | None
    volatility: str | None


@frozen
class ConfigureGame(StaffUseCase):
    """Sets a game config: the expected return, hit rate and volatility."""

    def __call__(
        self,
        principal: StaffPrincipal,
        game_key: str,
        *,
        provider: str,
        expected_rtp: str,
        hit_rate: str | None = None,
        volatility: str | None = None,
    ) -> GameConfigRecord:
        """Replace the game's config. Raises Forbidden, InvalidInput."""
        principal.require(Permission.CONFIGURE_GAMES)
        require_printable(game_key, LONGEST_GAME_KEY, "game_key")
        require_printable(provider, LONGEST_NAME, "provider")
        config = GameConfig(
            operator_id=principal.operator_id,
            tenant_id=principal.operator_id,
            game_key=game_key,
            provider=provider,
            expected_rtp=Fraction(expected_rtp),
            hit_rate=None if hit_rate is None else Fraction(hit_rate),
            volatility=None if volatility is None else Fraction(volatility),
        )

        return self.act(
            principal,
            StaffAction(name=ActionName.CONFIGURE_GAME, object_kind="game", object_id=game_key),
            lambda unit: unit.game_configs.find(game_key),
            lambda present, _: described(
                put(config_record(config), config, is_new=present is None),
                before={} if present is None else to_wire(config_record(present)),
                after=to_wire(config_record(config)),
            ),
        )


def config_record(config: GameConfig) -> GameConfigRecord:
    """Return a game config as staff see it."""
    return GameConfigRecord(
        config.game_key,
        config.provider,
        decimal_text(config.expected_rtp),
        None if config.hit_rate is None else decimal_text(config.hit_rate),
        None if config.volatility is None else decimal_text(config.volatility),
    )
