"""Days of play generated from a seed, and its events, players and bettors by filter."""

from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from attrs import evolve, frozen

from ..application.ports.analytics import AnalyticsFilter
from ..domain.ledger.events import AccountKind, EventSource, EventType, LedgerEvent
from ..domain.play.players import Player
from ..domain.tenancy.tenants import Tenant
from .house import House
from .records import account, fresh_id, movement

E, K = EventType, AccountKind
INSTANT: Final = timedelta(microseconds=1)
BEGINNING: Final = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)
DAYS: Final = 14
GAMES: Final = (("demo-wheel", "playtime"), ("two-wheels", "playtime"), ("elsewhere", "others"))
REGIONS: Final = ("US-CA", "Kärnten", None)
STAKES: Final = (1, 2, 5, 7, 100, 499, 500, 12_345, 10**12)


@frozen
class GeneratedPlay:
    """Players, and the events of these and of their agents."""

    players: Sequence[Player]
    events: Sequence[LedgerEvent]

    @property
    def cashiers(self) -> list[UUID]:
        """The cashiers of the players."""
        return sorted({player.cashier_id for player in self.players if player.cashier_id})

    def of(self, *tenants: Tenant) -> "GeneratedPlay":
        """Return the part of some tenants."""
        ids = {tenant.tenant_id for tenant in tenants}
        return GeneratedPlay(
            [player for player in self.players if player.tenant_id in ids],
            [event for event in self.events if event.tenant_id in ids],
        )

    def later(self, by: timedelta) -> "GeneratedPlay":
        """Return the same play at another time."""
        return GeneratedPlay(
            [evolve(player, created_at=player.created_at + by) for player in self.players],
            [evolve(event, occurred_at=event.occurred_at + by) for event in self.events],
        )


def moment(random: Random) -> datetime:
    """Return a moment of those days, often the start of a bucket, or the last moment before it."""
    at = BEGINNING + timedelta(seconds=random.randrange(DAYS * 86_400), microseconds=random.randrange(10**6))
    if random.random() < 0.5:
        minutes = random.choice((15, 30, 60, 1440))
        at = at - (at - datetime(2026, 1, 1, tzinfo=UTC)) % timedelta(minutes=minutes)
        at += random.choice((timedelta(0), -INSTANT, INSTANT))
    return at


def generated_play(house: House, random: Random, *, events: int = 120) -> GeneratedPlay:
    """Return play at both agents of a house: bets and wins with their other events, and external events."""
    cashiers = [fresh_id(), fresh_id()]
    players = [
        house.player(
            random.choice((house.agent, house.neighbour)),
            created_at=moment(random),
            cashier_id=random.choice((*cashiers, None)),
            region=random.choice(REGIONS),
        )
        for _ in range(6)
    ]
    sessions = {player.player_id: [fresh_id(), fresh_id()] for player in players}
    made: list[LedgerEvent] = []
    for _ in range(events):
        reported = [event for event in made if event.source is EventSource.EXTERNAL]
        unmarked = [event for event in reported if str(event.event_id) not in marked_in(made)]
        if unmarked and random.random() < 0.1:
            made.append(marker(random.choice(unmarked)))
        else:
            made.append(_event(house, random, random.choice(players), sessions))
    return GeneratedPlay(players, made)


def marker(event: LedgerEvent) -> LedgerEvent:
    """Return the duplicate marker of an external event."""
    about = {"eventType": event.event_type.value, "amountMinor": event.amount_minor}
    return evolve(
        event,
        event_id=fresh_id(),
        event_type=E.DUPLICATE_OF,
        source=EventSource.PLAYTIME,
        actor_id=event.tenant_id,
        action_id=str(event.event_id),
        reported_minor=0,
        meta={"eventId": str(event.event_id), "originalId": str(fresh_id()), **about},
    )


