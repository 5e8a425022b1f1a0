"""Players: active and new ones, retention, their play, and outliers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Final
from uuid import UUID

from attrs import frozen

from ...domain.decimals import decimal_text
from ...domain.games.game import Game
from ...domain.games.inference import Odds, is_beyond_luck, is_outlier, z_score
from ...domain.ledger.events import EventType
from ...domain.ledger.totals import Totals, ratio
from ...domain.local_time import Bucket
from ...domain.periods import Period
from ..access import StaffPrincipal
from ..ports.analytics import SESSION_CLASSES_SECONDS, STAKE_CLASSES_MINOR, Analytics, PlayerTotal
from ..wire import record_from
from .reader import AnalyticsReader, AnalyticsReport, AnalyticsRequest, added_up, ratio_text

TOP_PLAYERS: Final = 20
RETENTION_DAYS: Final = (1, 7, 30)
_OF_BONUSES: Final = (
    EventType.BONUS_HELD,
    EventType.BONUS_TRIGGERED,
    EventType.BONUS_RETURNED,
    EventType.BONUS_ACKNOWLEDGED,
)


@frozen
class ActivityPoint:
    """The active and the new players of one bucket, and of its counterpart in the period before."""

    start: datetime
    local_start: str
    active: int
    new: int
    previous_active: int | None
    previous_new: int | None


@frozen
class RetentionRecord:
    """The players of all cohorts that are old enough, and those of them who bet again that many days later."""

    players: int
    returned: int
    rate: str | None


@frozen
class CohortRecord:
    """The players created on one day, and those who bet on the 1st, 7th and 30th day after; None until it ends."""

    start: datetime
    local_start: str
    players: int
    d1: int | None
    d7: int | None
    d30: int | None


@frozen
class Retention:
    """Retention of all cohorts, and by cohort."""

    d1: RetentionRecord
    d7: RetentionRecord
    d30: RetentionRecord
    cohorts: Sequence[CohortRecord]


@frozen
class LengthBin:
    """The number of sessions in a class of lengths; `below_seconds` is None in the last one."""

    from_seconds: int
    below_seconds: int | None
    sessions: int


@frozen
class SizeBin:
    """The number of bets in a class of stakes; `below_minor` is None in the last one."""

    from_minor: int
    below_minor: int | None
    bets: int


@frozen
class PlayerRow:
    """The play of one player in the period. `net_minor` is the house's win: bets minus wins."""

    player_id: UUID
    agent_id: UUID
    spins: int
    handle_minor: int
    payout_minor: int
    net_minor: int
    rtp: str | None


@frozen
class OutlierRow:
    """A player whose wins differ from the games' odds by `z` standard deviations, too many for luck."""

    player_id: UUID
    agent_id: UUID
    spins: int
    handle_minor: int
    payout_minor: int
    expected_minor: str
    z: str


@frozen
class Outliers:
    """The outliers, and the number of players tested."""

    tested: int
    players: Sequence[OutlierRow]


@frozen(kw_only=True)
class BonusUse:
    """The bonuses of a period by outcome."""

    held: int
    held_minor: int
    triggered: int
    triggered_minor: int
    returned: int
    returned_minor: int
    acknowledged: int


@frozen(kw_only=True)
class PlayersData:
    """The players of the period."""

    active: int
    new: int
    series: Sequence[ActivityPoint]
    retention: Retention
    session_lengths: Sequence[LengthBin]
    bet_sizes: Sequence[SizeBin]
    top_players: Sequence[PlayerRow]
    outliers: Outliers
    bonuses: BonusUse


@frozen
class ReadPlayers(AnalyticsReader):
    """Reads the figures of players."""

    def __call__(
        self, principal: StaffPrincipal, request: AnalyticsRequest = AnalyticsRequest()
    ) -> AnalyticsReport[PlayersData]:
        """Return the report. Raises Forbidden, InvalidInput."""
        odds, now = self._odds(principal), self.clock.now()
        games = {game.game_key: game for game in self.games}

        def read(analytics: Analytics, period: Period) -> PlayersData:
            only, whole = request.only, [period.since, period.until]
            notable = analytics.players.notable(period.span, only, odds.own_play, TOP_PLAYERS)
            points = _series(analytics, period, request)
            return PlayersData(
                active=notable.active,
                new=sum(point.new for point in points),
                series=points,
                retention=_retention(analytics, period, request, now, points),
                session_lengths=_lengths(analytics.players.session_lengths(period.span, only)),
                bet_sizes=_sizes(analytics.play.stake_distribution(period.span, only)),
                top_players=_top(notable.totals),
                outliers=Outliers(notable.tested, _outliers(notable.totals, odds.own_play, games)),
                bonuses=_bonuses(added_up(analytics.play.totals(whole, only, of=_OF_BONUSES))),
            )

        return self._report(principal, request, read)


def _series(analytics: Analytics, period: Period, request: AnalyticsRequest) -> list[ActivityPoint]:
    both, count = period.both_edges, len(period.edges) - 1
    now, before = both[count:], both[: count + 1]
    actives = analytics.players.active(now if request.compare is None else both, request.only)
    earlier: Sequence[tuple[int | None, int | None]] = [(None, None)] * count
    if request.compare is not None:
        earlier = list(zip(actives[:count], analytics.cohorts.sizes(before, request.only), strict=True))
    there = zip(actives[-count:], analytics.cohorts.sizes(now, request.only), strict=True)
    return [
        ActivityPoint(start, period.local_text(start), *counts, *counts_before)
        for start, counts, counts_before in zip(now, there, earlier, strict=False)
    ]