def _event(house: House, random: Random, player: Player, sessions: dict[UUID, list[UUID]]) -> LedgerEvent:
    tenant = house.agent if player.tenant_id == house.agent.tenant_id else house.neighbour
    bank, pool, held = (account(kind, tenant) for kind in (K.HOUSE, K.VOUCHER_POOL, K.BONUS_POOL))
    wallet = account(K.TENANT, tenant)
    amount = random.choice(STAKES)
    kinds: list[tuple[dict[str, Any], int]] = [
        (movement(E.BET, (player.account, 0), (bank, None), amount), 8),
        (movement(E.WIN, (bank, None), (player.account, amount), amount), 4),
        (movement(E.BONUS_TRIGGERED, (held, None), (player.account, amount), amount), 1),
        (movement(E.BONUS_HELD, (pool, None), (held, None), amount), 1),
        (movement(E.VOUCHER_REDEEMED, (pool, None), (player.account, amount), amount), 1),
        (movement(E.VOUCHER_ISSUED, (wallet, 0), (pool, None), amount), 1),
        (movement(E.VOUCHER_VOIDED, (pool, None), (wallet, amount), amount), 1),
        (movement(E.VOUCHER_EXPIRED, (pool, None), (wallet, amount), amount), 1),
        (movement(E.BONUS_RETURNED, (held, None), (wallet, amount), amount), 1),
        ({"event_type": E.LOGIN}, 1),
        ({"event_type": E.BET, "source": EventSource.EXTERNAL, "reported_minor": amount}, 2),
        ({"event_type": E.WIN, "source": EventSource.EXTERNAL, "reported_minor": amount}, 1),
        ({"event_type": E.SPIN, "source": EventSource.EXTERNAL}, 1),
    ]
    (about,) = random.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])
    game_key, provider = random.choice(GAMES)
    of_a_game = about["event_type"] in {E.BET, E.WIN, E.SPIN, E.BONUS_TRIGGERED}
    return house.event(
        tenant=tenant,
        occurred_at=moment(random),
        player_id=player.player_id,
        session_id=random.choice(sessions[player.player_id]),
        agent_id=tenant.tenant_id,
        cashier_id=player.cashier_id,
        region=player.region,
        game_key=game_key if of_a_game else None,
        provider=provider if of_a_game else None,
        **about,
    )


# --- counted the slow way ---------------------------------------------------------------------------------------


def marked_in(events: Sequence[LedgerEvent]) -> set[str]:
    """Return the ids of the events that have a duplicate marker."""
    return {event.action_id for event in events if event.event_type is E.DUPLICATE_OF}


def picked(play: GeneratedPlay, since: datetime, until: datetime, only: AnalyticsFilter) -> list[LedgerEvent]:
    """Return the events of a filter between two moments, without marked duplicates."""
    found, marked = [], marked_in(play.events)
    for event in play.events:
        if event.occurred_at < since or event.occurred_at >= until or str(event.event_id) in marked:
            continue
        wanted = {
            "tenant_id": only.agent_id,
            "cashier_id": only.cashier_id,
            "game_key": only.game_key,
            "provider": only.provider,
            "region": only.region,
        }
        if all(value is None or getattr(event, name) == value for name, value in wanted.items()):
            found.append(event)
    return found


def own(events: Sequence[LedgerEvent], event_type: EventType) -> list[LedgerEvent]:
    """Return our own events of a type."""
    return [e for e in events if e.event_type is event_type and e.source is EventSource.PLAYTIME]


def minor(events: Sequence[LedgerEvent]) -> int:
    """Return the sum of the amounts, in minor units."""
    return sum(event.amount_minor for event in events)


def groups(
    events: Sequence[LedgerEvent], key_of: Callable[[LedgerEvent], Hashable]
) -> dict[Hashable, list[LedgerEvent]]:
    """Return the events by key."""
    found: dict[Hashable, list[LedgerEvent]] = {}
    for event in events:
        found.setdefault(key_of(event), []).append(event)
    return found


def newcomers(play: GeneratedPlay, since: datetime, until: datetime, only: AnalyticsFilter) -> list[Player]:
    """Return the players of a filter who were created between two moments."""
    found = []
    for player in play.players:
        if not since <= player.created_at < until:
            continue
        wanted = {"tenant_id": only.agent_id, "cashier_id": only.cashier_id, "region": only.region}
        if any(value is not None and getattr(player, name) != value for name, value in wanted.items()):
            continue
        found.append(player)
    return found


def who_bet(play: GeneratedPlay, since: datetime, until: datetime, only: AnalyticsFilter) -> set[UUID | None]:
    """Return the players who bet."""
    return {event.player_id for event in own(picked(play, since, until, only), E.BET)}