def _retention(  # noqa: PLR0917 - the parts of one query
    analytics: Analytics, period: Period, request: AnalyticsRequest, now: datetime, points: Sequence[ActivityPoint]
) -> Retention:
    days, after = period.by_day.edges, period.until_now(now, max(RETENTION_DAYS) + 1)
    over = after.whole_days(now)
    # A player of a game belongs to its cohort by any bet on it up to now, as returning players do.
    of_a_game = request.only.game_key is not None or request.only.provider is not None
    known = period.bucket is Bucket.DAY and not of_a_game
    sizes = [point.new for point in points] if known else analytics.cohorts.sizes(days, request.only, after.edges)
    came = {
        (part.cohort, part.after): part.players
        for part in analytics.cohorts.retention(days, after.edges, RETENTION_DAYS, request.only)
    }

    def returned(cohort: int, after: int) -> int | None:
        return came.get((cohort, after), 0) if cohort + after < over else None

    rows = [
        CohortRecord(
            start, period.local_text(start), sizes[cohort], *(returned(cohort, after) for after in RETENTION_DAYS)
        )
        for cohort, start in enumerate(days[:-1])
    ]
    d1, d7, d30 = (
        _in_all([(row.players, returned(cohort, after)) for cohort, row in enumerate(rows)])
        for after in RETENTION_DAYS
    )
    return Retention(d1, d7, d30, rows)


def _in_all(cohorts: Sequence[tuple[int, int | None]]) -> RetentionRecord:
    old_enough = [(players, returned) for players, returned in cohorts if returned is not None]
    players, returned = (sum(part) for part in zip(*old_enough, strict=True)) if old_enough else (0, 0)
    return RetentionRecord(players, returned, ratio_text(ratio(returned, players)))


def _lengths(counts: Sequence[int]) -> list[LengthBin]:
    ends = [*SESSION_CLASSES_SECONDS[1:], None]
    return [LengthBin(*row) for row in zip(SESSION_CLASSES_SECONDS, ends, counts, strict=True)]


def _sizes(counts: Sequence[int]) -> list[SizeBin]:
    """Return the classes up to that of the largest bet."""
    last = max((number for number, count in enumerate(counts) if count), default=-1)
    rows = zip(STAKE_CLASSES_MINOR, [*STAKE_CLASSES_MINOR[1:], None], counts, strict=True)
    return [SizeBin(*row) for row in list(rows)[: last + 1]]


def _by_player(totals: Iterable[PlayerTotal]) -> dict[UUID, list[PlayerTotal]]:
    players: dict[UUID, list[PlayerTotal]] = defaultdict(list)
    for part in totals:
        players[part.player_id].append(part)
    return players


def _top(totals: Sequence[PlayerTotal]) -> list[PlayerRow]:
    ranked = sorted(
        _by_player(totals).items(), key=lambda player: (-sum(part.handle_minor for part in player[1]), player[0])
    )
    return [_row(player_id, parts) for player_id, parts in ranked[:TOP_PLAYERS]]


def _row(player_id: UUID, parts: Sequence[PlayerTotal]) -> PlayerRow:
    handle_minor = sum(part.handle_minor for part in parts)
    payout_minor = sum(part.payout_minor for part in parts)
    return PlayerRow(
        player_id,
        parts[0].agent_id,
        sum(part.spins for part in parts),
        handle_minor,
        payout_minor,
        handle_minor - payout_minor,
        ratio_text(ratio(payout_minor, handle_minor)),
    )


def _outliers(
    totals: Sequence[PlayerTotal], odds: Mapping[str, Odds], games: Mapping[str, Game]
) -> list[OutlierRow]:
    """Test players by their play on games of known odds."""
    found = []
    for player_id, parts in _by_player(totals).items():
        known = [(part, odds[part.game_key]) for part in parts if part.game_key and part.game_key in odds]
        if not known:
            continue
        row = _row(player_id, [part for part, _ in known])
        mean = sum((game.rtp * part.handle_minor for part, game in known), Fraction(0))
        variance = sum(((game.variance or Fraction(0)) * part.squares for part, game in known), Fraction(0))
        z = z_score(payout_minor=row.payout_minor, expected_minor=mean, variance=variance)
        played = [
            (games[part.game_key], part.handle_minor, part.payout_minor, part.squares)
            for part, _ in known
            if part.game_key and part.game_key in games
        ]
        if z is not None and is_outlier(z, row.spins) and is_beyond_luck(played):
            found.append((z, row, mean))
    found.sort(key=lambda outlier: (-abs(outlier[0]), outlier[1].player_id))
    return [_outlier(*outlier) for outlier in found[:TOP_PLAYERS]]


def _outlier(z: Fraction, row: PlayerRow, expected: Fraction) -> OutlierRow:
    return record_from(OutlierRow, row, expected_minor=decimal_text(expected), z=decimal_text(z))


def _bonuses(totals: Totals) -> BonusUse:
    held, triggered = totals.of(EventType.BONUS_HELD), totals.of(EventType.BONUS_TRIGGERED)
    returned = totals.of(EventType.BONUS_RETURNED)
    return BonusUse(
        held=held.events,
        held_minor=held.amount_minor,
        triggered=triggered.events,
        triggered_minor=triggered.amount_minor,
        returned=returned.events,
        returned_minor=returned.amount_minor,
        acknowledged=totals.of(EventType.BONUS_ACKNOWLEDGED).events,
    )
